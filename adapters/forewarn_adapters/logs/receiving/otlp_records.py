"""Records of OpenTelemetry as lines: the body is what is mined, the whole record the line."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from forewarn_adapters.logs.batch import LEVELS, Cursor, LogBatch, LogStream, joined
from forewarn_adapters.logs.levels import level_of

_MOST_CHARACTERS_OF_BODY = 1 << 16
_MOST_BYTES_OF_RESOURCE, _MOST_BYTES_OF_LINE = 1 << 14, 1 << 18
_MOST_LABELS, _MOST_CHARACTERS_OF_LABEL = 30, 256
_HOST_KEYS = ("host.name", "k8s.pod.name")
_SEVERITIES_OF_LEVEL = 4  # 1-4 trace, 5-8 debug, ... 21-24 fatal
_MOST_SEVERITY = 24


@dataclass
class LinesOfRecords:
    """Collects records as lines until there are enough for a batch."""

    most_lines: int
    most_bytes: int
    _lines: list[bytes] = field(default_factory=list)
    _messages: list[bytes] = field(default_factory=list)
    _nanoseconds: list[int] = field(default_factory=list)
    _levels: list[int] = field(default_factory=list)
    _stream: list[int] = field(default_factory=list)
    _streams: dict[LogStream, int] = field(default_factory=dict)
    _n_bytes: int = 0

    @property
    def is_full(self) -> bool:
        return len(self._lines) >= self.most_lines or self._n_bytes >= self.most_bytes

    def take(self, protobuf: bytes, *, first: int) -> int | None:
        """Add the records of a request from the `first` on.

        Returns the number of the first that had no more room, None where all had.
        """
        request = ExportLogsServiceRequest.FromString(protobuf)
        number = 0
        for resource_logs in request.resource_logs:
            resource = None
            for scope_logs in resource_logs.scope_logs:
                records = scope_logs.log_records
                if number + len(records) <= first:
                    number += len(records)
                    continue
                resource = resource or _Resource(_mapping(resource_logs.resource.attributes))
                place = self._streams.setdefault(resource.stream, len(self._streams))
                begin = max(first - number, 0)
                n_taken = self._take_all(records[begin:], resource, place)
                number += begin + n_taken
                if begin + n_taken < len(records):
                    return number
        return None

    def _take_all(self, records: Sequence[Any], resource: "_Resource", place: int) -> int:
        for number, record in enumerate(records):
            if self.is_full:
                return number
            nanoseconds = record.time_unix_nano or record.observed_time_unix_nano
            message, line = _rendered(record, resource, nanoseconds)
            self._messages.append(message)
            self._lines.append(line)
            self._n_bytes += len(line) + len(message)
            self._nanoseconds.append(nanoseconds)
            self._levels.append(_level(record))
            self._stream.append(place)
        return len(records)

    def batch(self, cursor: Cursor) -> LogBatch:
        """Return what was collected."""
        # Times are unsigned in the protocol: those beyond a signed number are no times.
        nanoseconds = np.array(self._nanoseconds, dtype=np.uint64).astype(np.int64)
        return LogBatch(
            lines=joined(self._lines),
            messages=joined(self._messages),
            timestamp_nanoseconds=np.maximum(nanoseconds, 0),
            level=np.array(self._levels, dtype=np.int8),
            stream=np.array(self._stream, dtype=np.int64),
            streams=tuple(self._streams),
            cursor=cursor,
        )


class _Resource:
    """What records of one resource share: who wrote them, and its attributes as JSON."""

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        texts = [
            (key, _text(value)[:_MOST_CHARACTERS_OF_LABEL])
            for key, value in attributes.items()
            if key
        ]
        known = dict(texts)
        host = next((known[key] for key in _HOST_KEYS if known.get(key)), "")
        labels = tuple(sorted(texts)[:_MOST_LABELS])
        self.stream = LogStream(service=known.get("service.name", ""), host=host, labels=labels)
        self.json = orjson.Fragment(_bounded_json(attributes) or orjson.dumps(dict(labels)))


def _rendered(record: Any, resource: _Resource, nanoseconds: int) -> tuple[bytes, bytes]:
    """Return what is mined of a record, and the record as JSON."""
    body = record.body.string_value or _value(record.body)
    text = (body if isinstance(body, str) else _text(body)) or record.event_name
    if len(text) > _MOST_CHARACTERS_OF_BODY:
        body = text = text[:_MOST_CHARACTERS_OF_BODY]
    fields = {
        "body": body,
        "severity_text": record.severity_text,
        "severity_number": record.severity_number,
        "time_unix_nano": nanoseconds,
        "trace_id": record.trace_id.hex(),
        "span_id": record.span_id.hex(),
        "event_name": record.event_name,
        "attributes": _mapping(record.attributes),
        "resource": resource.json,
    }
    line = orjson.dumps(fields)
    if len(line) > _MOST_BYTES_OF_LINE:
        kept = ("time_unix_nano", "severity_number", "resource")
        line = orjson.dumps({"body": text, **{key: fields[key] for key in kept}})
    return text.encode(), line


def _level(record: Any) -> int:
    number = int(record.severity_number)
    if 0 < number <= _MOST_SEVERITY:
        return (number - 1) // _SEVERITIES_OF_LEVEL + LEVELS.index("trace")
    return level_of(record.severity_text) if record.severity_text else 0


def _bounded_json(attributes: Mapping[str, Any]) -> bytes | None:
    text = orjson.dumps(attributes)
    return text if len(text) <= _MOST_BYTES_OF_RESOURCE else None


def _mapping(attributes: Sequence[Any]) -> dict[str, Any]:
    return {one.key: one.value.string_value or _value(one.value) for one in attributes}


def _value(value: Any) -> Any:
    """Return a value of the protocol as Python has it; bytes as base64, as its JSON has them."""
    kind = value.WhichOneof("value")
    if kind is None:
        return ""
    found = getattr(value, kind)
    if kind == "array_value":
        return [_value(one) for one in found.values]
    if kind == "kvlist_value":
        return _mapping(found.values)
    if kind == "bytes_value":
        return base64.b64encode(found).decode()
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
