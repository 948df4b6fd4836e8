"""Words for severities."""

import pytest

from forewarn_adapters.logs.batch import LEVELS
from forewarn_adapters.logs.levels import level_of

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
