"""The level of each day, as it is and without what the day of the week does to it."""

import numpy as np

from forewarn_models.arrays import FloatArray
from forewarn_models.medians import finite_median

_WEEK = 7
# Two weeks of days that have half a week on either side.
_LEAST_DAYS = 21


def day_levels(values: FloatArray, day: int) -> FloatArray:
    """Return (n_series, n_days) medians of whole days, less what is usual at the time of day.

    Days are counted back from the newest slot.

    Args:
        values: (n_series, n_times) NaN is a gap.
        day: its slots.
    """
    n_days = values.shape[1] // day
    newest = values[:, values.shape[1] - n_days * day :]
    days = newest.reshape(len(values), n_days, day)
    usual = finite_median(days.swapaxes(1, 2))
    return finite_median(days - (usual - finite_median(usual)[:, None])[:, None])


def without_weekdays(levels: FloatArray) -> FloatArray:
    """Return levels less what their day of the week usually strays from the week around it.

    Weeks are medians, so that a move to another level is in none of their days. Below three weeks
    levels stay as they are.

    Args:
        levels: (n_series, n_days) NaN is a gap.
    """
    n_days = levels.shape[1]
    if n_days < _LEAST_DAYS:
        return levels
    weeks = finite_median(np.lib.stride_tricks.sliding_window_view(levels, _WEEK, axis=1))
    half = _WEEK // 2
    strayed = levels[:, half : n_days - half] - weeks
    usual = np.stack([finite_median(strayed[:, n::_WEEK]) for n in range(_WEEK)], axis=1)
    plain: FloatArray = levels - np.nan_to_num(usual[:, (np.arange(n_days) - half) % _WEEK])
    return plain
