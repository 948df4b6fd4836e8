"""What the labels of a Loki stream say: who wrote its lines, and how severe they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from forewarn_adapters.logs.answer_lines import hash_of
from forewarn_adapters.logs.batch import LogStream
from forewarn_adapters.logs.levels import level_of
from forewarn_models.labels import Labels, labels_of

_LEVELS = ("level", "detected_level")
_HOSTS = ("host", "hostname", "instance", "node_name", "pod")
# Metadata of single lines, such as an identifier of a trace, makes a stream of each.
_MOST_STREAMS = 20_000


@dataclass(frozen=True, slots=True)
class KnownStream:
    """A stream, how severe its lines are (a place in `LEVELS`), and what tells it from others."""

    stream: LogStream
    level: int
    key: int


@dataclass(slots=True)
class StreamCache:
    """Streams by their labels; forgotten all at once when there are too many."""

    _streams: dict[Labels, KnownStream] = field(default_factory=dict)

    def stream(self, labels: Mapping[str, str]) -> KnownStream:
        """Return what the labels say. Raises TypeError where a label is no text."""
        ordered = labels_of(labels)
        known = self._streams.get(ordered)
        if known is None:
            known = _known(ordered)
            if len(self._streams) >= _MOST_STREAMS:
                self._streams.clear()
            self._streams[ordered] = known
        return known


def _known(labels: Labels) -> KnownStream:
    key = hash_of(orjson.dumps(labels).decode())
    of = dict(labels)
    level = 0
    for name in _LEVELS:
        level = level or (level_of(of[name]) if name in of else 0)
    hosts = [of[name] for name in _HOSTS if of.get(name)]
    return KnownStream(LogStream(host=hosts[0] if hosts else "", labels=labels), level, key)
