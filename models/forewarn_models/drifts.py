"""How fast a random walk drifts, which its past tells only within an error.

The mean of n changes is off by their deviation over the root of n. A drift that is not clear of
that may be none: the two are weighed by the information criterion of Schwarz 1978.
"""

import numpy as np
from scipy.special import ndtri

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.paths import Past

_CLEAR = 30.0  # standard errors, which nobody doubts


def drifts_beside(
    past: Past, first: IntegerArray, chances: FloatArray, levels: FloatArray, *, width: int
) -> FloatArray:
    """Return how far each path drifts beside the mean change of what it copies.

    Args:
        past: of the series.
        first: (n_series, n_paths) the first cell that a path copies.
        chances: (n_paths,) in (0, 1), of there being no drift.
        levels: (n_paths,) in (0, 1), of the drift where there is one.
        width: how many cells are one change that is independent of the next.

    Returns:
        (n_series, n_paths) over as many cells as the history has.
    """
    n_cells = past.level.shape[1]
    count = n_cells - 1 - first
    own = (past.level[:, -1:] - np.take_along_axis(past.level, first, 1)) * n_cells / count
    error = _unrest(past)[:, None] * n_cells / np.sqrt(count)
    is_clear = np.abs(own) >= _CLEAR * error
    size = np.divide(own, error, out=np.full_like(own, _CLEAR), where=~is_clear)
    evidence = 0.5 * size**2 - 0.5 * np.log(np.maximum(count / width, 1.0))
    is_none = chances < 1 / (1 + np.exp(evidence))
    beside: FloatArray = np.where(is_none, -own, ndtri(levels) * error)
    return beside


def _unrest(past: Past) -> FloatArray:
    """Return (n_series,) the deviation of the change over a cell, told by those over blocks."""
    block = min(past.block, max(past.level.shape[1] // 4, 1))
    change = past.level[:, block:] - past.level[:, :-block]
    held = np.arange(change.shape[1]) >= past.first[:, None]
    count = np.maximum(held.sum(axis=1), 1)
    mean = np.where(held, change, 0.0).sum(axis=1) / count
    power = np.where(held, (change - mean[:, None]) ** 2, 0.0).sum(axis=1) / count
    # Changes over blocks overlap, so that their own mean takes more of them than one in `count`.
    free = np.maximum(1 - block / count, 0.25)
    unrest: FloatArray = np.sqrt(power / (free * block))
    return unrest
