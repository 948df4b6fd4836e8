"""What lines say of themselves: message, level, time, service and host, out of their formats."""

import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from forewarn_adapters.clock import Clock, now_milliseconds
from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.batch import Lines, LogBatch, LogStream
from forewarn_adapters.logs.formats.json_keys import HOST_KEYS, LEVEL_KEYS, MESSAGE_KEYS, TIME_KEYS
from forewarn_adapters.logs.formats.json_records import Records
from forewarn_adapters.logs.formats.parts import put_together
from forewarn_adapters.logs.multiline import with_continuations
from forewarn_adapters.logs.services import named_streams
from forewarn_models.arrays import BooleanArray, IntegerArray
from forewarn_models.lines import layout
from forewarn_models.lines.continuing import continued
from forewarn_models.lines.escapes import strip_escapes
from forewarn_models.lines.grouping import grouped
from forewarn_models.lines.heads import (
    IS_ERROR_OUTPUT,
    read_container_heads,
    read_heads,
    write_messages,
)
from forewarn_models.lines.layout import BEGIN, END, KIND, LEVEL, NANOSECONDS
from forewarn_models.lines.logfmt_heads import hash_of_key

_BRACE, _ESCAPE = ord("{"), b"\x1b"
# A line of a container may hold JSON, of which one key may hold one more line, and no more.
_MOST_DEPTH = 2


def enrich(
    batch: LogBatch, settings: LogSourceConfig, *, clock: Clock = now_milliseconds
) -> LogBatch:
    """Return a batch with what its lines say: what is mined of each, level, time, service, host.

    What the source said stays. Lines stay as they came, but those that go on with another one (see
    `multiline`) are joined to it. Where a line cannot be read, it is itself mined: nothing raises.
    """
    return enriched(batch, settings, clock=clock)[0]


def enriched(
    batch: LogBatch, settings: LogSourceConfig, *, clock: Clock = now_milliseconds
) -> tuple[LogBatch, IntegerArray]:
    """Return what `enrich` does, and (n,) which line of it each line of `batch` became part of.

    -1 is a line that goes on with one that came before the batch.
    """
    reading = _Reading(*_without_escapes(batch.messages, settings), _clock_of(clock), settings)
    n_lines = batch.n_lines
    if settings.format == "line":
        heads, owner = reading.unread(), np.arange(n_lines)
    else:
        heads, owner = reading.container_heads(batch.stream)
        kept = owner == np.arange(n_lines)
        if kept.all():
            heads = _under(heads, reading.heads(_spans(heads)))
        else:
            heads[kept] = _under(heads[kept], reading.heads(_spans(heads[kept])))
    group, first = grouped(reading.numbers, heads, batch.stream)
    if settings.format != "line":
        owner = _owners(reading, heads, group, owner)
    streams, named = named_streams(
        batch.streams, batch.stream[first], (reading.data, heads[first]), settings
    )
    lines, rows = with_continuations(batch.lines, owner)
    return _batch(batch, (lines, rows), (reading.data, heads), (streams, named[group])), _places(
        owner, rows
    )


@dataclass(slots=True)
class _Reading:
    """Messages, to whose bytes those are added that stand in no line as they are."""

    data: bytes
    places: IntegerArray
    clock: tuple[int, int]
    settings: LogSourceConfig

    @property
    def numbers(self) -> "np.typing.NDArray[np.uint8]":
        return np.frombuffer(self.data, dtype=np.uint8)

    def unread(self) -> IntegerArray:
        """Return heads that say nothing."""
        heads = np.zeros((len(self.places), layout.N_COLUMNS), dtype=np.int64)
        heads[:, [BEGIN, END]] = self.places
        return heads

    def container_heads(self, stream: IntegerArray) -> tuple[IntegerArray, IntegerArray]:
        """Return what Kubernetes says of lines, and the first part of the line that each is of."""
        owner = np.arange(len(self.places))
        is_asked = self.settings.format in ("auto", "cri")
        if not is_asked or not (b" stdout " in self.data or b" stderr " in self.data):
            return self.unread(), owner
        heads = read_container_heads(self.numbers, self.places, self.clock)
        is_open = heads[:, KIND] == layout.OPEN_PART
        if is_open.any():
            who = 2 * stream + heads[:, IS_ERROR_OUTPUT]
            heads, owner = self._put_together(heads, who, is_open)
        heads[:, IS_ERROR_OUTPUT] = 0
        return heads, owner

    def heads(self, places: IntegerArray, depth: int = 0) -> IntegerArray:
        """Return what lines say of themselves."""
        keys = _keys(self.settings.service_labels)
        how = _how(self.settings.format) if depth == 0 else layout.AUTO
        heads = read_heads(self.numbers, places, how, self.clock, keys)
        written, n_bytes = write_messages(self.numbers, heads, len(self.data))
        self.data += written[:n_bytes].tobytes()
        self._read_records(heads, depth)
        return heads

    def _put_together(
        self, heads: IntegerArray, who: IntegerArray, is_open: BooleanArray
    ) -> tuple[IntegerArray, IntegerArray]:
        messages, owner = put_together((self.data, _spans(heads)), who, is_open)
        self.data, heads[:, [BEGIN, END]] = messages
        return heads, owner

    def _read_records(self, heads: IntegerArray, depth: int) -> None:
        """Read the lines that are JSON, also behind a head of syslog, and write to their heads."""
        rows = np.flatnonzero(
            (heads[:, END] > heads[:, BEGIN])
            & ((heads[:, KIND] == layout.JSON) | (heads[:, KIND] == layout.HEADED))
        )
        rows = rows[self.numbers[heads[rows, BEGIN]] == _BRACE]
        if not len(rows):
            return
        records = Records(self.data, heads[rows], self.clock, self.settings.service_labels)
        contained, broken = records.read()
        self.data, heads[rows] = records.data, records.heads
        if len(broken):
            self._read_broken(heads, rows[broken])
        if len(contained) and depth < _MOST_DEPTH:
            inner = rows[contained]
            heads[inner] = _under(heads[inner], self.heads(_spans(heads[inner]), depth + 1))

    def _read_broken(self, heads: IntegerArray, rows: IntegerArray) -> None:
        rows = rows[heads[rows, KIND] == layout.JSON]
        how = layout.AS_JAVA
        keys = _keys(())
        heads[rows] = read_heads(self.numbers, _spans(heads[rows]), how, self.clock, keys)


