"""Sequences by which lines colour a terminal, left out."""

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled, lent
from forewarn_models.lines.places import next_byte

_ESCAPE, _BRACKET, _OSC, _BELL, _BACKSLASH = 27, 91, 93, 7, 92


@compiled
def strip_escapes(data: AnyArray, lines: IntegerArray, first: int) -> tuple[AnyArray, int]:
    """Write lines that have escape sequences without these, and move their places there.

    Returns bytes, and how many of them count; they are to be joined to `data`, at `first`.
    """
    n_bytes = 0
    for line in range(len(lines)):
        if _has_escape(lent(data), lines[line, 0], lines[line, 1]):
            n_bytes += lines[line, 1] - lines[line, 0]
    out = np.empty(n_bytes, dtype=np.uint8)
    place = 0
    for line in range(len(lines)):
        begin, end = lines[line, 0], lines[line, 1]
        if _has_escape(lent(data), begin, end):
            after = _strip(lent(data), begin, end, lent(out), place)
            lines[line, 0], lines[line, 1] = first + place, first + after
            place = after
    return out, place


@compiled
def _has_escape(data: AnyArray, begin: int, end: int) -> bool:
    return next_byte(data, begin, end, _ESCAPE) < end


@compiled
def _strip(data: AnyArray, begin: int, end: int, out: AnyArray, place: int) -> int:
    each = begin
    while each < end:
        if data[each] == _ESCAPE:
            each = _after_sequence(data, each, end)
        else:
            out[place] = data[each]
            place += 1
            each += 1
    return place


@compiled
def _after_sequence(data: AnyArray, begin: int, end: int) -> int:
    """Return the place after a sequence (ECMA-48): CSI up to its final byte, OSC up to its end."""
    place = begin + 1
    if place < end and data[place] == _BRACKET:
        place += 1
        while place < end and 0x20 <= data[place] <= 0x3F:
            place += 1
        return place + 1 if place < end and 0x40 <= data[place] <= 0x7E else place
    if place < end and data[place] == _OSC:
        while place < end and data[place] not in (_BELL, _ESCAPE):
            place += 1
        is_long = place + 1 < end and data[place] == _ESCAPE and data[place + 1] == _BACKSLASH
        return min(place + 1 + is_long, end)
    return min(place + (place < end and 0x40 <= data[place] <= 0x5F), end)
