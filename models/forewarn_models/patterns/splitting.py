"""Lines into tokens: words, values, single delimiters and blanks between them.

A piece is letters, digits, `_` and `$`, with single dots, dashes and plus signs inside, and a sign
before a digit. A piece with a digit is a value, unless it is a function's name or a short word with
one digit, as `eth0` is: whether those vary is seen later.
"""

from forewarn_models.arrays import AnyArray
from forewarn_models.compiled import compiled
from forewarn_models.patterns.layout import (
    A_DOT,
    A_HEX_LETTER,
    BEGIN,
    BLANK,
    BYTE_CLASSES,
    BYTE_COUNTS,
    CATEGORY,
    CONNECTOR,
    DELIMITER,
    DIGIT,
    DIGITS,
    END,
    ESCAPE,
    HASH,
    HEX_LETTERS,
    HOST,
    IDENTIFIER,
    KIND,
    LETTERS,
    MOST_BYTES,
    MOST_TOKENS,
    NUMBER,
    SPACE,
    WORD,
)
from forewarn_models.patterns.lexicon import (
    HASH_MASK,
    HASH_PRIME,
    HASH_START,
    LEXICON,
    N_SLOTS,
    REVERSED,
    SUFFIX,
    TOP_DOMAIN,
    VALUE,
)

_DASH, _DOT = 45, 46
_OPENING = 40  # a parenthesis
_AT_LETTER = 64  # beyond it there are no signs: "[" and letters
_FEWEST_LETTERS_OF_HEX = 8  # a word of fewer, all of them hexadecimal, may be English
_COUNTRY_LETTERS = 2
_DOTS_OF_COUNTRY = 2  # with fewer it may be a file's name
_DOTS_OF_ADDRESS = 3
_LONGEST_WORD = 64
_MOST_LETTERS_BESIDE_DIGIT = 8
_LOWER = 96  # lower-case letters lie beyond it


@compiled
def split(data: AnyArray, begin: int, end: int, tokens: AnyArray) -> int:
    """Write the tokens of `data[begin:end]` and return how many there are.

    Blanks at either end are left out, and those between become one. What lies beyond the most that
    a line takes part with becomes one identifier.
    """
    n, place, is_blank = 0, begin, False
    stop = min(end, begin + MOST_BYTES)
    while place < stop and n < MOST_TOKENS - 3:
        kind = BYTE_CLASSES[data[place]]
        if kind == BLANK:
            place, is_blank = _after_blank(data, place, stop), True
            continue
        if is_blank and n > 0:
            _put(tokens, n, SPACE, place - 1, place)
            n += 1
        is_blank = False
        if _begins_piece(data, place, stop, kind):
            place, n = _piece(data, place, stop, tokens, n)
        else:
            _put(tokens, n, DELIMITER, place, place + 1)
            tokens[n, HASH] = data[place]
            place, n = place + 1, n + 1
    if place < end and n > 0:
        _put(tokens, n, IDENTIFIER, place, end)
        n += 1
    return n


@compiled
def category_of(key: int) -> int:
    """Return the categories of the word with this hash, 0 for one without."""
    slot = (key >> 16) % N_SLOTS
    while LEXICON[slot, 1] != 0:
        if LEXICON[slot, 0] == key:
            return int(LEXICON[slot, 1])
        slot = (slot + 1) % N_SLOTS
    return 0


@compiled
def _put(tokens: AnyArray, n: int, kind: int, begin: int, end: int) -> None:
    tokens[n, KIND], tokens[n, BEGIN], tokens[n, END] = kind, begin, end
    tokens[n, HASH], tokens[n, CATEGORY] = 0, 0


@compiled
def _after_blank(data: AnyArray, place: int, stop: int) -> int:
    """Return where a blank ends; a terminal's sequence, as of colours, is one as a whole."""
    if data[place] != ESCAPE or place + 1 >= stop or data[place + 1] != ord("["):
        return place + 1
    place += 2
    while place < stop and data[place] < _AT_LETTER and data[place] > ESCAPE:
        place += 1
    return min(place + 1, stop)


@compiled
def _is_inner(kind: int) -> bool:
    return BLANK < kind < CONNECTOR  # a letter, one of hexadecimal, a digit


@compiled
def _begins_piece(data: AnyArray, place: int, stop: int, kind: int) -> bool:
    if _is_inner(kind):
        return True
    is_sign = kind == CONNECTOR and data[place] <= _DASH  # a dash or a plus
    return is_sign and place + 1 < stop and BYTE_CLASSES[data[place + 1]] == DIGIT


