"""The fake Loki answers as the real one was recorded to."""

import json
from pathlib import Path
from typing import Any

import pytest
import urllib3
from fake_loki import HOUR, SECOND, FakeLoki

RECORDINGS = Path(__file__).parent / "recordings" / "loki"
PAGES = ["query_range_streams_forward_page1", "query_range_streams_forward_page2"]


def recording(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())
    return found


@pytest.fixture
def server():
    fake = FakeLoki(now=lambda: 1_795_416_400 * SECOND)
    yield fake
    fake.close()


def body_of(server: FakeLoki, **asked: Any) -> dict[str, Any]:
    status, body = server.answer({name: str(value) for name, value in asked.items()})
    assert status == 200, body
    found: dict[str, Any] = json.loads(body)["data"]
    return found


@pytest.mark.parametrize(
    "name",
    ["error_limit_too_high", "error_range_too_long", "error_parse", "error_empty_matcher"],
)
def test_a_refusal_reads_as_it_was_recorded(server, name):
    recorded = recording(name)
    status, body = server.answer(recorded["request"]["params"])
    assert status == recorded["response"]["status"]
    assert body.decode().startswith(recorded["response"]["body"][:60])


def test_a_refused_push_reads_as_it_was_recorded(server):
    recorded = recording("push_error_too_new")
    pushed = recorded["request"]["body"]
    server.now = lambda: 1_795_416_000 * SECOND
    answer = urllib3.request("POST", f"{server.url}/loki/api/v1/push", body=pushed)
    assert (answer.status, answer.data.decode()) == (400, recorded["response"]["body"])


def test_recorded_pages_come_for_the_same_lines(server):
    pages = [recording(page) for page in PAGES]
    for page in pages:
        for stream in json.loads(page["response"]["body"])["data"]["result"]:
            labels = {name: stream["stream"][name] for name in ("app", "level", "namespace")}
            server.push(labels, [(int(when), line) for when, line in stream["values"]])
    for page in pages:
        wanted = json.loads(page["response"]["body"])["data"]["result"]
        got = body_of(server, **page["request"]["params"])
        key = str
        assert sorted(got["result"], key=key) == sorted(wanted, key=key)


def test_start_is_inside_and_end_is_not(server):
    server.push({"app": "a"}, [(10, "ten"), (20, "twenty")])
    got = body_of(server, query='{app="a"}', start=10, end=20, limit=5)
    assert got["result"][0]["values"] == [["10", "ten"]]


def test_an_exact_copy_is_dropped_and_one_of_another_stream_is_not(server):
    for app in "aab":
        assert server.push({"app": app}, [(10, "ten")]) == []
    got = body_of(server, query='{app=~"a|b"}', start=0, end=20)
    assert [len(stream["values"]) for stream in got["result"]] == [1, 1]


def test_a_line_an_hour_behind_its_stream_is_refused_and_one_of_another_is_not(server):
    assert server.push({"app": "a"}, [(2 * HOUR, "new"), (HOUR, "late")]) == []
    (refused,) = server.push({"app": "a"}, [(HOUR - 1, "too late")])
    assert "entry too far behind" in refused
    assert server.push({"app": "b"}, [(HOUR - 1, "another")]) == []


def test_of_equal_timestamps_some_come_others_each_time(server):
    server.push({"app": "a"}, [(10, f"line {number}") for number in range(50)])
    got = {str(body_of(server, query='{app="a"}', start=0, end=20, limit=10)) for _ in range(10)}
    assert len(got) > 1


def test_a_push_over_http_is_answered_by_a_query_over_http(server):
    lines = [["10", "an error", {"trace_id": "x"}]]
    pushed = {"streams": [{"stream": {"app": "a"}, "values": lines}]}
    url = f"{server.url}/loki/api/v1"
    assert urllib3.request("POST", f"{url}/push", json=pushed).status == 204
    fields = {"query": '{app="a"}', "start": "0", "end": "20"}
    answer = urllib3.request("GET", f"{url}/query_range", fields=fields).json()
    labels = {"app": "a", "detected_level": "error", "service_name": "a", "trace_id": "x"}
    assert answer["data"]["result"] == [{"stream": labels, "values": [["10", "an error"]]}]
    assert urllib3.request("GET", f"{server.url}/ready").data == b"ready\n"
    assert urllib3.request("GET", f"{url}/patterns").status == 404
