"""Times as they are written in logs, to nanoseconds since 1970."""

from forewarn_models.arrays import AnyArray
from forewarn_models.compiled import compiled
from forewarn_models.lines.digits import (
    NANOSECONDS,
    days_since_1970,
    fraction_at,
    is_date,
    n_digits_at,
    number_at,
)
from forewarn_models.lines.layout import BYTE_CLASSES, LETTER, WORD

_DAY_SECONDS = 86_400
_COLON, _DOT, _COMMA, _SLASH, _DASH, _SPACE, _PLUS, _MINUS, _Z = 58, 46, 44, 47, 45, 32, 43, 45, 90
_T, _UNDERSCORE = 84, 95


@compiled
def time_at(
    data: AnyArray, begin: int, end: int, now_nanoseconds: int, zone_seconds: int
) -> tuple[int, int]:
    """Return the time that is written at a place, and its end: the place itself where none is.

    ISO 8601 with its many variants, the common log format, RFC 3164, ctime, and a clock without a
    date, whose time is 0.

    Args:
        data: bytes.
        begin: where it begins.
        end: what it must not go beyond.
        now_nanoseconds: tells the year where none is written: it is at most a day ahead.
        zone_seconds: how far local time, which is meant where no zone is written, is ahead of UTC.
    """
    if end - begin < 8:
        return 0, begin
    if BYTE_CLASSES[data[begin]] & LETTER:
        return _in_words(data, begin, end, now_nanoseconds, zone_seconds)
    n = n_digits_at(data, begin, end, 7)
    if n == 4:
        return _iso(data, begin, end, zone_seconds)
    if n == 6:
        return _without_marks(data, begin, end, zone_seconds)
    return _short_first(data, begin, end, n, zone_seconds)


@compiled
def month_and_day_at(
    data: AnyArray, begin: int, end: int, now_nanoseconds: int, zone_seconds: int
) -> tuple[int, int]:
    """Return the time of glog's `1127 15:00:00.123456`, and where it ends, as `time_at` does."""
    month, day = number_at(data, begin, end, 2), number_at(data, begin + 2, end, 2)
    if begin + 5 > end or data[begin + 4] != _SPACE or not is_date(2000, month, day):
        return 0, begin
    seconds, nanoseconds, after = _clock(data, begin + 5, end)
    if after == begin + 5:
        return 0, begin
    days = _days_near(now_nanoseconds, month, day)
    return _instant(days, seconds, nanoseconds, zone_seconds), after


@compiled
def epoch_at(data: AnyArray, begin: int, end: int) -> int:
    """Return the time of a number since 1970: seconds with or without a fraction, or finer units.

    0 where it is not one from 1973 to 2200.
    """
    n = n_digits_at(data, begin, end, 20)
    after = begin + n
    number = number_at(data, begin, end, n) if n <= 18 else _nineteen(data, begin, n)
    if n in (9, 10):
        fraction = 0
        if after < end and data[after] == _DOT:
            fraction, after = fraction_at(data, after + 1, end)
        return number * NANOSECONDS + fraction if after == end else 0
    if after < end and data[after] == _DOT:
        _, after = fraction_at(data, after + 1, end)
    if after != end:
        return 0
    if n in (12, 13):
        return number * 1_000_000
    if n in (15, 16):
        return number * 1_000
    return number if n in (18, 19) else 0


@compiled
def _nineteen(data: AnyArray, begin: int, n: int) -> int:
    """Return a number of 19 digits; 0 where it would be too large."""
    if n != 19 or data[begin] > 54:
        return 0
    return number_at(data, begin, begin + 18, 18) * 10 + int(data[begin + 18]) - 48


@compiled
def _clock(data: AnyArray, begin: int, end: int) -> tuple[int, int, int]:
    """Return seconds and nanoseconds of `hh:mm:ss` with or without a fraction, and its end.

    The end is the place itself where there is none.
    """
    n = n_digits_at(data, begin, end, 2)
    hour = number_at(data, begin, end, n)
    place = begin + n
    if n == 0 or place + 6 > end or data[place] != _COLON or data[place + 3] != _COLON:
        return 0, 0, begin
    minute = number_at(data, place + 1, end, 2)
    second = number_at(data, place + 4, end, 2)
    if hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 60:
        return 0, 0, begin
    place += 6
    nanoseconds = 0
    is_fraction = place + 1 < end and data[place] in (_DOT, _COMMA)
    if is_fraction and n_digits_at(data, place + 1, end, 1):
        nanoseconds, place = fraction_at(data, place + 1, end)
    return hour * 3600 + minute * 60 + second, nanoseconds, place


