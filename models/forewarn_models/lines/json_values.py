"""Values of JSON as they stand in a line: where each ends, and whether it is right."""

import numpy as np

from forewarn_models.arrays import AnyArray
from forewarn_models.compiled import compiled
from forewarn_models.lines.digits import n_digits_at
from forewarn_models.lines.places import is_byte_at

# What a value is. Of a text that has escapes, the bytes are not those that it stands for.
STRING, ESCAPED_STRING, NUMBER, WORD, OPENED = range(1, 6)

# What stands for "this is not sure": a place that no line has.
UNSURE = -1

QUOTE, _BACKSLASH, _MINUS, _ZERO, _DOT, _U = 34, 92, 45, 48, 46, 117
_CONTROL, _ASCII = 32, 128
_MOST_DIGITS = 30  # of longer numbers, and of those with exponents, others say what they are


def _stops() -> AnyArray:
    """Return (256,) whether a byte in a text is more than itself."""
    table = np.zeros(256, dtype=np.bool_)
    table[[QUOTE, _BACKSLASH, *range(_CONTROL), *range(_ASCII, 256)]] = True
    return table


def _escapes() -> AnyArray:
    """Return (256,) the byte that one after a backslash stands for, 0 where it stands for none."""
    table = np.zeros(256, dtype=np.uint8)
    for letter, meant in zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t', strict=True):
        table[letter] = meant
    return table


_STOPS, ESCAPES = _stops(), _escapes()


@compiled
def end_of_string(data: AnyArray, begin: int, end: int) -> tuple[int, bool]:
    """Return the place of the quote that ends a text, `UNSURE` where it is broken.

    The second answer says whether there are escapes in it. Half of a pair of surrogates counts as
    broken, and so do both: they are rare.
    """
    place, has_escapes = begin, False
    while place >= 0:
        while place < end and not _STOPS[data[place]]:
            place += 1
        if place >= end:
            break
        byte = data[place]
        if byte == QUOTE:
            return place, has_escapes
        if byte == _BACKSLASH:
            has_escapes = True
            place = _after_escape(data, place, end)
        else:
            place = _after_character(data, place, end) if byte >= _ASCII else UNSURE
    return UNSURE, has_escapes


@compiled
def _after_escape(data: AnyArray, begin: int, end: int) -> int:
    if begin + 1 >= end:
        return UNSURE
    if data[begin + 1] == _U:
        code = code_at(data, begin + 2, end)
        return UNSURE if code < 0 or 0xD800 <= code <= 0xDFFF else begin + 6
    return begin + 2 if ESCAPES[data[begin + 1]] else UNSURE


@compiled
def code_at(data: AnyArray, begin: int, end: int) -> int:
    """Return the number that four hexadecimal digits make, -1 where they are none."""
    if begin + 4 > end:
        return -1
    code = 0
    for place in range(begin, begin + 4):
        byte = int(data[place])
        digit = byte - 48
        if digit > 9:
            digit = (byte | 32) - 87
            if digit < 10:
                return -1
        if digit < 0 or digit > 15:
            return -1
        code = code * 16 + digit
    return code


@compiled
def _after_character(data: AnyArray, begin: int, end: int) -> int:
    """Return the place after a character of several bytes, `UNSURE` where it is not UTF-8."""
    first = data[begin]
    if first < 0xC2 or first > 0xF4:
        return UNSURE
    after = begin + 2 + (first >= 0xE0) + (first >= 0xF0)
    if after > end:
        return UNSURE
    low, high = 0x80, 0xBF  # of the second byte: neither too long a form nor a surrogate
    if first == 0xE0:
        low = 0xA0
    elif first == 0xED:
        high = 0x9F
    elif first == 0xF0:
        low = 0x90
    elif first == 0xF4:
        high = 0x8F
    is_right = low <= data[begin + 1] <= high
    for place in range(begin + 2, after):
        is_right = is_right and 0x80 <= data[place] <= 0xBF
    return after if is_right else UNSURE


@compiled
def after_scalar(data: AnyArray, begin: int, end: int) -> tuple[int, int]:
    """Return the place after a value that is no record and no list, and what it is.

    `UNSURE` where it is broken.
    """
    byte = data[begin]
    if byte == QUOTE:
        last, has_escapes = end_of_string(data, begin + 1, end)
        if last < 0:
            return UNSURE, STRING
        return last + 1, ESCAPED_STRING if has_escapes else STRING
    if byte == _MINUS or 48 <= byte <= 57:
        return _after_number(data, begin, end), NUMBER
    if byte == _TRUE[0]:
        return _after_word(data, begin, end, _TRUE), WORD
    return _after_word(data, begin, end, _NULL if byte == _NULL[0] else _FALSE), WORD


@compiled
def _after_number(data: AnyArray, begin: int, end: int) -> int:
    place = begin + int(data[begin] == _MINUS)
    n = n_digits_at(data, place, end, _MOST_DIGITS)
    if n == 0 or (n > 1 and data[place] == _ZERO):
        return UNSURE
    place += n
    if is_byte_at(data, place, end, _DOT):
        n = n_digits_at(data, place + 1, end, _MOST_DIGITS)
        place = place + 1 + n if n else UNSURE
    return place


_TRUE, _NULL, _FALSE = (
    np.frombuffer(word, dtype=np.uint8) for word in (b"true", b"null", b"false")
)


@compiled
def _after_word(data: AnyArray, begin: int, end: int, word: AnyArray) -> int:
    if begin + len(word) > end:
        return UNSURE
    for number in range(len(word)):
        if data[begin + number] != word[number]:
            return UNSURE
    return begin + len(word)


@compiled
def decoded(data: AnyArray, places: AnyArray) -> tuple[AnyArray, int]:
    """Write n texts that have escapes as what they stand for, and move `places` to there.

    Returns bytes, and how many of them count.

    Args:
        data: bytes.
        places: (n, 2) where each text begins and ends, as `end_of_string` found it right.
    """
    n_bytes = 0
    for number in range(len(places)):
        n_bytes += places[number, 1] - places[number, 0]
    out = np.empty(n_bytes, dtype=np.uint8)
    place = 0
    for number in range(len(places)):
        begin, end = places[number, 0], places[number, 1]
        places[number, 0] = place
        place = _decode(data, begin, end, out, place)
        places[number, 1] = place
    return out, place


@compiled
def _decode(data: AnyArray, begin: int, end: int, out: AnyArray, place: int) -> int:
    each = begin
    while each < end:
        byte = data[each]
        if byte != _BACKSLASH:
            out[place] = byte
            place += 1
            each += 1
        elif data[each + 1] == _U:
            place = _put_character(code_at(data, each + 2, end), out, place)
            each += 6
        else:
            out[place] = ESCAPES[data[each + 1]]
            place += 1
            each += 2
    return place


@compiled
def _put_character(code: int, out: AnyArray, place: int) -> int:
    """Write a character of the basic plane in UTF-8, and return the place after it."""
    if code < 0x80:
        out[place] = code
        return place + 1
    if code < 0x800:
        out[place] = 0xC0 | (code >> 6)
        out[place + 1] = 0x80 | (code & 0x3F)
        return place + 2
    out[place] = 0xE0 | (code >> 12)
    out[place + 1] = 0x80 | ((code >> 6) & 0x3F)
    out[place + 2] = 0x80 | (code & 0x3F)
    return place + 3
