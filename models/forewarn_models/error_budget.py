"""What is left of an error budget: a series like any other, whose limit is 0."""

import numpy as np

from forewarn_models.arrays import FloatArray
from forewarn_models.errors import ConfigError


def budget_left_ratio(
    bad: FloatArray, total: FloatArray, *, objective_ratio: float, n_window: int
) -> FloatArray:
    """Return the share of the error budget that is left after each slot, over a rolling window.

    The budget is the share of requests that may fail in a window (Beyer et al. 2018, The Site
    Reliability Workbook, chapter 2). Times to the limit 0, from above, say when it is exhausted.

    Args:
        bad: (n_series, n_times) requests of each slot that failed; NaN counts as none.
        total: (n_series, n_times) all requests of each slot; NaN counts as none.
        objective_ratio: the share that must not fail, such as 0.999.
        n_window: slots of the window.

    Returns:
        (n_series, n_times) 1 = nothing is burned, 0 = all, negative = more. NaN until the history
        fills a window, and where no request came in it.

    Raises ConfigError when the objective is not between 0 and 1, or the window holds no slot.
    """
    if not 0 < objective_ratio < 1:
        raise ConfigError(
            f"an objective must be a ratio between 0 and 1, such as 0.999, got {objective_ratio:g}"
        )
    if n_window < 1:
        raise ConfigError(f"a window must hold at least one slot, got {n_window}")
    failed, asked = _in_window(bad, n_window), _in_window(total, n_window)
    share = np.divide(failed, asked, out=np.full(failed.shape, np.nan), where=asked > 0)
    left: FloatArray = 1 - share / (1 - objective_ratio)
    return left


def _in_window(counts: FloatArray, n_window: int) -> FloatArray:
    """Return the sum over each slot and those before it in its window; NaN where it is not full."""
    sums = np.cumsum(np.nan_to_num(counts), axis=1)
    before = np.concatenate([np.zeros((len(sums), 1)), sums[:, :-n_window]], axis=1)
    found = np.full(sums.shape, np.nan)
    found[:, n_window - 1 :] = (
        sums[:, n_window - 1 :] - before[:, : max(sums.shape[1] - n_window + 1, 0)]
    )
    return found
