"""Long histories on a coarser grid, and forecasts on it brought back to the slots of the history.

Means of neighbouring slots foretell the next days as well as the slots do, at a fraction of the
work. What a mean hides, the usual course within it, is kept by time of day and added again.
"""

import numpy as np

from forewarn_models.arrays import FloatArray
from forewarn_models.forecasters.lookback import DAY_MILLISECONDS, shrunken

# What must be left of a history, of a horizon and of a day. On simulated and public load at five
# minutes, half an hour forecasts a week no worse than five minutes do.
_LEAST_TIMES = 1_200
_LEAST_STEPS = 48
_LEAST_OF_DAY = 24
_MOST_DAYS = 14


def thinning_of(n_times: int, n_steps: int, step_milliseconds: int) -> int:
    """Return how many slots become one; 1 = none is given up.

    >>> thinning_of(28 * 288, 7 * 288, 300_000), thinning_of(1_000, 48, 3_600_000)
    (6, 1)
    """
    day, rest = divmod(DAY_MILLISECONDS, step_milliseconds)
    most = min(n_times // _LEAST_TIMES, n_steps // _LEAST_STEPS, day // _LEAST_OF_DAY)
    return 1 if rest else max((n for n in range(1, most + 1) if day % n == 0), default=1)


def thinned(values: FloatArray, n_slots: int) -> FloatArray:
    """Return (n_series, n_times // n_slots) means of what is known, the newest slot in the last."""
    if n_slots == 1:
        return values
    parts = _parts(values, n_slots)
    held = np.isfinite(parts)
    count = held.sum(axis=2)
    total = np.where(held, parts, 0.0).sum(axis=2)
    mean: FloatArray = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


def detail_of(values: FloatArray, n_slots: int, step_milliseconds: int) -> FloatArray:
    """Return how slots usually stray from the line through the means, by time of day.

    The median of the newest fortnight, drawn to zero where days disagree.

    Returns:
        (n_series, slots of a day), counted from the first slot after the history on; (n_series, 1)
        zeros where nothing was thinned or there are no two days.
    """
    n_series, n_times = values.shape
    day = DAY_MILLISECONDS // step_milliseconds
    n_days = min(n_times // max(day, 1), _MOST_DAYS)
    if n_slots == 1 or n_days < 2:
        return np.zeros((n_series, 1))
    newest = values[:, n_times - n_days * day :]
    means = thinned(newest, n_slots)
    line = thickened(means[:, 1:], means[:, 0], n_slots, newest.shape[1] - n_slots)
    strayed = newest - np.concatenate([np.repeat(means[:, :1], n_slots, axis=1), line], axis=1)
    return shrunken(strayed.reshape(n_series, n_days, day).transpose(0, 2, 1))


def thickened(means: FloatArray, before: FloatArray, n_slots: int, n_steps: int) -> FloatArray:
    """Return (n_series, n_steps) the line through the middles of thinned slots.

    Args:
        means: (n_series, at least n_steps / n_slots) thinned values.
        before: (n_series,) the thinned value before them.
        n_slots: of the thinning.
        n_steps: how many slots to return.
    """
    if n_slots == 1:
        return means[:, :n_steps]
    whole = np.concatenate([before[:, None], means, means[:, -1:]], axis=1)
    place = (np.arange(n_steps) + 0.5) / n_slots + 0.5
    low = place.astype(np.int64)
    share = place - low
    at_low, at_high = whole[:, low], whole[:, low + 1]
    line: FloatArray = np.where(
        np.isfinite(at_low), at_low * (1 - share) + at_high * share, at_high
    )
    return np.where(np.isfinite(line), line, means[:, np.arange(n_steps) // n_slots])


def middles(values: FloatArray, n_slots: int) -> FloatArray:
    """Return (n_series, n_times // n_slots) the slot in the middle of each thinned one."""
    return values if n_slots == 1 else np.array(_parts(values, n_slots)[:, :, n_slots // 2])


def _parts(values: FloatArray, n_slots: int) -> FloatArray:
    n_series, n_times = values.shape
    return values[:, n_times % n_slots :].reshape(n_series, -1, n_slots)
