"""The headers of syslog lines, RFC 5424 and RFC 3164, and where their messages begin."""

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled, lent
from forewarn_models.lines.syslog_parts import (
    after_byte_order_mark,
    after_structured_data,
    priority_at,
)
from forewarn_models.lines.syslog_times import (
    LOCAL_SECOND,
    N_TIME_COLUMNS,
    NANOSECONDS,
    YEAR,
    read_full_time,
    read_short_time,
)

# Columns of what is found, behind those of the time: the number in <>, -1 = none; where host,
# program and message begin and end; a hash of host, program and facility.
PRIORITY = N_TIME_COLUMNS
HOST_BEGIN, HOST_END, PROGRAM_BEGIN, PROGRAM_END, MESSAGE_BEGIN, MESSAGE_END, KEY = range(
    PRIORITY + 1, PRIORITY + 8
)
N_HEADER_COLUMNS = KEY + 1

_MOST_BYTES_OF_WORD = 255
_SPACE, _STAR, _DASH, _POINT, _ZERO, _ONE, _NINE = 32, 42, 45, 46, 48, 49, 57
_COLON, _OPENING, _CLOSING = 58, 91, 93
_FIRST_PRIME, _SECOND_PRIME, _HASH_MASK = 0x01000193, 0x00B5297B, (1 << 31) - 1


@compiled
def read_headers(data: AnyArray, lines: IntegerArray, found: IntegerArray) -> None:
    """Write what the header of each line says.

    Args:
        data: bytes.
        lines: (n, 2) where each line begins and ends in `data`.
        found: (n, N_HEADER_COLUMNS). A line without a header is a message from its first byte on.
    """
    for line in range(len(lines)):
        row = found[line]
        begin, end = lines[line, 0], lines[line, 1]
        row[NANOSECONDS], row[YEAR], row[LOCAL_SECOND] = 0, 0, -1
        row[HOST_BEGIN : MESSAGE_BEGIN + 1] = begin
        row[MESSAGE_END] = end
        at, row[PRIORITY] = priority_at(lent(data), begin, end)
        if row[PRIORITY] >= 0 and at + 1 < end and data[at] == _ONE and data[at + 1] == _SPACE:
            row[MESSAGE_BEGIN] = _read_new(lent(data), at, end, lent(row))
        else:
            row[MESSAGE_BEGIN] = _read_old(lent(data), at, end, lent(row))
        row[KEY] = _key(lent(data), lent(row))


@compiled
def _end_of_word(data: AnyArray, begin: int, end: int) -> int:
    """Return where a word ends, `begin` where there is none or it is too long to be one."""
    last = min(end, begin + _MOST_BYTES_OF_WORD + 1)
    for place in range(begin, last):
        if data[place] == _SPACE:
            return place
    return begin if last < end else last


@compiled
def _is_nil(data: AnyArray, begin: int, end: int) -> bool:
    return bool(end == begin + 1 and data[begin] == _DASH)


@compiled
def _read_new(data: AnyArray, begin: int, end: int, row: IntegerArray) -> int:
    """Read a header of RFC 5424 from its version on; return where its message begins."""
    at = read_full_time(data, begin + 2, end, row)
    if at == begin + 2:
        at = _end_of_word(data, at, end)
        if not _is_nil(data, begin + 2, at):
            return begin
    words = np.empty((4, 2), dtype=np.int64)
    for word in range(4):  # host, program, process, kind of message
        if at >= end or data[at] != _SPACE:
            return begin
        words[word, 0], words[word, 1] = at + 1, _end_of_word(data, at + 1, end)
        at = words[word, 1]
        if at == words[word, 0]:
            return begin
    for word, column in ((0, HOST_BEGIN), (1, PROGRAM_BEGIN)):
        if not _is_nil(data, words[word, 0], words[word, 1]):
            row[column], row[column + 1] = words[word, 0], words[word, 1]
    return _message_begin(data, at + 1, end)


@compiled
def _message_begin(data: AnyArray, begin: int, end: int) -> int:
    """Return where the message begins: behind the elements in brackets, unless there is no more."""
    at = after_structured_data(data, begin, end)
    if at < end and data[at] != _SPACE:
        return begin
    at = after_byte_order_mark(data, at + 1, end)
    if at < end:
        return at
    return begin if begin < end and data[begin] == _OPENING else end


@compiled
def _read_old(data: AnyArray, begin: int, end: int, row: IntegerArray) -> int:
    """Read a header of RFC 3164, or what devices send in its place; return where the message is."""
    time = _after_sequence_number(data, begin, end)
    if time < end and data[time] in (_SPACE, _STAR, _POINT):  # Cisco marks clocks that are not set
        time += 1
    at = read_short_time(data, time, end, row)
    if at == time:
        at = read_full_time(data, time, end, row)
    if at == time:
        return begin if row[PRIORITY] < 0 else _read_tag(data, time, end, row)
    if at < end and data[at] == _COLON:
        at += 1
    if at >= end or data[at] != _SPACE:
        return at
    host = at + 1
    at = _end_of_word(data, host, end)
    if at in (host, end) or _is_tag(data, host, at):
        return _read_tag(data, host, end, row)
    row[HOST_BEGIN], row[HOST_END] = host, at
    return _read_tag(data, at + 1, end, row)


@compiled
def _after_sequence_number(data: AnyArray, begin: int, end: int) -> int:
    """Return where the line goes on behind `123: `, by which Cisco's devices count lines."""
    at = begin
    while at < end and data[at] >= _ZERO and data[at] <= _NINE:
        at += 1
    is_number = at > begin and at + 1 < end and data[at] == _COLON and data[at + 1] == _SPACE
    return at + 2 if is_number else begin


@compiled
def _is_tag(data: AnyArray, begin: int, end: int) -> bool:
    """Return whether a word is a program, `su:` or `su[123]:`, not a host."""
    at = begin + 1
    while at < end and data[at] != _OPENING:
        at += 1
    return bool(at < end or data[end - 1] == _COLON)


@compiled
def _read_tag(data: AnyArray, begin: int, end: int, row: IntegerArray) -> int:
    """Read `program:` or `program[123]:`; return where what follows begins."""
    last = min(end, begin + _MOST_BYTES_OF_WORD)
    at = begin
    while at < last and data[at] not in (_SPACE, _COLON, _OPENING):
        at += 1
    if at in (begin, last) or data[at] == _SPACE:
        return begin
    name_end = at
    if data[at] == _OPENING:
        while at < last and data[at] not in (_SPACE, _CLOSING):
            at += 1
        if at == last or data[at] == _SPACE:
            return begin
        at += 1
    if at < end and data[at] == _COLON:
        at += 1
    if at < end and data[at] != _SPACE:
        return begin
    row[PROGRAM_BEGIN], row[PROGRAM_END] = begin, name_end
    return min(at + 1, end)


@compiled
def _key(data: AnyArray, row: IntegerArray) -> int:
    """Return a hash of host, program and facility, 62 bits."""
    first = second = (row[PRIORITY] >> 3) + 2
    for column in (HOST_BEGIN, PROGRAM_BEGIN):
        for place in range(row[column], row[column + 1]):
            byte = int(data[place])
            first = ((first ^ byte) * _FIRST_PRIME) & _HASH_MASK
            second = ((second ^ byte) * _SECOND_PRIME) & _HASH_MASK
        first = ((first ^ 256) * _FIRST_PRIME) & _HASH_MASK
        second = ((second ^ 256) * _SECOND_PRIME) & _HASH_MASK
    return int(first << 31 | second)
