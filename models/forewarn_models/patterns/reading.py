"""What a word's neighbours say of it: dates in words, names of accounts, values of telling keys."""

from forewarn_models.arrays import AnyArray
from forewarn_models.compiled import compiled
from forewarn_models.patterns.joining import copy_token, is_byte, is_value
from forewarn_models.patterns.layout import (
    BEGIN,
    CATEGORY,
    DELIMITER,
    END,
    HASH,
    HOST,
    IDENTIFIER,
    KIND,
    NUMBER,
    REMARK,
    SPACE,
    WORD,
)
from forewarn_models.patterns.lexicon import (
    ACCOUNT,
    BEFORE_NAME,
    BEFORE_USER,
    FROM,
    IDENTITY,
    MONTH,
    NO_NAME,
    USER,
    WEEKDAY,
    ZONE,
)

_EQUALS, _COLON, _QUOTE, _COMMA, _DASH = 61, 58, 34, 44, 45
_OPENING, _CLOSING = 40, 41
_DAY_BYTES, _YEAR_BYTES, _DATE_BYTES = 2, 4, 10


@compiled
def read(data: AnyArray, tokens: AnyArray, n: int) -> int:
    """Turn words that are values into values, join dates and lists; return how many are left."""
    kept, place = 0, 0
    while place < n:
        copy_token(tokens, place, kept)
        kind = tokens[kept, KIND]
        after = place + 1
        if kind == WORD:
            after = _word(data, tokens, place, kept, n)
        elif kind == NUMBER:
            after = _date(data, tokens, place, n)
        elif kind == DELIMITER:
            after = _remark(tokens, place, kept, n)
        elif kind != SPACE:
            kept = _list_begin(tokens, kept)
        if after > place + 1:
            tokens[kept, KIND] = REMARK if kind == DELIMITER else NUMBER
            tokens[kept, CATEGORY] = 0
        tokens[kept, END] = tokens[after - 1, END]
        place, kept = after, kept + 1
    return kept


@compiled
def _word(data: AnyArray, tokens: AnyArray, place: int, kept: int, n: int) -> int:
    """Make a value of a word that is one; return where the date that begins with it ends, or it."""
    if tokens[kept, CATEGORY] & (WEEKDAY | MONTH):
        after = _date_in_words(data, tokens, place, n)
        if after > place:
            return after
    if _is_named(tokens, place, kept, n):
        tokens[kept, KIND] = IDENTIFIER
    return place + 1


@compiled
def _remark(tokens: AnyArray, place: int, kept: int, n: int) -> int:
    """Return where a value in parentheses ends that may be missing, or the token."""
    if tokens[kept, HASH] != _OPENING or (kept > 0 and tokens[kept - 1, KIND] != SPACE):
        return place + 1
    if is_byte(tokens, place + 1, n, _CLOSING):
        return place + 2
    if is_value(tokens, place + 1, n) and is_byte(tokens, place + 2, n, _CLOSING):
        return place + 3
    return place + 1


@compiled
def _date(data: AnyArray, tokens: AnyArray, place: int, n: int) -> int:
    """Return where a date in digits ends with its clock, or the number."""
    is_date = tokens[place, END] - tokens[place, BEGIN] == _DATE_BYTES
    is_date = is_date and data[tokens[place, BEGIN] + _YEAR_BYTES] == _DASH
    is_date = is_date and place + 2 < n and tokens[place + 1, KIND] == SPACE
    return place + 3 if is_date and _is_clock(data, tokens, place + 2) else place + 1


@compiled
def _date_in_words(data: AnyArray, tokens: AnyArray, place: int, n: int) -> int:
    """Return where a date ends that begins with a name, clock included; `place` where none does."""
    after, has_month, has_number, last = place, False, False, place
    while after < n:
        if _has(tokens, after, n, WEEKDAY | MONTH):
            has_month = has_month or _has(tokens, after, n, MONTH)
        elif tokens[after, KIND] == NUMBER and _is_part_of_date(data, tokens, after):
            has_number = True
        elif not (has_number and _has(tokens, after, n, ZONE)):
            break
        last = after + 1
        after = last + 1 if is_byte(tokens, last, n, _COMMA) else last
        if after < n and tokens[after, KIND] != SPACE:
            break
        after += 1
    return last if has_month and has_number else place


