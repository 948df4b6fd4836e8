"""Regression on lags: how a value strays from its season, told by how the newest ones strayed.

The deviation of a slot from the weighed mean of the same phase in earlier seasons is regressed, for
each series by itself, on earlier deviations, on the last season's and on last week's value. With
one season it is a seasonal autoregression of differences. Errors are squared where they are usual
and linear beyond (Huber 1964), coefficients are drawn to zero (Hoerl and Kennard 1970), and the
future is reached one slot after another (Box and Jenkins 1970).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.medians import finite_median

# Chosen on histories of M4 hourly, ETT and operations load that end before what they are judged by:
# see docs/models/hybrid.md.
_SHORT_LAGS = (1, 2, 3, 4)
_RIDGE = 20.0
# Deviations in units of their usual size.
_FARTHEST = 4.0
_HUBER = 1.345
_GAUSSIAN = 1.4826
# Seasons that are left to learn from, beyond those that a mean takes.
_SEASONS_TO_LEARN = 5


@dataclass(frozen=True, eq=False)
class _Series:
    """Series of one season, and the time before the first that is learned from.

    Args:
        values: (n_series, n_times) gaps filled by what came before; NaN before a series began.
        held: where values were known.
        period: the season in slots.
        keep: (n_seasons,) how much each season weighs in the mean, the newest first.
        lags: in slots, rising.
        week: in slots; 0 = none.
        size: (n_series,) of a usual deviation.
    """

    values: FloatArray
    held: BooleanArray
    period: int
    keep: FloatArray
    lags: tuple[int, ...]
    week: int
    size: FloatArray

    @property
    def reach(self) -> int:
        """How many slots before one must be there to foretell it."""
        return max(len(self.keep) * self.period + self.lags[-1], self.week)


def lagged(
    history: FloatArray,
    ages: IntegerArray,
    period: FloatArray,
    *,
    week: float,
    keep: Sequence[float],
    n_steps: int,
) -> FloatArray:
    """Return (n_series, n_origins, n_steps) forecasts by regression on lags.

    What is learned for an origin is learned from before it; only which errors are outliers, and
    what a usual deviation is, is seen from the end. NaN where there is no season, or no history.

    Args:
        history: (n_series, n_times) the newest slot last; NaN is a gap.
        ages: (n_origins,) slots from each origin to the end, rising.
        period: (n_series,) the season in slots; NaN = none.
        week: in slots; NaN = none.
        keep: how much each of the seasons weighs in the mean, the newest first; shorter histories
            take fewer.
        n_steps: how many slots after each origin to return.
    """
    forecasts = np.full((len(history), len(ages), n_steps), np.nan)
    rounded = np.where(np.isfinite(period), np.rint(np.nan_to_num(period)), 0).astype(np.int64)
    for season in np.unique(rounded[rounded > 0]).tolist():
        count = min(len(keep), history.shape[1] // season - _SEASONS_TO_LEARN)
        if count > 0:
            rows = rounded == season
            series = _series(history[rows], season, week, np.asarray(keep[:count]))
            forecasts[rows] = _forecasts(series, ages, n_steps)
    return forecasts


def _series(history: FloatArray, period: int, week: float, keep: FloatArray) -> _Series:
    values, held = _filled(history, period), np.isfinite(history)
    lags = {*_SHORT_LAGS, period // 2, period - 1, period, period + 1, 2 * period} - {0}
    weeks = round(week) if np.isfinite(week) else 0
    keep = keep / keep.sum()
    series = _Series(values, held, period, keep, tuple(sorted(lags)), weeks, np.ones(len(values)))
    deviation = values - _seasonal_mean(values, series)
    typical = _GAUSSIAN * np.nan_to_num(finite_median(np.abs(deviation)))
    known = np.isfinite(deviation)
    square = np.where(known, deviation, 0.0) ** 2
    mean = np.sqrt(square.sum(axis=1) / np.maximum(known.sum(axis=1), 1))
    size = np.where(typical > 0.1 * mean, typical, mean)
    return _Series(values, held, period, keep, series.lags, weeks, np.where(size > 0, size, 1.0))


def _filled(values: FloatArray, period: int) -> FloatArray:
    """Return values whose gaps hold what was there a season before, or else just before."""
    n_series, n_times = values.shape
    missing = -n_times % period
    padded = np.pad(values, ((0, 0), (missing, 0)), constant_values=np.nan)
    by_phase = _carried(padded.reshape(n_series, -1, period).transpose(0, 2, 1))
    seasonal = by_phase.transpose(0, 2, 1).reshape(n_series, -1)[:, missing:]
    return _carried(np.where(np.isfinite(values), values, seasonal))


def _carried(values: FloatArray) -> FloatArray:
    """Return values whose gaps hold the last one before them along the last axis."""
    place = np.where(np.isfinite(values), np.arange(values.shape[-1]), 0)
    return np.take_along_axis(values, np.maximum.accumulate(place, axis=-1), -1)


def _seasonal_mean(values: FloatArray, series: _Series) -> FloatArray:
    """Return the mean of the same phase in earlier seasons; NaN where there are too few."""
    reach = len(series.keep) * series.period
    mean = np.full(values.shape, np.nan)
    mean[..., reach:] = _mean_at(values, series, slice(reach, values.shape[-1]))
    return mean


def _mean_at(values: FloatArray, series: _Series, slots: slice) -> FloatArray:
    total = np.zeros((*values.shape[:-1], slots.stop - slots.start))
    for count, share in enumerate(series.keep, 1):
        back = count * series.period
        total += share * values[..., slots.start - back : slots.stop - back]
    return total


def _forecasts(series: _Series, ages: IntegerArray, n_steps: int) -> FloatArray:
    n_times = series.values.shape[1]
    if n_times - series.reach < 1:
        return np.full((len(series.values), len(ages), n_steps), np.nan)
    coefficients = _coefficients(series, n_times - ages)
    return _continued(series, coefficients, n_times - ages, n_steps)


def _coefficients(series: _Series, origins: IntegerArray) -> FloatArray:
    """Return (n_series, n_origins, n_terms), each learned from the slots before its origin."""
    n_times = series.values.shape[1]
    slots = slice(series.reach, n_times)
    mean = _seasonal_mean(series.values, series)
    deviation = _clipped(series.values - mean, series)
    terms = _terms(series, series.values, deviation, mean[:, slots], slots)
    target = deviation[:, slots]
    is_usable = series.held[:, slots] & np.isfinite(target)
    target = np.nan_to_num(target)
    weights = is_usable.astype(np.float64)
    everything = _solved(terms, target, weights, np.array([len(terms[0])]))[:, 0]
    error = np.abs(target - (terms @ everything[:, :, None])[:, :, 0])
    usual = _HUBER * _GAUSSIAN * finite_median(np.where(is_usable, error, np.nan))[:, None]
    weights[is_usable & (error > usual)] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(is_usable & (error > usual), usual / error, weights)
    return _solved(terms, target, weights, np.maximum(origins - series.reach, 0))


def _clipped(deviation: FloatArray, series: _Series) -> FloatArray:
    size = series.size.reshape((-1,) + (1,) * (deviation.ndim - 1))
    return np.clip(deviation / size, -_FARTHEST, _FARTHEST)


def _terms(
    series: _Series, values: FloatArray, deviation: FloatArray, mean: FloatArray, slots: slice
) -> FloatArray:
    """Return (..., n_slots, n_terms) what slots are told by; what is not known says nothing."""
    columns = [deviation[..., slots.start - lag : slots.stop - lag] for lag in series.lags]
    size = series.size.reshape((-1,) + (1,) * (mean.ndim - 1))
    for back in (series.period, series.week):
        if back:
            earlier = values[..., slots.start - back : slots.stop - back]
            columns.append(np.clip((earlier - mean) / size, -2 * _FARTHEST, 2 * _FARTHEST))
    return np.nan_to_num(np.stack(columns, axis=-1))


def _solved(
    terms: FloatArray, target: FloatArray, weights: FloatArray, ends: IntegerArray
) -> FloatArray:
    """Return (n_series, n_ends, n_terms) ridge regressions on the slots before each end."""
    n_terms = terms.shape[2]
    weighed = (terms * weights[:, :, None]).transpose(0, 2, 1)
    both = np.concatenate([terms, target[:, :, None]], axis=2)
    order = np.argsort(ends)
    edges = [0, *ends[order].tolist()]
    parts = [weighed[:, :, low:high] @ both[:, low:high] for low, high in pairwise(edges)]
    sums = np.cumsum(np.stack(parts, axis=1), axis=1)[:, np.argsort(order)]
    gram = sums[..., :n_terms] + _RIDGE * np.eye(n_terms)
    solution: FloatArray = np.linalg.solve(gram, sums[..., n_terms:])[..., 0]
    return solution


def _continued(
    series: _Series, coefficients: FloatArray, origins: IntegerArray, n_steps: int
) -> FloatArray:
    """Return (n_series, n_origins, n_steps) one slot after another.

    Only lags shorter than a piece of the future are new within it: the rest of the sum is there
    for the whole piece at once.
    """
    reach, period = series.reach, series.period
    piece = max(1, period // 2)
    n_recursive = sum(lag < piece for lag in series.lags)
    values = _tails(series, origins, reach + n_steps)
    mean = np.full(values.shape, np.nan)
    known = slice(len(series.keep) * period, reach)
    mean[..., known] = _mean_at(values, series, known)
    deviation = np.nan_to_num(_clipped(values - mean, series))
    for first in range(reach, reach + n_steps, piece):
        slots = slice(first, min(first + piece, reach + n_steps))
        mean[..., slots] = _mean_at(values, series, slots)
        terms = _terms(series, values, deviation, mean[..., slots], slots)
        given = (terms[..., n_recursive:] @ coefficients[..., n_recursive:, None])[..., 0]
        for slot in range(slots.start, slots.stop):
            total = given[..., slot - first]
            for place in range(n_recursive):
                earlier = deviation[..., slot - series.lags[place]]
                total = total + coefficients[..., place] * earlier
            deviation[..., slot] = np.clip(total, -_FARTHEST, _FARTHEST)
        moved = deviation[..., slots] * series.size[:, None, None]
        values[..., slots] = mean[..., slots] + moved
    return values[..., reach:]


def _tails(series: _Series, origins: IntegerArray, n_slots: int) -> FloatArray:
    """Return (n_series, n_origins, n_slots), the newest known before each origin, then NaN."""
    tails = np.full((len(series.values), len(origins), n_slots), np.nan)
    for place, origin in enumerate(origins.tolist()):
        n_known = min(origin, series.reach)
        tails[:, place, series.reach - n_known : series.reach] = series.values[
            :, origin - n_known : origin
        ]
    return tails
