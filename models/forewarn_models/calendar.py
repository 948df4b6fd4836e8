"""Civil time: what o'clock it is where people live, and which days they do not work."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forewarn_models.arrays import IntegerArray

HOUR_MILLISECONDS = 3_600_000
DAY_MILLISECONDS = 24 * HOUR_MILLISECONDS
_EPOCH_WEEKDAY = 3  # the first of January 1970 was a Thursday


@dataclass(frozen=True)
class Calendar:
    """The civil time of one place, as plain numbers: `forewarn_adapters.civil_time` makes it.

    Args:
        offsets: (from when, how far local time is ahead of UTC), in milliseconds, rising.
        days_off: local days since the epoch that are like Sundays: public holidays.
    """

    offsets: tuple[tuple[int, int], ...] = ((0, 0),)
    days_off: tuple[int, ...] = ()

    @cached_property
    def _table(self) -> IntegerArray:
        return np.array(self.offsets, dtype=np.int64)

    def local(self, times_milliseconds: IntegerArray) -> IntegerArray:
        """Return local time, in milliseconds as if it were UTC.

        >>> berlin = Calendar(((0, 3_600_000), (1_711_846_800_000, 7_200_000)))
        >>> berlin.local(np.array([1_711_846_799_000, 1_711_846_800_000])) // 3_600_000 % 24
        array([1, 3])
        """
        place = np.searchsorted(self._table[:, 0], times_milliseconds, side="right") - 1
        out: IntegerArray = times_milliseconds + self._table[np.maximum(place, 0), 1]
        return out

    def is_day_off(self, local_milliseconds: IntegerArray) -> IntegerArray:
        """Return 1 where local time is on a Saturday, a Sunday or a holiday, else 0."""
        day = local_milliseconds // DAY_MILLISECONDS
        is_off = (day + _EPOCH_WEEKDAY) % 7 >= 5
        if self.days_off:
            is_off |= np.isin(day, self.days_off)
        return is_off.astype(np.int64)


UTC = Calendar()


def hours_of(local_milliseconds: IntegerArray) -> IntegerArray:
    """Return the hour of the day, 0 to 23, of local time."""
    return np.asarray(local_milliseconds // HOUR_MILLISECONDS % 24, dtype=np.int64)
