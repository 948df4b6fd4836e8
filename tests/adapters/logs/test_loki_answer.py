"""Answers of Loki as arrays."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_adapters.http import Answer
from forewarn_adapters.logs.answer_lines import AnswerLines
from forewarn_adapters.logs.batch import LEVELS
from forewarn_adapters.logs.loki import streams as loki_streams
from forewarn_adapters.logs.loki.answer import (
    Message,
    page_of,
    page_of_messages,
)
from forewarn_adapters.logs.loki.streams import StreamCache
from forewarn_models.errors import SourceRejected, SourceUnavailable

RECORDINGS = Path(__file__).parent / "recordings" / "loki"


def recorded(name: str) -> Answer:
    response = json.loads((RECORDINGS / f"{name}.json").read_text())["response"]
    return Answer(response["status"], response["body"].encode())


def page_with(*streams: tuple[dict[str, str], list[tuple[Any, Any]]]) -> AnswerLines:
    result = [{"stream": labels, "values": values} for labels, values in streams]
    reply = {"status": "success", "data": {"resultType": "streams", "result": result}}
    return page_of(Answer(200, orjson.dumps(reply)), StreamCache())


def test_two_recorded_pages_are_the_lines_of_the_server_in_order_of_time():
    pages = [
        page_of(recorded(f"query_range_streams_forward_page{n}"), StreamCache()) for n in (1, 2)
    ]
    assert [len(page) for page in pages] == [200, 200]
    times = np.concatenate([page.timestamp_nanoseconds for page in pages])
    assert np.all(np.diff(times) >= 0)
    assert times[0] == 1_795_416_035_187_840_693
    assert pages[0].lines[0] == b"GET /v1/plans/3471 200 71ms user=3471 ip=10.3.24.37"
    hashes = np.concatenate([page.identity() for page in pages])
    assert len(set(hashes.tolist())) == 400


def test_recorded_labels_say_level_and_stream():
    page = page_of(recorded("query_range_streams_forward_page1"), StreamCache())
    batch = page.batch({"a": 1})
    of = [
        (dict(batch.streams[s].labels)["app"], LEVELS[v])
        for s, v in zip(batch.stream, batch.level, strict=True)
    ]
    assert {pair: of.count(pair) for pair in set(of)} == {
        ("api", "error"): 8,
        ("api", "info"): 162,
        ("auth", "error"): 3,
        ("db", "warn"): 11,
        ("worker", "info"): 16,
    }
    assert batch.cursor == {"a": 1}


def test_a_recorded_empty_answer_has_no_line():
    page = page_of(recorded("query_range_streams_empty"), StreamCache())
    assert (len(page), page.streams) == (0, ())
    assert page.batch({}).n_lines == 0


def test_a_recorded_matrix_is_refused():
    with pytest.raises(SourceRejected, match="must select lines"):
        page_of(recorded("query_range_matrix_count_by_app"), StreamCache())


LINES = st.lists(
    st.tuples(
        st.integers(0, 3), st.integers(0, 2**62), st.text(st.characters(exclude_categories=["Cs"]))
    ),
    max_size=40,
)


@given(LINES)
def test_every_line_of_every_stream_comes_in_order_of_time(lines):
    streams: dict[int, list[tuple[str, str]]] = {}
    for stream, when, text in lines:
        streams.setdefault(stream, []).append((str(when), text))
    page = page_with(*(({"app": str(stream)}, values) for stream, values in streams.items()))
    batch = page.batch({})
    data, places = batch.lines
    came = [
        (int(dict(batch.streams[stream].labels)["app"]), when, data[begin:end].decode())
        for stream, when, (begin, end) in zip(
            batch.stream.tolist(),
            batch.timestamp_nanoseconds.tolist(),
            places.tolist(),
            strict=True,
        )
    ]
    assert sorted(came) == sorted(lines)
    assert [when for _, when, _ in came] == sorted(when for _, when, _ in lines)


def test_a_third_column_is_passed_over():
    page = page_with(({"app": "a"}, [("1", "one", {"trace": "x"}), ("2", "two", {})]))
    assert list(page.lines) == [b"one", b"two"]


def test_a_stream_without_lines_is_left_out():
    page = page_with(({"app": "a"}, []), ({"app": "b"}, [("1", "one")]))
    assert [dict(stream.labels)["app"] for stream in page.streams] == ["b"]


def test_the_hash_is_of_labels_time_and_text():
    page = page_with(
        ({"app": "a"}, [("1", "x"), ("2", "x"), ("1", "y")]), ({"app": "b"}, [("1", "x")])
    )
    assert len(set(page.identity().tolist())) == 4
    again = page_with(({"app": "b"}, [("1", "x")]))
    assert again.identity()[0] in page.identity().tolist()


def test_labels_that_read_alike_are_told_apart():
    pages = [
        page_with((labels, [("1", "x")]))
        for labels in ({"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""})
    ]
    assert len({int(page.identity()[0]) for page in pages}) == 3


@pytest.mark.parametrize(
    "values",
    [[["1", 2]], [["x", "a"]], [["1"]], ["ab"], [[str(2**63), "a"]], 3],
    ids=["number", "time", "short", "text", "far", "none"],
)
def test_values_of_another_form_are_no_answer(values):
    with pytest.raises(SourceUnavailable, match="whole streams"):
        page_with(({"app": "a"}, values))
    with pytest.raises(SourceUnavailable, match="whole streams"):
        page_of_messages([Message([{"stream": {}, "values": values}], False)], StreamCache())


def test_another_status_in_the_answer_is_no_answer():
    body = b'{"status":"error","data":{"resultType":"streams","result":[]}}'
    with pytest.raises(SourceUnavailable, match="whole streams"):
        page_of(Answer(200, body), StreamCache())


@pytest.mark.parametrize(
    ("labels", "level", "host"),
    [
        ({"level": "critical", "instance": "i", "hostname": "h"}, "fatal", "h"),
        ({"level": "7", "detected_level": "warn", "node_name": "n", "pod": "p"}, "warn", "n"),
        ({"detected_level": "unknown", "host": ""}, "", ""),
    ],
)
def test_labels_say_level_and_host(labels, level, host):
    known = StreamCache().stream(labels)
    assert (LEVELS[known.level], known.stream.host, known.stream.service) == (level, host, "")


def test_streams_are_kept_in_bounded_number(monkeypatch):
    monkeypatch.setattr(loki_streams, "_MOST_STREAMS", 3)
    cache = StreamCache()
    first = cache.stream({"a": "0"})
    assert cache.stream({"a": "0"}) is first
    for number in range(10):
        cache.stream({"a": str(number)})
        assert len(cache._streams) <= 3
    assert cache.stream({"a": "0"}) == first
