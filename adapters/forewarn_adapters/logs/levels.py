"""How severe a line is, from the many words that loggers have for it."""

from forewarn_adapters.logs.batch import LEVELS

# Words of syslog, glog, log4j, java.util.logging, .NET, zap, PostgreSQL and OpenTelemetry.
_WORDS = {
    "trace": ("trace", "trc", "t", "verbose", "finest", "finer", "silly"),
    "debug": ("debug", "dbg", "d", "fine"),
    "info": ("info", "inf", "i", "information", "informational", "notice", "log", "config"),
    "warn": ("warn", "wrn", "w", "warning"),
    "error": ("error", "err", "e", "eror", "severe"),
    "fatal": (
        *("fatal", "ftl", "f", "critical", "crit", "c", "emergency", "emerg", "alert"),
        *("panic", "dpanic", "fault"),
    ),
}
_LEVEL_OF_WORD = {word: LEVELS.index(level) for level, words in _WORDS.items() for word in words}
# As they are mostly written, so that most lines cost one look.
_LEVEL_OF_TEXT = {
    form: level
    for word, level in _LEVEL_OF_WORD.items()
    for form in (word, word.upper(), word.capitalize())
}
_MOST_CHARACTERS = 32


def level_of(text: str) -> int:
    """Return the place in `LEVELS` of a word for a severity, in any case; 0 = unknown.

    OpenTelemetry's degrees count as the level that they are of. Numbers are unknown: 3 is an error
    to syslog and a trace to OpenTelemetry.

    >>> LEVELS[level_of("Warning")], LEVELS[level_of(" [ERR] ")], LEVELS[level_of("INFO2")]
    ('warn', 'error', 'info')
    >>> level_of("purple")
    0
    """
    known = _LEVEL_OF_TEXT.get(text)
    if known is not None:
        return known
    if len(text) > _MOST_CHARACTERS:
        return 0
    word = text.strip(" \t\r\n[]<>():\"'").lower()
    return _LEVEL_OF_WORD.get(word.rstrip("1234"), 0)
