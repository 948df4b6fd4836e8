"""The time at the head of a syslog line, in the forms of RFC 5424 and RFC 3164."""

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled
from forewarn_models.lines.digits import days_since_1970, fraction_at, number_at

# Columns of what is found: nanoseconds since the epoch, or, where the zone is not said, nanoseconds
# within the second beside the civil time: year (0 = not said) and second of a year whose months all
# have 31 days (-1 = the nanoseconds say it all).
NANOSECONDS, YEAR, LOCAL_SECOND = 0, 1, 2
N_TIME_COLUMNS = 3

_NAMES = b"JanFebMarAprMayJunJulAugSepOctNovDec"
_MONTHS = np.array([int.from_bytes(_NAMES[at : at + 3], "big") for at in range(0, 36, 3)])
_FIRST_YEAR, _LAST_YEAR = 1970, 2261  # nanoseconds fit into 64 bits
_DAY_SECONDS, _BILLION = 86_400, 1_000_000_000
_SPACE, _PLUS, _COMMA, _DASH, _POINT, _COLON = 32, 43, 44, 45, 46, 58
_CAPITAL_T, _CAPITAL_Z, _SMALL_T, _SMALL_Z = 84, 90, 116, 122


@compiled
def _byte(data: AnyArray, place: int, end: int) -> int:
    return int(data[place]) if place < end else 0


@compiled
def _second_of_day(data: AnyArray, begin: int, end: int) -> int:
    """Return the second that `hh:mm:ss` says, -1 where it is none."""
    hour = number_at(data, begin, end, 2)
    minute = number_at(data, begin + 3, end, 2)
    second = number_at(data, begin + 6, end, 2)
    if min(hour, minute, second) < 0 or hour > 23 or minute > 59 or second > 60:
        return -1
    if data[begin + 2] != _COLON or data[begin + 5] != _COLON:
        return -1
    return hour * 3600 + minute * 60 + min(second, 59)


@compiled
def _fraction(data: AnyArray, begin: int, end: int) -> tuple[int, int]:
    """Return the nanoseconds that `.123` says, and where it ends."""
    if _byte(data, begin, end) not in (_POINT, _COMMA) or number_at(data, begin + 1, end, 1) < 0:
        return 0, begin
    return fraction_at(data, begin + 1, end)


@compiled
def _zone(data: AnyArray, begin: int, end: int) -> tuple[int, int]:
    """Return the seconds that a zone is ahead of UTC, and where it ends: `begin` without one."""
    sign = _byte(data, begin, end)
    if sign in (_CAPITAL_Z, _SMALL_Z):
        return 0, begin + 1
    if sign not in (_PLUS, _DASH):
        return 0, begin
    hours = number_at(data, begin + 1, end, 2)
    minutes_at = begin + 3 + (_byte(data, begin + 3, end) == _COLON)
    minutes = number_at(data, minutes_at, end, 2)
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return 0, begin
    seconds = hours * 3600 + minutes * 60
    return (seconds if sign == _PLUS else -seconds), minutes_at + 2


@compiled
def read_full_time(data: AnyArray, begin: int, end: int, found: IntegerArray) -> int:
    """Read `2003-10-11T22:14:15.003Z`; return where it ends, `begin` where there is none."""
    year = number_at(data, begin, end, 4)
    month = number_at(data, begin + 5, end, 2)
    day = number_at(data, begin + 8, end, 2)
    second = _second_of_day(data, begin + 11, end)
    if second < 0 or month < 1 or month > 12 or day < 1 or day > 31:
        return begin
    if year < _FIRST_YEAR or year > _LAST_YEAR or data[begin + 4] != _DASH:
        return begin
    if data[begin + 7] != _DASH or data[begin + 10] not in (_CAPITAL_T, _SMALL_T):
        return begin
    nanoseconds, fraction_end = _fraction(data, begin + 19, end)
    ahead, zone_end = _zone(data, fraction_end, end)
    if zone_end == fraction_end:
        found[YEAR] = year
        found[LOCAL_SECOND] = ((month - 1) * 31 + day - 1) * _DAY_SECONDS + second
        found[NANOSECONDS] = nanoseconds
        return fraction_end
    seconds = days_since_1970(year, month, day) * _DAY_SECONDS + second - ahead
    found[NANOSECONDS] = seconds * _BILLION + nanoseconds
    return zone_end


@compiled
def _month(data: AnyArray, begin: int, end: int) -> int:
    """Return the month, from 1, of a name in three letters, 0 where it is none."""
    if begin + 3 > end:
        return 0
    name = int(data[begin]) << 16 | int(data[begin + 1]) << 8 | int(data[begin + 2])
    for month in range(12):
        if _MONTHS[month] == name:
            return month + 1
    return 0


@compiled
def read_short_time(data: AnyArray, begin: int, end: int, found: IntegerArray) -> int:
    """Read `Oct 11 22:14:15`, with a year behind the day or a fraction behind the second or not.

    Returns where it ends, `begin` where there is none.
    """
    month = _month(data, begin, end)
    if month == 0 or _byte(data, begin + 3, end) != _SPACE:
        return begin
    day_at = begin + 4 + (_byte(data, begin + 4, end) == _SPACE)
    n_digits = 2 if number_at(data, day_at, end, 2) >= 0 else 1
    day = number_at(data, day_at, end, n_digits)
    at = day_at + n_digits
    if day < 1 or day > 31 or _byte(data, at, end) != _SPACE:
        return begin
    year = number_at(data, at + 1, end, 4)
    if year >= _FIRST_YEAR and year <= _LAST_YEAR and _byte(data, at + 5, end) == _SPACE:
        at += 5
    else:
        year = 0
    second = _second_of_day(data, at + 1, end)
    if second < 0:
        return begin
    found[YEAR] = year
    found[LOCAL_SECOND] = ((month - 1) * 31 + day - 1) * _DAY_SECONDS + second
    found[NANOSECONDS], after = _fraction(data, at + 9, end)
    return after