@compiled
def _piece(data: AnyArray, place: int, stop: int, tokens: AnyArray, n: int) -> tuple[int, int]:
    """Write the piece that begins at `place`; return where it ends and how many tokens are."""
    begin, dot, value, before_dot, counted = place, -1, HASH_START, HASH_START, 0
    if BYTE_COUNTS[data[place]] == 0:  # a sign
        value = ((value ^ int(data[place])) * HASH_PRIME) & HASH_MASK
        place += 1
    while place < stop:
        byte = int(data[place])
        count = BYTE_COUNTS[byte]
        if count == 0:
            is_inner = BYTE_CLASSES[byte] == CONNECTOR and place + 1 < stop
            if not is_inner or BYTE_COUNTS[data[place + 1]] == 0:
                break
            if byte == _DOT:
                dot, before_dot, count = place, value, A_DOT
        counted += count
        value = ((value ^ byte) * HASH_PRIME) & HASH_MASK
        place += 1
    if dot >= 0 and _is_numbered(data, dot + 1, place, counted):
        return place, _numbered(data, (begin, dot + 1, place), before_dot, tokens, n)
    tokens[n, KIND], tokens[n, BEGIN], tokens[n, END] = WORD, begin, place
    tokens[n, HASH], tokens[n, CATEGORY] = value, 0
    if counted & DIGITS == 0:
        tokens[n, CATEGORY] = category_of(value)
    tokens[n, KIND] = _kind(data, (begin, dot + 1, place), counted, tokens[n, CATEGORY])
    return place, n + 1


@compiled
def _kind(data: AnyArray, places: tuple[int, int, int], counted: int, category: int) -> int:
    """Return what a piece is: of its places the second is where its last label begins."""
    begin, label, end = places
    is_host = label > 0 and _is_host(data, begin, label, end, counted // A_DOT)
    if is_host:
        return HOST
    if counted & DIGITS == 0:
        is_hex = counted & LETTERS == 0 and end - begin >= _FEWEST_LETTERS_OF_HEX
        is_hex = is_hex and counted & HEX_LETTERS == (end - begin) * A_HEX_LETTER
        is_value = is_hex or end - begin > _LONGEST_WORD or category & VALUE
        return IDENTIFIER if is_value else WORD
    if _keeps_digits(data, begin, end, counted & DIGITS):
        return WORD
    is_number = counted & LETTERS == 0 and counted < _DOTS_OF_ADDRESS * A_DOT
    return NUMBER if is_number else IDENTIFIER


@compiled
def _is_numbered(data: AnyArray, label: int, end: int, counted: int) -> bool:
    """Say whether all digits of a piece follow its last dot, and nothing else does."""
    digits = counted & DIGITS
    if end - label != digits or counted & (LETTERS | HEX_LETTERS) == 0:
        return False
    in_label = 0
    for place in range(label, end):
        in_label += BYTE_CLASSES[data[place]] == DIGIT
    return in_label == digits


@compiled
def _numbered(
    data: AnyArray, places: tuple[int, int, int], key: int, tokens: AnyArray, n: int
) -> int:
    """Write a word, a dot and the number behind it, as in `core.2275`."""
    begin, number, end = places
    _put(tokens, n, WORD, begin, number - 1)
    tokens[n, HASH], tokens[n, CATEGORY] = key, category_of(key)
    _put(tokens, n + 1, DELIMITER, number - 1, number)
    tokens[n + 1, HASH] = data[number - 1]
    _put(tokens, n + 2, NUMBER, number, end)
    return n + 3


@compiled
def _is_host(data: AnyArray, begin: int, label: int, end: int, dots: int) -> bool:
    """Say whether labels with dots between them are the name of a host, and not of a package."""
    first = begin
    while data[first] != _DOT:
        first += 1
    if _category(data, begin, first) & REVERSED:
        return False
    category = _category(data, label, end)
    if category & TOP_DOMAIN:
        return True
    if dots < _DOTS_OF_COUNTRY or end - label != _COUNTRY_LETTERS or category & SUFFIX:
        return False
    return bool(data[label] > _LOWER and data[label + 1] > _LOWER)


@compiled
def _category(data: AnyArray, begin: int, end: int) -> int:
    value = HASH_START
    for place in range(begin, end):
        value = ((value ^ int(data[place])) * HASH_PRIME) & HASH_MASK
    return category_of(value)


@compiled
def _keeps_digits(data: AnyArray, begin: int, end: int, digits: int) -> bool:
    """Say whether a piece is a function's name, or a short word with one digit."""
    first = BYTE_CLASSES[data[begin]]
    if first in (DIGIT, CONNECTOR):
        return False
    if end < len(data) and data[end] == _OPENING:
        return True
    if digits != 1 or not _MOST_LETTERS_BESIDE_DIGIT >= end - begin - 1 > 0:
        return False
    for place in range(begin, end):
        if not _is_plain_letter(data[place]) and BYTE_CLASSES[data[place]] != DIGIT:
            return False
    return True


@compiled
def _is_plain_letter(byte: int) -> bool:
    return ord("a") <= byte <= ord("z") or ord("A") <= byte <= ord("Z")
