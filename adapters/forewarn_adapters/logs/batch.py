"""Lines of a log on their way to the miner, as arrays: what every source of lines gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from forewarn_models.arrays import IntegerArray, SmallIntegerArray
from forewarn_models.labels import Labels

# Bytes, and (n, 2) where each line begins and ends in them.
Lines = tuple[bytes, IntegerArray]

# Where a source goes on reading: what JSON can hold, kept in checkpoints.
Cursor = Mapping[str, Any]

LEVELS = ("", "trace", "debug", "info", "warn", "error", "fatal")


@dataclass(frozen=True, slots=True)
class LogStream:
    """Who wrote lines.

    Args:
        service: the program or application; empty where it is not known.
        host: the machine, container or pod; empty where it is not known.
        labels: what else the source says of it, such as the labels of a Loki stream.
    """

    service: str = ""
    host: str = ""
    labels: Labels = ()


@dataclass(frozen=True, eq=False)
class LogBatch:
    """Lines that were read at one time, n of them, and where to go on.

    Args:
        lines: each as it came, without its line feed.
        messages: the part of each that is mined; the line itself where nothing was cut off.
        timestamp_nanoseconds: (n,) since the epoch, as the line or the source says; 0 = unknown.
        level: (n,) places in `LEVELS`; 0 = unknown.
        stream: (n,) places in `streams`.
        streams: who wrote the lines, each once.
        cursor: reading goes on after these lines with this.
    """

    lines: Lines
    messages: Lines
    timestamp_nanoseconds: IntegerArray
    level: SmallIntegerArray
    stream: IntegerArray
    streams: tuple[LogStream, ...]
    cursor: Cursor

    @property
    def n_lines(self) -> int:
        return len(self.lines[1])


def joined(texts: Sequence[bytes]) -> Lines:
    """Return texts as lines of one run of bytes."""
    sizes = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    ends = np.cumsum(sizes)
    return b"".join(texts), np.column_stack((ends - sizes, ends))


class LogSource(Protocol):
    """A place that lines come from. One thread reads; `close` may come from another.

    A source keeps no position of its own: whoever reads gives the cursor of an earlier batch, also
    after a restart, and gets each line after it exactly once. Within a run that is the cursor of
    the batch before, whose lines need not be safe yet: a source that keeps what it received waits
    for `Keeping.release`. Where another copy of a line can come, as when a sender repeats a
    request, the source drops it.
    """

    name: str

    def read(self, cursor: Cursor | None) -> LogBatch:
        """Return the next lines after the cursor, none where none has come yet.

        Without a cursor it begins where the source begins: files at their start, servers now. A
        batch has at most some ten thousand lines or a few megabytes. Nothing is parsed here: level
        and service are what the source itself says, `messages` are `lines`.

        Raises SourceError when the lines cannot be had now; the same cursor may be tried again.
        """
        ...

    def close(self) -> None:
        """Let go of connections and files; what waits in `read` ends soon."""
        ...


@runtime_checkable
class Keeping(Protocol):
    """A source that keeps what it received until it is told that it may go."""

    def release(self, cursor: Cursor) -> None:
        """Note that lines up to this cursor are safe; called by the thread that reads.

        After a restart no cursor before it is ever read from.
        """
        ...
