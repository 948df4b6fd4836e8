"""How severe a line is, by the words that loggers write near its start."""

import numpy as np

from forewarn_models.arrays import AnyArray
from forewarn_models.compiled import compiled
from forewarn_models.lines.layout import BYTE_CLASSES, DIGIT, LETTER, SPACE

# The places of levels in a batch of lines.
UNKNOWN, TRACE, DEBUG, INFO, WARN, ERROR, FATAL = range(7)

_WORDS = {
    TRACE: ("trace", "trc", "verbose", "finest", "finer", "silly"),
    DEBUG: ("debug", "dbg", "fine"),
    INFO: ("info", "inf", "information", "informational", "notice", "log", "config"),
    WARN: ("warn", "wrn", "warning"),
    ERROR: ("error", "err", "eror", "severe"),
    FATAL: ("fatal", "ftl", "critical", "crit", "emergency", "emerg", "alert", "panic", "dpanic"),
}
_MOST_LETTERS, _LEAST_LETTERS, _BASE = 13, 3, 27


def _code(word: str) -> int:
    number = 0
    for letter in word:
        number = number * _BASE + ord(letter) - 96
    return number


_PAIRS = sorted((_code(word), level) for level, words in _WORDS.items() for word in words)
_CODES = np.array([code for code, _ in _PAIRS], dtype=np.int64)
_LEVELS = np.array([level for _, level in _PAIRS], dtype=np.int64)
# Words that are common in messages, too: they count only before a colon.
_COMMON = np.array(sorted(_code(word) for word in ("log", "config", "fine")), dtype=np.int64)
_COLON, _EQUALS, _QUOTE = 58, 61, 34
_CASE_BIT = 32
_NEAR_BYTES = 120
# Syslog's severities, 0 to 7.
OF_SYSLOG = np.array([FATAL, FATAL, FATAL, ERROR, WARN, INFO, INFO, DEBUG], dtype=np.int64)
# By tens, of pino and bunyan; Python's `levelno` is lower by one.
_OF_TENS = np.array([UNKNOWN, TRACE, DEBUG, INFO, WARN, ERROR, FATAL, UNKNOWN], dtype=np.int64)
_TRACE_OF_PYTHON = 5


@compiled
def level_of_number(number: int, is_of_python: bool) -> int:
    """Return the level that a number from 0 stands for, 0 where it is none.

    Multiples of ten are pino's, or Python's `levelno`; smaller numbers are syslog's.
    """
    if is_of_python and number == _TRACE_OF_PYTHON:
        return TRACE
    if number % 10 == 0 and number > 0:
        return int(_OF_TENS[min(number // 10 + is_of_python, 7)])
    return int(OF_SYSLOG[number]) if number <= 7 and not is_of_python else UNKNOWN


@compiled
def level_of_word(data: AnyArray, begin: int, end: int) -> int:
    """Return the level that a word in any case stands for, 0 where it is another word."""
    return _level_of_code(_code_at(data, begin, end))


@compiled
def level_of_letter(data: AnyArray, begin: int, end: int) -> int:
    """Return the level that one letter stands for in any case, 0 where it is not one of these.

    A digit may follow it, as MongoDB has degrees of what it says to find faults.
    """
    is_degree = end - begin == 2 and 49 <= data[begin + 1] <= 52
    if end - begin != 1 and not is_degree:
        return UNKNOWN
    return int(_OF_LETTERS[data[begin]])


def _of_letters() -> AnyArray:
    table = np.zeros(256, dtype=np.int64)
    levels = {"t": TRACE, "d": DEBUG, "i": INFO, "w": WARN, "e": ERROR, "f": FATAL, "c": FATAL}
    for letter, level in levels.items():
        table[[ord(letter), ord(letter.upper())]] = level
    return table


_OF_LETTERS = _of_letters()


@compiled
def level_near(data: AnyArray, begin: int, end: int) -> int:
    """Return the level that a line's first words say, 0 where they say none.

    A word says it in capitals; in any case between brackets, after `level=`, or before a colon at
    the very start.
    """
    end = min(end, begin + _NEAR_BYTES)
    place = begin
    while place < end:
        kind = BYTE_CLASSES[data[place]]
        if not kind & LETTER:
            place += 1
            continue
        after = place + 1
        n_capitals = int(data[place] & _CASE_BIT == 0)
        while after < end and BYTE_CLASSES[data[after]] & LETTER:
            n_capitals += data[after] & _CASE_BIT == 0
            after += 1
        if _LEAST_LETTERS <= after - place <= _MOST_LETTERS and _is_bounded(
            data, place, after, begin, end
        ):
            level = _level_said(data, place, after, begin, n_capitals == after - place)
            if level:
                return level
        place = after
    return UNKNOWN


@compiled
def _is_bounded(data: AnyArray, begin: int, after: int, first: int, end: int) -> bool:
    """Say whether a run of letters is a word: no digit, dash or the like touches it."""
    if begin > first and (
        BYTE_CLASSES[data[begin - 1]] & DIGIT or data[begin - 1] in (95, 45, 46, 47)
    ):
        return False
    return not (
        after < end and (BYTE_CLASSES[data[after]] & DIGIT or data[after] in (95, 45, 46, 47, 40))
    )


@compiled
def _level_said(data: AnyArray, begin: int, after: int, first: int, is_capital: bool) -> int:
    code = _code_at(data, begin, after)
    level = _level_of_code(code)
    if not level:
        return UNKNOWN
    is_colon = after < len(data) and data[after] == _COLON
    if code in (_COMMON[0], _COMMON[1], _COMMON[2]):
        return level if is_capital and is_colon else UNKNOWN
    if is_capital or (begin == first and is_colon):
        return level
    before = data[begin - 1] if begin > first else 0
    closing = data[after] if after < len(data) else 0
    is_said = before in (91, 60, 40, _COLON) and closing in (93, 62, 41)
    is_said = is_said or (before in (_EQUALS, _QUOTE) and _is_key_before(data, begin, first))
    return level if is_said else UNKNOWN


@compiled
def _is_key_before(data: AnyArray, begin: int, first: int) -> bool:
    """Say whether `level=`, `lvl=` or `severity=`, also with quotes, is before a word."""
    place = begin - 1
    while place > first and (
        data[place] in (_EQUALS, _QUOTE, _COLON) or BYTE_CLASSES[data[place]] & SPACE
    ):
        place -= 1
    code, scale, n = 0, 1, 0
    while place >= first and n < 9 and BYTE_CLASSES[data[place]] & LETTER:
        code += ((int(data[place]) | _CASE_BIT) - 96) * scale
        scale *= _BASE
        place -= 1
        n += 1
    return code in (_LEVEL_CODE, _LVL_CODE, _SEVERITY_CODE)


_LEVEL_CODE, _LVL_CODE, _SEVERITY_CODE = _code("level"), _code("lvl"), _code("severity")


@compiled
def _code_at(data: AnyArray, begin: int, end: int) -> int:
    if end - begin > _MOST_LETTERS or end - begin < _LEAST_LETTERS:
        return 0
    code = 0
    for place in range(begin, end):
        if not BYTE_CLASSES[data[place]] & LETTER:
            return 0
        code = code * _BASE + (int(data[place]) | _CASE_BIT) - 96
    return code


@compiled
def _level_of_code(code: int) -> int:
    low, high = 0, len(_CODES)
    while low < high:
        middle = (low + high) // 2
        if _CODES[middle] < code:
            low = middle + 1
        else:
            high = middle
    return _LEVELS[low] if low < len(_CODES) and _CODES[low] == code else UNKNOWN
