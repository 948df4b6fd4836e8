"""The shape of a line: its frame, in which words are blanked, and the words with the class of each.

Lines of one pattern have one frame. Which of its words are fixed and which vary is told by `tree`.
"""

from collections.abc import Iterator

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled, lent
from forewarn_models.patterns.joining import is_byte
from forewarn_models.patterns.layout import (
    BEGIN,
    BYTE_CLASSES,
    CATEGORY,
    DELIMITER,
    DIGIT,
    END,
    KIND,
    MOST_BYTES,
    MOST_TOKENS,
    N_COLUMNS,
    NUMBER,
    REMARK,
    SPACE,
    WORD,
)
from forewarn_models.patterns.lexicon import SEVERITY, UNIT_OF_SIZE
from forewarn_models.patterns.scanning import tokens_of
from forewarn_models.patterns.shapes import (
    A_REMARK,
    A_VALUE,
    A_WORD,
    KEYED,
    LEVEL,
    NAME,
    NUMBERED,
    PLAIN,
    UNIT,
    Items,
)

_WORD_BYTE, _VALUE_BYTE, _REMARK_BYTE = A_WORD[0], A_VALUE[0], A_REMARK[0]
_EQUALS, _COLON, _OPENING, _QUOTE, _APOSTROPHE = 61, 58, 40, 34, 39
_FIRST_LOWER, _LAST_LOWER = ord("a"), ord("z")
_FIRST_UPPER, _LAST_UPPER = ord("A"), ord("Z")
_MOST_SHAPE_BYTES = 2 * (MOST_BYTES + MOST_TOKENS)  # of one line: frame and items
_ROOM_BYTES = 1 << 18


def shapes_of(numbers: AnyArray, lines: IntegerArray) -> Iterator[tuple[bytes, Items]]:
    """Yield the frame of each line and its words as items.

    `numbers` are bytes, and `lines` (n, 2) says where each begins and ends in them.
    """
    room = np.empty(_ROOM_BYTES, dtype=np.uint8)
    ends = np.empty((len(lines), 2), dtype=np.int64)
    done = 0
    while done < len(lines):
        n = _outline(numbers, lines[done:], room, ends)
        written, begin = room.tobytes(), 0
        for frame_end, end in ends[:n].tolist():
            items = written[frame_end:end].split(A_WORD)
            yield written[begin:frame_end], tuple(items[:-1])
            begin = end
        done += n


@compiled
def _outline(data: AnyArray, lines: IntegerArray, room: AnyArray, ends: IntegerArray) -> int:
    """Write frame and items of line after line, of as many as fit; return how many did."""
    tokens = np.empty((MOST_TOKENS, N_COLUMNS), dtype=np.int64)
    used = 0
    for line in range(len(lines)):
        if used + _MOST_SHAPE_BYTES > len(room):
            return line
        n = tokens_of(lent(data), lines[line, 0], lines[line, 1], lent(tokens))
        used = _write_frame(lent(data), lent(tokens), n, lent(room), used)
        ends[line, 0] = used
        used = _write_items(lent(data), lent(tokens), n, lent(room), used)
        ends[line, 1] = used
    return len(lines)


@compiled
def _write_frame(data: AnyArray, tokens: AnyArray, n: int, room: AnyArray, used: int) -> int:
    for place in range(n):
        kind = tokens[place, KIND]
        if kind == WORD:
            room[used] = _WORD_BYTE
        elif kind == DELIMITER:
            room[used] = data[tokens[place, BEGIN]]
        elif kind == SPACE:
            room[used] = ord(" ")
        else:
            room[used] = _REMARK_BYTE if kind == REMARK else _VALUE_BYTE
        used += 1
    return used


@compiled
def _write_items(data: AnyArray, tokens: AnyArray, n: int, room: AnyArray, used: int) -> int:
    for place in range(n):
        if tokens[place, KIND] == WORD:
            room[used] = _class_of(data, tokens, place, n)
            used += 1
            for byte in data[tokens[place, BEGIN] : tokens[place, END]]:
                room[used] = byte
                used += 1
            room[used] = _WORD_BYTE
            used += 1
    return used


@compiled
def _class_of(data: AnyArray, tokens: AnyArray, place: int, n: int) -> int:
    category = tokens[place, CATEGORY]
    if category & SEVERITY:
        return LEVEL
    is_after_blank = place > 1 and tokens[place - 1, KIND] == SPACE
    if category & UNIT_OF_SIZE and is_after_blank and tokens[place - 2, KIND] == NUMBER:
        return UNIT
    begin, end = tokens[place, BEGIN], tokens[place, END]
    lower, upper, digits = 0, 0, 0
    for byte in data[begin:end]:
        lower += _FIRST_LOWER <= byte <= _LAST_LOWER
        upper += _FIRST_UPPER <= byte <= _LAST_UPPER
        digits += BYTE_CLASSES[byte] == DIGIT
    if digits > 0 and not is_byte(tokens, place + 1, n, _OPENING):
        return NUMBERED
    is_shouted = upper == end - begin
    if not is_shouted and _is_keyed(tokens, place, n):
        return KEYED
    is_capital = upper == 1 and _FIRST_UPPER <= data[begin] <= _LAST_UPPER
    is_plain = lower + upper == end - begin and (upper == 0 or is_capital or is_shouted)
    return PLAIN if is_plain else NAME


@compiled
def _is_keyed(tokens: AnyArray, place: int, n: int) -> bool:
    """Say whether a word is the value of a key, or alone between quotes without being a key."""
    before = place - 1
    for quote in (_QUOTE, _APOSTROPHE):
        if is_byte(tokens, before, n, quote):
            is_alone = is_byte(tokens, place + 1, n, quote)
            return is_alone and not is_byte(tokens, place + 2, n, _COLON)
    if before > 0 and tokens[before, KIND] == SPACE:
        before -= 1
    return is_byte(tokens, before, n, _EQUALS) and not is_byte(tokens, place + 1, n, _EQUALS)
