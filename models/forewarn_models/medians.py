"""Medians of many rows at once, with gaps."""

import numpy as np

from forewarn_models.arrays import FloatArray


def finite_median(values: FloatArray) -> FloatArray:
    """Return the median over the last axis of what is not NaN; NaN where nothing is.

    >>> finite_median(np.array([[1.0, np.nan, 3.0, 8.0], [np.nan] * 4]))
    array([ 3., nan])
    """
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    ordered = np.sort(values, axis=-1)
    count = np.isfinite(values).sum(axis=-1)
    low = np.maximum(count - 1, 0) // 2
    high = np.minimum(count // 2, values.shape[-1] - 1)
    below = np.take_along_axis(ordered, low[..., None], -1)[..., 0]
    above = np.take_along_axis(ordered, high[..., None], -1)[..., 0]
    # Not (a + b) / 2, which overflows where half the sum does not.
    median: FloatArray = below / 2 + above / 2
    return median
