"""How well a shape fits a series whose errors persist, up to those of a random walk.

The errors are taken to keep a share of themselves from one observation to the next, `persistence`;
what is new in each is what counts. The likelihood is the restricted one, in which the level is
integrated out: Patterson and Thompson 1971. It does not take a random walk for errors around a
level or a trend as the plain one does, and it goes over into that of changes as the persistence
nears 1.
"""

from typing import NamedTuple

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray

_TINY = np.finfo(np.float64).tiny
# Of what was there to explain: what is fitted to the last bit is not that sure.
_LEAST_LEFT = 1e-9


class Fit(NamedTuple):
    """One fit for each series and shape. Arrays are (n_series, n_shapes).

    Args:
        likelihood: its logarithm, but for what is the same for all shapes and persistences.
        slope: how much of the shape there is.
        variance: of the slope; 0 where the shape does not show.
    """

    likelihood: FloatArray
    slope: FloatArray
    variance: FloatArray


class _Sums(NamedTuple):
    """Weighted sums of products of what is new: of values, of a shape, of a level that is 1."""

    value_value: FloatArray
    value_shape: FloatArray
    shape_shape: FloatArray
    value_level: FloatArray
    shape_level: FloatArray
    level_level: FloatArray


def fitted(
    values: FloatArray, shapes: FloatArray, weight: FloatArray, *, persistence: float
) -> Fit:
    """Return the fit of each shape to each series.

    Args:
        values: (n_series, n_times) 0 where it weighs nothing, which may be at the beginning only.
        shapes: (n_shapes, n_times); one that never changes stands for no trend.
        weight: (n_series, n_times) how many observations each is worth.
        persistence: from 0 to 1.
    """
    rows, start = np.arange(len(values)), (weight > 0).argmax(axis=1)
    after = weight.copy()
    after[rows, start] = 0.0
    count = after.sum(axis=1, keepdims=True)
    sums = _sums(values, shapes, after, start, persistence)
    values_square, products, squares = sums.value_value, sums.value_shape, sums.shape_shape
    likelihood = np.zeros_like(products)
    if persistence < 1:
        level = sums.level_level
        values_square = values_square - sums.value_level**2 / level
        products = products - sums.shape_level * sums.value_level / level
        squares = squares - sums.shape_level**2 / level
        likelihood += 0.5 * np.log((1 - persistence**2) / level)
    is_shown = squares > 1e-9 * sums.shape_shape + 1e-12
    slope = np.divide(products, squares, out=np.zeros_like(products), where=is_shown)
    there = np.maximum(values_square, 0.0) + _TINY
    left = np.maximum(there - slope * products, _LEAST_LEFT * there + _TINY)
    free = np.maximum(count - is_shown, 0.0)
    likelihood -= 0.5 * (free * np.log(left) + (count - free) * np.log(there))
    likelihood -= np.where(is_shown, 0.5 * np.log(count + 1), 0.0)
    variance = left / np.maximum(count - 1, 1.0)
    variance = np.divide(variance, squares, out=np.zeros_like(left), where=is_shown)
    return Fit(likelihood, slope, variance)


def _sums(
    values: FloatArray,
    shapes: FloatArray,
    after: FloatArray,
    start: IntegerArray,
    persistence: float,
) -> _Sums:
    """Return sums over what follows the first observation, and that one as far as it is new."""
    first = 1 - persistence**2
    level = 1 - persistence
    value, shape = values[np.arange(len(values)), start][:, None], shapes[:, start].T
    changes, moves = _news(values, persistence), _news(shapes, persistence)
    weighed = after * changes
    return _Sums(
        (weighed * changes).sum(axis=1, keepdims=True) + first * value**2,
        weighed @ moves.T + first * value * shape,
        after @ (moves**2).T + first * shape**2,
        level * weighed.sum(axis=1, keepdims=True) + first * value,
        level * (after @ moves.T) + first * shape,
        level**2 * after.sum(axis=1, keepdims=True) + first,
    )


def _news(rows: FloatArray, persistence: float) -> FloatArray:
    news = rows.copy()
    news[:, 1:] -= persistence * rows[:, :-1]
    return news
