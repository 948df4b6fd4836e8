"""Small steps through the bytes of a line."""

from forewarn_models.arrays import AnyArray
from forewarn_models.compiled import compiled
from forewarn_models.lines.layout import BYTE_CLASSES, NAME, SPACE


@compiled
def after_spaces(data: AnyArray, begin: int, end: int) -> int:
    """Return the first place that has neither a blank nor a tab."""
    while begin < end and BYTE_CLASSES[data[begin]] & SPACE:
        begin += 1
    return begin


@compiled
def next_space(data: AnyArray, begin: int, end: int) -> int:
    """Return the first place that has a blank or a tab, or the end."""
    while begin < end and not BYTE_CLASSES[data[begin]] & SPACE:
        begin += 1
    return begin


@compiled
def next_byte(data: AnyArray, begin: int, end: int, byte: int) -> int:
    """Return the first place that has a byte, or the end."""
    while begin < end and data[begin] != byte:
        begin += 1
    return begin


@compiled
def after_name(data: AnyArray, begin: int, end: int) -> int:
    """Return the first place that has no byte of a name."""
    while begin < end and BYTE_CLASSES[data[begin]] & NAME:
        begin += 1
    return begin


@compiled
def is_byte_at(data: AnyArray, place: int, end: int, byte: int) -> bool:
    """Say whether a place before the end has a byte."""
    return place < end and data[place] == byte


@compiled
def after_group(data: AnyArray, begin: int, end: int, closing: int) -> int:
    """Return the place after the bracket that closes that at `begin`; `begin` where none does."""
    opening, place, depth = data[begin], begin, 0
    while place < end:
        if data[place] == opening:
            depth += 1
        elif data[place] == closing:
            depth -= 1
            if depth == 0:
                return place + 1
        place += 1
    return begin
