"""Frames that say how long they are (RFC 6587, 3.4.1): `11 <13>a b c d`."""

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled

MOST_DIGITS = 8
_SPACE, _ZERO, _NINE = 32, 48, 57


@compiled
def frame_length(data: AnyArray, begin: int) -> tuple[int, int]:
    """Return the length that a frame says it has, and where its content begins.

    The length is -1 where there are too few bytes to tell yet, -2 where it is no length.
    """
    length = 0
    for place in range(begin, min(len(data), begin + MOST_DIGITS + 1)):
        byte = int(data[place])
        if byte == _SPACE and length > 0:
            return length, place + 1
        if byte < _ZERO + (length == 0) or byte > _NINE:
            return -2, begin
        length = 10 * length + byte - _ZERO
    return (-1 if len(data) <= begin + MOST_DIGITS else -2), begin


@compiled
def frame_places(data: AnyArray, frames: IntegerArray) -> tuple[int, int]:
    """Write where the content of each whole frame begins and ends.

    Returns how many there are, at most as many as `frames` has rows, and where the rest begins.
    """
    n, begin = 0, 0
    while n < len(frames):
        length, content = frame_length(data, begin)
        if length < 0 or content + length > len(data):
            break
        begin = content + length
        frames[n, 0], frames[n, 1] = content, begin
        n += 1
    return n, begin
