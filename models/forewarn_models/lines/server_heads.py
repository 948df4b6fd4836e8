"""Lines of servers and frameworks that have a form of their own.

PostgreSQL, Redis, Ruby's loggers, the console of .NET, and what the kernel of Linux says.
"""

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled
from forewarn_models.lines.digits import n_digits_at
from forewarn_models.lines.layout import (
    BEGIN,
    BYTE_CLASSES,
    DIGIT,
    EXPLAINING,
    HEADED,
    KIND,
    LETTER,
    LEVEL,
    MOST_HEAD_BYTES,
    NANOSECONDS,
    TITLED,
)
from forewarn_models.lines.places import after_name, after_spaces, is_byte_at, next_byte
from forewarn_models.lines.severity import (
    DEBUG,
    ERROR,
    FATAL,
    INFO,
    TRACE,
    WARN,
    level_near,
    level_of_word,
)
from forewarn_models.lines.times import time_at

_OPEN, _CLOSE, _COLON, _DASH, _SPACE, _DOT, _STAR, _HASH, _COMMA = (
    *(91, 93, 58, 45, 32, 46, 42, 35, 44),
)
_MOST_PREFIX_BYTES = 160
_MOST_SECONDS_DIGITS, _FRACTION_DIGITS = 9, 6
_WORD_BYTES = 12


@compiled
def server_head(
    data: AnyArray, begin: int, end: int, clock: tuple[int, int], head: IntegerArray
) -> bool:
    """Write what a line says that begins as one of Redis, Ruby, .NET or Linux does; say whether."""
    if end - begin < 8:
        return False
    first = data[begin]
    if BYTE_CLASSES[first] & DIGIT:
        return _redis_head(data, begin, end, clock, head)
    if BYTE_CLASSES[first] & LETTER:
        if data[begin + 1] == _COMMA:
            return _ruby_head(data, begin, end, clock, head)
        return data[begin + 4] == _COLON and _dotnet_head(data, begin, end, head)
    return bool(first == _OPEN) and _kernel_head(data, begin, end, head)


@compiled
def _redis_head(
    data: AnyArray, begin: int, end: int, clock: tuple[int, int], head: IntegerArray
) -> bool:
    """Read `1:M 27 Nov 2026 15:00:00.123 * message`: process, role, time, level."""
    place = begin + n_digits_at(data, begin, end, 7)
    is_role = place + 3 < end and data[place] == _COLON and data[place + 1] in (67, 77, 83, 88)
    if not is_role or data[place + 2] != _SPACE:
        return False
    nanoseconds, after = time_at(data, place + 3, end, clock[0], clock[1])
    if after == place + 3 or after + 3 > end or data[after] != _SPACE or data[after + 2] != _SPACE:
        return False
    mark = data[after + 1]
    if mark not in (_DOT, _DASH, _STAR, _HASH):
        return False
    head[LEVEL] = WARN if mark == _HASH else INFO if mark == _STAR else DEBUG
    head[KIND], head[NANOSECONDS], head[BEGIN] = HEADED, nanoseconds, after + 3
    return True


@compiled
def _ruby_head(
    data: AnyArray, begin: int, end: int, clock: tuple[int, int], head: IntegerArray
) -> bool:
    """Read `I, [2026-11-27T15:00:00.123456 #12]  INFO -- program: message`."""
    if data[begin + 2] != _SPACE or data[begin + 3] != _OPEN:
        return False
    limit = min(end, begin + MOST_HEAD_BYTES)
    nanoseconds, after = time_at(data, begin + 4, limit, clock[0], clock[1])
    word = after_spaces(data, next_byte(data, after, limit, _CLOSE) + 1, limit)
    word_end = after_name(data, word, limit)
    level = level_of_word(data, word, word_end)
    dashes = after_spaces(data, word_end, limit)
    colon = next_byte(data, dashes, limit, _COLON)
    if after == begin + 4 or colon >= limit or data[dashes] != _DASH or data[dashes + 1] != _DASH:
        return False
    head[LEVEL] = level
    head[KIND], head[NANOSECONDS] = HEADED, nanoseconds
    head[BEGIN] = after_spaces(data, colon + 1, end)
    return True


def _words(text: str) -> AnyArray:
    """Return (n, 12) the bytes of words, zeros after each."""
    return np.array(
        [list(word.ljust(_WORD_BYTES, "\0").encode()) for word in text.split()], np.uint8
    )


