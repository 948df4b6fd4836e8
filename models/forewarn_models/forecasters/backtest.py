"""Rolling origins: what would have been forecast at earlier instants, and how wrong it was."""

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray

MOST_ORIGINS = 12
_WEEKS_MILLISECONDS = 2 * 7 * 86_400_000
_DAY_MILLISECONDS = 86_400_000


def origin_ages(n_times: int, n_steps: int, step_milliseconds: int) -> IntegerArray:
    """Return how many slots before the end of the history each origin lies, newest first.

    Origins reach back two weeks or six horizons, at most over half of the history, and lie whole
    days apart where they can, so that they stand at the time of day at which the forecast will.
    """
    reach = max(_WEEKS_MILLISECONDS // step_milliseconds, 6 * n_steps)
    reach = min(reach, max(n_times // 2, n_steps))
    wanted = min(MOST_ORIGINS, 1 + (reach - n_steps) // max(1, n_steps // 2))
    gap = (reach - n_steps) // max(1, wanted - 1)
    day = _DAY_MILLISECONDS // step_milliseconds
    if day > 1 and gap > day:
        gap -= gap % day
    return n_steps + max(gap, 1) * np.arange(max(wanted, 1))


def cut(values: FloatArray, ages: IntegerArray) -> FloatArray:
    """Return (n_series, n_origins, n_times) histories cut at earlier origins.

    The newest slot comes last; what lies before the history began is NaN.

    Args:
        values: (n_series, n_times)
        ages: (n_origins,) slots from each origin to the end.
    """
    place = np.arange(values.shape[1])[None, :] - ages[:, None]
    return np.where(place >= 0, values[:, np.maximum(place, 0)], np.nan)


def future(values: FloatArray, ages: IntegerArray, *, n_steps: int) -> FloatArray:
    """Return (n_series, n_origins, n_steps) what came after origins that are as old at least."""
    ahead = values.shape[1] - ages[:, None] + np.arange(n_steps)
    came: FloatArray = values[:, ahead]
    return came
