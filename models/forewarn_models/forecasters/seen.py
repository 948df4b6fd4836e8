"""A history as candidates see it: holidays like any day, and one level where it moved for good."""

from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import FloatArray
from forewarn_models.calendar import Calendar
from forewarn_models.forecasters.breaks import levelled
from forewarn_models.forecasters.holidays import Holidays, holidays_of


@dataclass(frozen=True, slots=True)
class View:
    """What candidates are not shown.

    Args:
        calendar: whose days and clock the series follow.
        is_levelled: whether moves to another level are taken out of the history before them.
    """

    calendar: Calendar
    is_levelled: bool

    def of(
        self, values: FloatArray, end_milliseconds: int, step_milliseconds: int
    ) -> tuple[FloatArray, Holidays]:
        """Return (n_series, n_times) what candidates see, and what holidays ahead will lack.

        Args:
            values: (n_series, n_times) in units of usual deviations; NaN is a gap.
            end_milliseconds: the time of the first slot after them.
            step_milliseconds: from one slot to the next.
        """
        times = end_milliseconds + step_milliseconds * np.arange(-values.shape[1], 0)
        holidays = holidays_of(values, times, step_milliseconds, self.calendar)
        seen = values + holidays.at(times)
        return (levelled(seen, step_milliseconds) if self.is_levelled else seen), holidays
