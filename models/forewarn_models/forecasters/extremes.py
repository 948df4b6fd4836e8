"""How far the future of a series goes: paths simulated from its history, in cells of some slots."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.contract import Extremes, FittedForecaster, Forecast, Side
from forewarn_models.forecasters.lookback import DAY_MILLISECONDS
from forewarn_models.labels import Labels
from forewarn_models.medians import finite_median
from forewarn_models.origins import origins
from forewarn_models.paths import Past
from forewarn_models.simulating import Known, simulated

# Central bands in percent, and the quantiles that they are between.
_BANDS = (98.0, 95.0, *range(90, 0, -10))
LEVELS = np.array([0.01, 0.025, *np.arange(1, 20) / 20, 0.975, 0.99])
_MOST_CELLS = 200  # of the horizon
_MOST_PAST_CELLS = 1_000
_MOST_INSTANTS = 48
_LEAST_CELLS = 8
_WEEK_DAYS = 7
# Of a block of series: their paths stay below a hundred MB.
_MOST_ROWS = 200


class Learned(Protocol):
    """Arrays of a history, one row a series; see `mixture.Learned`."""

    @property
    def values(self) -> FloatArray: ...
    @property
    def centre(self) -> FloatArray: ...
    @property
    def size(self) -> FloatArray: ...
    @property
    def floor(self) -> FloatArray: ...
    @property
    def ceiling(self) -> FloatArray: ...
    @property
    def period(self) -> FloatArray: ...


class History(Protocol):
    """A fitted forecaster that keeps its history: a mixture, of its own or to fall back to."""

    @property
    def learned(self) -> Learned: ...
    @property
    def series(self) -> tuple[Labels, ...]: ...
    @property
    def end_milliseconds(self) -> int: ...
    @property
    def step_milliseconds(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Cells:
    """How time is cut.

    Args:
        n_slots: of a cell.
        n_ahead: cells of the horizon.
        a_day: cells of a day, at least 1.
    """

    n_slots: int
    n_ahead: int
    a_day: int


def cells_of(n_steps: int, step_milliseconds: int) -> Cells:
    """Return at most 200 cells that cover the horizon, whole ones to a day or whole days each."""
    least = -(-n_steps // _MOST_CELLS)
    day, rest = divmod(DAY_MILLISECONDS, step_milliseconds)
    if rest or not day:
        return Cells(least, -(-n_steps // least), max(1, round(day / least)))
    n_slots = next((n for n in range(least, day + 1) if day % n == 0), day * -(-least // day))
    return Cells(n_slots, -(-n_steps // n_slots), max(1, day // n_slots))


def marks_of(cells: Cells, skipped: int) -> IntegerArray:
    """Return the cells at whose ends extremes are kept, the first after `skipped` ones."""
    first = min(skipped, cells.n_ahead)
    count = min(cells.n_ahead - first + 1, _MOST_INSTANTS)
    return np.unique(np.linspace(first, cells.n_ahead, count).astype(np.int64))


def simulated_extremes(
    forecaster: FittedForecaster,
    history: History,
    n_steps: int,
    side: Side,
    *,
    since_milliseconds: int | None,
) -> Extremes:
    """Return the extremes of paths that are simulated from a history.

    Series too young for that stay at one quantile of the forecast for ever.
    """
    step = history.step_milliseconds
    newest = history.end_milliseconds - step
    cells = cells_of(n_steps, step)
    gone = 0 if since_milliseconds is None else since_milliseconds - newest
    marks = marks_of(cells, max(0, gone // (cells.n_slots * step)))
    reached = _of_paths(history.learned, side, cells, marks)
    is_young = np.isnan(reached).any(axis=(1, 2), keepdims=True)
    if is_young.any():
        forecast = forecaster.predict(cells.n_ahead * cells.n_slots, _BANDS)
        reached = np.where(is_young, _of_quantiles(forecast, side, cells, marks), reached)
    times = newest + step * cells.n_slots * marks
    return Extremes(history.series, side, times, LEVELS, reached)


def _of_paths(learned: Learned, side: Side, cells: Cells, marks: IntegerArray) -> FloatArray:
    """Return (n_series, n_marks, n_levels) in the units of the signal; NaN = too young."""
    sign = 1.0 if side == "above" else -1.0
    blocks = [
        slice(first, first + _MOST_ROWS) for first in range(0, len(learned.values), _MOST_ROWS)
    ]
    parts = [_of_block(learned, block, sign, cells, marks) for block in blocks]
    normed = np.concatenate(parts)
    if side == "below":
        normed = -normed[:, :, ::-1]
    columns = (learned.size, learned.centre, learned.floor, learned.ceiling)
    size, centre, floor, ceiling = (column[:, None, None] for column in columns)
    return np.clip(normed * size + centre, floor, ceiling)


def _of_quantiles(forecast: Forecast, side: Side, cells: Cells, marks: IntegerArray) -> FloatArray:
    first = max(int(marks[0]) * cells.n_slots - 1, 0)
    ahead = forecast.quantiles[:, first:]
    worst: FloatArray = (np.maximum if side == "above" else np.minimum).accumulate(ahead, axis=1)
    return worst[:, np.clip(marks * cells.n_slots - 1 - first, 0, ahead.shape[1] - 1)]


def _of_block(
    learned: Learned, block: slice, sign: float, cells: Cells, marks: IntegerArray
) -> FloatArray:
    """Return (n, n_marks, n_levels) quantiles of the largest values; NaN = too young."""
    past = past_of(sign * learned.values[block], learned.period[block], cells)
    zero = -learned.centre[block] / learned.size[block]
    origin = origins(
        past, zero if sign > 0 else np.full(len(zero), np.nan), week=_WEEK_DAYS * cells.a_day
    )
    reached = np.full((len(zero), len(marks), len(LEVELS)), np.nan)
    rows = np.flatnonzero(past.level.shape[1] - past.first >= _LEAST_CELLS)
    if len(rows):
        own = Past(
            past.level[rows], past.highest[rows], past.first[rows], past.period[rows], past.block
        )
        paths = simulated(Known(own, origin[rows], cells.a_day), marks)
        reached[rows] = np.moveaxis(np.quantile(paths, LEVELS, axis=1), 0, 2)
    return reached


def past_of(values: FloatArray, periods: FloatArray, cells: Cells) -> Past:
    """Return the newest cells of a history, the last one ending with it.

    Args:
        values: (n_series, n_times) NaN is a gap.
        periods: (n_series,) the season in slots; NaN = none.
        cells: how time is cut.
    """
    count = min(max(values.shape[1] // cells.n_slots, 1), _MOST_PAST_CELLS)
    kept = values[:, -min(count * cells.n_slots, values.shape[1]) :]
    parted = kept.reshape(len(values), count, -1)
    held = np.isfinite(parted)
    highest = np.where(held, parted, -np.inf).max(axis=2)
    last = parted.shape[2] - 1 - held[:, :, ::-1].argmax(axis=2)
    level = np.take_along_axis(parted, last[:, :, None], 2)[:, :, 0]
    place = np.where(np.isfinite(level), np.arange(count), -1)
    filled = np.maximum(np.maximum.accumulate(place, axis=1), 0)
    level = np.take_along_axis(level, filled, 1)
    highest = np.where(np.isfinite(highest), highest, level)
    is_known = place >= 0
    first = np.where(is_known.any(axis=1), is_known.argmax(axis=1), count)
    period = _periods(level, periods, cells)
    block = max(1, min(_WEEK_DAYS * cells.a_day, cells.n_ahead // 4, count // 4))
    return Past(level, highest, first, period, block)


def _periods(level: FloatArray, periods: FloatArray, cells: Cells) -> IntegerArray:
    """Return the season in cells: a week where days of the week differ, else the short one."""
    short = np.where(np.isfinite(periods), np.rint(periods / cells.n_slots), 1)
    short = np.maximum(short, 1).astype(np.int64)
    week = _WEEK_DAYS * cells.a_day
    if level.shape[1] < 4 * week:
        return np.where(short <= level.shape[1] // 3, short, 1)
    by_week, by_day = (_unrest(level, lag) for lag in (week, cells.a_day))
    return np.where(by_week < 0.7 * by_day, week, short)


def _unrest(level: FloatArray, lag: int) -> FloatArray:
    """Return the mean deviation of changes over a lag from their median."""
    change = level[:, lag:] - level[:, :-lag]
    off = np.abs(change - finite_median(change)[:, None])
    held = np.isfinite(off)
    unrest: FloatArray = np.where(held, off, 0.0).sum(axis=1) / np.maximum(held.sum(axis=1), 1)
    return unrest
