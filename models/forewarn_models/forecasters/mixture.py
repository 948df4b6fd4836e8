"""Fit and predict a weighed mixture of candidates; the fitted form that several forecasters share.

Each series is moved and scaled to median 0 and typical deviation 1 before anything else, so that
forecasts follow every shift and scale of their input, and no value is too large to square.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.bounds import UNKNOWN, Bounds, floors
from forewarn_models.contract import Extremes, Forecast, Side, State
from forewarn_models.durations import milliseconds_of
from forewarn_models.errors import ConfigError, NotEnoughHistory, UnknownFormat
from forewarn_models.forecasters.backtest import future, origin_ages
from forewarn_models.forecasters.bands import (
    Spread,
    quantile_levels,
    quantiles_around,
    spread_of,
)
from forewarn_models.forecasters.candidates import CANDIDATES
from forewarn_models.forecasters.extremes import simulated_extremes
from forewarn_models.forecasters.lookback import finite_median, long_period, short_periods
from forewarn_models.forecasters.rows import Rows
from forewarn_models.forecasters.thinning import (
    detail_of,
    middles,
    thickened,
    thinned,
    thinning_of,
)
from forewarn_models.forecasters.weighing import mixture, weights_of
from forewarn_models.labels import Labels
from forewarn_models.panel import Panel

FORMAT_VERSION = 1
LEAST_SAMPLES = 2

# Values further out would overflow when they are subtracted and squared: they count as gaps.
_LARGEST = 1e150
# Judged on two days when nobody says how far ahead it will be asked, as far as history allows.
_DEFAULT_HORIZON_MILLISECONDS = 2 * 86_400_000
_MOST_JUDGED_STEPS = 1008
_MOST_STEPS = 100_000
# Numbers in a block of series: its forecasts at all origins stay near the processor's caches.
_BLOCK_NUMBERS = 2_000_000


@dataclass(frozen=True, eq=False)
class Learned:
    """Arrays of a mixture, one row a series.

    Args:
        values: (n, n_times) the history, moved by `centre` and divided by `size`.
        centre: (n,) medians.
        size: (n,) typical absolute deviations, never 0.
        floor: (n,) the least possible value; -inf = none.
        ceiling: (n,) the greatest possible value; inf = none.
        period: (n,) the season in slots; NaN = none.
        weights: (n, n_candidates)
        scale: (n, n_judged_steps) mean absolute errors by step, in units of `size`.
        table: (n, n_levels) standardised errors, see `bands`.
        detail: (n, slots of a day or 1) what thinning hides, see `thinning`.
    """

    values: FloatArray
    centre: FloatArray
    size: FloatArray
    floor: FloatArray
    ceiling: FloatArray
    period: FloatArray
    weights: FloatArray
    scale: FloatArray
    table: FloatArray
    detail: FloatArray


@dataclass(frozen=True, eq=False)
class FittedMixture:
    """A fitted mixture: the history, who forecasts it, and how wrong that was before.

    Args:
        kind: the catalogue name of the forecaster.
        candidates: the names of the candidates.
        series: the labels of the rows.
        end_milliseconds: the time of the first slot after the history.
        step_milliseconds: from one slot to the next.
        thinning: how many slots are one to the candidates.
        learned: the arrays.
    """

    kind: str
    candidates: tuple[str, ...]
    series: tuple[Labels, ...]
    end_milliseconds: int
    step_milliseconds: int
    thinning: int
    learned: Learned

    def predict(self, n_steps: int, levels: Sequence[float]) -> Forecast:
        """Return quantiles of the `n_steps` slots after the history; NaN rows cannot be said."""
        wanted = quantile_levels(levels)
        check_steps(n_steps)
        quantiles = np.empty((len(self.series), n_steps, len(wanted)))
        n_ahead = -(-n_steps // self.thinning)
        for block in _blocks(self._thinned_shape, n_ahead * len(self.candidates), n_origins=1):
            quantiles[block] = self._quantiles(block, n_steps, wanted)
        return Forecast(
            self.series,
            self.end_milliseconds,
            self.step_milliseconds,
            wanted,
            quantiles,
            self._models(),
        )

    def extremes(
        self, n_steps: int, side: Side, *, since_milliseconds: int | None = None
    ) -> Extremes:
        """Return the worst values that paths over the `n_steps` slots after the history reach."""
        check_steps(n_steps)
        return simulated_extremes(self, self, n_steps, side, since_milliseconds=since_milliseconds)

    def state(self) -> State:
        """Return what `fitted_of` restores."""
        manifest = {
            "candidates": list(self.candidates),
            "series": [dict(labels) for labels in self.series],
            "end_milliseconds": self.end_milliseconds,
            "step_milliseconds": self.step_milliseconds,
            "thinning": self.thinning,
        }
        arrays = {field.name: getattr(self.learned, field.name) for field in fields(Learned)}
        return State(self.kind, FORMAT_VERSION, manifest, arrays)

    @property
    def _thinned_shape(self) -> tuple[int, int]:
        n_series, n_times = self.learned.values.shape
        return n_series, n_times // self.thinning

    def _quantiles(self, block: slice, n_steps: int, levels: tuple[float, ...]) -> FloatArray:
        own = Learned(*(getattr(self.learned, field.name)[block] for field in fields(Learned)))
        known = thinned(own.values, self.thinning)
        now = np.zeros(1, dtype=np.int64)
        step = self.step_milliseconds * self.thinning
        rows = _rows(known, now, own.period / self.thinning, self.end_milliseconds, step)
        forecasts = _forecasts(rows, self.candidates, -(-n_steps // self.thinning))
        means = mixture(forecasts, own.weights)
        point = thickened(means, known[:, -1], self.thinning, n_steps)
        point += own.detail[:, np.arange(n_steps) % own.detail.shape[1]]
        spread = Spread(np.repeat(own.scale, self.thinning, axis=1), own.table)
        quantiles = quantiles_around(point, spread, levels)
        back = quantiles * own.size[:, None, None] + own.centre[:, None, None]
        return within(back, own)

    def _models(self) -> tuple[str, ...]:
        leading = self.learned.weights.argmax(axis=1)
        is_known = np.isfinite(self.learned.centre)
        return tuple(
            f"{self.kind}/{self.candidates[place]}" if known else "none"
            for place, known in zip(leading, is_known, strict=True)
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    candidates: tuple[str, ...]
    is_weighed: bool
    n_steps: int
    end_milliseconds: int
    step_milliseconds: int
    thinning: int
    bounds: Bounds


def fit_mixture(
    history: Panel,
    *,
    kind: str,
    candidates: tuple[str, ...],
    horizon: timedelta | None,
    is_weighed: bool = True,
    bounds: Bounds = UNKNOWN,
) -> FittedMixture:
    """Return a mixture of candidates, weighed for each series by a rolling-origin back-test.

    Args:
        history: infinities count as gaps.
        kind: the catalogue name of the forecaster.
        candidates: names from `candidates.CANDIDATES`; the first must always be able to forecast.
        horizon: how far ahead candidates are judged; None = two days.
        is_weighed: false gives all weight to the last candidate wherever there is a season.
        bounds: that no forecast leaves.

    Raises NotEnoughHistory when no series has two samples.
    """
    check_samples(history, what=f"the forecaster {kind!r}")
    end, step = history.end_milliseconds, history.step_milliseconds
    asked = -(-(milliseconds_of(horizon) if horizon else _DEFAULT_HORIZON_MILLISECONDS) // step)
    # Seasonal naive is what its formula says, slot by slot.
    thinning = thinning_of(history.n_times, asked, step) if is_weighed else 1
    n_known = history.n_times // thinning
    n_steps = max(1, min(-(-asked // thinning), n_known // 3, _MOST_JUDGED_STEPS))
    plan = _Plan(candidates, is_weighed, n_steps, end, step, thinning, bounds)
    blocks = _blocks(
        (history.n_series, n_known),
        n_steps * len(candidates),
        n_origins=len(origin_ages(n_known, n_steps, step * thinning)),
    )
    joined = _joined((_learn(usable(history.values[block]), plan) for block in blocks), blocks)
    return FittedMixture(kind, candidates, history.series, end, step, thinning, joined)


def fitted_mixture_of(state: State) -> FittedMixture:
    """Return the fitted mixture that a state holds; UnknownFormat for one of a newer version."""
    if state.format_version != FORMAT_VERSION:
        raise UnknownFormat(
            f"a {state.kind} of format {FORMAT_VERSION} is needed, got {state.format_version}: "
            "it was stored by a newer version of Forewarn"
        )
    manifest = state.manifest
    if unknown := [name for name in manifest["candidates"] if name not in CANDIDATES]:
        raise UnknownFormat(
            f"a {state.kind} must be of candidates that there are, got {unknown[0]!r}: it was "
            "stored by another version of Forewarn; train it again"
        )
    # Mixtures were stored before there were ceilings and thinning.
    n_series = len(state.arrays["floor"])
    absent = {"ceiling": np.full(n_series, np.inf), "detail": np.zeros((n_series, 1))}
    arrays = {**absent, **state.arrays}
    return FittedMixture(
        state.kind,
        tuple(manifest["candidates"]),
        tuple(tuple(sorted(labels.items())) for labels in manifest["series"]),
        int(manifest["end_milliseconds"]),
        int(manifest["step_milliseconds"]),
        int(manifest.get("thinning", 1)),
        Learned(*(arrays[field.name] for field in fields(Learned))),
    )


def within(quantiles: FloatArray, learned: Learned) -> FloatArray:
    """Return (n_series, n_steps, n_levels) quantiles kept in the range of each series."""
    floor, ceiling = learned.floor[:, None, None], learned.ceiling[:, None, None]
    return np.clip(quantiles, floor, ceiling)


def usable_values(history: Panel, *, what: str) -> FloatArray:
    """Return the values with infinities and absurd sizes as NaN.

    Raises NotEnoughHistory when no series has two samples.
    """
    check_samples(history, what=what)
    return usable(history.values)


def usable(values: FloatArray) -> FloatArray:
    """Return values with infinities and absurd sizes as NaN."""
    return np.where(np.abs(values) < _LARGEST, values, np.nan)


def check_samples(history: Panel, *, what: str) -> None:
    """Raise NotEnoughHistory when no series has two usable samples."""
    # Row by row: a panel may fill half of the memory.
    counts = (int((np.abs(row) < _LARGEST).sum()) for row in history.values)
    most = max(counts, default=0)
    if most < LEAST_SAMPLES:
        raise NotEnoughHistory(what, needed=LEAST_SAMPLES, got=most)


def check_steps(n_steps: int) -> None:
    """Raise ConfigError when a number of forecast steps cannot be meant."""
    if not 1 <= n_steps <= _MOST_STEPS:
        raise ConfigError(f"a forecast must have 1 to {_MOST_STEPS} steps, got {n_steps}")


def _learn(values: FloatArray, plan: _Plan) -> Learned:
    held = np.isfinite(values)
    centre = np.where(held.sum(axis=1) >= LEAST_SAMPLES, finite_median(values), np.nan)
    size = _typical_deviation(values - centre[:, None])
    normed = (values - centre[:, None]) / size[:, None]
    known = thinned(normed, plan.thinning)
    period = short_periods(known, plan.step_milliseconds * plan.thinning)
    detail = detail_of(normed, plan.thinning, plan.step_milliseconds)
    ages, forecasts = _backtest(known, period, plan)
    came = future(known, ages, n_steps=plan.n_steps)
    weights, judging = weights_of(came[:, :, None] - forecasts)
    if not plan.is_weighed:
        weights = _last_usable(period, len(plan.candidates))
        judging = weights[:, None, :]
    # Bands are those of single slots, not of means.
    single = middles(normed - _repeated(detail, normed.shape[1]), plan.thinning)
    errors = future(single, ages, n_steps=plan.n_steps) - mixture(forecasts, judging)
    spread = spread_of(errors, values=normed)
    is_ever_negative = (np.where(held, values, 0.0) < 0).any(axis=1)
    floor = floors(plan.bounds, is_never_negative=np.logical_not(is_ever_negative))
    ceiling = np.full(len(values), plan.bounds.high)
    in_slots = period * plan.thinning
    rest = (floor, ceiling, in_slots, weights, spread.scale, spread.table, detail)
    return Learned(normed, centre, size, *rest)


def _joined(parts: Iterable[Learned], blocks: Sequence[slice]) -> Learned:
    """Return what was learned of blocks as one, each part let go before the next is learned."""
    joined: dict[str, FloatArray] = {}
    for block, part in zip(blocks, parts, strict=True):
        for field in fields(Learned):
            array: FloatArray = getattr(part, field.name)
            if field.name not in joined:
                joined[field.name] = np.empty((blocks[-1].stop, *array.shape[1:]))
            joined[field.name][block] = array
    return Learned(**joined)


def _repeated(detail: FloatArray, n_times: int) -> FloatArray:
    """Return the detail of the slots of a history, the newest last."""
    return detail[:, np.arange(-n_times, 0) % detail.shape[1]]


def _backtest(
    known: FloatArray, period: FloatArray, plan: _Plan
) -> tuple[IntegerArray, FloatArray]:
    """Return ages of origins, and (n, n_origins, n_candidates, n_steps) forecasts from them."""
    step = plan.step_milliseconds * plan.thinning
    ages = origin_ages(known.shape[1], plan.n_steps, step)
    rows = _rows(known, ages, period, plan.end_milliseconds, step)
    forecasts = _forecasts(rows, plan.candidates, plan.n_steps)
    shape = (len(known), len(ages), len(plan.candidates), plan.n_steps)
    return ages, forecasts.reshape(shape)


def _rows(known: FloatArray, ages: IntegerArray, period: FloatArray, end: int, step: int) -> Rows:
    return Rows(known, ages, period, long_period(known.shape[1], step), end, step)


def _forecasts(rows: Rows, candidates: tuple[str, ...], n_steps: int) -> FloatArray:
    return np.stack([CANDIDATES[name](rows, n_steps) for name in candidates], axis=1)


def _last_usable(period: FloatArray, n_candidates: int) -> FloatArray:
    """Return weights that give all to the last candidate, to the first where there is no season."""
    weights = np.zeros((len(period), n_candidates))
    has_season = np.isfinite(period)
    weights[has_season, -1] = 1.0
    weights[~has_season, 0] = 1.0
    return weights


def _typical_deviation(deviations: FloatArray) -> FloatArray:
    size = np.abs(deviations)
    typical = finite_median(size)
    count = np.maximum(np.isfinite(size).sum(axis=1), 1)
    # Where most values are the same, the others say what a deviation is.
    mean = np.nan_to_num(size).sum(axis=1) / count
    chosen = np.where(typical > 1e-3 * mean, typical, mean)
    return np.where(chosen > 0, chosen, 1.0)


def _blocks(shape: tuple[int, int], numbers_per_series: int, *, n_origins: int) -> list[slice]:
    """Return slices of rows that bound how much memory is used at once."""
    rows = max(1, _BLOCK_NUMBERS // max(1, n_origins * (shape[1] + numbers_per_series)))
    return [slice(first, min(first + rows, shape[0])) for first in range(0, shape[0], rows)]
