"""Tokens that are one value together: paths, URLs, addresses with ports, clocks, MAC and IPv6."""

from forewarn_models.arrays import AnyArray
from forewarn_models.compiled import compiled
from forewarn_models.patterns.layout import (
    BEGIN,
    BYTE_CLASSES,
    CATEGORY,
    DELIMITER,
    END,
    HASH,
    HOST,
    IDENTIFIER,
    KIND,
    N_COLUMNS,
    NUMBER,
    PATH,
    SPACE,
    STRONG,
    WORD,
)
from forewarn_models.patterns.lexicon import PROTOCOL

_COLON, _SLASH, _BACKSLASH, _AT, _QUERY, _COMMA = 58, 47, 92, 64, 63, 44
_DOT, _TILDE = 46, 126
_FEWEST_SLASHES = 2  # a/b may be two words, a/b/c is a path
_MOST_HEX_BYTES = 4
_FEWEST_COLONS_OF_HEX = 2
_COLONS_OF_MAC = 5
_FRACTION_DIGITS = (3, 6)


@compiled
def join(data: AnyArray, tokens: AnyArray, n: int) -> int:
    """Join neighbours in place and return how many tokens are left."""
    kept, place = 0, 0
    while place < n:
        after, kind = place, 0
        if _may_begin(tokens, place, n):
            after, kind = _joined(data, tokens, place, n)
        if after == place:
            copy_token(tokens, place, kept)
            place += 1
        else:
            begin, end = tokens[place, BEGIN], tokens[after - 1, END]
            tokens[kept, KIND], tokens[kept, BEGIN], tokens[kept, END] = kind, begin, end
            tokens[kept, CATEGORY] = 0
            place = after
        kept += 1
    return kept


@compiled
def copy_token(tokens: AnyArray, place: int, kept: int) -> None:
    """Put the token at `place` where `kept` is."""
    if kept != place:
        for column in range(N_COLUMNS):
            tokens[kept, column] = tokens[place, column]


@compiled
def _may_begin(tokens: AnyArray, place: int, n: int) -> bool:
    """Say whether a value of several tokens may begin here: nearly all tokens cannot."""
    kind = tokens[place, KIND]
    if kind == DELIMITER:
        byte = tokens[place, HASH]
        return bool(byte in (_SLASH, _COLON, _DOT, _TILDE, _BACKSLASH))
    if kind == SPACE or place + 1 == n or tokens[place + 1, KIND] != DELIMITER:
        return False
    byte = tokens[place + 1, HASH]
    return bool(byte in (_COLON, _SLASH, _AT))


@compiled
def is_byte(tokens: AnyArray, place: int, n: int, byte: int) -> bool:
    """Say whether the token at `place` is this delimiter; beyond the last one none is."""
    return 0 <= place < n and tokens[place, KIND] == DELIMITER and tokens[place, HASH] == byte


@compiled
def is_piece(tokens: AnyArray, place: int, n: int) -> bool:
    """Say whether the token at `place` is a word or a value."""
    return 0 <= place < n and tokens[place, KIND] >= WORD


@compiled
def is_value(tokens: AnyArray, place: int, n: int) -> bool:
    """Say whether the token at `place` is a value."""
    return 0 <= place < n and tokens[place, KIND] > WORD


@compiled
def _joined(data: AnyArray, tokens: AnyArray, place: int, n: int) -> tuple[int, int]:
    """Return where the value that begins at `place` ends and its kind; `place` where none does."""
    if tokens[place, KIND] == DELIMITER:
        if tokens[place, HASH] != _COLON:
            return _rooted(tokens, place, n), PATH
        is_double = is_byte(tokens, place + 1, n, _COLON)
        return (_hex_groups(data, tokens, place, n) if is_double else place), NUMBER
    if not is_byte(tokens, place + 1, n, _COLON):
        return _without_colon(tokens, place, n)
    return _with_colon(data, tokens, place, n)


@compiled
def _with_colon(data: AnyArray, tokens: AnyArray, place: int, n: int) -> tuple[int, int]:
    """Return where a URL, a drive's path, an address or a clock ends, and its kind."""
    if is_byte(tokens, place + 2, n, _SLASH) and is_byte(tokens, place + 3, n, _SLASH):
        return _url(tokens, place + 4, n), PATH
    if is_byte(tokens, place + 2, n, _BACKSLASH) and _length(tokens, place) == 1:
        return _path(tokens, place + 2, n), PATH
    after = _hex_groups(data, tokens, place, n)
    if after > place:
        return _fraction(tokens, after, n), NUMBER
    return _colons(tokens, place, n)


@compiled
def _length(tokens: AnyArray, place: int) -> int:
    return int(tokens[place, END] - tokens[place, BEGIN])


@compiled
def _without_colon(tokens: AnyArray, place: int, n: int) -> tuple[int, int]:
    """Return where a/b/c or name@host ends."""
    if is_byte(tokens, place + 1, n, _SLASH) and is_piece(tokens, place + 2, n):
        after = _path(tokens, place + 1, n)
        slashes = 0
        for between in range(place, after):
            slashes += is_byte(tokens, between, n, _SLASH)
        if slashes >= _FEWEST_SLASHES:
            return after, PATH
    is_address = is_byte(tokens, place + 1, n, _AT) and is_piece(tokens, place + 2, n)
    if is_address and tokens[place + 2, KIND] == HOST:
        return place + 3, IDENTIFIER
    return place, 0


