import json

import numpy as np
import pytest
from log_lines import levels, streams, texts
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from otlp_bodies import protobuf, record, request

from forewarn_adapters.logs.receiving.otlp_records import LinesOfRecords


def batch(*bodies: bytes):
    lines = LinesOfRecords(most_lines=1000, most_bytes=1 << 24)
    for body in bodies:
        assert lines.take(body, first=0) is None
    return lines.batch({})


def one(body, **more):
    return batch(protobuf(request(record(body, **more))))


def fields(found) -> list[dict]:
    return [json.loads(line) for line in texts(found.lines)]


def test_a_record_is_its_body_and_the_whole_of_it_as_json():
    body = request(
        record(
            "order 17 failed",
            timeUnixNano="1700000000000000001",
            severityNumber=17,
            severityText="ERROR",
            attributes=[{"key": "code", "value": {"intValue": "3"}}],
        ),
        service__name="shop",
        host__name="web-1",
    )
    message = ExportLogsServiceRequest.FromString(protobuf(body))
    sent = message.resource_logs[0].scope_logs[0].log_records[0]
    sent.trace_id, sent.span_id = b"\x01" * 16, b"\x02" * 8
    found = batch(message.SerializeToString())
    assert texts(found.messages) == [b"order 17 failed"]
    assert fields(found) == [
        {
            "body": "order 17 failed",
            "severity_text": "ERROR",
            "severity_number": 17,
            "time_unix_nano": 1700000000000000001,
            "trace_id": "01" * 16,
            "span_id": "02" * 8,
            "event_name": "",
            "attributes": {"code": 3},
            "resource": {"service.name": "shop", "host.name": "web-1"},
        }
    ]
    assert levels(found) == ["error"]
    assert found.timestamp_nanoseconds.tolist() == [1700000000000000001]
    stream = streams(found)[0]
    assert (stream.service, stream.host) == ("shop", "web-1")
    assert stream.labels == (("host.name", "web-1"), ("service.name", "shop"))


@pytest.mark.parametrize(
    ("number", "text", "level"),
    [
        *[(number, "", "trace") for number in (1, 4)],
        *[(number, "", "debug") for number in (5, 8)],
        *[(number, "", "info") for number in (9, 12)],
        *[(number, "", "warn") for number in (13, 16)],
        *[(number, "ignored", "error") for number in (17, 20)],
        *[(number, "", "fatal") for number in (21, 24)],
        *[(0, "Warning", "warn"), (0, "", ""), (99, "ERR", "error")],
    ],
)
def test_severities_are_levels(number, text, level):
    assert levels(one("x", severityNumber=number, severityText=text)) == [level]


def test_the_time_is_that_of_the_event_or_when_it_was_seen():
    assert one("x", observedTimeUnixNano="5").timestamp_nanoseconds.tolist() == [5]
    assert one("x", observedTimeUnixNano="5", timeUnixNano="7").timestamp_nanoseconds[0] == 7
    assert one("x", timeUnixNano=str(2**64 - 1)).timestamp_nanoseconds.tolist() == [0]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"event": "login", "n": [1, 2.5, True, None]}, b'{"event":"login","n":[1,2.5,true,""]}'),
        (0, b"0"),
        (False, b"false"),
        (["a", {}], b'["a",{}]'),
        (None, b""),
        ("two\nlines", b"two\nlines"),
    ],
)
def test_a_body_that_is_no_text_is_mined_as_json(body, message):
    found = one(body)
    assert texts(found.messages) == [message]
    assert b"\n" not in texts(found.lines)[0]


def test_bytes_are_base64():
    body = ExportLogsServiceRequest()
    sent = body.resource_logs.add().scope_logs.add().log_records.add()
    sent.body.bytes_value = b"\xff\x00"
    found = batch(body.SerializeToString())
    assert fields(found)[0]["body"] == "/wA="


def test_an_event_without_a_body_is_its_name():
    assert texts(one(None, eventName="order.failed").messages) == [b"order.failed"]


def test_a_pod_is_a_host_where_none_is_named():
    body = protobuf(request(record("x"), k8s__pod__name="shop-7f"))
    assert streams(batch(body))[0].host == "shop-7f"


def test_long_bodies_and_attributes_are_bounded():
    found = one("x" * 200_000, attributes=[{"key": "a", "value": {"stringValue": "y" * 500_000}}])
    assert len(texts(found.messages)[0]) == 1 << 16
    assert len(texts(found.lines)[0]) < 70_000
    assert fields(found)[0]["body"] == "x" * (1 << 16)
    nested = one({"a": "x" * 200_000})
    assert len(texts(nested.lines)[0]) < 150_000


def test_a_large_resource_is_not_repeated_with_each_record():
    resource = {f"key{number:03}": "v" * 300 for number in range(200)}
    found = batch(protobuf(request(*[record("x")] * 100, **resource)))
    assert len(found.lines[0]) < 100 * 10_000
    assert len(streams(found)[0].labels) == 30
    assert max(len(text) for _, text in streams(found)[0].labels) == 256


def test_resources_that_are_the_same_are_one_stream():
    body = protobuf(request(record("x"), service__name="a"))
    other = protobuf(request(record("y"), service__name="b"))
    found = batch(body, other, body)
    assert [stream.service for stream in streams(found)] == ["a", "b", "a"]
    assert len(found.streams) == 2


def test_what_has_no_more_room_is_told_by_its_number():
    message = ExportLogsServiceRequest()
    for resource in range(3):
        logs = message.resource_logs.add()
        for _ in range(2):
            scope = logs.scope_logs.add()
            for _ in range(4):
                scope.log_records.add().body.string_value = f"r{resource}"
    body = message.SerializeToString()
    everything = texts(batch(body).messages)
    found, first = [], 0
    while first is not None:
        lines = LinesOfRecords(most_lines=5, most_bytes=1 << 20)
        first = lines.take(body, first=first)
        taken = lines.batch({})
        assert taken.n_lines <= 5
        found += texts(taken.messages)
    assert found == everything
    lines = LinesOfRecords(most_lines=100, most_bytes=100)
    assert lines.take(body, first=0) == 1


def test_no_records_are_no_lines():
    found = batch(protobuf({"resourceLogs": [{"scopeLogs": [{}]}]}))
    assert (found.n_lines, found.lines[0], found.timestamp_nanoseconds.dtype) == (0, b"", np.int64)
