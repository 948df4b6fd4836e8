"""Elasticsearch and OpenSearch as sources of lines, over HTTP."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from fake_elasticsearch import FakeElasticsearch
from hypothesis import given, settings
from hypothesis import strategies as st
from log_reading import keep_cursor, read_with_kills, texts_of
from source_replay import MILLISECOND, STEPS, Reader, Replay, at, numbered, once

from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.log_sources import Elasticsearch
from forewarn_adapters.logs.batch import LEVELS
from forewarn_adapters.logs.windowed.elasticsearch import ElasticsearchSource
from forewarn_models.errors import SourceRejected, SourceUnavailable
from hostile_server import answering, hostile, in_turn

SECOND = 1_000_000_000
KINDS = {
    "elasticsearch": {},
    "nanoseconds": {"has_nanoseconds": True},
    "opensearch": {"is_opensearch": True},
    "old": {"has_points_in_time": False},
}

pytestmark = pytest.mark.usefixtures("impatient")


def reader_of(url: str, **changed: Any) -> Reader:
    given = {"index": "logs-*", "delay": timedelta(seconds=2), "timeout": timedelta(seconds=5)}
    return Reader(ElasticsearchSource, Elasticsearch(url=url, **(given | changed)))


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[FakeElasticsearch]:
    fake = FakeElasticsearch(**request.param)
    yield fake
    fake.close()


@pytest.fixture
def one_server() -> Iterator[FakeElasticsearch]:
    fake = FakeElasticsearch()
    yield fake
    fake.close()


@pytest.fixture
def reader(server: FakeElasticsearch) -> Iterator[Reader]:
    one = reader_of(server.url, page_lines=10)
    yield one
    one.source.close()


def read_from(body: object, **changed: Any) -> Any:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    with hostile(answering(200, data)) as server:
        reader = reader_of(server.url, **changed)
        try:
            reader.advance(60)
            return reader.source.read(reader.cursor)
        finally:
            reader.source.close()


def answer_of(*sources: dict[str, Any]) -> dict[str, Any]:
    hits = [
        {"_index": "a", "_id": str(place), "_source": source, "sort": [at(place)]}
        for place, source in enumerate(sources)
    ]
    return {"_shards": {"failed": 0}, "timed_out": False, "hits": {"hits": hits}}


def test_a_document_becomes_a_line_with_time_level_and_stream():
    source = {
        "@timestamp": "2026-11-23T06:45:00.000Z",
        "message": "upstream timeout",
        "log": {"level": "Warning", "file": {"path": "/var/log/a"}},
        "service": {"name": "checkout"},
        "host": {"name": "node-1", "ip": ["10.0.0.1"]},
        "kubernetes": {
            "pod": {"name": "checkout-7f"},
            "namespace": "prod",
            "labels": {"team": "a", "version": 3},
        },
        "trace": {"id": "abc"},
        "duration": 1.5,
    }
    batch = read_from(answer_of(source, source | {"log.level": "x", "log": {"level": "fatal"}}))
    assert texts_of(batch) == [b"upstream timeout"] * 2
    assert batch.timestamp_nanoseconds.tolist() == [at(0), at(1)]
    assert [LEVELS[level] for level in batch.level] == ["warn", ""]
    assert len(batch.streams) == 1
    assert (batch.streams[0].service, batch.streams[0].host) == ("", "node-1")
    assert dict(batch.streams[0].labels) == {
        "service.name": "checkout",
        "host.name": "node-1",
        "kubernetes.pod.name": "checkout-7f",
        "kubernetes.namespace": "prod",
        "kubernetes.labels.team": "a",
        "kubernetes.labels.version": "3",
    }


def test_a_document_without_a_message_is_a_line_as_a_whole():
    batch = read_from(answer_of({"a": 1}, {"message": None, "b": [2]}, {"message": 3}))
    assert texts_of(batch) == [b'{"a":1}', b'{"message":null,"b":[2]}', b'{"message":3}']


def test_the_message_may_be_any_field():
    sources = [{"event": {"original": "one"}}, {"event.original": "two"}, {"event": {"a": {}}}]
    nested = {"a.b": {"c.d": "three"}, "a": 3}
    batch = read_from(answer_of(*sources), message_field="event.original")
    assert texts_of(batch) == [b"one", b"two", b'{"event":{"a":{}}}']
    assert texts_of(read_from(answer_of(nested), message_field="a.b.c.d")) == [b"three"]


def test_texts_that_are_no_unicode_keep_all_else():
    whole = orjson.dumps(answer_of({"message": "half HERE"}, {"other": "HERE"}))
    batch = read_from(whole.replace(b"HERE", b"\\ud800"))
    assert texts_of(batch) == [b"half ?", b'{"other": "\\ud800"}']


def test_times_of_old_servers_are_milliseconds():
    answer = answer_of({"message": "a"})
    answer["hits"]["hits"][0]["sort"] = [at(1) // MILLISECOND]
    assert read_from(answer).timestamp_nanoseconds.tolist() == [at(1)]


BROKEN = {
    "no JSON": b"<html>",
    "half": b'{"hits":',
    "no object": b"[1]",
    "no hits": b"{}",
    "no source": {"hits": {"hits": [{"_index": "a", "_id": "b", "sort": [1]}]}},
    "no sort": {"hits": {"hits": [{"_index": "a", "_id": "b", "_source": {}}]}},
    "a large sort": {
        "hits": {"hits": [{"_index": "a", "_id": "b", "_source": {}, "sort": [2**63]}]}
    },
    "a source that is none": {
        "hits": {"hits": [{"_index": "a", "_id": "b", "_source": 1, "sort": [1]}]}
    },
    "part of the shards": {"_shards": {"failed": 1}, "hits": {"hits": []}},
    "out of time": {"timed_out": True, "hits": {"hits": []}},
    "very deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_what_is_no_whole_answer_is_an_error(body):
    with pytest.raises(SourceUnavailable):
        read_from(body)


def test_reading_begins_now(server, reader):
    server.push(numbered(0, 3, -10))
    server.push(numbered(3, 6, 1))
    reader.advance(10)
    assert reader.rest() == once(3, 6)


def test_pages_that_end_within_a_timestamp_lose_and_double_nothing(server, reader):
    for place in range(30):
        server.push(numbered(7 * place, 7 * place + 7, 1 + place / 1000))
    reader.advance(60)
    assert reader.rest() == once(0, 210)


@pytest.mark.parametrize("n_lines", [9, 10, 11, 20, 95])
def test_a_timestamp_may_have_more_documents_than_a_page(server, reader, n_lines):
    server.push(numbered(0, n_lines, 5))
    server.push(numbered(n_lines, n_lines + 3, 5.001))
    reader.advance(60)
    assert reader.rest() == once(0, n_lines + 3)
    assert not server.points


def test_a_point_in_time_that_is_over_loses_and_doubles_nothing(server, reader):
    server.push(numbered(0, 95, 5))
    reader.advance(60)
    got: Counter[bytes] = Counter()
    for _ in range(8):
        got.update(texts_of(reader.next()))
    server.let_points_expire()
    reader.again()
    assert got + reader.rest() == once(0, 95)


def test_a_point_in_time_lives_through_a_restart(server, reader):
    server.push(numbered(0, 95, 5))
    reader.advance(60)
    got = Counter(texts_of(reader.next()))
    reader.again()
    assert got + reader.rest() == once(0, 95)
    assert server.n_opened == server.has_points_in_time
    assert not server.points


def test_documents_that_come_while_their_timestamp_is_read_are_found(server, reader):
    server.push(numbered(0, 50, 5))
    reader.advance(10)
    got = Counter(texts_of(reader.next()))
    server.push(numbered(50, 53, 5))
    got += reader.rest()
    reader.advance(2)
    assert got + reader.rest() == once(0, 53)


def test_a_document_that_is_found_late_comes_once(server, reader):
    server.is_automatic = False
    server.push(numbered(0, 30, 1))
    server.refresh()
    server.push(numbered(30, 45, 1))
    server.push(numbered(45, 50, 3))
    reader.advance(20)
    assert reader.rest() == once(0, 30)
    server.refresh()
    reader.again()
    reader.advance(1)
    assert reader.rest() == once(30, 50)
    reader.advance(1)
    assert not reader.rest()


def test_a_point_in_time_that_is_over_while_late_documents_are_looked_for(one_server):
    reader = reader_of(one_server.url, page_lines=10)
    one_server.push(numbered(0, 30, 1))
    reader.advance(10)
    assert reader.rest() == once(0, 30)
    one_server.push(numbered(30, 33, 1))
    reader.advance(1)
    # Counts, the window, the first piece; the second finds that nothing is left to ask.
    steps = [lambda: None] * 3
    one_server.before_search = [*steps, one_server.let_points_expire]
    with pytest.raises(SourceUnavailable, match="must stay as they are"):
        reader.source.read(reader.cursor)
    assert reader.rest() == once(30, 33)
    reader.source.close()


def test_equal_documents_are_each_counted(server, reader):
    server.push([(at(5), "same")] * 57)
    reader.advance(60)
    assert reader.rest() == {b"same": 57}


def test_two_indices_may_have_the_same_identifiers(one_server):
    one_server.push(numbered(0, 3, 1))
    for number, document in enumerate(list(one_server.found)):
        other = {"message": f"line {number + 3}"}
        one_server.waiting.append(
            document._replace(index_name="logs-2", source=orjson.dumps(other))
        )
    one_server.refresh()
    reader = reader_of(one_server.url)
    reader.advance(10)
    assert reader.rest() == once(0, 6)
    reader.source.close()


def test_nanoseconds_are_kept():
    server = FakeElasticsearch(has_nanoseconds=True)
    server.push([(at(1) + number, f"line {number}") for number in range(35)])
    reader = reader_of(server.url, page_lines=10)
    reader.advance(10)
    batch = reader.next()
    assert batch.timestamp_nanoseconds.tolist() == [at(1) + number for number in range(9)]
    assert reader.rest() + Counter(texts_of(batch)) == once(0, 35)
    reader.source.close()
    server.close()


def test_query_and_api_key_are_sent(one_server):
    one_server.api_key = "c2VjcmV0"
    one_server.push(numbered(0, 3, 1))
    one_server.push(numbered(3, 5, 1), fields={"app": "b"})
    reader = reader_of(one_server.url, query='app:"b"', api_key="c2VjcmV0")
    reader.advance(10)
    assert reader.rest() == once(3, 5)
    reader.source.close()
    stranger = reader_of(one_server.url, api_key="other")
    stranger.advance(10)
    with pytest.raises(SourceRejected, match="refuses the credentials") as refused:
        stranger.source.read(stranger.cursor)
    assert "other" not in str(refused.value)
    stranger.source.close()


def test_an_index_with_smaller_answers_is_asked_for_less(one_server):
    one_server.most_documents = 30
    one_server.push(numbered(0, 200, 1))
    one_server.push(numbered(200, 300, 2))
    reader = reader_of(one_server.url)
    reader.advance(10)
    assert reader.rest() == once(0, 300)
    reader.source.close()


def test_a_missing_index_is_told_in_the_words_of_the_server():
    missing = '{"error":{"type":"index_not_found_exception","reason":"no such index [a]"}}'
    with hostile(answering(404, missing)) as server:
        reader = reader_of(server.url)
        reader.advance(10)
        with pytest.raises(SourceRejected, match="no such index"):
            reader.source.read(reader.cursor)
        reader.source.close()


FULL = orjson.dumps(
    {
        "hits": {
            "hits": [
                {"_index": "a", "_id": str(place), "_source": {"message": "a"}, "sort": [at(1)]}
                for place in range(10)
            ]
        }
    }
)


@pytest.mark.parametrize(
    ("opened", "message"),
    [
        (answering(200, '{"other":1}'), "must name a point in time"),
        (answering(200, '{"id":"p"}'), "must be there once it was opened"),
        (answering(401, "{}"), "refuses the credentials"),
    ],
)
def test_a_point_in_time_that_does_not_open_is_an_error(opened, message):
    gone = answering(404, "{}")
    steps = (answering(200, FULL), answering(200, "{}"), opened, gone, opened, gone)
    with hostile(in_turn(*steps)) as server:
        reader = reader_of(server.url, page_lines=10)
        reader.advance(10)
        with pytest.raises((SourceUnavailable, SourceRejected), match=message):
            reader.source.read(reader.cursor)
        reader.source.close()


def test_counts_that_are_none_are_an_error(one_server):
    reader = reader_of(one_server.url)
    reader.advance(60)
    reader.rest()
    with hostile(answering(200, '{"aggregations":{}}')) as broken:
        other = reader_of(broken.url)
        other.advance(120)
        with pytest.raises(SourceUnavailable, match="count documents by second"):
            other.source.read(reader.cursor)
        other.source.close()
    reader.source.close()


def test_a_place_of_another_source_is_refused(one_server):
    reader = reader_of(one_server.url)
    within = {"place": {"offset": 1, "count": 2}, "identities": ""}
    with pytest.raises(SourceRejected, match="a cursor must"):
        reader.source.read({**reader.cursor, "within": within})
    reader.source.close()


@settings(max_examples=60, deadline=None)
@given(
    steps=STEPS,
    n_messages=st.integers(1, 50),
    kind=st.sampled_from(sorted(KINDS)),
    seed=st.integers(0, 9),
    expire=st.booleans(),
)
def test_every_document_comes_as_often_as_it_was_sent(steps, n_messages, kind, seed, expire):
    server = FakeElasticsearch(**KINDS[kind], seed=seed)
    reader = reader_of(server.url, page_lines=10, delay=timedelta(seconds=1))
    replay = Replay(server, reader, n_messages)
    for what, place, count in steps:
        getattr(replay, what)(place, count)
        if expire and what in {"again", "lose"}:
            server.let_points_expire()
    replay.end()
    reader.source.close()
    server.close()
    assert replay.came == replay.sent


@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_40_000_documents_of_one_timestamp_come_once_through_a_failing_server(kind):
    server, n_lines = FakeElasticsearch(**KINDS[kind]), 40_000
    server.push(numbered(0, n_lines, 1))
    reader = reader_of(server.url, page_lines=2_000)
    reader.advance(120)
    server.http.faults = 0.3
    assert reader.rest() == once(0, n_lines)
    reader.source.close()
    server.close()
    assert server.http.n_faults > 1


def test_documents_read_by_processes_that_are_killed_come_once(one_server, tmp_path):
    n_lines = 200_000
    start = time.time_ns() - 100 * SECOND
    start -= start % MILLISECOND
    settings = {"url": one_server.url, "index": "logs-*", "delay": "1s", "page_lines": 10_000}
    clock = ManualClock(start // MILLISECOND)
    source = ElasticsearchSource("test", Elasticsearch(**settings), clock=clock)
    keep_cursor(tmp_path, source.read(None).cursor)
    source.close()
    one_server.push(
        (start + (number // 20_000) * 8 * SECOND, f"line {number}") for number in range(n_lines)
    )
    one_server.http.faults = 0.1
    lines = read_with_kills("Elasticsearch", settings, tmp_path, n_lines, kills=1)
    assert Counter(lines) == once(0, n_lines)
