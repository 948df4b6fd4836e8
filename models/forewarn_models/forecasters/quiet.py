"""Calling libraries that talk too much, one caller at a time."""

import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# Filters of warnings, loggers and NumPy's global generator belong to the whole process: two
# threads that changed and restored them at once would leave them changed for ever.
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def quietly(loggers: Sequence[str] = ()) -> Iterator[None]:
    """Keep warnings, and the lines of some loggers, away from the user; one thread at a time."""
    named = [logging.getLogger(name) for name in loggers]
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = [logger.disabled for logger in named]
        for logger in named:
            logger.disabled = True
        try:
            yield
        finally:
            for logger, was_disabled in zip(named, before, strict=True):
                logger.disabled = was_disabled
