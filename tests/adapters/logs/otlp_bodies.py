"""Requests of OTLP/HTTP for tests."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest


def value(of: Any) -> dict[str, Any]:
    """A value as OTLP's JSON has it."""
    if isinstance(of, bool):
        return {"boolValue": of}
    if isinstance(of, int):
        return {"intValue": str(of)}
    if isinstance(of, float):
        return {"doubleValue": of}
    if isinstance(of, list):
        return {"arrayValue": {"values": [value(one) for one in of]}}
    if isinstance(of, Mapping):
        return {"kvlistValue": {"values": attributes(of)}}
    return {} if of is None else {"stringValue": of}


def attributes(of: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value(one)} for key, one in of.items()]


def record(body: Any, **more: Any) -> dict[str, Any]:
    return {"body": value(body), **more}


def request(*records: Mapping[str, Any], **resource: Any) -> dict[str, Any]:
    """A request as JSON has it; `__` in names of resource attributes stands for a point."""
    named = {key.replace("__", "."): one for key, one in resource.items()}
    logs = {
        "resource": {"attributes": attributes(named)},
        "scopeLogs": [{"scope": {"name": "app"}, "logRecords": list(records)}],
    }
    return {"resourceLogs": [logs]}


def protobuf(fields: Mapping[str, Any]) -> bytes:
    """A request, without ids, as protobuf has it."""
    return ParseDict(dict(fields), ExportLogsServiceRequest()).SerializeToString()
