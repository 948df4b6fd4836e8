"""Which trend a history follows, and how sure that is: shapes weighed by how well they fit.

Growth may be nothing, a straight line, on its way to a ceiling or faster all the time. Each shape
is fitted by least squares to the means of whole seasons; a shape is as likely as its likelihood
says (Schwarz 1978, the Bayesian information criterion), where correlated errors count as fewer
independent ones (Bartlett 1935).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from forewarn_models.arrays import FloatArray, IntegerArray

# How fast a ceiling is neared, and growth grows, in units of the history.
_NEARING = (0.15, 0.3, 0.6)
_GROWING = (0.3, 0.6)
_LEAST_INDEPENDENT = 3.0


@dataclass(frozen=True, eq=False)
class Trend:
    """What is known of the trends of many series.

    Args:
        chance: (n_series, n_shapes) of each shape, sums to 1.
        slope: (n_series, n_shapes) of the shape, the likeliest.
        error: (n_series, n_shapes) the standard error of the slope.
    """

    chance: FloatArray
    slope: FloatArray
    error: FloatArray


def trend_shapes(n_cells: int, n_ahead: int) -> FloatArray:
    """Return (n_shapes, n_cells + n_ahead) shapes; the first is no trend, the second a line."""
    time = (np.arange(n_cells + n_ahead) - (n_cells - 1)) / n_cells
    nearing = [-np.exp(-time / lasting) for lasting in _NEARING]
    growing = [np.exp(time / lasting) for lasting in _GROWING]
    return np.stack([np.zeros_like(time), time, *nearing, *growing])


def trend_of(level: FloatArray, shapes: FloatArray, *, width: int) -> Trend:
    """Return the trends of histories.

    Args:
        level: (n_series, n_cells) NaN = not known.
        shapes: (n_shapes, at least n_cells) of `trend_shapes`.
        width: how many cells a season has; their mean is one observation.
    """
    observed = _means(level, width)
    held = np.isfinite(observed).astype(np.float64)
    count = np.maximum(held.sum(axis=1), 1.0)[:, None]
    values = np.nan_to_num(observed)
    basis = _means(shapes[:, : level.shape[1]], width)
    mean_basis = held @ basis.T / count
    mean_value = values.sum(axis=1, keepdims=True) / count
    square = held @ (basis**2).T / count - mean_basis**2
    product = values @ basis.T / count - mean_basis * mean_value
    tiny = 1e-12
    slope = np.divide(product, square, out=np.zeros_like(product), where=square > tiny)
    residual = values[:, None, :] - mean_value[:, :, None]
    residual = residual - slope[:, :, None] * (basis[None] - mean_basis[:, :, None])
    residual = residual * held[:, None, :]
    power = (residual**2).sum(axis=2) / count
    scale = ((values - mean_value) ** 2 * held).sum(axis=1, keepdims=True) / count
    power = np.maximum(power, 1e-9 * scale + np.finfo(np.float64).tiny)
    independent = _independent(residual, power, count)
    error = np.sqrt(
        np.divide(power, square * independent, out=np.zeros_like(power), where=square > tiny)
    )
    likely = -0.5 * independent * (np.log(power) - np.log(power[:, :1]))
    likely = likely - 0.5 * np.log(independent) * (np.arange(len(shapes)) > 0)
    likely = np.exp(likely - likely.max(axis=1, keepdims=True))
    return Trend(likely / likely.sum(axis=1, keepdims=True), slope, error)


def drawn(trend: Trend, chances: FloatArray, levels: FloatArray) -> tuple[IntegerArray, FloatArray]:
    """Return (n_series, n_paths) shapes and slopes, for (n_paths,) numbers in (0, 1) of each."""
    ends = np.cumsum(trend.chance, axis=1)
    shape = (chances[None, :, None] >= ends[:, None, :-1]).sum(axis=2)
    slope = np.take_along_axis(trend.slope, shape, 1)
    return shape, slope + ndtri(levels) * np.take_along_axis(trend.error, shape, 1)


def _means(rows: FloatArray, width: int) -> FloatArray:
    """Return the means of whole seasons, the last one ending with the row; NaN where one is."""
    count = rows.shape[1] // width
    means: FloatArray = rows[:, rows.shape[1] - count * width :].reshape(len(rows), count, width)
    mean: FloatArray = means.mean(axis=2)
    return mean


def _independent(residual: FloatArray, power: FloatArray, count: FloatArray) -> FloatArray:
    """Return (n_series, 1) how many independent errors the best shape's errors are worth."""
    best = power.argmin(axis=1)[:, None, None]
    of_best = np.take_along_axis(residual, best, 1)[:, 0]
    total = np.maximum((of_best**2).sum(axis=1), np.finfo(np.float64).tiny)
    rho = (of_best[:, 1:] * of_best[:, :-1]).sum(axis=1) / total
    rho = np.clip(rho, 0.0, 0.95)[:, None]
    independent: FloatArray = np.maximum(count * (1 - rho) / (1 + rho), _LEAST_INDEPENDENT)
    return independent
