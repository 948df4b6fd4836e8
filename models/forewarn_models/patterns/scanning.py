"""Many lines at once: what of each is fixed as one number, which pattern it is known to be of."""

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled, lent
from forewarn_models.patterns.joining import join
from forewarn_models.patterns.layout import (
    DELIMITER,
    HASH,
    KIND,
    MOST_TOKENS,
    N_COLUMNS,
    REMARK,
    SPACE,
    WORD,
)
from forewarn_models.patterns.lexicon import HASH_MASK, HASH_PRIME, HASH_START
from forewarn_models.patterns.reading import read
from forewarn_models.patterns.splitting import split

_SECOND_START, _SECOND_PRIME = 0x2545F491, 0x7FEB35
_BLANK_CODE, _VALUE_CODE, _REMARK_CODE = 0x10001, 0x20003, 0x30005
_KEY_SHIFT, _SLOT_SHIFT = 22, 9


@compiled
def tokens_of(data: AnyArray, begin: int, end: int, tokens: AnyArray) -> int:
    """Write the tokens of one line, values told from words, and return how many there are."""
    n = split(data, begin, end, tokens)
    return read(data, tokens, join(data, tokens, n))


@compiled
def key_of(tokens: AnyArray, n: int) -> int:
    """Return the hash of what is fixed in a line, 62 bits and never 0."""
    first, second = HASH_START, _SECOND_START
    for place in range(n):
        kind = tokens[place, KIND]
        if kind in (WORD, DELIMITER):
            code = tokens[place, HASH]
        elif kind == SPACE:
            code = _BLANK_CODE
        else:
            code = _REMARK_CODE if kind == REMARK else _VALUE_CODE
        code ^= code >> 20
        first = ((first ^ code) * HASH_PRIME) & HASH_MASK
        second = (((second ^ code) & HASH_MASK) * _SECOND_PRIME) & HASH_MASK
    first ^= first >> 21
    second ^= second >> 19
    return int((first << _KEY_SHIFT) ^ second) | 1


@compiled
def slot_of(known: IntegerArray, key: int) -> int:
    """Return the slot of a key: where it lies, or the empty one where it belongs."""
    mask = len(known) - 1
    slot = (key >> _SLOT_SHIFT) & mask
    while known[slot, 0] != 0 and known[slot, 0] != key:
        slot = (slot + 1) & mask
    return slot


@compiled
def scan(
    data: AnyArray,
    lines: IntegerArray,
    known: IntegerArray,
    counts: IntegerArray,
    out: tuple[IntegerArray, IntegerArray],
) -> int:
    """Count the lines that are known and return how many are not.

    Args:
        data: bytes.
        lines: (n, 2) where each line begins and ends in `data`.
        known: (n_slots, 2) the keys that are known and their rows; a key of 0 is an empty slot.
        counts: of each row, added to.
        out: (n,) the key of each line, and its row, -1 where it is not known.
    """
    tokens = np.empty((MOST_TOKENS, N_COLUMNS), dtype=np.int64)
    n_unknown = 0
    for line in range(len(lines)):
        n = tokens_of(lent(data), lines[line, 0], lines[line, 1], lent(tokens))
        key = key_of(lent(tokens), n)
        slot = slot_of(lent(known), key)
        out[0][line] = key
        if known[slot, 0] == key:
            row = known[slot, 1]
            out[1][line] = row
            counts[row] += 1
        else:
            out[1][line] = -1
            n_unknown += 1
    return n_unknown


@compiled
def line_places(data: AnyArray, begin: int, lines: IntegerArray) -> tuple[int, int]:
    """Write where each line begins and ends; return how many there are and where the rest begins.

    A line ends with a newline, with or without a carriage return before it, neither of which
    belongs to it. What follows the last newline is no line yet.
    """
    n = 0
    for place in range(begin, len(data)):
        if data[place] == 10:
            if n == len(lines):
                break
            end = place
            if end > begin and data[end - 1] == 13:
                end -= 1
            lines[n, 0], lines[n, 1] = begin, end
            n, begin = n + 1, place + 1
    return n, begin
