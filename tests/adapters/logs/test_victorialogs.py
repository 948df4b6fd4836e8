"""VictoriaLogs as a source of lines, over HTTP."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fake_victorialogs import SECOND, FakeVictoriaLogs
from hypothesis import given, settings
from hypothesis import strategies as st
from log_reading import keep_cursor, read_with_kills, texts_of
from source_replay import MILLISECOND, STEPS, Reader, Replay, at, numbered, once

from forewarn_adapters import http
from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.log_sources import VictoriaLogs
from forewarn_adapters.logs.batch import LEVELS
from forewarn_adapters.logs.windowed import victorialogs
from forewarn_adapters.logs.windowed.victorialogs import VictoriaLogsSource
from forewarn_models.errors import SourceRejected, SourceUnavailable
from hostile_server import answering, hostile, in_turn

RECORDINGS = Path(__file__).parent / "recordings" / "victorialogs"

pytestmark = pytest.mark.usefixtures("impatient")


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())["response"]
    return found


@pytest.fixture
def server() -> Iterator[FakeVictoriaLogs]:
    fake = FakeVictoriaLogs()
    yield fake
    fake.close()


def reader_of(url: str, **changed: Any) -> Reader:
    given = {"query": "*", "delay": timedelta(seconds=2), "timeout": timedelta(seconds=5)}
    return Reader(VictoriaLogsSource, VictoriaLogs(url=url, **(given | changed)))


@pytest.fixture
def reader(server: FakeVictoriaLogs) -> Iterator[Reader]:
    one = reader_of(server.url, page_lines=10)
    yield one
    one.source.close()


def test_a_recorded_answer_becomes_lines_with_time_level_and_stream():
    answer = recorded("query_filter")
    rows = [json.loads(line) for line in answer["body"].splitlines()]
    with hostile(in_turn(answering(200, answer["body"]), answering(200, ""))) as server:
        reader = reader_of(server.url)
        reader.advance(60)
        batch = reader.next()
        reader.source.close()
    assert texts_of(batch) == [row["_msg"].encode() for row in rows]
    assert batch.messages is batch.lines
    assert batch.timestamp_nanoseconds[0] == 1_795_416_053_787_840_693
    assert {LEVELS[level] for level in batch.level} == {"error"}
    assert [dict(stream.labels) for stream in batch.streams] == [
        {"app": "api", "namespace": "prod"}
    ]
    assert batch.stream.tolist() == [0] * batch.n_lines


def test_lines_of_a_recording_out_of_order_are_put_in_order():
    rows = "".join(reversed(recorded("query_all_limit")["body"].splitlines(keepends=True)))
    with hostile(answering(200, rows)) as server:
        reader = reader_of(server.url)
        reader.advance(60)
        batch = reader.next()
        reader.source.close()
    assert batch.n_lines == 200
    assert sorted(batch.timestamp_nanoseconds) == batch.timestamp_nanoseconds.tolist()
    assert Counter(texts_of(batch)) == Counter(
        json.loads(row)["_msg"].encode() for row in rows.splitlines()
    )


def test_a_refused_query_is_told_in_the_words_of_the_server():
    answer = recorded("error_parse")
    with hostile(answering(answer["status"], answer["body"])) as server:
        reader = reader_of(server.url, query="app:(")
        reader.advance(60)
        with pytest.raises(SourceRejected, match="missing filter after"):
            reader.source.read(reader.cursor)
        reader.source.close()


def test_an_empty_recording_is_no_line():
    with hostile(answering(200, recorded("query_empty")["body"])) as server:
        reader = reader_of(server.url)
        reader.advance(60)
        assert reader.source.read(reader.cursor).n_lines == 0
        reader.source.close()


def test_reading_begins_now(server, reader):
    server.push(numbered(0, 3, -10))
    server.push(numbered(3, 6, 1))
    reader.advance(10)
    assert reader.rest() == once(3, 6)


def test_what_is_younger_than_the_delay_waits(server, reader):
    server.push(numbered(0, 3, 5))
    reader.advance(7)
    assert not reader.rest()
    reader.advance(0.001)
    assert reader.rest() == once(0, 3)


def test_pages_that_end_within_a_timestamp_lose_and_double_nothing(server, reader):
    for place in range(30):
        server.push(numbered(7 * place, 7 * place + 7, 1 + place / 1000))
    reader.advance(60)
    assert reader.rest() == once(0, 210)


@pytest.mark.parametrize("n_lines", [9, 10, 11, 20, 95])
def test_a_timestamp_may_have_more_lines_than_a_page(server, reader, n_lines):
    server.push(numbered(0, n_lines, 5))
    server.push(numbered(n_lines, n_lines + 3, 5.001))
    reader.advance(60)
    assert reader.rest() == once(0, n_lines + 3)


def test_equal_lines_are_each_counted(server, reader):
    server.push([(at(5), "same")] * 57)
    reader.advance(60)
    assert reader.rest() == {b"same": 57}
    server.push([(at(5), "same")] * 3)
    reader.advance(2)
    assert reader.rest() == {b"same": 3}


@pytest.mark.parametrize("lateness", [3, 20, 55])
def test_a_late_line_is_found(server, reader, lateness):
    server.push(numbered(0, 30, 1))
    reader.advance(4)
    server.push(numbered(30, 60, 4))
    assert reader.rest() == once(0, 30)
    reader.advance(lateness)
    assert reader.rest() == once(30, 60)
    server.push(numbered(60, 63, 1))
    server.push([(at(4), "line 30")])
    assert not reader.rest()  # it was asked a moment ago
    reader.advance(1)
    reader.again()
    late = reader.rest()
    assert late == (once(60, 63) + Counter([b"line 30"]))
    reader.advance(5)
    assert not reader.rest()


def test_many_late_lines_come_page_by_page(server, reader):
    server.push(numbered(0, 30, 1))
    reader.advance(10)
    assert reader.rest() == once(0, 30)
    server.push(numbered(30, 80, 1))
    server.push(numbered(80, 200, 2))
    reader.advance(1)
    assert reader.rest() == once(30, 200)


def test_batches_stay_small_where_many_late_lines_are_of_one_timestamp(server, reader):
    server.push(numbered(0, 30, 1))
    reader.advance(10)
    assert reader.rest() == once(0, 30)
    server.push(numbered(30, 200, 1))
    reader.advance(1)
    sizes, late = [], Counter()
    while (batch := reader.next()).n_lines:
        sizes.append(batch.n_lines)
        late.update(texts_of(batch))
    assert late == once(30, 200)
    assert max(sizes) <= 20


def test_lines_that_come_while_their_timestamp_is_read_are_neither_lost_nor_doubled(server, reader):
    server.push([(at(5), f"line {number:03}") for number in range(10, 60)])
    reader.advance(60)
    first = reader.next()
    late = [(at(5), f"line {number:03}") for number in (1, 2, 99)]
    server.before_query = [lambda: server.push(late)]
    rest = reader.rest() + Counter(texts_of(first))
    assert rest == Counter(f"line {number:03}".encode() for number in (*range(10, 60), 1, 2, 99))


def test_an_instant_that_does_not_stay_as_it_is_is_read_later(server, reader):
    server.push(numbered(0, 50, 5))
    reader.advance(60)
    reader.next()

    def push_one() -> None:
        server.push([(at(5), "line 0")])

    server.before_query = [push_one] * 20
    with pytest.raises(SourceUnavailable, match="must stay as they are"):
        reader.source.read(reader.cursor)
    server.before_query = []
    assert sum(reader.rest().values()) > 40


@pytest.fixture
def _small_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(victorialogs, "HttpLimits", lambda: http.HttpLimits(answer_bytes=1 << 20))


@pytest.mark.usefixtures("_small_answers")
@pytest.mark.parametrize("apart_milliseconds", [0, 10])
def test_answers_that_would_be_too_large_are_asked_for_in_parts(server, apart_milliseconds):
    reader = reader_of(server.url, page_lines=1000)
    server.push(
        (at(1 + place * apart_milliseconds / 1000), f"{place:04}" + "x" * 10_000)
        for place in range(300)
    )
    reader.advance(60)
    counts = reader.rest()
    reader.source.close()
    assert len(counts) == 300
    assert set(counts.values()) == {1}


@pytest.mark.usefixtures("_small_answers")
def test_one_line_that_is_too_large_is_said(server):
    reader = reader_of(server.url)
    server.push([(at(1), "x" * (1 << 20))])
    reader.advance(60)
    with pytest.raises(http.AnswerTooLarge):
        reader.source.read(reader.cursor)
    reader.source.close()


def test_a_server_without_memory_to_sort_is_asked_for_less():
    refusal = "cannot calculate [sort by (_time)], since it requires more than 100MB of memory"
    body = recorded("query_filter")["body"]
    with hostile(in_turn(answering(400, refusal), answering(200, body))) as server:
        reader = reader_of(server.url)
        reader.advance(60)
        assert reader.source.read(reader.cursor).n_lines > 20
        assert "limit+2500" in server.requests[1].body.decode()
        reader.source.close()


def test_tenant_and_query_are_sent(server):
    server.tenant = ("12", "3")
    server.push(numbered(0, 5, 1))
    server.push(numbered(5, 9, 1), fields={"app": "b"})
    reader = reader_of(server.url, tenant="12:3", query='app:="b"')
    reader.advance(60)
    assert reader.rest() == once(5, 9)
    reader.source.close()
    stranger = reader_of(server.url, tenant="12:4")
    stranger.advance(60)
    assert not stranger.rest()
    stranger.source.close()


def test_fields_beside_the_stream_say_level_host_and_service(server, reader):
    fields = {"app": "api", "level": "warning", "service.name": "checkout", "pod": "p-1"}
    server.push(numbered(0, 2, 1), fields=fields)
    reader.advance(60)
    batch = reader.next()
    assert [LEVELS[level] for level in batch.level] == ["warn", "warn"]
    stream = batch.streams[batch.stream[0]]
    assert (stream.service, stream.host) == ("", "p-1")
    assert dict(stream.labels) == {"app": "api", "service.name": "checkout", "pod": "p-1"}


BROKEN = {
    "half a line": '{"_time":"2026-11-23T06:40:53Z","_msg":"a"}\n{"_time"',
    "no JSON": "<html>hello</html>\n",
    "no object": "1\n2\n",
    "no time": '{"_msg":"a"}\n',
    "a wrong time": '{"_time":"yesterday","_msg":"a"}\n',
    "a time of another zone": '{"_time":"2026-11-23T06:40:53+01:00","_msg":"a"}\n',
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_what_is_no_answer_is_an_error(body):
    with hostile(answering(200, body)) as server:
        reader = reader_of(server.url)
        reader.advance(60)
        with pytest.raises(SourceUnavailable):
            reader.source.read(reader.cursor)
        reader.source.close()


def test_counts_that_are_none_are_an_error(server, reader):
    reader.advance(60)
    reader.rest()
    reader.advance(60)
    with hostile(answering(200, '{"_time":"2026-11-23T06:40:53Z"}\n')) as broken:
        other = reader_of(broken.url)
        other.advance(120)
        with pytest.raises(SourceUnavailable, match="count lines by second"):
            other.source.read(reader.cursor)
        other.source.close()


def test_lines_that_are_no_text_are_kept_as_far_as_they_are():
    rows = (
        b'{"_time":"2026-11-23T06:45:53Z","_msg":"\xff broken"}\n'
        b'{"_time":"2026-11-23T06:45:54Z","_msg":"half \\ud800"}\n'
        b'{"_time":"2026-11-23T06:45:55Z","a":"\\ud800"}\n'
        b'{"_time":"2026-11-23T06:45:56Z"}\n'
        b'{"_time":"2026-11-23T06:45:57Z","_stream":"{a=\\"\\\\x\\"}","b":"c"}\n'
    )

    def answer(exchange):
        exchange.answer(200, rows)

    with hostile(answer) as server:
        reader = reader_of(server.url)
        reader.advance(300)
        batch = reader.next()
        reader.source.close()
    assert texts_of(batch) == [
        "\ufffd broken".encode(),
        b"half ?",
        b'{"a": "\\ud800"}',
        b"",
        b'{"b":"c"}',
    ]
    assert batch.streams[-1].labels == (("a", "\\x"),)


@pytest.mark.parametrize(
    "cursor",
    [
        {},
        {"nanoseconds": "x", "checked": 0, "known": {}},
        {"nanoseconds": 1, "checked": 0, "known": {"begin": 1, "seconds": [], "identities": "?"}},
        {
            "nanoseconds": 1,
            "checked": 0,
            "known": {"begin": 1, "seconds": [[1, 2]], "identities": ""},
        },
        {
            "nanoseconds": 1,
            "checked": 0,
            "known": {"begin": 1, "seconds": [], "identities": ""},
            "within": {"place": 3},
        },
        {
            "nanoseconds": 1,
            "checked": 0,
            "known": {"begin": 1, "seconds": [], "identities": ""},
            "within": {"place": {"after": []}, "identities": ""},
        },
    ],
)
def test_a_foreign_cursor_is_refused(reader, cursor):
    with pytest.raises(SourceRejected, match="a cursor must"):
        reader.source.read(cursor)


def test_a_clock_that_is_set_back_loses_and_doubles_nothing(server, reader):
    server.push(numbered(0, 25, 1))
    reader.advance(30)
    assert reader.rest() == once(0, 25)
    reader.advance(-20)
    server.push(numbered(25, 50, 12))
    assert reader.rest() == once(25, 50)
    server.push(numbered(50, 75, 29))
    assert not reader.rest()
    reader.advance(60)
    assert reader.rest() == once(50, 75)


def test_an_answer_that_takes_too_long_is_asked_for_less_time(server):
    with hostile(lambda exchange: exchange.over.wait(1)) as slow:
        reader = reader_of(slow.url, timeout=timedelta(seconds=0.1))
        reader.advance(600)
        for _ in range(2):
            with pytest.raises(SourceUnavailable.__base__):
                reader.source.read(reader.cursor)
        reader.source.close()


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, n_messages=st.integers(1, 50))
def test_every_line_comes_as_often_as_it_was_sent(steps, n_messages):
    server = FakeVictoriaLogs()
    reader = reader_of(server.url, page_lines=10, delay=timedelta(seconds=1))
    replay = Replay(server, reader, n_messages)
    for what, place, count in steps:
        getattr(replay, what)(place, count)
    replay.end()
    reader.source.close()
    server.close()
    assert replay.came == replay.sent


def test_40_000_lines_of_one_timestamp_come_once_through_a_failing_server(server):
    n_lines = 40_000
    server.push(numbered(0, n_lines, 1))
    reader = reader_of(server.url, page_lines=2_000)
    reader.advance(120)
    server.http.faults = 0.3
    assert reader.rest() == once(0, n_lines)
    reader.source.close()
    assert server.http.n_faults > 5


def test_lines_read_by_processes_that_are_killed_come_once(server, tmp_path):
    n_lines = 200_000
    start = time.time_ns() - 100 * SECOND
    clock = ManualClock(start // MILLISECOND)
    settings = {"url": server.url, "query": "*", "delay": "1s"}
    source = VictoriaLogsSource("test", VictoriaLogs(**settings), clock=clock)
    keep_cursor(tmp_path, source.read(None).cursor)
    source.close()
    server.push(
        (start + (number // 20_000) * 8 * SECOND, f"line {number}") for number in range(n_lines)
    )
    server.http.faults = 0.1
    lines = read_with_kills("VictoriaLogs", settings, tmp_path, n_lines, kills=1)
    assert Counter(lines) == once(0, n_lines)
