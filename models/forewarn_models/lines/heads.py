"""Many lines at once: what each says of itself before its message."""

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled, lent
from forewarn_models.lines.layout import (
    AS_COMBINED,
    AS_JAVA,
    AS_LOGFMT,
    AS_PYTHON,
    AS_SYSLOG,
    AUTO,
    BEGIN,
    END,
    ESCAPED,
    JSON,
    KIND,
    N_COLUMNS,
    NANOSECONDS,
    OPEN_PART,
    SERVICE_RANK,
    WEB,
    WHOLE_PART,
)
from forewarn_models.lines.logfmt_heads import logfmt_head, unescape
from forewarn_models.lines.logger_heads import logger_head
from forewarn_models.lines.places import is_byte_at, next_byte
from forewarn_models.lines.syslog_heads import syslog_head
from forewarn_models.lines.times import epoch_at, time_at
from forewarn_models.lines.web_heads import ADDED_BYTES, web_head, write_request

_BRACE, _SPACE, _TAB, _FULL, _PARTIAL, _NEWLINE = 123, 32, 9, 70, 80, 10
_MOST_CRI_BYTES = 48
# Of the head that Kubernetes gives: whether the line came from standard error.
IS_ERROR_OUTPUT = SERVICE_RANK


@compiled
def read_heads(
    data: AnyArray,
    lines: IntegerArray,
    how: int,
    clock: tuple[int, int],
    keys: IntegerArray,
) -> IntegerArray:
    """Return (n, N_COLUMNS) what n lines say of themselves; see `layout`.

    Of a line that has line feeds in it, what is before the first counts.

    Args:
        data: bytes.
        lines: (n, 2) where each line begins and ends in `data`.
        how: the place of a format in `FORMATS`.
        clock: nanoseconds since 1970 now, and how many seconds local time is ahead of UTC.
        keys: (n_keys, 3) what keys of `key=value` mean; see `logfmt_head`.
    """
    heads = np.zeros((len(lines), N_COLUMNS), dtype=np.int64)
    for line in range(len(lines)):
        begin = lines[line, 0]
        end = next_byte(lent(data), begin, lines[line, 1], _NEWLINE)
        heads[line, BEGIN], heads[line, END] = begin, end
        _read_head(lent(data), how, clock, lent(keys), lent(heads[line]))
    return heads


@compiled
def _read_head(
    data: AnyArray,
    how: int,
    clock: tuple[int, int],
    keys: IntegerArray,
    head: IntegerArray,
) -> None:
    begin, end = head[BEGIN], head[END]
    is_auto = how == AUTO
    if begin == end or (is_auto and data[begin] in (_SPACE, _TAB)):
        return
    if is_auto and data[begin] == _BRACE:
        head[KIND] = JSON
        return
    is_read = (is_auto or how == AS_LOGFMT) and logfmt_head(data, begin, end, clock, keys, head)
    if not is_read and (is_auto or how == AS_COMBINED):
        is_read = web_head(data, begin, end, clock, head)
    if not is_read and (is_auto or how == AS_SYSLOG):
        is_read = syslog_head(data, begin, end, clock, not is_auto, head)
    if not is_read:
        logger_head(data, begin, end, clock, how in (AS_PYTHON, AS_JAVA), head)


@compiled
def read_container_heads(
    data: AnyArray, lines: IntegerArray, clock: tuple[int, int]
) -> IntegerArray:
    """Return (n, N_COLUMNS) the heads that Kubernetes gives lines; PLAIN where a line has none.

    `2026-11-27T15:00:00.123456789Z stdout F message`; a P in place of the F says that the line
    goes on in the next.
    """
    heads = np.zeros((len(lines), N_COLUMNS), dtype=np.int64)
    for line in range(len(lines)):
        begin, end = lines[line, 0], lines[line, 1]
        heads[line, BEGIN], heads[line, END] = begin, end
        _container_head(lent(data), begin, end, clock, lent(heads[line]))
    return heads


@compiled
def _container_head(
    data: AnyArray, begin: int, end: int, clock: tuple[int, int], head: IntegerArray
) -> None:
    if end - begin < 28 or data[begin + 4] != 45 or data[begin + 10] != 84:
        return
    nanoseconds, place = time_at(data, begin, min(end, begin + _MOST_CRI_BYTES), clock[0], clock[1])
    is_stream = place > begin and place + 10 <= end
    for each in range(4):
        is_stream = is_stream and data[place + each] == _STREAM[each]
    if not is_stream:
        return
    is_output = data[place + 4] == 111 and data[place + 5] == 117 and data[place + 6] == 116
    is_error = data[place + 4] == 101 and data[place + 5] == 114 and data[place + 6] == 114
    tag = data[place + 8]
    if not (is_output or is_error) or data[place + 7] != _SPACE or tag not in (_FULL, _PARTIAL):
        return
    after = place + 9
    while after < end and data[after] != _SPACE:  # tags beyond the first are for later use
        after += 1
    head[KIND] = WHOLE_PART if tag == _FULL else OPEN_PART
    head[NANOSECONDS], head[IS_ERROR_OUTPUT] = nanoseconds, is_error
    head[BEGIN] = after + is_byte_at(data, after, end, _SPACE)


_STREAM = (32, 115, 116, 100)


@compiled
def write_messages(data: AnyArray, heads: IntegerArray, first: int) -> tuple[AnyArray, int]:
    """Write messages that are not as they stand in their lines, and move heads to them.

    Returns bytes, and how many of them count; they are to be joined to `data`, at `first`.
    """
    n_bytes = 0
    for line in range(len(heads)):
        if heads[line, KIND] in (WEB, ESCAPED):
            n_bytes += heads[line, END] - heads[line, BEGIN] + ADDED_BYTES
    out = np.empty(n_bytes, dtype=np.uint8)
    place = 0
    for line in range(len(heads)):
        kind, begin, end = heads[line, KIND], heads[line, BEGIN], heads[line, END]
        after = place
        if kind == WEB:
            after = write_request(lent(data), begin, end, lent(out), place)
        elif kind == ESCAPED:
            after = unescape(lent(data), begin, end, lent(out), place)
        if kind in (WEB, ESCAPED):
            heads[line, BEGIN], heads[line, END] = first + place, first + after
        place = after
    return out, place


@compiled
def read_times(data: AnyArray, places: IntegerArray, clock: tuple[int, int]) -> IntegerArray:
    """Return (n,) the times that n texts are, in nanoseconds since 1970; 0 where one is none."""
    nanoseconds = np.zeros(len(places), dtype=np.int64)
    for number in range(len(places)):
        begin, end = places[number, 0], places[number, 1]
        found, after = time_at(lent(data), begin, end, clock[0], clock[1])
        nanoseconds[number] = found if after > begin else epoch_at(lent(data), begin, end)
    return nanoseconds


@compiled
def end_at_line_feed(data: AnyArray, places: IntegerArray) -> None:
    """Move the ends of n texts to their first line feed, those at their starts left out."""
    for number in range(len(places)):
        begin, end = places[number, 0], places[number, 1]
        while begin < end and data[begin] == _NEWLINE:
            begin += 1
        places[number, 0] = begin
        places[number, 1] = next_byte(lent(data), begin, end, _NEWLINE)
