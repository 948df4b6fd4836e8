"""Lines of web servers: the common and the combined log format."""

from http import HTTPStatus

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled
from forewarn_models.lines.digits import number_at
from forewarn_models.lines.layout import (
    BEGIN,
    BYTE_CLASSES,
    END,
    KIND,
    LETTER,
    LEVEL,
    MOST_HEAD_BYTES,
    NANOSECONDS,
    WEB,
)
from forewarn_models.lines.places import is_byte_at, next_byte, next_space
from forewarn_models.lines.severity import ERROR, INFO, WARN
from forewarn_models.lines.times import time_at

_OPEN, _CLOSE, _SPACE, _QUOTE, _BACKSLASH, _SLASH, _ASK = 91, 93, 32, 34, 92, 47, 63
_MOST_METHOD_BYTES = 24
_MOST_SEGMENTS = 4
_MOST_SEGMENT_BYTES = 48
# A request as it is mined is no longer than its line and this.
ADDED_BYTES = 48
_REASON_BYTES = 40


def _reasons() -> AnyArray:
    """Return (600, 40) the words of each status, a blank before them, zeros after them."""
    table = np.zeros((600, _REASON_BYTES), dtype=np.uint8)
    for status in HTTPStatus:
        phrase = b" " + status.phrase.encode()[: _REASON_BYTES - 1]
        table[status.value, : len(phrase)] = np.frombuffer(phrase, dtype=np.uint8)
    return table


_REASONS = _reasons()


@compiled
def web_head(
    data: AnyArray, begin: int, end: int, clock: tuple[int, int], head: IntegerArray
) -> bool:
    """Write what a line of an access log says, and say whether it is one.

    The message spans from the request to its status, to be rewritten by `write_request`.
    """
    limit = min(end, begin + MOST_HEAD_BYTES)
    bracket = next_byte(data, begin, limit, _OPEN)
    if bracket >= limit or bracket < begin + 4 or data[bracket - 1] != _SPACE:
        return False
    nanoseconds, after = time_at(data, bracket + 1, limit, clock[0], clock[1])
    if after == bracket + 1 or not is_byte_at(data, after, end, _CLOSE):
        return False
    if not is_byte_at(data, after + 1, end, _SPACE) or not is_byte_at(data, after + 2, end, _QUOTE):
        return False
    request = after + 3
    quote = after_quoted(data, request, end)
    status = number_at(data, quote + 2, end, 3)
    if quote >= end or status < 100 or status > 599 or data[quote + 1] != _SPACE:
        return False
    head[KIND], head[NANOSECONDS] = WEB, nanoseconds
    head[BEGIN], head[END] = request, quote + 5
    head[LEVEL] = ERROR if status >= 500 else WARN if status >= 400 else INFO
    return True


@compiled
def after_quoted(data: AnyArray, begin: int, end: int) -> int:
    """Return the place of the quote that ends a text, or the end."""
    place = begin
    while place < end and data[place] != _QUOTE:
        place += 2 if data[place] == _BACKSLASH else 1
    return min(place, end)


@compiled
def write_request(data: AnyArray, begin: int, end: int, out: AnyArray, place: int) -> int:
    """Write a request as it is mined, `GET api users 42 404 Not Found`, and return where it ends.

    The path is words, of which the first few count, because a path is one value to the miner; its
    query is left out. What is no request, as binary bytes to a port of TLS are, is `-`.
    """
    last = end - 5  # the quote, a blank and three digits
    method_end = next_space(data, begin, last)
    is_request = 0 < method_end - begin <= _MOST_METHOD_BYTES and method_end < last
    for each in range(begin, method_end):
        is_request = is_request and BYTE_CLASSES[data[each]] & LETTER != 0
    if is_request:
        place = _copy(data, begin, method_end, out, place)
        path_end = next_space(data, method_end + 1, last)
        path_end = min(path_end, next_byte(data, method_end + 1, path_end, _ASK))
        place = _write_path(data, method_end + 1, path_end, out, place)
    else:
        out[place] = 45
        place += 1
    out[place] = _SPACE
    place = _copy(data, end - 3, end, out, place + 1)
    reason = _REASONS[number_at(data, end - 3, end, 3)]
    for each in range(_REASON_BYTES):
        if reason[each] == 0:
            break
        out[place] = reason[each]
        place += 1
    return place


@compiled
def _write_path(data: AnyArray, begin: int, end: int, out: AnyArray, place: int) -> int:
    n_segments = 0
    while begin < end and n_segments < _MOST_SEGMENTS:
        segment_end = next_byte(data, begin, end, _SLASH)
        if segment_end > begin:
            out[place] = _SPACE
            place = _copy(
                data, begin, min(segment_end, begin + _MOST_SEGMENT_BYTES), out, place + 1
            )
            n_segments += 1
        begin = segment_end + 1
    if n_segments == 0:
        out[place], out[place + 1] = _SPACE, _SLASH
        place += 2
    return place


@compiled
def _copy(data: AnyArray, begin: int, end: int, out: AnyArray, place: int) -> int:
    for each in range(begin, end):
        out[place] = data[each]
        place += 1
    return place