def _without_escapes(messages: Lines, settings: LogSourceConfig) -> Lines:
    data, places = messages
    if settings.format == "line" or _ESCAPE not in data:
        return messages
    places = places.copy()
    written, n_bytes = strip_escapes(np.frombuffer(data, dtype=np.uint8), places, len(data))
    return data + written[:n_bytes].tobytes(), places


def _under(outer: IntegerArray, inner: IntegerArray) -> IntegerArray:
    """Return the heads of lines inside of others, with the time and names that those say."""
    if not outer[:, layout.KIND].any():
        return inner
    outer_time = outer[:, NANOSECONDS]
    inner[:, NANOSECONDS] = np.where(outer_time > 0, outer_time, inner[:, NANOSECONDS])
    for begin in (layout.SERVICE_BEGIN, layout.HOST_BEGIN):
        is_only_outside = (inner[:, begin + 1] == 0) & (outer[:, begin + 1] > 0)
        inner[is_only_outside, begin : begin + 2] = outer[is_only_outside, begin : begin + 2]
    return inner


def _owners(
    reading: _Reading, heads: IntegerArray, group: IntegerArray, parts: IntegerArray
) -> IntegerArray:
    """Return which line each goes on with, also through the parts that one was cut into."""
    kept = np.flatnonzero(parts == np.arange(len(parts)))
    of_kept = heads[kept]
    n_groups = int(group.max()) + 1 if len(group) else 0
    owner = continued(reading.numbers, of_kept, group[kept], n_groups)
    heads[kept] = of_kept
    number = np.empty(len(parts), dtype=np.int64)
    number[kept] = np.where(owner >= 0, kept[owner], -1)
    return number[parts]


def _places(owner: IntegerArray, rows: IntegerArray) -> IntegerArray:
    """Return of each line the place in `rows` of the one that it goes on with, -1 where none."""
    place = np.full(len(owner) + 1, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return place[owner]


def _batch(
    batch: LogBatch,
    lines: tuple[Lines, IntegerArray],
    found: tuple[bytes, IntegerArray],
    named: tuple[tuple[LogStream, ...], IntegerArray],
) -> LogBatch:
    texts, rows = lines
    data, heads = found[0], found[1][rows]
    said_time, said_level = batch.timestamp_nanoseconds[rows], batch.level[rows]
    return LogBatch(
        lines=texts,
        messages=(data, _spans(heads)),
        timestamp_nanoseconds=np.where(said_time > 0, said_time, heads[:, NANOSECONDS]),
        level=np.where(said_level > 0, said_level, heads[:, LEVEL]).astype(np.int8),
        stream=named[1][rows],
        streams=named[0],
        cursor=batch.cursor,
    )


def _spans(heads: IntegerArray) -> IntegerArray:
    """Return (n, 2) where messages begin and end, in the order of memory that kernels are for."""
    return np.ascontiguousarray(heads[:, BEGIN : END + 1])


def _how(name: str) -> int:
    """Return how a format is read: JSON and what containers hold are told line by line."""
    how = layout.FORMATS.index(name)
    is_named = how in (layout.AS_LOGFMT, layout.AS_SYSLOG, layout.AS_COMBINED)
    return how if is_named or how in (layout.AS_PYTHON, layout.AS_JAVA) else layout.AUTO


def _clock_of(clock: Clock) -> tuple[int, int]:
    milliseconds = clock()
    return milliseconds * 1_000_000, time.localtime(milliseconds // 1000).tm_gmtoff


@lru_cache(maxsize=256)
def _keys(service_labels: tuple[str, ...]) -> IntegerArray:
    """Return what keys of `key=value` mean, as the kernels look them up."""
    roles = (
        (layout.MESSAGE_KEY, MESSAGE_KEYS),
        (layout.LEVEL_KEY, LEVEL_KEYS),
        (layout.TIME_KEY, TIME_KEYS),
        (layout.SERVICE_KEY, service_labels),
        (layout.HOST_KEY, HOST_KEYS),
    )
    found: dict[int, tuple[int, int]] = {}
    for role, names in roles:
        for rank, name in enumerate(names):
            found.setdefault(hash_of_key(name), (role, rank))
    rows = sorted((code, *meaning) for code, meaning in found.items())
    return np.array(rows, dtype=np.int64).reshape(-1, 3)