_DOTNET_WORDS = _words("trce dbug info warn fail crit")
_DOTNET_LEVELS = (TRACE, DEBUG, INFO, WARN, ERROR, FATAL)


@compiled
def _dotnet_head(data: AnyArray, begin: int, end: int, head: IntegerArray) -> bool:
    """Read `info: Category[14]`, whose message is in the next line, or behind it."""
    name = begin + 6
    name_end = after_name(data, name, end)
    n = n_digits_at(data, name_end + 1, end, 10)
    after = name_end + 1 + n
    if data[begin + 5] != _SPACE or name_end == name or n == 0:
        return False
    if not is_byte_at(data, name_end, end, _OPEN) or not is_byte_at(data, after, end, _CLOSE):
        return False
    for number in range(len(_DOTNET_LEVELS)):
        if _is_at(data, begin, end, _DOTNET_WORDS[number, :4]):
            message = after_spaces(data, after + 1, end)
            head[LEVEL] = _DOTNET_LEVELS[number]
            head[KIND] = TITLED if message == end else HEADED
            head[BEGIN] = name if message == end else message
            return True
    return False


@compiled
def _kernel_head(data: AnyArray, begin: int, end: int, head: IntegerArray) -> bool:
    """Read `[12345.678901] message`, seconds since the start of the machine."""
    place = after_spaces(data, begin + 1, end)
    n = n_digits_at(data, place, end, _MOST_SECONDS_DIGITS)
    dot = place + n
    close = dot + 1 + _FRACTION_DIGITS
    is_uptime = n > 0 and is_byte_at(data, dot, end, _DOT) and is_byte_at(data, close, end, _CLOSE)
    if not is_uptime or n_digits_at(data, dot + 1, end, _FRACTION_DIGITS) != _FRACTION_DIGITS:
        return False
    head[KIND], head[BEGIN] = HEADED, after_spaces(data, close + 1, end)
    head[LEVEL] = level_near(data, head[BEGIN], end)
    return True


_EXPLAINING_WORDS = _words("DETAIL HINT STATEMENT CONTEXT QUERY LOCATION BACKTRACE")
_NOTES = _words("Note System")


@compiled
def postgres_head(data: AnyArray, begin: int, end: int, head: IntegerArray) -> bool:
    """Write what `[pid] user@database LOG:  message` says behind its time; say whether it is such.

    A prefix may have more, in another order, but a process in brackets; after the word there are
    a colon and two blanks. `DETAIL`, `STATEMENT` and the like tell more of the line before.
    """
    limit = min(end, begin + _MOST_PREFIX_BYTES)
    colon, has_process = begin, False
    while colon + 2 < limit and not (
        data[colon] == _COLON and data[colon + 1] == _SPACE and data[colon + 2] == _SPACE
    ):
        is_open = data[colon] == _OPEN
        has_process = has_process or (is_open and BYTE_CLASSES[data[colon + 1]] & DIGIT != 0)
        colon += 1
    if not has_process or colon + 2 >= limit:
        return False
    word_end = colon - int(BYTE_CLASSES[data[colon - 1]] & DIGIT != 0)  # DEBUG1 to DEBUG5
    word = word_end
    while word > begin and 65 <= data[word - 1] <= 90:
        word -= 1
    level = level_of_word(data, word, word_end)
    if not level and not _is_one(data, word, word_end, _EXPLAINING_WORDS):
        return False
    head[KIND] = HEADED if level else EXPLAINING
    head[LEVEL] = level
    head[BEGIN] = after_spaces(data, colon + 1, end)
    return True


@compiled
def is_note_of_mysql(data: AnyArray, begin: int, end: int) -> bool:
    """Say whether a word is `Note` or `System`, which are levels of MySQL alone."""
    return _is_one(data, begin, end, _NOTES)


@compiled
def _is_one(data: AnyArray, begin: int, end: int, words: AnyArray) -> bool:
    n_bytes = end - begin
    for word in range(len(words)):
        is_as_long = n_bytes < _WORD_BYTES and words[word, n_bytes] == 0
        if is_as_long and _is_at(data, begin, end, words[word, :n_bytes]):
            return n_bytes > 0
    return False


@compiled
def _is_at(data: AnyArray, begin: int, end: int, word: AnyArray) -> bool:
    n_alike = 0
    while n_alike < len(word) and begin + n_alike < end and data[begin + n_alike] == word[n_alike]:
        n_alike += 1
    return n_alike == len(word)
