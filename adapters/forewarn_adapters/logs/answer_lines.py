"""Lines from the answer of a server, oldest first, on their way to a batch."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from forewarn_adapters.logs.batch import Cursor, LogBatch, LogStream, joined
from forewarn_adapters.logs.line_hashes import BITS
from forewarn_models.arrays import BooleanArray, IntegerArray, SmallIntegerArray

_T = TypeVar("_T")
_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class AnswerLines:
    """n lines.

    Args:
        lines: n texts.
        names: n texts that tell equal lines from others, with `salt`: the lines themselves, or
            the identifiers that their server gave them.
        salt: (n,) what else tells them.
        timestamp_nanoseconds: (n,) since the epoch, in order.
        level: (n,) places in `LEVELS`.
        stream: (n,) places in `streams`.
        streams: who wrote them.
        answer_bytes: how large the answer was.
    """

    lines: Sequence[bytes]
    names: Sequence[bytes]
    salt: IntegerArray
    timestamp_nanoseconds: IntegerArray
    level: SmallIntegerArray
    stream: IntegerArray
    streams: tuple[LogStream, ...]
    answer_bytes: int = 0

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, chosen: BooleanArray) -> "AnswerLines":
        """Return those where it is true, and only the streams that they are of."""
        return self if chosen.all() else self.at(np.flatnonzero(chosen))

    def at(self, places: IntegerArray) -> "AnswerLines":
        """Return those at places, in their order, and only the streams that they are of."""
        lines = _chosen(self.lines, places)
        used, stream = np.unique(self.stream[places], return_inverse=True)
        return AnswerLines(
            lines,
            lines if self.names is self.lines else _chosen(self.names, places),
            self.salt[places],
            self.timestamp_nanoseconds[places],
            self.level[places],
            stream,
            tuple(_chosen(self.streams, used)),
            self.answer_bytes,
        )

    def in_order(self) -> "AnswerLines":
        """Return them in order of time."""
        time = self.timestamp_nanoseconds
        if np.all(time[1:] >= time[:-1]):
            return self
        return self.at(np.argsort(time, kind="stable"))

    def identity(self) -> IntegerArray:
        """Return (n,) hashes of 48 bits: equal lines have equal ones, on every machine."""
        digests = [hashlib.blake2b(name, digest_size=8).digest() for name in self.names]
        own = np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)
        time = self.timestamp_nanoseconds.astype(np.uint64) * _ODD
        salt = self.salt.astype(np.uint64)
        identity = (own ^ (time + (salt << np.uint64(1)))) & BITS
        return identity.astype(np.int64)

    def batch(self, cursor: Cursor) -> LogBatch:
        """Return them as a batch."""
        lines = joined(self.lines)
        return LogBatch(
            lines,
            lines,
            self.timestamp_nanoseconds,
            self.level,
            self.stream,
            self.streams,
            cursor,
        )


_NONE: IntegerArray = np.empty(0, dtype=np.int64)
NO_LINES = AnswerLines((), (), _NONE, _NONE, np.empty(0, dtype=np.int8), _NONE, ())


def together(parts: Sequence[AnswerLines]) -> AnswerLines:
    """Return the lines of answers, one at least, as one, in order of time."""
    if len(parts) == 1:
        return parts[0]
    places: dict[LogStream, int] = {}
    streams = []
    for part in parts:
        own = [places.setdefault(stream, len(places)) for stream in part.streams]
        streams.append(np.array(own, dtype=np.int64)[part.stream])
    whole = AnswerLines(
        [line for part in parts for line in part.lines],
        [name for part in parts for name in part.names],
        np.concatenate([part.salt for part in parts]),
        np.concatenate([part.timestamp_nanoseconds for part in parts]),
        np.concatenate([part.level for part in parts]),
        np.concatenate(streams),
        tuple(places),
        sum(part.answer_bytes for part in parts),
    )
    return whole.in_order()


def hash_of(text: str) -> int:
    """Return a hash of 63 bits that is the same on every machine."""
    digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def _chosen(items: Sequence[_T], places: IntegerArray) -> list[_T]:
    return [items[place] for place in places.tolist()]
