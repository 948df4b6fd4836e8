"""One request of OTLP/HTTP: unpacked within limits, checked, as protobuf whatever it came as."""

import base64
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from forewarn_models.errors import DataError

PROTOBUF, JSON = "application/x-protobuf", "application/json"
MOST_BYTES_OF_RECORD = 1 << 20
_GZIP, _ZLIB, _RAW = 31, 15, -15


@dataclass(frozen=True, slots=True)
class Request:
    """What a request holds.

    Args:
        protobuf: its records.
        n_records: how many they are.
        n_rejected: how many others it had that cannot be used.
        rejected_because: why, empty where there were none.
    """

    protobuf: bytes
    n_records: int
    n_rejected: int = 0
    rejected_because: str = ""


def unpacked(body: bytes, encoding: str, *, most_bytes: int) -> bytes | None:
    """Return a body without its `Content-Encoding`: gzip, deflate or none.

    None where it would be more than `most_bytes`, which are never unpacked. Raises DataError where
    it is damaged.
    """
    if encoding not in ("gzip", "deflate"):
        return body if len(body) <= most_bytes else None
    window = _GZIP
    if encoding == "deflate":  # which some take for the bare form
        window = _ZLIB if body[:1] and body[0] & 15 == 8 else _RAW
    parts: list[bytes] = []
    room = most_bytes
    while body:
        unpacker = zlib.decompressobj(window)
        try:
            parts.append(unpacker.decompress(body, room + 1))
        except zlib.error as failed:
            raise DataError(f"the body must be {encoding}, got: {failed}") from failed
        room -= len(parts[-1])
        if room < 0:
            return None
        if not unpacker.eof:
            raise DataError(f"the body must be whole, got {encoding} that breaks off")
        body = unpacker.unused_data if encoding == "gzip" else b""
    return b"".join(parts)


def request_of(content: bytes, content_type: str) -> Request:
    """Return what a request holds, read from protobuf or JSON. Raises DataError."""
    if content_type == JSON:
        message, n_bad = _from_json(content)
        because = "ids must be hexadecimal" if n_bad else ""
        content = message.SerializeToString()
    else:
        message, n_bad, because = _from_protobuf(content), 0, ""
    if len(content) > MOST_BYTES_OF_RECORD:
        n_large = _drop_large(message)
        if n_large:
            because = f"a record must have at most {MOST_BYTES_OF_RECORD} bytes"
            content = message.SerializeToString()
            n_bad += n_large
    n_records = sum(
        len(scope.log_records) for one in message.resource_logs for scope in one.scope_logs
    )
    return Request(content, n_records, n_bad, because)


def _from_protobuf(content: bytes) -> ExportLogsServiceRequest:
    message = ExportLogsServiceRequest()
    try:
        message.ParseFromString(content)
    except DecodeError as failed:
        raise DataError(f"the body must be an ExportLogsServiceRequest, got: {failed}") from failed
    return message


def _from_json(content: bytes) -> tuple[ExportLogsServiceRequest, int]:
    """Return a request in JSON, and how many records were left out for their ids."""
    message = ExportLogsServiceRequest()
    try:
        fields = orjson.loads(content)
        n_bad = sum(_with_usable_ids(scope) for scope in _scopes(fields))
        json_format.ParseDict(fields, message, ignore_unknown_fields=True)
    except (orjson.JSONDecodeError, json_format.ParseError, TypeError, AttributeError) as failed:
        words = str(failed)[:200]
        raise DataError(
            f"the body must be an ExportLogsServiceRequest in JSON, got: {words}"
        ) from failed
    return message, n_bad


def _scopes(fields: Any) -> Iterator[dict[str, Any]]:
    for resource in fields.get("resourceLogs", fields.get("resource_logs")) or ():
        yield from resource.get("scopeLogs", resource.get("scope_logs")) or ()


def _with_usable_ids(scope: dict[str, Any]) -> int:
    """Write ids as protobuf's JSON has them: OTLP has them hexadecimal. Return the bad ones."""
    name = "logRecords" if "logRecords" in scope else "log_records"
    records = scope.get(name) or []
    usable = [record for record in records if _has_usable_ids(record)]
    if records:
        scope[name] = usable
    return len(records) - len(usable)


def _has_usable_ids(record: dict[str, Any]) -> bool:
    for key in ("traceId", "spanId", "trace_id", "span_id"):
        if key in record:
            try:
                record[key] = base64.b64encode(bytes.fromhex(record[key])).decode()
            except (TypeError, ValueError):
                return False
    return True


def _drop_large(message: ExportLogsServiceRequest) -> int:
    n_dropped = 0
    for resource in message.resource_logs:
        for scope in resource.scope_logs:
            small = [one for one in scope.log_records if one.ByteSize() <= MOST_BYTES_OF_RECORD]
            if len(small) < len(scope.log_records):
                n_dropped += len(scope.log_records) - len(small)
                kept = type(scope)(log_records=small)
                scope.ClearField("log_records")
                scope.MergeFrom(kept)
    return n_dropped
