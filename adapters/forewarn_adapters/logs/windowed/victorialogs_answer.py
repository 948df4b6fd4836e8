"""Lines in the answers of VictoriaLogs: a JSON object a line, all values texts."""

import re
from typing import Any

import numpy as np
import orjson

from forewarn_adapters.logs.answer_lines import AnswerLines, hash_of
from forewarn_adapters.logs.rfc3339 import nanoseconds_of
from forewarn_adapters.logs.server_json import dumped, encoded, parsed
from forewarn_adapters.logs.stream_fields import Found, Streams, cut, found_in
from forewarn_models.errors import SourceUnavailable

_SERVER = "VictoriaLogs"
_MESSAGE = "_msg"
_OWN_FIELDS = {"_time", "_stream_id", "_stream", _MESSAGE}
_LABEL = re.compile(r'([^={},"]+)=("(?:[^"\\]|\\.)*")')
_MOST_STREAM_CHARACTERS = 1 << 14


def answer_rows(body: bytes | bytearray) -> list[dict[str, Any]]:
    """Return the objects of an answer. Raises SourceUnavailable where it is cut off."""
    if body and not body.endswith(b"\n"):
        raise SourceUnavailable(f"{_SERVER} must end each line of an answer, got part of one")
    rows = parsed(b"[" + body.rstrip(b"\n").replace(b"\n", b",") + b"]", _SERVER)
    if not all(type(row) is dict for row in rows):
        raise SourceUnavailable(f"{_SERVER} must give an object a line, got something else")
    return list(rows)


def answer_lines(body: bytes | bytearray) -> AnswerLines:
    """Return the lines of an answer, in order of time."""
    rows = answer_rows(body)
    streams = Streams()
    places: dict[tuple[str, Found], tuple[int, int]] = {}
    salts: dict[str, int] = {}
    place_and_level, salt = [], []
    for row in rows:
        own = row.get("_stream", "")
        key = own, found_in(row)
        place = places.get(key)
        if place is None:
            place = places[key] = streams.place_and_level(key[1], stream_labels(own))
            salts.setdefault(own, hash_of(own))
        place_and_level.append(place)
        salt.append(salts[own])
    try:
        time = nanoseconds_of([row["_time"] for row in rows])
    except KeyError as missing:
        raise SourceUnavailable(
            f"{_SERVER} must give `_time` with each line, got none: `query` must keep it"
        ) from missing
    lines = [_line(row) for row in rows]
    stream, level = np.array(place_and_level, dtype=np.int64).reshape(-1, 2).T
    return AnswerLines(
        lines,
        lines,
        np.array(salt, dtype=np.int64),
        time,
        level.astype(np.int8),
        stream,
        streams.all(),
        len(body),
    ).in_order()


def stream_labels(stream: str) -> tuple[tuple[str, str], ...]:
    """Return the labels in a text such as `{app="api",level="info"}`.

    >>> stream_labels('{app="api",level="info"}')
    (('app', 'api'), ('level', 'info'))
    """
    pairs = _LABEL.findall(stream[:_MOST_STREAM_CHARACTERS])
    return tuple((cut(name), cut(_unquoted(quoted))) for name, quoted in pairs)


def _unquoted(quoted: str) -> str:
    try:
        return str(orjson.loads(quoted))
    except orjson.JSONDecodeError:
        return quoted[1:-1]


def _line(row: dict[str, Any]) -> bytes:
    message = row.get(_MESSAGE)
    if type(message) is str:
        return encoded(message)
    rest = {name: value for name, value in row.items() if name not in _OWN_FIELDS}
    return dumped(rest) if rest else b""
