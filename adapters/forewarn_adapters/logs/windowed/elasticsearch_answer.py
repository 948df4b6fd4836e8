"""Documents in the answers of Elasticsearch and OpenSearch, as lines."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from forewarn_adapters.http import shown
from forewarn_adapters.logs.answer_lines import AnswerLines
from forewarn_adapters.logs.server_json import dumped, encoded, parsed
from forewarn_adapters.logs.stream_fields import Found, Streams, found_in
from forewarn_models.arrays import IntegerArray
from forewarn_models.errors import SourceUnavailable

_SERVER = "Elasticsearch"
# Times of sorting are nanoseconds; old versions give milliseconds, which end before this.
_FIRST_OF_NANOSECONDS = 10**14


@dataclass(frozen=True, eq=False)
class Hits:
    """What was found.

    Args:
        lines: in order of time.
        last_sort: what the last one was sorted by.
        point_in_time: how to go on asking, where it was asked in one.
    """

    lines: AnswerLines
    last_sort: list[Any]
    point_in_time: str | None


def answer_hits(body: bytes | bytearray, message_field: str) -> Hits:
    """Return the documents of an answer.

    Raises SourceUnavailable when it is not whole, as when a shard has not answered.
    """
    reply = _whole(body)
    try:
        hits = reply["hits"]["hits"]
        sources = [hit["_source"] for hit in hits]
        names = [encoded(f"{hit['_index']}\0{hit['_id']}") for hit in hits]
        sort = np.array([hit["sort"][0] for hit in hits], dtype=np.int64)
        point_in_time = reply.get("pit_id")
        last_sort = list(hits[-1]["sort"]) if hits else []
        stream, level, streams = _streams_of(sources)
        lines = [line_of(source, message_field) for source in sources]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as broken:
        raise SourceUnavailable(
            f"{_SERVER} must give documents with `_source` and what they are sorted by, got "
            "something else"
        ) from broken
    time = np.where(sort < _FIRST_OF_NANOSECONDS, sort * 1_000_000, sort)
    return Hits(
        AnswerLines(
            lines,
            names,
            np.zeros(len(lines), dtype=np.int64),
            time,
            level,
            stream,
            streams,
            len(body),
        ),
        last_sort,
        point_in_time,
    )


def answer_seconds(body: bytes | bytearray, name: str) -> tuple[IntegerArray, IntegerArray]:
    """Return the seconds of a histogram, in order, and how many documents each has."""
    try:
        buckets = _whole(body)["aggregations"][name]["buckets"]
        table = [(bucket["key"], bucket["doc_count"]) for bucket in buckets]
        milliseconds, counts = np.array(table, dtype=np.int64).reshape(-1, 2).T
    except (KeyError, TypeError, ValueError, OverflowError) as broken:
        raise SourceUnavailable(
            f"{_SERVER} must count documents by second, got something else"
        ) from broken
    return milliseconds // 1_000, counts


def line_of(source: dict[str, Any], message_field: str) -> bytes:
    """Return the message of a document, or all of it as JSON where it has none.

    >>> line_of({"message": "hi", "a": 1}, "message"), line_of({"a": 1}, "message")
    (b'hi', b'{"a":1}')
    >>> line_of({"event": {"original": "hi"}}, "event.original")
    b'hi'
    """
    message = source.get(message_field)
    if message is None and "." in message_field:
        message = _nested(source, message_field)
    return encoded(message) if type(message) is str else dumped(source)


def _nested(source: Any, name: str) -> Any:
    """Return the value at a dotted name, whose parts may be joined in any way."""
    if not isinstance(source, dict):
        return None
    if name in source:
        return source[name]
    place = name.find(".")
    while place > 0:
        found = _nested(source.get(name[:place]), name[place + 1 :])
        if found is not None:
            return found
        place = name.find(".", place + 1)
    return None


def _streams_of(sources: list[dict[str, Any]]) -> tuple[Any, Any, Any]:
    streams = Streams()
    places: dict[Found, tuple[int, int]] = {}
    rows = []
    for source in sources:
        found = found_in(source)
        place = places.get(found)
        if place is None:
            place = places[found] = streams.place_and_level(found)
        rows.append(place)
    stream, level = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    return stream, level.astype(np.int8), streams.all()


def _whole(body: bytes | bytearray) -> Any:
    reply = parsed(body, _SERVER)
    if not isinstance(reply, dict):
        raise SourceUnavailable(f"{_SERVER} must answer with an object, got something else")
    shards = reply.get("_shards")
    is_part = isinstance(shards, dict) and bool(shards.get("failed"))
    if is_part or reply.get("timed_out"):
        said = shown(str(shards)) if is_part else "it ran out of time"
        raise SourceUnavailable(f"{_SERVER} must ask all shards, got only part of them: {said}")
    return reply
