"""Batches of lines as lists, to compare."""

import time
from collections.abc import Callable
from typing import Any

from forewarn_adapters.logs.batch import LEVELS, Cursor, Lines, LogBatch


def texts(lines: Lines) -> list[bytes]:
    data, places = lines
    return [data[begin:end] for begin, end in places.tolist()]


def levels(batch: LogBatch) -> list[str]:
    return [LEVELS[level] for level in batch.level]


def streams(batch: LogBatch) -> list[Any]:
    return [batch.streams[stream] for stream in batch.stream]


def read_on(source: Any, cursor: Cursor | None = None) -> tuple[list[bytes], Cursor]:
    """Return the messages that are there now after a cursor, and where they end."""
    found: list[bytes] = []
    while True:
        batch = source.read(cursor)
        cursor = batch.cursor
        if not batch.n_lines:
            return found, cursor
        found += texts(batch.messages)


def read_until(source: Any, is_enough: Callable[[list[bytes]], bool], seconds: float = 20.0):
    """Return the messages of a source from its start on, once there are enough."""
    deadline = time.monotonic() + seconds
    found, cursor = read_on(source)
    while not is_enough(found):
        assert time.monotonic() < deadline, f"not enough within {seconds} s: {found[-5:]}"
        time.sleep(0.01)
        more, cursor = read_on(source, cursor)
        found += more
    return found
