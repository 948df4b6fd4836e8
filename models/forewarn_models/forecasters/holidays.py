"""Public holidays: a history in which they are like any day, and forecasts in which they are not.

Holidays are rare: no back-test sees enough of them to choose a candidate by. So candidates never
see one. What its hours lack against those of a working day is taken from weekends, of which there
are enough, and from earlier holidays: it is added to the history, and taken off the forecast again.
"""

from dataclasses import dataclass, replace

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.calendar import DAY_MILLISECONDS, Calendar
from forewarn_models.forecasters.day_types import profiles

# What is known of holidays before any is seen: that they are like weekends, as surely as if this
# share of a day had shown it.
_SEEN_BEFORE = 0.5


@dataclass(frozen=True, eq=False)
class Holidays:
    """What the holidays of series lack.

    Args:
        calendar: tells them.
        step_milliseconds: from one slot to the next.
        lacking: (n_series, slots of a day) working day less holiday, by local time of day.
    """

    calendar: Calendar
    step_milliseconds: int
    lacking: FloatArray

    def at(self, times: IntegerArray) -> FloatArray:
        """Return (n_series, n_times) what is lacking, 0 on other days; a single 0 if all are."""
        local = self.calendar.local(times)
        is_holiday = _is_holiday(self.calendar, local)
        if not is_holiday.any():
            return np.zeros((1, 1))
        phase = local % DAY_MILLISECONDS // self.step_milliseconds
        found: FloatArray = np.where(is_holiday, self.lacking[:, phase], 0.0)
        return found


def without_holidays(calendar: Calendar) -> Calendar:
    """Return a calendar of the same clock that knows only weekends."""
    return replace(calendar, days_off=())


def holidays_of(
    values: FloatArray, times: IntegerArray, step_milliseconds: int, calendar: Calendar
) -> Holidays:
    """Return what holidays lack, drawn to zero as far as weekends differ by chance alone.

    Args:
        values: (n_series, n_times) NaN is a gap.
        times: (n_times,) of the slots.
        step_milliseconds: from one slot to the next.
        calendar: tells the holidays.
    """
    if not calendar.days_off or step_milliseconds > DAY_MILLISECONDS:
        return Holidays(without_holidays(calendar), step_milliseconds, np.zeros((len(values), 1)))
    local = calendar.local(times)
    is_holiday = _is_holiday(calendar, local)
    plain = np.where(is_holiday, np.nan, values)
    end = int(times[-1]) + step_milliseconds
    weekends = without_holidays(calendar)
    works, rests = np.split(profiles(plain, end, step_milliseconds, weekends), 2, axis=1)
    lacking = np.nan_to_num(works - rests)
    phase = local % DAY_MILLISECONDS // step_milliseconds
    usual = np.where(weekends.is_day_off(local) == 1, rests[:, phase], works[:, phase])
    lacking *= _sure_share(lacking, plain - usual)[:, None]
    below = np.where(is_holiday, works[:, phase] - values, np.nan)
    lacking *= _seen_share(lacking, below, phase)[:, None]
    return Holidays(calendar, step_milliseconds, lacking)


def _is_holiday(calendar: Calendar, local: IntegerArray) -> BooleanArray:
    is_weekend = without_holidays(calendar).is_day_off(local)
    found: BooleanArray = calendar.is_day_off(local) > is_weekend
    return found


def _sure_share(lacking: FloatArray, error: FloatArray) -> FloatArray:
    """Return how much of the difference of two profiles is not noise, 0 to 1.

    A profile fades by a tenth a day: that of working days is a mean of about 12 of them, that of
    weekends of about 4.
    """
    held = np.isfinite(error)
    square = np.where(held, error, 0.0) ** 2
    noise = square.sum(axis=1) / np.maximum(held.sum(axis=1), 1) * (1 / 12 + 1 / 4)
    power = np.mean(lacking**2, axis=1)
    ratio = np.divide(noise, power, out=np.ones(len(power)), where=power > 0)
    share: FloatArray = np.maximum(0.0, 1 - ratio)
    return share


def _seen_share(lacking: FloatArray, below: FloatArray, phase: IntegerArray) -> FloatArray:
    """Return how much of what is lacking at weekends was lacking on earlier holidays, 0 to 1."""
    expected = np.where(np.isfinite(below), lacking[:, phase], 0.0)
    prior = _SEEN_BEFORE * (lacking**2).sum(axis=1)
    agreed = (np.nan_to_num(below) * expected).sum(axis=1) + prior
    whole = (expected**2).sum(axis=1) + prior
    share = np.divide(agreed, whole, out=np.ones(len(whole)), where=whole > 0)
    clipped: FloatArray = np.clip(share, 0.0, 1.0)
    return clipped