@compiled
def _has(tokens: AnyArray, place: int, n: int, category: int) -> bool:
    if not 0 <= place < n or tokens[place, KIND] != WORD:
        return False
    return bool(tokens[place, CATEGORY] & category)


@compiled
def _is_clock(data: AnyArray, tokens: AnyArray, place: int) -> bool:
    if tokens[place, KIND] != NUMBER:
        return False
    is_clock = False
    for byte in data[tokens[place, BEGIN] : tokens[place, END]]:
        is_clock = is_clock or byte == _COLON
    return is_clock


@compiled
def _is_part_of_date(data: AnyArray, tokens: AnyArray, place: int) -> bool:
    """Say whether a number is a day, a clock or a year."""
    length = tokens[place, END] - tokens[place, BEGIN]
    return length <= _DAY_BYTES or length == _YEAR_BYTES or _is_clock(data, tokens, place)


@compiled
def _is_named(tokens: AnyArray, place: int, kept: int, n: int) -> bool:
    """Say whether a word is the value of a telling key or the name of an account."""
    if kept == 0 or is_byte(tokens, place + 1, n, _EQUALS):
        return False  # nothing before it; or it is a key itself
    is_after_blank = kept > 1 and tokens[kept - 1, KIND] == SPACE
    if not is_after_blank or tokens[kept - 2, KIND] == DELIMITER:
        key = _key_before(tokens, kept)
        return key >= 0 and (tokens[key, CATEGORY] & IDENTITY) != 0
    return tokens[kept - 2, CATEGORY] != 0 and _is_account(tokens, place, kept, n)


@compiled
def _is_account(tokens: AnyArray, place: int, kept: int, n: int) -> bool:
    """Say whether a word is an account: `for user NAME`, `by root`, `for NAME from ADDRESS`."""
    category, before = tokens[kept, CATEGORY], tokens[kept - 2, CATEGORY]
    is_announced = kept >= 4 and tokens[kept - 3, KIND] == SPACE and (before & USER) != 0
    if is_announced and tokens[kept - 4, CATEGORY] & BEFORE_USER and not category & NO_NAME:
        return True
    if not before & BEFORE_NAME:
        return False
    is_from = place + 4 < n and (tokens[place + 2, CATEGORY] & FROM) != 0
    return (category & ACCOUNT) != 0 or (is_from and _is_address(tokens, place + 4))


@compiled
def _key_before(tokens: AnyArray, kept: int) -> int:
    """Return where the key of `key=value`, `key="value"`, `"key": "value"` lies; -1 without."""
    place = kept - 1
    is_quoted = is_byte(tokens, place, kept, _QUOTE)
    place -= is_quoted
    if place > 0 and tokens[place, KIND] == SPACE:
        place -= 1
    if is_byte(tokens, place, kept, _EQUALS):
        place -= 1
        place -= place > 0 and tokens[place, KIND] == SPACE
    elif is_quoted and is_byte(tokens, place, kept, _COLON):
        place -= 2
        if not is_byte(tokens, place + 1, kept, _QUOTE):
            return -1
    else:
        return -1
    return place if place >= 0 and tokens[place, KIND] == WORD else -1


@compiled
def _is_address(tokens: AnyArray, place: int) -> bool:
    kind = tokens[place, KIND]
    return bool(kind in (IDENTIFIER, HOST))


@compiled
def _list_begin(tokens: AnyArray, kept: int) -> int:
    """Return where the list begins that the value at `kept` goes on, or `kept`.

    Identifiers, paths and hosts come in lists, with blanks or commas between them.
    """
    kind, place = tokens[kept, KIND], kept - 1
    if place > 0 and tokens[place, KIND] == SPACE:
        place -= 1
    if is_byte(tokens, place, kept, _COMMA):
        place -= 1
    return place if 0 <= place < kept - 1 and tokens[place, KIND] == kind else kept
