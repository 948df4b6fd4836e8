"""Working days and days off apart: the usual course of each, by civil time."""

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.calendar import DAY_MILLISECONDS, Calendar
from forewarn_models.forecasters.rows import Rows

_N_DAYS = 28
# How much less a day weighs than the next.
_KEEP = 0.9


def day_type(rows: Rows, n_steps: int) -> FloatArray:
    """Return the fading mean of the same time of day on days of the same type.

    The types are working days and days off: Saturdays, Sundays and holidays. NaN where a type was
    not seen at that time, or a history does not hold a week and a half.
    """
    n_series, n_origins = len(rows.history), len(rows.ages)
    forecasts = np.full((n_series, n_origins, n_steps), np.nan)
    if np.isfinite(rows.long) and 2 * rows.step_milliseconds <= DAY_MILLISECONDS:
        for place, age in enumerate(rows.ages.tolist()):
            known = rows.history[:, : rows.history.shape[1] - age]
            end = rows.end_milliseconds - age * rows.step_milliseconds
            profile = profiles(known, end, rows.step_milliseconds, rows.calendar)
            ahead = end + rows.step_milliseconds * np.arange(n_steps)
            forecasts[:, place] = profile[:, cells(ahead, rows.step_milliseconds, rows.calendar)]
    return forecasts.reshape(-1, n_steps)


def cells(times: IntegerArray, step_milliseconds: int, calendar: Calendar) -> IntegerArray:
    """Return the place of times in `profiles`: by time of day, days off behind working days."""
    local = calendar.local(times)
    phase = local % DAY_MILLISECONDS // step_milliseconds
    return phase + calendar.is_day_off(local) * _n_phases(step_milliseconds)


def profiles(
    known: FloatArray, end_milliseconds: int, step_milliseconds: int, calendar: Calendar
) -> FloatArray:
    """Return (n_series, 2 slots of a day) fading means over the newest four weeks; NaN = not seen.

    Args:
        known: (n_series, n_times) NaN is a gap.
        end_milliseconds: the time of the first slot after them.
        step_milliseconds: from one slot to the next.
        calendar: whose days and clock the series follow.
    """
    count = min(known.shape[1], _N_DAYS * DAY_MILLISECONDS // step_milliseconds)
    age = np.arange(count, 0, -1) * step_milliseconds
    place = cells(end_milliseconds - age, step_milliseconds, calendar)
    order = np.argsort(place, kind="stable")
    there, first = np.unique(place[order], return_index=True)
    newest = known[:, known.shape[1] - count :][:, order]
    weights = _KEEP ** (age // DAY_MILLISECONDS)[order].astype(np.float64)
    held = np.isfinite(newest)
    total = np.add.reduceat(np.where(held, newest * weights, 0.0), first, axis=1)
    weight = np.add.reduceat(np.where(held, weights, 0.0), first, axis=1)
    means = np.full((len(known), 2 * _n_phases(step_milliseconds)), np.nan)
    means[:, there] = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0)
    return means


def _n_phases(step_milliseconds: int) -> int:
    return -(-DAY_MILLISECONDS // step_milliseconds)
