"""Digits and days."""

from forewarn_models.arrays import AnyArray
from forewarn_models.compiled import compiled

_EPOCH_DAYS = 719_468  # from 0000-03-01 to 1970-01-01, of the proleptic Gregorian calendar
_DAYS_OF_400_YEARS = 146_097
NANOSECONDS = 1_000_000_000


@compiled
def number_at(data: AnyArray, begin: int, end: int, n_digits: int) -> int:
    """Return the number that so many digits make; -1 where there are other bytes, or too few."""
    if begin + n_digits > end:
        return -1
    number = 0
    for place in range(begin, begin + n_digits):
        digit = int(data[place]) - 48
        if digit < 0 or digit > 9:
            return -1
        number = number * 10 + digit
    return number


@compiled
def n_digits_at(data: AnyArray, begin: int, end: int, most: int) -> int:
    """Return how many digits there are, `most` at most."""
    n = 0
    while n < most and begin + n < end and 48 <= data[begin + n] <= 57:
        n += 1
    return n


@compiled
def fraction_at(data: AnyArray, begin: int, end: int) -> tuple[int, int]:
    """Return nanoseconds of a fraction of a second, and where its digits end."""
    nanoseconds, place, scale = 0, begin, NANOSECONDS // 10
    while place < end and 48 <= data[place] <= 57:
        nanoseconds += (int(data[place]) - 48) * scale
        scale //= 10
        place += 1
    return nanoseconds, place


@compiled
def days_since_1970(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date, which must be one."""
    if month <= 2:
        year -= 1
        month += 12
    year_of_era = year % 400
    day_of_year = (153 * (month - 3) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return year // 400 * _DAYS_OF_400_YEARS + day_of_era - _EPOCH_DAYS


@compiled
def is_date(year: int, month: int, day: int) -> bool:
    """Say whether there is such a day, from 1970 to 2199."""
    if year < 1970 or year > 2199 or month < 1 or month > 12 or day < 1:
        return False
    if month == 2:
        is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return day <= 28 + is_leap
    return day <= 30 + ((month + month // 8) & 1)