@compiled
def _clock_alone(data: AnyArray, begin: int, end: int) -> tuple[int, int]:
    _, _, after = _clock(data, begin, end)
    if after < end and BYTE_CLASSES[data[after]] & WORD:
        return 0, begin
    return 0, after


@compiled
def _zone(data: AnyArray, begin: int, end: int, zone_seconds: int) -> tuple[int, int]:
    """Return how far the written zone, or else the local one, is ahead of UTC, and its end."""
    place = begin
    if place < end and data[place] == _Z:
        return 0, place + 1
    if place < end and data[place] == _SPACE:
        place += 1
    if place + 3 <= end and (
        (data[place] == 85 and data[place + 1] == 84 and data[place + 2] == 67)
        or (data[place] == 71 and data[place + 1] == 77 and data[place + 2] == 84)
    ):
        return 0, place + 3
    if place < end and data[place] in (_PLUS, _MINUS):
        hours = number_at(data, place + 1, end, 2)
        after = place + 3
        if after < end and data[after] == _COLON:
            after += 1
        minutes = number_at(data, after, end, 2)
        if 0 <= hours <= 18 and 0 <= minutes <= 59:
            seconds = hours * 3600 + minutes * 60
            return (seconds if data[place] == _PLUS else -seconds), after + 2
    return zone_seconds, begin


@compiled
def _instant(days: int, seconds: int, nanoseconds: int, zone_seconds: int) -> int:
    return (days * _DAY_SECONDS + seconds - zone_seconds) * NANOSECONDS + nanoseconds


@compiled
def _iso(data: AnyArray, begin: int, end: int, zone_seconds: int) -> tuple[int, int]:
    """Read a year first: `2026-11-27T15:00:00.123Z`, `2026/11/27 15:00:00`, ..."""
    if end - begin < 16:
        return 0, begin
    separator = data[begin + 4]
    if separator not in (_DASH, _SLASH, _DOT) or data[begin + 7] != separator:
        return 0, begin
    year = number_at(data, begin, end, 4)
    month, day = number_at(data, begin + 5, end, 2), number_at(data, begin + 8, end, 2)
    if not is_date(year, month, day) or data[begin + 10] not in (_T, _SPACE, _UNDERSCORE, _COLON):
        return 0, begin
    seconds, nanoseconds, after = _clock(data, begin + 11, end)
    if after == begin + 11:
        return 0, begin
    ahead, after = _zone(data, after, end, zone_seconds)
    return _instant(days_since_1970(year, month, day), seconds, nanoseconds, ahead), after


@compiled
def _month_at(data: AnyArray, begin: int, end: int) -> int:
    """Return the number of a month's three letters, 0 where they are none."""
    if begin + 3 > end:
        return 0
    code = 0
    for place in range(begin, begin + 3):
        code = code * 32 + (int(data[place]) & 31)
        if not BYTE_CLASSES[data[place]] & LETTER:
            return 0
    for month in range(12):
        if _MONTHS[month] == code:
            return month + 1
    return 0


def _codes(words: tuple[str, ...]) -> tuple[int, ...]:
    """Return three letters in any case as numbers, as the kernels compute them."""
    return tuple(
        (ord(word[0]) & 31) * 1024 + (ord(word[1]) & 31) * 32 + (ord(word[2]) & 31)
        for word in words
    )


_MONTHS = _codes(
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
)
_WEEKDAYS = _codes(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))


@compiled
def _is_weekday(data: AnyArray, begin: int, end: int) -> bool:
    if begin + 4 > end:
        return False
    code = 0
    for place in range(begin, begin + 3):
        code = code * 32 + (int(data[place]) & 31)
    weekday = 0
    while weekday < 7 and _WEEKDAYS[weekday] != code:
        weekday += 1
    return weekday < 7


@compiled
def _short_first(
    data: AnyArray, begin: int, end: int, n_digits: int, zone_seconds: int
) -> tuple[int, int]:
    """Read what begins with one digit or two: a clock alone, or a day or year of two digits."""
    if n_digits not in (1, 2):
        return 0, begin
    if data[begin + n_digits] == _COLON:
        return _clock_alone(data, begin, end)
    return _day_first(data, begin, end, n_digits, zone_seconds)


@compiled
def _after_weekday(data: AnyArray, begin: int, end: int) -> int:
    """Return the place after a weekday's three letters and a blank, `begin` where they are none."""
    if not _is_weekday(data, begin, end):
        return begin
    place = begin + 3 + int(data[begin + 3] == _COMMA)
    return place + 1 if place < end and data[place] == _SPACE else begin


