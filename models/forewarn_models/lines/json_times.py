"""Times that are numbers of JSON, to the same nanosecond as of the nearest double."""

from forewarn_models.arrays import AnyArray
from forewarn_models.compiled import compiled
from forewarn_models.lines.digits import n_digits_at, number_at
from forewarn_models.lines.json_values import UNSURE
from forewarn_models.lines.places import is_byte_at

_DOT = 46
_MOST_DIGITS, _MOST_FRACTION_DIGITS = 18, 12
_LARGEST = (1 << 63) - 1
# A double between two powers of two, here 2004 and 2038, has so many binary digits of a fraction.
_FROM_SECONDS, _BEFORE_SECONDS, _PARTS = 1 << 30, 1 << 31, 1 << 22


@compiled
def time_of_number(data: AnyArray, begin: int, end: int) -> int:
    """Return the nanoseconds since 1970 of seconds or finer units by their size; 0 = no such time.

    `UNSURE` where the number is negative, long, or has a fraction and is not of these decades.
    """
    n = n_digits_at(data, begin, end, _MOST_DIGITS + 1)
    if n == 0 or n > _MOST_DIGITS:
        return UNSURE
    number, after = number_at(data, begin, end, n), begin + n
    if after == end:
        return _of_whole(number)
    n_digits = end - after - 1
    is_near = _FROM_SECONDS <= number < _BEFORE_SECONDS
    if not is_byte_at(data, after, end, _DOT) or n_digits > _MOST_FRACTION_DIGITS or not is_near:
        return UNSURE
    fraction = _nearest(number_at(data, after + 1, end, n_digits) * _PARTS, 10**n_digits)
    return int((number + fraction / _PARTS) * 1e9)


@compiled
def _of_whole(number: int) -> int:
    unit = 1
    if number <= 100_000_000:
        return 0
    if number < 100_000_000_000:
        unit = 1_000_000_000
    elif number < 100_000_000_000_000:
        unit = 1_000_000
    elif number < 100_000_000_000_000_000:
        unit = 1_000
    return number * unit if number <= _LARGEST // unit else 0


@compiled
def _nearest(dividend: int, divisor: int) -> int:
    """Return a quotient rounded to the nearest whole number, of two the even one."""
    quotient, rest = dividend // divisor, dividend % divisor
    is_up = 2 * rest > divisor or (2 * rest == divisor and quotient % 2 == 1)
    return quotient + is_up
