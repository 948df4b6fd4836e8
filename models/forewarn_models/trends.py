"""Which trend a history follows, and how sure that is: shapes weighed by how well they fit.

There may be none, a straight line, growth on its way to a ceiling, growth that slows down or that
gets faster all the time. Each shape is fitted by least squares to the means of whole seasons, the
newest quarter of the history weighing twice as much as the one before. A shape is as likely as its
likelihood says (Schwarz 1978, the Bayesian information criterion), where correlated errors count
as fewer independent ones (Bartlett 1935).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from forewarn_models.arrays import FloatArray, IntegerArray

# How fast a ceiling is neared, how fast growth grows, how long ago growth that slows down began
# before the history did: in units of the history.
_NEARING = np.geomspace(0.08, 1.0, 12)
_GROWING = np.geomspace(0.2, 1.2, 10)
_SLOWING = np.array([0.3, 0.6, 1.2])
# Before anything is seen all kinds of trend are as likely, and all shapes of a kind.
_KINDS = (1, 1, len(_NEARING), len(_GROWING), len(_SLOWING))
_PRIOR = np.concatenate([np.full(count, 1 / count) for count in _KINDS])
_HALF_LIFE = 0.25  # of the weight of what was seen, in units of the history
_LEAST_INDEPENDENT = 3.0
_TINY = np.finfo(np.float64).tiny


class Trend(NamedTuple):
    """What is known of the trends of many series. Arrays are (n_series, n_shapes).

    Args:
        chance: of each shape, sums to 1.
        slope: how much of the shape there is most likely.
        error: the standard error of the slope.
    """

    chance: FloatArray
    slope: FloatArray
    error: FloatArray


def trend_shapes(n_cells: int, n_ahead: int) -> FloatArray:
    """Return (n_shapes, n_cells + n_ahead) shapes; the first is no trend, the second a line."""
    time = (np.arange(n_cells + n_ahead) - (n_cells - 1)) / n_cells
    nearing = -np.exp(-time / _NEARING[:, None])
    growing = np.exp(time / _GROWING[:, None])
    slowing = np.log(1 + time + _SLOWING[:, None])
    return np.concatenate([0 * time[None], time[None], nearing, growing, slowing])


def trend_of(level: FloatArray, shapes: FloatArray, *, width: int) -> Trend:
    """Return the trends of histories.

    Args:
        level: (n_series, n_cells) NaN = not known.
        shapes: (n_shapes, at least n_cells) of `trend_shapes`.
        width: how many cells a season has; their mean is one observation.
    """
    seen = _means(level, width)
    basis = _means(shapes[:, : level.shape[1]], width)
    newness = np.arange(1, seen.shape[1] + 1) / max(seen.shape[1], 1)
    weight = np.isfinite(seen) * 2 ** ((newness - 1) / _HALF_LIFE)
    total = np.maximum(weight.sum(axis=1, keepdims=True), _TINY)
    values = np.nan_to_num(seen)
    values = values - (weight * values).sum(axis=1, keepdims=True) / total
    mean = weight @ basis.T / total
    square = weight @ (basis**2).T / total - mean**2
    product = (weight * values) @ basis.T / total
    is_shown = square > 1e-12
    slope = np.divide(product, square, out=np.zeros_like(product), where=is_shown)
    left = values[:, None, :] - slope[:, :, None] * (basis - mean[:, :, None])
    power = (left**2 * weight[:, None, :]).sum(axis=2) / total
    # What is fitted to the last bit is not that sure.
    power = np.maximum(power, 1e-9 * power[:, :1] + _TINY)
    independent = _independent(left, power, weight)
    variance = np.divide(power, square * independent, out=np.zeros_like(power), where=is_shown)
    return Trend(_chances(power, independent), slope, np.sqrt(variance))


def drawn(trend: Trend, chances: FloatArray, levels: FloatArray) -> tuple[IntegerArray, FloatArray]:
    """Return (n_series, n_paths) shapes and slopes, for (n_paths,) numbers in (0, 1) of each."""
    ends = np.cumsum(trend.chance, axis=1)
    shape = (chances[None, :, None] >= ends[:, None, :-1]).sum(axis=2)
    slope = np.take_along_axis(trend.slope, shape, 1)
    return shape, slope + ndtri(levels) * np.take_along_axis(trend.error, shape, 1)


def _means(rows: FloatArray, width: int) -> FloatArray:
    """Return the means of whole seasons, the last one ending with the row; NaN where one is."""
    count = rows.shape[1] // width
    parted = rows[:, rows.shape[1] - count * width :].reshape(len(rows), count, width)
    means: FloatArray = parted.mean(axis=2)
    return means


def _independent(left: FloatArray, power: FloatArray, weight: FloatArray) -> FloatArray:
    """Return (n_series, 1) how many independent errors the best shape's errors are worth."""
    best = power.argmin(axis=1)[:, None, None]
    errors = np.take_along_axis(left, best, 1)[:, 0] * (weight > 0)
    total = np.maximum((errors**2).sum(axis=1), _TINY)
    correlation = (errors[:, 1:] * errors[:, :-1]).sum(axis=1) / total
    correlation = np.clip(correlation, 0.0, 0.95)
    count = weight.sum(axis=1) ** 2 / np.maximum((weight**2).sum(axis=1), _TINY)
    independent = count * (1 - correlation) / (1 + correlation)
    at_least: FloatArray = np.maximum(independent, _LEAST_INDEPENDENT)[:, None]
    return at_least


def _chances(power: FloatArray, independent: FloatArray) -> FloatArray:
    likely = -0.5 * independent * (np.log(power) - np.log(power[:, :1]))
    likely[:, 1:] -= 0.5 * np.log(independent)
    chances = _PRIOR * np.exp(likely - likely.max(axis=1, keepdims=True))
    normed: FloatArray = chances / chances.sum(axis=1, keepdims=True)
    return normed
