"""Loki as a source of lines, over HTTP."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import orjson
import pytest
from fake_loki import HOUR, SECOND, FakeLoki, Fault
from hypothesis import given, settings
from hypothesis import strategies as st
from log_reading import keep_cursor, read_to_the_end, read_with_kills, texts_of, through_json
from loki_reading import SELECTOR, reader_of
from source_replay import MILLISECOND, NOW, Reader, at, numbered, once

from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.log_sources import Loki
from forewarn_adapters.logs.batch import LEVELS
from forewarn_adapters.logs.loki import remembered
from forewarn_adapters.logs.loki import source as loki
from forewarn_adapters.logs.loki.source import LokiSource
from forewarn_models.errors import (
    ConfigError,
    SourceError,
    SourceRejected,
    SourceTimeout,
    SourceUnavailable,
)
from hostile_server import answering, hanging, hostile

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def server() -> Iterator[FakeLoki]:
    fake = FakeLoki(now=lambda: at(100_000))
    yield fake
    fake.close()


@pytest.fixture
def reader(server: FakeLoki) -> Iterator[Reader]:
    one = reader_of(server.url, page_lines=10)
    yield one
    one.source.close()


def test_reading_begins_now(server, reader):
    server.push({"app": "a"}, numbered(0, 3, -10))
    server.push({"app": "a"}, numbered(3, 6, 1))
    reader.advance(10)
    assert reader.rest() == once(3, 6)


def test_what_is_younger_than_the_delay_waits(server, reader):
    server.push({"app": "a"}, numbered(0, 3, 5))
    reader.advance(7)
    assert not reader.rest()
    reader.advance(1)
    assert reader.rest() == once(0, 3)


def test_lines_come_in_order_of_time_with_what_their_labels_say(server, reader):
    server.push({"app": "a", "level": "WARNING", "pod": "a-1"}, [(at(2), "two"), (at(4), "four")])
    server.push({"app": "b", "host": "h", "pod": "b-1"}, [(at(1), "error: one"), (at(3), "drei")])
    reader.advance(10)
    batch = reader.source.read(reader.cursor)
    assert texts_of(batch) == [b"error: one", b"two", b"drei", b"four"]
    assert batch.timestamp_nanoseconds.tolist() == [at(1), at(2), at(3), at(4)]
    assert [LEVELS[level] for level in batch.level] == ["error", "warn", "", "warn"]
    streams = [batch.streams[place] for place in batch.stream]
    assert [stream.host for stream in streams] == ["h", "a-1", "h", "a-1"]
    assert {stream.service for stream in streams} == {""}
    assert dict(streams[1].labels) == {
        "app": "a",
        "detected_level": "WARNING",
        "level": "WARNING",
        "pod": "a-1",
        "service_name": "a",
    }
    assert batch.messages is batch.lines


def test_metadata_of_single_lines_makes_streams_of_which_none_is_lost(server, reader):
    for number in range(30):
        line = numbered(number, number + 1, 1 + number)
        server.push({"app": "a"}, line, {"trace_id": f"{number % 20}"})
    reader.advance(60)
    batch = reader.source.read(reader.cursor)
    traces = [dict(batch.streams[place].labels)["trace_id"] for place in batch.stream]
    assert traces == [str(number) for number in range(9)]  # the tenth may be one of more
    assert reader.rest() == once(0, 30)


def test_a_page_that_is_cut_inside_a_timestamp_loses_and_doubles_nothing(server, reader):
    for number in range(40):
        server.push({"app": "ab"[number % 2]}, numbered(number, number + 1, number // 7))
    reader.advance(60)
    assert reader.rest(3) == once(0, 40)


@pytest.mark.parametrize("n_streams", [1, 3, 100])
def test_more_lines_at_one_instant_than_a_page_holds_come_once(server, reader, n_streams):
    for stream in range(n_streams):
        lines = [(at(1), f"line {number}") for number in range(stream, 500, n_streams)]
        server.push({"app": f"app{stream}"}, lines)
    server.push({"app": "later"}, numbered(500, 505, 2))
    reader.advance(10)
    assert reader.rest() == once(0, 505)


def test_the_same_line_of_many_streams_at_one_instant_comes_from_each(server, reader):
    for stream in range(50):
        server.push({"app": f"{stream}"}, [(at(1), "the same")])
    reader.advance(10)
    assert reader.rest() == Counter({b"the same": 50})
    reader.advance(10)
    assert not reader.rest(5)


def test_reading_goes_on_from_its_cursor_inside_an_instant(server, reader):
    server.push({"app": "a"}, numbered(0, 300, 1))
    reader.advance(10)
    counts = Counter()
    while True:
        batch = reader.source.read(reader.cursor)
        counts.update(texts_of(batch))
        if not batch.n_lines:
            break
        reader.cursor = through_json(batch.cursor)
        reader.again()
    assert counts == once(0, 300)


def test_lines_that_cannot_be_told_apart_are_given_up_with_a_warning(server, reader, caplog):
    server.push({"app": "a"}, numbered(0, 1, 1))
    answer = {"stream": {"app": "a"}, "values": [[str(at(1)), "same"]] * 10}
    body = {"status": "success", "data": {"resultType": "streams", "result": [answer]}}
    server.fault = lambda _: Fault(200, orjson.dumps(body))
    reader.advance(5)
    assert reader.source.read(reader.cursor).n_lines == 10
    assert "cannot be told apart" in caplog.text


def test_late_lines_come_once_and_no_other_line_again(server, reader):
    server.push({"app": "a"}, [*numbered(0, 20, 1), *numbered(20, 25, 600)])
    reader.advance(700)
    assert reader.rest() == once(0, 25)
    server.push({"app": "a"}, [*numbered(25, 60, 1), *numbered(60, 62, 300)])
    server.push({"app": "b"}, numbered(0, 5, 1))
    reader.advance(6)
    assert reader.rest(30) == once(25, 62) + once(0, 5)
    reader.advance(40)
    assert not reader.rest(30)


def test_late_lines_are_told_from_others_by_a_new_process(server, reader):
    server.push({"app": "a"}, numbered(0, 25, 1))
    reader.advance(10)
    assert reader.rest() == once(0, 25)
    reader.again()
    server.push({"app": "a"}, numbered(25, 30, 0.5))
    reader.advance(10)
    assert reader.rest(10) == once(25, 30)


def test_lines_from_before_reading_began_never_come(server, reader):
    server.push({"app": "a"}, numbered(0, 2, 1))
    reader.advance(10)
    assert reader.rest() == once(0, 2)
    server.push({"app": "a"}, numbered(2, 4, -10))
    reader.advance(60)
    assert not reader.rest(5)


def test_each_of_equal_lines_comes_once_also_when_another_comes_late(server, reader):
    def answers(copies: int):
        stream = {"stream": {"app": "a"}, "values": [[str(at(1)), "same"]] * copies}
        data = {"resultType": "streams", "result": [stream]}
        return lambda _: Fault(200, orjson.dumps({"status": "success", "data": data}))

    # As where a query makes lines equal.
    server.fault = lambda asked: answers(2)(asked) if int(asked["start"]) <= at(1) else None
    reader.advance(10)
    assert reader.rest(3) == Counter({b"same": 2})
    server.fault = lambda asked: answers(3)(asked) if int(asked["start"]) <= at(1) else None
    reader.advance(40)
    assert reader.rest(3) == Counter({b"same": 1})


def test_what_is_remembered_is_bounded_and_what_is_forgotten_is_not_read_again(
    server, reader, monkeypatch
):
    monkeypatch.setattr(remembered, "MOST_LINES", 100)
    monkeypatch.setattr(remembered, "_SMALL_LINES", 20)
    for number in range(50):
        server.push({"app": "a"}, numbered(10 * number, 10 * number + 10, 1 + number))
    reader.advance(100)
    assert reader.rest() == once(0, 500)
    assert len(orjson.dumps(reader.cursor)) < 2_000
    reader.advance(60)
    assert not reader.rest(20)
    assert min(int(asked["start"]) for asked in server.asked[-10:]) > at(30)


def test_what_is_forgotten_while_it_is_read_again_is_left_out(server, reader, monkeypatch):
    monkeypatch.setattr(remembered, "MOST_LINES", 60)
    monkeypatch.setattr(remembered, "_SMALL_LINES", 10)
    server.push({"app": "a"}, [line for n in range(50) for line in numbered(n, n + 1, 1 + n)])
    reader.advance(60)
    assert reader.rest() == once(0, 50)
    server.push({"app": "a"}, [(at(2) + 1, "late")])
    reader.advance(40)
    batch = reader.source.read(reader.cursor)
    assert texts_of(batch) == [b"late"]
    assert batch.cursor["again"]
    reader.cursor = batch.cursor
    server.push(
        {"app": "a"}, [line for n in range(50) for line in numbered(50 + n, 51 + n, 101 + n)]
    )
    reader.advance(60)
    assert reader.rest(10) == once(50, 100)


def test_a_limit_of_lines_is_learned_from_its_refusal(server):
    server.most_entries = 50
    reader = reader_of(server.url, page_lines=5_000)
    server.push({"app": "a"}, [line for n in range(200) for line in numbered(n, n + 1, n / 10)])
    reader.advance(60)
    assert reader.rest() == once(0, 200)
    reader.source.close()
    assert [asked["limit"] for asked in server.asked][:3] == ["5000", "50", "50"]


def test_a_limit_of_time_is_learned_from_its_refusal_and_a_long_absence_is_caught_up(server):
    server.longest_nanoseconds = 5 * HOUR
    reader = reader_of(server.url)
    for day in range(9):
        server.push({"app": "a"}, numbered(10 * day, 10 * day + 10, 86_400 * day + 5))
        server.now = lambda: at(900_000)
    reader.advance(86_400 * 10)
    assert reader.rest() == once(0, 90)
    reader.source.close()


def test_an_absence_longer_than_any_range_is_caught_up(server, reader):
    server.now = lambda: at(90 * 86_400)
    server.push({"app": "a"}, numbered(0, 3, 60 * 86_400))
    reader.advance(61 * 86_400)
    assert reader.rest() == once(0, 3)
    lengths = [int(asked["end"]) - int(asked["start"]) for asked in server.asked]
    assert max(lengths) <= 24 * HOUR


def test_answers_that_are_too_large_are_asked_for_in_parts(server, monkeypatch):
    monkeypatch.setattr(loki, "_MOST_ANSWER_BYTES", 20_000)
    reader = reader_of(server.url, page_lines=1_000)
    lines = [(at(n / 100), f"line {n} ".ljust(1_000, "x")) for n in range(300)]
    server.push({"app": "a"}, lines)
    reader.advance(60)
    assert reader.rest() == Counter(line.encode() for _, line in lines)
    reader.source.close()


def test_one_line_that_is_too_large_is_an_error(server, monkeypatch):
    monkeypatch.setattr(loki, "_MOST_ANSWER_BYTES", 20_000)
    server.push({"app": "a"}, [(at(1), "x" * 30_000)])
    reader = reader_of(server.url)
    reader.advance(60)
    with pytest.raises(SourceRejected, match="at most 20000 bytes"):
        reader.source.read(reader.cursor)
    reader.source.close()


def failing(fault: Fault, times: int):
    left = [times]

    def fails(_):
        left[0] -= 1
        return fault if left[0] >= 0 else None

    return fails


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(500, b"boom"), SourceUnavailable),
        (Fault(429, b"too many outstanding requests"), SourceUnavailable),
        (Fault(504, b"upstream timed out"), SourceTimeout),
        (Fault(500, b"context deadline exceeded"), SourceTimeout),
        (Fault(401, b"no"), SourceRejected),
        (Fault(404, b""), SourceRejected),
        (Fault(302, b"", {"Location": "http://127.0.0.1:1/"}), SourceRejected),
        (Fault(200, b"<html>login</html>"), SourceUnavailable),
        (Fault(200, b'{"status":"success","data":{"resultType":"streams"}}'), SourceUnavailable),
        (Fault(200, b'{"status":"success","data":{"resultType":"matrix"}}'), SourceRejected),
        (Fault(200, b'{"status":"error","data":{"resultType":"streams"}}'), SourceUnavailable),
        (Fault(200, b"[]"), SourceUnavailable),
        (Fault(is_cut=True), SourceUnavailable),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_failure_is_told_and_the_same_cursor_goes_on(server, reader, fault, error):
    server.push({"app": "a"}, numbered(0, 30, 1))
    reader.advance(10)
    server.fault = failing(fault, 3)
    with pytest.raises(error):
        reader.source.read(reader.cursor)  # what may change is tried three times
    server.fault = lambda _: None
    assert reader.rest() == once(0, 30)


def test_lines_of_another_time_than_asked_for_are_refused(server, reader):
    server.push({"app": "a"}, numbered(0, 3, -100))
    server.fault = lambda asked: Fault(200, server.answer({**asked, "start": str(at(-200))})[1])
    reader.advance(10)
    with pytest.raises(SourceUnavailable, match="must answer with lines from"):
        reader.source.read(reader.cursor)


def test_a_server_that_is_slow_is_asked_for_less_time(server):
    with hostile(hanging) as slow:
        reader = reader_of(slow.url, timeout=timedelta(milliseconds=50))
        reader.advance(100)
        for _ in range(2):
            with pytest.raises(SourceTimeout):
                reader.source.read(reader.cursor)
        reader.source.close()
        asked = [dict(p.split("=") for p in r.path.split("?")[1].split("&")) for r in slow.requests]
    lengths = [int(one["end"]) - int(one["start"]) for one in asked]
    assert lengths == [100 * SECOND, 50 * SECOND]


def test_a_server_that_is_down_is_unavailable(server, reader):
    server.close()
    reader.advance(10)
    with pytest.raises(SourceUnavailable):
        reader.source.read(reader.cursor)


def test_a_refused_query_is_told_in_the_words_of_the_server(server):
    reader = reader_of(server.url, query='{app="a"')
    reader.advance(10)
    with pytest.raises(SourceRejected, match="unexpected \\$end"):
        reader.source.read(reader.cursor)
    reader.source.close()


def test_a_query_that_computes_numbers_is_refused():
    body = '{"status":"success","data":{"resultType":"matrix","result":[]}}'
    with hostile(answering(200, body)) as other:
        reader = reader_of(other.url)
        reader.advance(10)
        with pytest.raises(SourceRejected, match="must select lines"):
            reader.source.read(reader.cursor)
        reader.source.close()


def test_the_tenant_is_sent(server):
    server.required = {"X-Scope-OrgID": "team-a"}
    server.push({"app": "a"}, numbered(0, 3, 1))
    reader = reader_of(server.url, tenant="team-a")
    reader.advance(10)
    assert reader.rest() == once(0, 3)
    reader.source.close()
    assert server.headers[-1]["Cache-Control"] == "no-store"


def test_a_tenant_that_cannot_be_sent_is_refused():
    with pytest.raises(ConfigError):
        reader_of("http://127.0.0.1:1", tenant="a\nb")


def test_a_closed_source_is_not_read(server, reader):
    reader.advance(10)
    reader.source.close()
    with pytest.raises(SourceError):
        reader.source.read(reader.cursor)


def test_a_cursor_of_something_else_is_refused(reader):
    with pytest.raises(SourceRejected, match="must be one that this source gave"):
        reader.source.read({"offset": 3})


def test_a_clock_that_was_set_back_does_no_harm(server, reader):
    server.push({"app": "a"}, numbered(0, 3, 1))
    reader.advance(10)
    assert reader.rest() == once(0, 3)
    reader.clock.advance(milliseconds=-8_000)
    assert not reader.rest(3)
    server.push({"app": "a"}, numbered(3, 6, 9))
    reader.advance(20)
    assert reader.rest(3) == once(3, 6)


def test_a_line_filter_and_a_comment_stand_in_the_query(server):
    reader = reader_of(server.url, query='{app="a"} |= "line" # all of them', page_lines=10)
    server.push({"app": "a"}, [*numbered(0, 50, 1), (at(1), "another")])
    reader.advance(10)
    assert reader.rest() == once(0, 50)
    reader.source.close()


def troubled(server: FakeLoki, loud: list[int]):
    """Cuts, refusals and lines that come late, in turn with answers."""
    faults = [None, Fault(is_cut=True), None, Fault(500, b"boom"), None, None, Fault(429, b"wait")]

    def trouble(_):
        loud[0] += 1
        return faults[loud[0] % len(faults)]

    return trouble


def test_40_000_lines_come_once_through_cuts_refusals_and_equal_timestamps(server):
    reader = reader_of(server.url)
    n_lines = 40_000
    held = {}
    for stream in range(5):
        numbers = range(stream, n_lines, 5)
        # 12,000 at one instant, 1,000 a second after.
        lines = [(at(1 + max(0, n - 12_000) // 1_000), f"line {n}") for n in numbers]
        held[stream] = lines[-200:]
        server.push({"app": f"app{stream}", "level": "info"}, lines[:-200])
    server.fault = troubled(server, [0])
    reader.advance(400)
    counts = reader.rest()
    assert counts.total() == n_lines - 1_000
    for stream, lines in held.items():
        server.push({"app": f"app{stream}", "level": "info"}, lines)
    reader.advance(40)
    counts += reader.rest(30)
    reader.source.close()
    assert counts == once(0, n_lines)


def test_200_000_lines_come_once_to_processes_that_are_killed(tmp_path):
    server = FakeLoki()
    n_lines = 200_000
    begin = time.time_ns() - 600 * SECOND
    given = {"url": server.url, "query": SELECTOR, "delay": "1ms", "timeout": "5s"}
    first = LokiSource("first", Loki(**given), clock=ManualClock(begin // MILLISECOND - 1))
    keep_cursor(tmp_path, first.read(None).cursor)
    first.close()
    for stream in range(4):
        lines = [
            (begin + n // 1_500 * SECOND, f"line {n}") for n in range(stream, n_lines - 400, 4)
        ]
        server.push({"app": f"app{stream}"}, lines)
    server.fault = troubled(server, [0])
    read = read_with_kills("Loki", given, tmp_path, n_lines - 400, kills=2)
    assert len(read) == n_lines - 400
    late = [(begin + 132 * SECOND + n, f"line {n}") for n in range(n_lines - 400, n_lines)]
    assert server.push({"app": "app1"}, late) == []
    read = read_with_kills("Loki", given, tmp_path, n_lines, kills=0)
    server.close()
    assert Counter(read) == once(0, n_lines)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(0, 40), st.integers(1, 40)),
        st.tuples(st.just("late"), st.integers(0, 60_000), st.integers(1, 12)),
        st.tuples(st.just("advance"), st.integers(1, 9_000), st.just(0)),
        st.tuples(
            st.sampled_from(["read", "lose", "again", "fail", "cut"]), st.just(0), st.just(0)
        ),
    ),
    min_size=1,
    max_size=40,
)


class Replay:
    """A reader of a Loki, what was sent to it and what came of it."""

    def __init__(self, server: FakeLoki, reader: Reader) -> None:
        self.server = server
        self.reader = reader
        self.sent: Counter[bytes] = Counter()
        self.timely: Counter[bytes] = Counter()
        self.came: Counter[bytes] = Counter()

    def push(self, milliseconds_before: int, count: int) -> None:
        when = max(self.reader.clock() - milliseconds_before + 20, NOW) * MILLISECOND
        for stream in range(3):
            begin = self.sent.total()
            texts = [f"line {begin + number}" for number in range(count // (stream + 1))]
            self.server.push({"app": f"{stream}"}, [(when, text) for text in texts])
            self.sent.update(text.encode() for text in texts)
            if milliseconds_before <= 40:  # none of these is late
                self.timely.update(text.encode() for text in texts)

    late = push

    def advance(self, milliseconds: int, _: int) -> None:
        self.reader.clock.advance(milliseconds=milliseconds)

    def read(self, *_: int) -> None:
        batch = self.reader.source.read(self.reader.cursor)
        self.reader.cursor = through_json(batch.cursor)
        self.came.update(texts_of(batch))

    def lose(self, *_: int) -> None:
        """Read without keeping the cursor, as a process that is killed then."""
        self.reader.source.read(self.reader.cursor)

    def again(self, *_: int) -> None:
        self.reader.again()

    def fail(self, *_: int) -> None:
        self.server.fault = failing(Fault(500, b"boom"), 2)

    def cut(self, *_: int) -> None:
        self.server.fault = failing(Fault(is_cut=True), 2)

    def end(self) -> None:
        for _ in range(3):
            self.advance(40_000, 0)
            self.came += self.reader.rest(40)


@settings(max_examples=25, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 100))
def test_whatever_happens_each_line_comes_once(steps, seed):
    replay = replayed(steps, seed)
    assert replay.came == replay.sent


@settings(max_examples=15, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 100))
def test_with_little_memory_late_lines_may_be_missed_but_no_line_comes_twice(steps, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remembered, "MOST_LINES", 60)
        patch.setattr(remembered, "_SMALL_LINES", 10)
        replay = replayed(steps, seed)
    assert replay.came <= replay.sent
    assert replay.came >= replay.timely


def replayed(steps, seed):
    server = FakeLoki(now=lambda: at(100_000), seed=seed)
    reader = reader_of(server.url, page_lines=10)
    replay = Replay(server, reader)
    try:
        for name, first, second in steps:
            getattr(replay, name)(first, second)
        replay.end()
    finally:
        reader.source.close()
        server.close()
    return replay


def test_reading_to_the_end_needs_few_requests(server):
    """Pages are full, and each is read once more for late lines."""
    reader = reader_of(server.url, page_lines=1_000)
    server.push({"app": "a"}, [(at(1) + n, f"line {n}") for n in range(20_000)])
    reader.advance(60)
    counts, _ = read_to_the_end(reader.source, reader.cursor)
    reader.source.close()
    assert counts == once(0, 20_000)
    assert len(server.asked) <= 45
