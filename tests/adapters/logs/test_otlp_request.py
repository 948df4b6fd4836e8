import gzip
import json
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from otlp_bodies import protobuf, record, request

from forewarn_adapters.logs.receiving.otlp_request import (
    JSON,
    MOST_BYTES_OF_RECORD,
    PROTOBUF,
    request_of,
    unpacked,
)
from forewarn_models.errors import DataError

RAW = -15


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=RAW)
    return packer.compress(data) + packer.flush()


PACKERS = [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate)]


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_bodies_are_unpacked(encoding, pack):
    assert unpacked(pack(b"abc" * 1000), encoding, most_bytes=3000) == b"abc" * 1000
    assert unpacked(pack(b""), encoding, most_bytes=1) == b""


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_a_bomb_is_not_unpacked(encoding, pack):
    assert unpacked(pack(b"\0" * 50_000_000), encoding, most_bytes=1000) is None
    assert unpacked(pack(b"\0" * 1001), encoding, most_bytes=1000) is None


def test_gzip_in_several_members_is_one_body():
    body = gzip.compress(b"one") + gzip.compress(b"two")
    assert unpacked(body, "gzip", most_bytes=6) == b"onetwo"
    assert unpacked(body, "gzip", most_bytes=5) is None


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
@pytest.mark.parametrize("damage", [lambda body: body[:-9], lambda body: b"\xff" * 9 + body])
def test_a_damaged_body_is_told(encoding, pack, damage):
    with pytest.raises(DataError, match="the body must be"):
        unpacked(damage(pack(b"abc" * 1000)), encoding, most_bytes=10_000)


def test_a_body_that_is_not_packed_has_the_same_limit():
    assert unpacked(b"abc", "identity", most_bytes=3) == b"abc"
    assert unpacked(b"abc", "identity", most_bytes=2) is None


def test_protobuf_is_kept_as_it_came():
    body = protobuf(request(record("one"), record("two")))
    found = request_of(body, PROTOBUF)
    assert (found.protobuf, found.n_records, found.n_rejected) == (body, 2, 0)


def test_json_becomes_protobuf_with_ids_from_hexadecimal():
    fields = request(
        record("one", traceId="5b8efff798038103d269b633813fc60c", spanId="EEE19B7EC3C1B174")
    )
    found = request_of(json.dumps(fields).encode(), JSON)
    parsed = ExportLogsServiceRequest.FromString(found.protobuf)
    one = parsed.resource_logs[0].scope_logs[0].log_records[0]
    assert one.trace_id.hex() == "5b8efff798038103d269b633813fc60c"
    assert one.span_id.hex() == "eee19b7ec3c1b174"
    assert one.body.string_value == "one"
    assert found.n_records == 1


def test_json_may_have_names_with_underscores_and_fields_that_nobody_knows():
    fields = {
        "resource_logs": [{"scope_logs": [{"log_records": [{"trace_id": "00ff", "new": 1}]}]}],
        "newer": {},
    }
    found = request_of(json.dumps(fields).encode(), JSON)
    parsed = ExportLogsServiceRequest.FromString(found.protobuf)
    assert parsed.resource_logs[0].scope_logs[0].log_records[0].trace_id == b"\x00\xff"


@pytest.mark.parametrize("bad", ["xyz", "abc", 3, None])
def test_records_with_ids_that_are_none_are_rejected_alone(bad):
    fields = request(record("one"), record("two", traceId=bad), record("three"))
    found = request_of(json.dumps(fields).encode(), JSON)
    assert (found.n_records, found.n_rejected) == (2, 1)
    assert found.rejected_because == "ids must be hexadecimal"


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_records_that_are_too_large_are_rejected_alone(kind):
    fields = request(record("one"), record("x" * MOST_BYTES_OF_RECORD), record("three"))
    body = protobuf(fields) if kind == PROTOBUF else json.dumps(fields).encode()
    found = request_of(body, kind)
    assert (found.n_records, found.n_rejected) == (2, 1)
    assert found.rejected_because == "a record must have at most 1048576 bytes"
    parsed = ExportLogsServiceRequest.FromString(found.protobuf)
    scope = parsed.resource_logs[0].scope_logs[0]
    assert [one.body.string_value for one in scope.log_records] == ["one", "three"]
    assert scope.scope.name == "app"


def test_many_small_records_are_none_that_is_too_large():
    body = protobuf(request(*[record("x" * 1000)] * 1100))
    assert request_of(body, PROTOBUF).protobuf == body


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"3", b'"text"', b'{"resourceLogs": 3}', b'{"resourceLogs": [3]}'),
        b'{"resourceLogs": [{"scopeLogs": [3]}]}',
        b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [3]}]}]}',
        b'{"resourceLogs": [{"scopeLogs": [{"logRecords": 3}]}]}',
        b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": 3}]}]}]}',
        b'{"resourceLogs":' + b"[" * 100_000,
        json.dumps(request(record("deep"))).encode().replace(
            b'{"stringValue": "deep"}', b'{"arrayValue": {"values": [' * 120 + b"]}}" * 120
        ),
        b"\xff\xfe",
    ],
)  # fmt: skip
def test_json_that_is_no_request_is_told(body):
    with pytest.raises(DataError, match="the body must be an ExportLogsServiceRequest in JSON"):
        request_of(body, JSON)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_told(body):
    with suppress(DataError):
        assert request_of(body, PROTOBUF).protobuf == body
