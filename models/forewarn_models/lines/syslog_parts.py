"""What lines of syslog begin and end with, received or in files.

Between, the two are read differently. What a sender says to a receiver is syslog: `syslog_headers`
leaves a time without a zone to whoever knows when it came. A line of a file may be anything:
`syslog_heads` says whether it is of syslog at all, and takes more forms of time.
"""

from forewarn_models.arrays import AnyArray
from forewarn_models.compiled import compiled
from forewarn_models.lines.digits import n_digits_at, number_at
from forewarn_models.lines.places import is_byte_at

_LESS, _GREATER, _OPENING, _BACKSLASH, _CLOSING, _DASH, _QUOTE = 60, 62, 91, 92, 93, 45, 34
_MOST_PRIORITY = 191


@compiled
def priority_at(data: AnyArray, begin: int, end: int) -> tuple[int, int]:
    """Return where what follows `<134>` begins, and the number; `begin` and -1 without one."""
    if not is_byte_at(data, begin, end, _LESS):
        return begin, -1
    n = n_digits_at(data, begin + 1, end, 3)
    priority = number_at(data, begin + 1, end, n)
    if n == 0 or priority > _MOST_PRIORITY or not is_byte_at(data, begin + 1 + n, end, _GREATER):
        return begin, -1
    return begin + n + 2, priority


@compiled
def after_structured_data(data: AnyArray, begin: int, end: int) -> int:
    """Return the place after `-` or `[id name="value"]...`; `begin` where there is neither."""
    if is_byte_at(data, begin, end, _DASH):
        return begin + 1
    place, is_quoted, depth = begin, False, 0
    while place < end:
        byte = data[place]
        if is_quoted and byte == _BACKSLASH:
            place += 1
        elif byte == _QUOTE and depth:
            is_quoted = not is_quoted
        elif not is_quoted and byte == _OPENING:
            depth = 1
        elif not is_quoted and byte == _CLOSING and depth:
            depth = 0
        elif depth == 0:
            break
        place += 1
    return begin if depth or is_quoted else min(place, end)


@compiled
def after_byte_order_mark(data: AnyArray, begin: int, end: int) -> int:
    """Return the place after the mark by which RFC 5424 says that a message is UTF-8."""
    is_there = (
        is_byte_at(data, begin, end, 0xEF)
        and is_byte_at(data, begin + 1, end, 0xBB)
        and is_byte_at(data, begin + 2, end, 0xBF)
    )
    return begin + 3 if is_there else begin
