"""Which trend a history follows, and how sure that is: shapes weighed by how well they fit.

There may be none, a straight line, growth on its way to a ceiling, growth that slows down or that
gets faster all the time. Each shape is fitted to the means of whole days, less what the days of a
week differ by; the newest quarter of the history weighs twice as much as the one before. A shape
is as likely as its likelihood says (Schwarz 1978, the Bayesian information criterion), over errors
that persist more or less. Errors that persist for ever are a random walk, which keeps to no trend.
"""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import ndtri

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.persistent import fitted

# How fast a ceiling is neared, how fast growth grows, how long ago growth that slows down began
# before the history did: in units of the history.
_NEARING = np.geomspace(0.08, 1.0, 12)
_GROWING = np.geomspace(0.2, 1.2, 10)
_SLOWING = np.array([0.3, 0.6, 1.2])
# Before anything is seen all kinds of trend are as likely, and all shapes of a kind.
_KINDS = (1, 1, len(_NEARING), len(_GROWING), len(_SLOWING))
_PRIOR = np.concatenate([np.full(count, 1 / count) for count in _KINDS])
# Of errors, from day to day, and how likely each is before anything is seen; the last one is a
# random walk.
_PERSISTENCE = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
_PERSISTENCE_PRIOR = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0])[:, None, None]
_HALF_LIFE = 0.25  # of the weight of what was seen, in units of the history
_TINY = np.finfo(np.float64).tiny


class Trend(NamedTuple):
    """What is known of the trends of many series. Arrays are (n_series, n_shapes).

    Args:
        chance: of each shape, sums to 1.
        slope: how much of the shape there is most likely.
        error: the standard error of the slope.
        centre: (n_series, 1) the mean of the history.
        mean: that of the shape.
        wanders: (n_series,) how likely the series is a random walk.
    """

    chance: FloatArray
    slope: FloatArray
    error: FloatArray
    centre: FloatArray
    mean: FloatArray
    wanders: FloatArray


class Drawn(NamedTuple):
    """Trends that paths follow, `base + slope * shape`. Arrays are (n_series, n_paths).

    Args:
        shape: which.
        slope: how much of it.
        base: the level that it is added to.
    """

    shape: IntegerArray
    slope: FloatArray
    base: FloatArray


def trend_shapes(n_cells: int, n_ahead: int) -> FloatArray:
    """Return (n_shapes, n_cells + n_ahead) shapes; the first is no trend, the second a line."""
    time = (np.arange(n_cells + n_ahead) - (n_cells - 1)) / n_cells
    nearing = -np.exp(-time / _NEARING[:, None])
    growing = np.exp(time / _GROWING[:, None])
    slowing = np.log(1 + time + _SLOWING[:, None])
    return np.concatenate([0 * time[None], time[None], nearing, growing, slowing])


def trend_of(level: FloatArray, shapes: FloatArray, *, width: int, periods: IntegerArray) -> Trend:
    """Return the trends of histories.

    Args:
        level: (n_series, n_cells) NaN = not known, at the beginning.
        shapes: (n_shapes, at least n_cells) of `trend_shapes`.
        width: how many cells a day has; their mean is one observation.
        periods: (n_series,) the season in cells; one of several whole days is taken off.
    """
    seen = _without_season(_means(level, width), periods // width * (periods % width == 0))
    basis = _means(shapes[:, : level.shape[1]], width)
    if not seen.shape[1]:
        seen, basis = np.zeros((len(level), 1)), np.zeros((len(shapes), 1))
    held = np.isfinite(seen)
    weight = held * _weight_of_newness(seen.shape[1])
    # Unequal weights are worth fewer observations than there are.
    weight *= _ratio(weight.sum(axis=1), (weight**2).sum(axis=1))[:, None]
    total = np.maximum(weight.sum(axis=1, keepdims=True), _TINY)
    centre = (weight * np.nan_to_num(seen)).sum(axis=1, keepdims=True) / total
    values = np.where(held, seen - centre, 0.0)
    fits = [fitted(values, basis, weight, persistence=each) for each in _PERSISTENCE]
    likelihood, slope, variance = (np.stack(part) for part in zip(*fits, strict=True))
    chance = np.exp(likelihood - likelihood.max(axis=(0, 2))[:, None])
    chance = chance * _PRIOR * _PERSISTENCE_PRIOR
    chance = chance / chance.sum(axis=(0, 2))[:, None]
    of_shape = chance.sum(axis=0)
    share = _ratio(chance, of_shape)
    mean_slope = (share * slope).sum(axis=0)
    error = np.sqrt((share * (variance + (slope - mean_slope) ** 2)).sum(axis=0))
    wanders = chance[-1].sum(axis=1)
    return Trend(of_shape, mean_slope, error, centre, weight @ basis.T / total, wanders)


def drawn(trend: Trend, chances: FloatArray, levels: FloatArray) -> Drawn:
    """Return trends of (n_series, n_paths), for (n_paths,) numbers in (0, 1) of each kind."""
    ends = np.cumsum(trend.chance, axis=1)
    shape = (chances[None, :, None] >= ends[:, None, :-1]).sum(axis=2)
    slope, error, mean = (
        np.take_along_axis(part, shape, 1) for part in (trend.slope, trend.error, trend.mean)
    )
    slope = slope + ndtri(levels) * error
    return Drawn(shape, slope, trend.centre - slope * mean)


def _means(rows: FloatArray, width: int) -> FloatArray:
    """Return the means of whole days, the last one ending with the row; NaN where one is."""
    count = rows.shape[1] // width
    parted = rows[:, rows.shape[1] - count * width :].reshape(len(rows), count, width)
    means: FloatArray = parted.mean(axis=2)
    return means


def _without_season(seen: FloatArray, lengths: IntegerArray) -> FloatArray:
    """Return observations less what each place in a season differs from the season's mean.

    What is left is as long, so that a trend is not seen later than it begins.
    """
    left = seen.copy()
    for length in np.unique(lengths[(lengths > 1) & (2 * lengths <= seen.shape[1])]):
        rows = np.flatnonzero(lengths == length)
        own = seen[rows]
        middle = sliding_window_view(own, length, axis=1).mean(axis=2)
        off = own[:, length // 2 :][:, : middle.shape[1]] - middle
        weight = np.isfinite(off) * _weight_of_newness(off.shape[1])
        is_at = (np.arange(off.shape[1]) + length // 2) % length == np.arange(length)[:, None]
        effect = _ratio((weight * np.nan_to_num(off)) @ is_at.T, weight @ is_at.T)
        left[rows] = own - effect[:, np.arange(own.shape[1]) % length]
    return left


def _weight_of_newness(count: int) -> FloatArray:
    newness = np.arange(1, count + 1) / count
    weight: FloatArray = 2 ** ((newness - 1) / _HALF_LIFE)
    return weight


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Return one over the other; 0 where there is nothing."""
    there = np.broadcast_to(below > 0, above.shape)
    ratio: FloatArray = np.divide(above, below, out=np.zeros_like(above), where=there)
    return ratio
