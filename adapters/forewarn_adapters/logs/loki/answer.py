"""Lines in the JSON of Loki, as arrays in order of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from forewarn_adapters.http import Answer, shown
from forewarn_adapters.logs.batch import Cursor, Lines, LogBatch
from forewarn_adapters.logs.loki.streams import KnownStream, StreamCache
from forewarn_models.arrays import BooleanArray, IntegerArray
from forewarn_models.errors import SourceRejected, SourceUnavailable

HashArray = NDArray[np.uint64]

# Constants of the finaliser of SplitMix64, which spreads what differs in one bit over all of them.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, eq=False)
class Page:
    """The n lines of one answer, in order of time.

    Args:
        lines: each in UTF-8.
        timestamp_nanoseconds: (n,) since the epoch, ascending.
        stream: (n,) places in `streams`.
        streams: who wrote the lines, each once.
    """

    lines: Sequence[bytes]
    timestamp_nanoseconds: IntegerArray
    stream: IntegerArray
    streams: tuple[KnownStream, ...]

    @property
    def n_lines(self) -> int:
        return len(self.lines)

    def first(self, n_lines: int) -> "Page":
        """Return the first lines."""
        return self.where(np.arange(self.n_lines) < n_lines)

    def where(self, chosen: BooleanArray) -> "Page":
        """Return the chosen lines, and only the streams that they are of."""
        if chosen.all():
            return self
        kept = np.flatnonzero(chosen)
        used, stream = np.unique(self.stream[kept], return_inverse=True)
        lines = [self.lines[place] for place in kept.tolist()]
        streams = tuple(self.streams[place] for place in used.tolist())
        return Page(lines, self.timestamp_nanoseconds[kept], stream, streams)


@dataclass(frozen=True, slots=True)
class Message:
    """What Loki sends while tailed: streams in JSON's own types, and whether it left lines out."""

    streams: Sequence[Any]
    has_gap: bool


NO_LINES = Page((), np.empty(0, np.int64), np.empty(0, np.int64), ())


def page_of(answer: Answer, cache: StreamCache) -> Page:
    """Return the lines that an answer of /query_range with status 200 holds.

    Raises SourceRejected where the query asks for numbers, and SourceUnavailable for anything
    that is not a whole answer.
    """
    try:
        reply = orjson.loads(answer.body)
        data = reply["data"]
        kind = data["resultType"]
        if kind == "streams" and reply["status"] == "success":
            return page_of_streams(data["result"], cache)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, OverflowError) as broken:
        raise _not_an_answer(answer.text()) from broken
    if kind in {"matrix", "vector", "scalar"}:
        raise SourceRejected(
            "the query must select lines, it computes numbers: leave out functions such as "
            "`rate` and `count_over_time`"
        )
    raise _not_an_answer(answer.text())


def page_of_messages(messages: Sequence[Message], cache: StreamCache) -> Page:
    """Return the lines of what was tailed. Raises SourceUnavailable where they are none."""
    try:
        streams = [stream for message in messages for stream in message.streams]
        return page_of_streams(streams, cache)
    except (KeyError, TypeError, ValueError, OverflowError) as broken:
        raise _not_an_answer("something else while tailing") from broken


def message_of(frame: bytes | str) -> Message:
    """Return what one frame of /tail says. Raises SourceUnavailable for what is no such frame."""
    try:
        content = orjson.loads(frame)
        return Message(list(content.get("streams") or ()), bool(content.get("dropped_entries")))
    except (orjson.JSONDecodeError, AttributeError, TypeError) as broken:
        raise _not_an_answer(shown(str(frame[:300]))) from broken


def page_of_streams(streams: Sequence[Any], cache: StreamCache) -> Page:
    """Return the lines of streams in JSON's own types.

    Raises KeyError, TypeError, ValueError or OverflowError where they are not as Loki says them.
    """
    known: list[KnownStream] = []
    counts: list[int] = []
    times: list[str] = []
    texts: list[str] = []
    for stream in streams:
        values = stream["values"]
        if not values:
            continue
        # Where a third column comes, it says of each line what stands among the labels already.
        stamps, lines, *_ = zip(*values, strict=False)
        known.append(cache.stream(stream["stream"]))
        counts.append(len(values))
        times += stamps
        texts += lines
    encoded = list(map(str.encode, texts))
    timestamp = np.fromiter(map(int, times), np.int64, len(times))
    place = np.repeat(np.arange(len(known)), counts)
    if np.all(timestamp[1:] >= timestamp[:-1]):
        return Page(encoded, timestamp, place, tuple(known))
    order = np.argsort(timestamp, kind="stable")
    in_order = list(map(encoded.__getitem__, order.tolist()))
    return Page(in_order, timestamp[order], place[order], tuple(known))


def hashes_of(page: Page) -> HashArray:
    """Return (n,) what tells lines from each other: of labels, timestamp and text."""
    digests = b"".join([blake2b(line, digest_size=8).digest() for line in page.lines])
    keys = np.array([stream.key for stream in page.streams], np.uint64)
    line = np.frombuffer(digests, "<u8").astype(np.uint64)
    when = page.timestamp_nanoseconds.astype(np.uint64)
    return _mixed(_mixed(line ^ keys[page.stream]) ^ _mixed(when))


def told_apart(hashes: HashArray) -> HashArray:
    """Return (n,) hashes of which the second of two equal ones is another, and always the same."""
    order = np.argsort(hashes, kind="stable")
    ascending = hashes[order]
    is_first = np.ones(len(hashes), np.bool_)
    is_first[1:] = ascending[1:] != ascending[:-1]
    if is_first.all():
        return hashes
    first = np.maximum.accumulate(np.where(is_first, np.arange(len(hashes)), 0))
    rank = (np.arange(len(hashes)) - first).astype(np.uint64)
    apart = hashes.copy()
    apart[order] = np.where(rank > 0, _mixed(ascending + rank * _GOLDEN), ascending)
    return apart


def batch_of(page: Page, cursor: Cursor) -> LogBatch:
    """Return the lines with what Loki says of them, and where reading goes on."""
    lines = _joined(page.lines)
    levels = np.array([stream.level for stream in page.streams], np.int8)
    return LogBatch(
        lines=lines,
        messages=lines,
        timestamp_nanoseconds=page.timestamp_nanoseconds,
        level=levels[page.stream],
        stream=page.stream,
        streams=tuple(stream.stream for stream in page.streams),
        cursor=cursor,
    )


def _joined(lines: Sequence[bytes]) -> Lines:
    lengths = np.fromiter(map(len, lines), np.int64, len(lines))
    ends = np.cumsum(lengths + 1) - 1
    return b"\n".join(lines), np.stack((ends - lengths, ends), axis=1)


def _mixed(values: HashArray) -> HashArray:
    values = values + _GOLDEN
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))


def _not_an_answer(got: str) -> SourceUnavailable:
    return SourceUnavailable(f"Loki must answer with whole streams in JSON, got {got}")
