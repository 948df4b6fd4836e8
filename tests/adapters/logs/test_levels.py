"""Words for severities."""

import pytest

from forewarn_adapters.logs.batch import LEVELS
from forewarn_adapters.logs.levels import level_of, levels_of

WORDS = {
    "trace": ["trace", "TRACE", "verbose", "TRC", "finest"],
    "debug": ["debug", "DEBUG", "Debug", "D", "dbg", "fine"],
    "info": ["info", "INFO", "Information", "I", "notice", "NOTICE", "LOG", "INFO3"],
    "warn": ["warn", "WARN", "warning", "Warning", "W", "WRN"],
    "error": ["error", "ERROR", "err", "ERR", "E", "SEVERE", " [error] ", "ERROR2", "eRRoR"],
    "fatal": ["fatal", "FATAL", "critical", "crit", "emerg", "EMERGENCY", "alert", "panic", "F"],
    "": ["", "purple", "3", "  ", "no error", "error" * 1000, "\x00", "İNFO"],
}
CASES = [(word, level) for level, words in WORDS.items() for word in words]


@pytest.mark.parametrize(("word", "level"), CASES, ids=[repr(word)[:20] for word, _ in CASES])
def test_a_word_for_a_severity_is_known_in_any_case(word, level):
    assert LEVELS[level_of(word)] == level


def test_many_words_get_the_levels_that_each_gets_alone():
    words = [word for word, _ in CASES] * 3
    levels = levels_of(words)
    assert levels.dtype == "int8"
    assert levels.tolist() == [level_of(word) for word in words]
    usual = ["info", "ERROR", "Warning"]
    assert levels_of(iter(usual)).tolist() == [level_of(word) for word in usual]


def test_no_words_have_no_levels():
    assert levels_of([]).tolist() == []