@compiled
def _day_first(
    data: AnyArray, begin: int, end: int, n_digits: int, zone_seconds: int
) -> tuple[int, int]:
    """Read a day first, as in `27/Nov/2026:15:00:00 +0000`, or a year of two digits."""
    place = begin + n_digits
    separator = data[place]
    if separator not in (_SLASH, _DASH, _SPACE):
        return 0, begin
    day = number_at(data, begin, end, n_digits)
    month = _month_at(data, place + 1, end)
    if month == 0:
        return _short_year(data, begin, end, zone_seconds)
    place += 4
    if place + 6 > end or data[place] != separator:
        return 0, begin
    year = number_at(data, place + 1, end, 4)
    place += 5
    if not is_date(year, month, day) or data[place] not in (_COLON, _SPACE):
        return 0, begin
    seconds, nanoseconds, after = _clock(data, place + 1, end)
    if after == place + 1:
        return 0, begin
    ahead, after = _zone(data, after, end, zone_seconds)
    return _instant(days_since_1970(year, month, day), seconds, nanoseconds, ahead), after


@compiled
def _without_marks(data: AnyArray, begin: int, end: int, zone_seconds: int) -> tuple[int, int]:
    """Read `261127 150000`, as HDFS and old MySQL have it."""
    after = begin + 13
    if after > end or data[begin + 6] != _SPACE or n_digits_at(data, begin + 7, end, 7) != 6:
        return 0, begin
    year = 2000 + number_at(data, begin, end, 2)
    month, day = number_at(data, begin + 2, end, 2), number_at(data, begin + 4, end, 2)
    hour, minute = number_at(data, begin + 7, end, 2), number_at(data, begin + 9, end, 2)
    second = number_at(data, begin + 11, end, 2)
    if not is_date(year, month, day) or hour > 23 or minute > 59 or second > 60:
        return 0, begin
    seconds = hour * 3600 + minute * 60 + second
    return _instant(days_since_1970(year, month, day), seconds, 0, zone_seconds), after


@compiled
def _short_year(data: AnyArray, begin: int, end: int, zone_seconds: int) -> tuple[int, int]:
    """Read `26/11/27 15:00:00`, the year in two digits."""
    if end - begin < 17 or data[begin + 2] != _SLASH or data[begin + 5] != _SLASH:
        return 0, begin
    year = 2000 + number_at(data, begin, end, 2)
    month, day = number_at(data, begin + 3, end, 2), number_at(data, begin + 6, end, 2)
    if not is_date(year, month, day) or data[begin + 8] != _SPACE:
        return 0, begin
    seconds, nanoseconds, after = _clock(data, begin + 9, end)
    if after == begin + 9:
        return 0, begin
    return _instant(days_since_1970(year, month, day), seconds, nanoseconds, zone_seconds), after


@compiled
def _in_words(
    data: AnyArray, begin: int, end: int, now_nanoseconds: int, zone_seconds: int
) -> tuple[int, int]:
    """Read `Nov 27 15:00:00`, with or without a weekday before it or the year after it."""
    place = _after_weekday(data, begin, end)
    if place > begin and n_digits_at(data, place, end, 4) == 4:
        nanoseconds, after = _iso(data, place, end, zone_seconds)
        return nanoseconds, after if after > place else begin
    month = _month_at(data, place, end)
    if month == 0 or place + 5 > end or data[place + 3] != _SPACE:
        return 0, begin
    place += 4 + (data[place + 4] == _SPACE)
    n = n_digits_at(data, place, end, 2)
    day = number_at(data, place, end, n)
    place += n
    if n == 0 or place >= end or data[place] != _SPACE or not is_date(2000, month, day):
        return 0, begin
    seconds, nanoseconds, after = _clock(data, place + 1, end)
    if after == place + 1:
        return 0, begin
    year = -1
    if after + 5 <= end and data[after] == _SPACE and n_digits_at(data, after + 1, end, 5) == 4:
        year = number_at(data, after + 1, end, 4)
    if is_date(year, month, day):
        days = days_since_1970(year, month, day)
        return _instant(days, seconds, nanoseconds, zone_seconds), after + 5
    days = _days_near(now_nanoseconds, month, day)
    return _instant(days, seconds, nanoseconds, zone_seconds), after


@compiled
def _days_near(now_nanoseconds: int, month: int, day: int) -> int:
    """Return the last such day that is not more than a day ahead."""
    today = now_nanoseconds // NANOSECONDS // _DAY_SECONDS
    year = 1970 + today * 400 // 146_097
    latest = -1
    for candidate in range(max(year - 8, 1970), year + 2):
        if is_date(candidate, month, day):
            days = days_since_1970(candidate, month, day)
            if days <= today + 1:
                latest = days
    return max(latest, 0)