@compiled
def _rooted(tokens: AnyArray, place: int, n: int) -> int:
    """Return where a path ends that begins here with `/`, `~/`, `./`, `../` or two backslashes."""
    if place > 0 and tokens[place - 1, KIND] >= WORD:
        return place
    slash = place
    while slash < n and (is_byte(tokens, slash, n, _DOT) or is_byte(tokens, slash, n, _TILDE)):
        slash += 1
    if is_byte(tokens, slash, n, _BACKSLASH):
        is_path = is_byte(tokens, slash + 1, n, _BACKSLASH) and is_piece(tokens, slash + 2, n)
    else:
        is_path = is_byte(tokens, slash, n, _SLASH) and (
            is_piece(tokens, slash + 1, n) or _is_dotted(tokens, slash + 1, n)
        )
    return _path(tokens, slash, n) if is_path else place


@compiled
def _is_dotted(tokens: AnyArray, place: int, n: int) -> bool:
    return is_byte(tokens, place, n, _DOT) and is_piece(tokens, place + 1, n)


@compiled
def _path(tokens: AnyArray, place: int, n: int) -> int:
    """Return where a path ends that `place` lies in; a query after `?` belongs to it."""
    is_query = False
    while place < n:
        kind, byte = tokens[place, KIND], tokens[place, HASH]
        if kind == SPACE:
            break
        if kind == DELIMITER:
            is_query = is_query or byte == _QUERY
            is_number_next = is_piece(tokens, place + 1, n) and tokens[place + 1, KIND] == NUMBER
            if byte == _COLON and not is_number_next:
                break
            is_strong = BYTE_CLASSES[byte] == STRONG
            if is_strong and not (is_query and (byte == ord("=") or byte == _COMMA)):
                break
        place += 1
    return _protocol(tokens, place, n)


@compiled
def _protocol(tokens: AnyArray, place: int, n: int) -> int:
    """Return where the version of a protocol ends after a request's target: `/ HTTP/1.1`."""
    if place + 3 >= n or tokens[place, KIND] != SPACE or not is_byte(tokens, place + 2, n, _SLASH):
        return place
    is_protocol = tokens[place + 1, KIND] == WORD and tokens[place + 1, CATEGORY] & PROTOCOL
    return place + 4 if is_protocol and is_value(tokens, place + 3, n) else place


@compiled
def _url(tokens: AnyArray, place: int, n: int) -> int:
    """Return where a URL ends: at a blank, a quote or a bracket, without a sentence's mark."""
    while place < n and tokens[place, KIND] != SPACE:
        byte = tokens[place, HASH]
        is_strong = tokens[place, KIND] == DELIMITER and BYTE_CLASSES[byte] == STRONG
        if is_strong and byte != ord("=") and byte != ord(";") and byte != _COMMA:
            break
        place += 1
    while place > 0 and tokens[place - 1, KIND] == DELIMITER and tokens[place - 1, HASH] != _SLASH:
        place -= 1
    return _protocol(tokens, place, n)


@compiled
def _hex_groups(data: AnyArray, tokens: AnyArray, place: int, n: int) -> int:
    """Return where groups of hexadecimal digits with colons end; `place` where there are none."""
    start, colons, digits, pieces = place, 0, 0, 0
    while place < n:
        if is_byte(tokens, place, n, _COLON):
            colons += 1
        elif is_piece(tokens, place, n) and _is_hex(data, tokens, place):
            digits += tokens[place, KIND] > WORD
            pieces += 1
        else:
            break
        place += 1
    while place > start + 1 and is_byte(tokens, place - 1, n, _COLON):
        place, colons = place - 1, colons - 1
    is_group = pieces > 0 and colons >= _FEWEST_COLONS_OF_HEX
    return place if is_group and (digits > 0 or colons == _COLONS_OF_MAC) else start


@compiled
def _is_hex(data: AnyArray, tokens: AnyArray, place: int) -> bool:
    if _length(tokens, place) > _MOST_HEX_BYTES:
        return False
    for byte in data[tokens[place, BEGIN] : tokens[place, END]]:
        is_letter = ord("a") <= byte <= ord("f") or ord("A") <= byte <= ord("F")
        if not (is_letter or ord("0") <= byte <= ord("9")):
            return False
    return True


@compiled
def _colons(tokens: AnyArray, place: int, n: int) -> tuple[int, int]:
    """Return where values with colons between them end: a port, a clock, and its fraction."""
    after = place + 1
    while is_value(tokens, after - 1, n) and is_byte(tokens, after, n, _COLON):
        if not is_value(tokens, after + 1, n):
            break
        after += 2
    if after == place + 1:
        return place, 0
    kind = NUMBER if tokens[place, KIND] == NUMBER else IDENTIFIER
    return _fraction(tokens, after, n), kind


@compiled
def _fraction(tokens: AnyArray, place: int, n: int) -> int:
    """Return where the milliseconds or microseconds of a clock end that follow a comma."""
    if not is_byte(tokens, place, n, _COMMA) or not is_piece(tokens, place + 1, n):
        return place
    is_fraction = _length(tokens, place + 1) in _FRACTION_DIGITS
    return place + 2 if is_fraction and tokens[place + 1, KIND] == NUMBER else place
