"""Records of JSON written to the heads of their lines, most of them without making objects."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from forewarn_adapters.logs.batch import Lines, joined
from forewarn_adapters.logs.formats.json_keys import (
    HOST_KEYS,
    LEVEL_KEYS,
    MESSAGE_KEYS,
    SERVICE_KEYS,
    TIME_KEYS,
    paths_of,
)
from forewarn_adapters.logs.formats.json_lines import MOST_BYTES, JsonFound, read_json
from forewarn_models.arrays import IntegerArray
from forewarn_models.lines import json_heads, json_table, layout
from forewarn_models.lines.escapes import strip_escapes
from forewarn_models.lines.heads import end_at_line_feed, read_times
from forewarn_models.lines.json_values import decoded
from forewarn_models.lines.layout import BEGIN, END, LEVEL, NANOSECONDS

_ESCAPE = b"\x1b"


@dataclass(slots=True)
class Records:
    """Lines that are records, and what they say once they are read.

    Args:
        data: the bytes of lines; those are added that stand in no line as they are.
        heads: (n, N_COLUMNS) of these lines, written to.
        clock: now and the local zone, as kernels have them.
        service_labels: the keys that name the service, the first that is there.
    """

    data: bytes
    heads: IntegerArray
    clock: tuple[int, int]
    service_labels: tuple[str, ...]

    def read(self) -> tuple[IntegerArray, IntegerArray]:
        """Write to heads what records say.

        Returns the rows of records that hold one more line, and those of lines that are no records.
        """
        table = _table(self.service_labels)
        numbers = np.frombuffer(self.data, dtype=np.uint8)
        found = json_heads.read_json_heads(numbers, self.heads, table, self.clock, MOST_BYTES)
        self._decode(found)
        contained = found >= json_heads.CONTAINED
        left = np.flatnonzero(found == json_heads.LEFT)
        if not len(left):
            return np.flatnonzero(contained), left
        places = np.ascontiguousarray(self.heads[left, BEGIN : END + 1])
        objects = read_json(self.data, left, places, self.service_labels)
        if objects.rows:
            self._take(objects)
            contained[np.array(objects.rows)[objects.containers]] = True
        return np.flatnonzero(contained), np.array(objects.broken, dtype=np.int64)

    def _decode(self, found: IntegerArray) -> None:
        """Write out messages that have escapes."""
        is_escaped = (found == json_heads.READ_ESCAPED) | (found == json_heads.CONTAINED_ESCAPED)
        rows = np.flatnonzero(is_escaped)
        if len(rows):
            places = np.ascontiguousarray(self.heads[rows, BEGIN : END + 1])
            numbers = np.frombuffer(self.data, dtype=np.uint8)
            written, n_bytes = decoded(numbers, places)
            lines = written[:n_bytes].tobytes(), places
            self.heads[rows, BEGIN : END + 1] = self._added(lines, is_message=True)

    def _take(self, found: JsonFound) -> None:
        """Write to heads what objects say."""
        rows = np.array(found.rows)
        columns = self.heads[rows]
        has_message = np.array([message is not None for message in found.messages])
        messages = [message for message in found.messages if message is not None]
        columns[has_message, BEGIN : END + 1] = self._added(joined(messages), is_message=True)
        levels = np.array(found.levels, dtype=np.int64)
        columns[:, LEVEL] = np.where(levels > 0, levels, columns[:, LEVEL])
        columns[:, NANOSECONDS] = self._times(found, columns[:, NANOSECONDS])
        names = found.services
        for texts, begin in ((names, layout.SERVICE_BEGIN), (found.hosts, layout.HOST_BEGIN)):
            self._name(columns, texts, begin)
        ranks = np.array(found.ranks, dtype=np.int64)
        is_named = np.array([bool(name) for name in names])
        columns[is_named, layout.SERVICE_RANK] = ranks[is_named]
        self.heads[rows] = columns

    def _times(self, found: JsonFound, said: IntegerArray) -> IntegerArray:
        """Return the times of records; what the line says before its record goes first."""
        times = np.array(found.nanoseconds, dtype=np.int64)
        is_text = np.array([bool(text) for text in found.times])
        if is_text.any():
            data, places = joined([text.encode() for text in found.times if text])
            numbers = np.frombuffer(data, dtype=np.uint8)
            times[is_text] = read_times(numbers, places, self.clock)
        return np.where(said > 0, said, times)

    def _name(self, columns: IntegerArray, texts: list[str], begin: int) -> None:
        """Write where names of services or hosts lie, each added once."""
        distinct = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        if list(distinct) == [""]:
            return
        places = self._added(joined([text.encode() for text in distinct]))
        number = np.array([distinct[text] for text in texts])
        is_named = np.array([bool(text) for text in texts])
        columns[is_named, begin : begin + 2] = places[number[is_named]]

    def _added(self, texts: Lines, *, is_message: bool = False) -> IntegerArray:
        """Add texts to the bytes and return where they lie; messages as far as they are mined."""
        added, places = texts
        numbers = np.frombuffer(added, dtype=np.uint8)
        if is_message and _ESCAPE in added:
            written, n_bytes = strip_escapes(numbers, places, len(added))
            added += written[:n_bytes].tobytes()
            numbers = np.frombuffer(added, dtype=np.uint8)
        if is_message and b"\n" in added:
            end_at_line_feed(numbers, places)
        places += len(self.data)
        self.data += added
        return places


@lru_cache(maxsize=256)
def _table(service_labels: tuple[str, ...]) -> json_table.KeyTable:
    """Return which keys say what, as the kernels look them up."""
    roles = (
        (json_table.MESSAGE, MESSAGE_KEYS),
        (json_table.LEVEL, LEVEL_KEYS),
        (json_table.TIME, TIME_KEYS),
        (json_table.HOST, HOST_KEYS),
        (json_table.SERVICE, (*service_labels, *SERVICE_KEYS)),
    )
    return json_table.key_table(
        (role, json_table.WAYS * rank + way, path)
        for role, names in roles
        for rank, name in enumerate(names)
        for way, path in enumerate(paths_of(name))
    )
