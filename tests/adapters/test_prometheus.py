"""Reading from a real Prometheus, and from servers that misbehave."""

import logging
import threading
import time
import tracemalloc
from datetime import timedelta

import numpy as np
import pytest

from forewarn_adapters.circuit import FAILURES_BEFORE_OPENING
from forewarn_adapters.config.servers import Prometheus, RemoteWrite
from forewarn_adapters.http import AnswerTooLarge
from forewarn_adapters.prometheus import PrometheusSource, Span
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_models.errors import (
    SourceError,
    SourceRejected,
    SourceTimeout,
    SourceUnavailable,
)
from forewarn_models.labels import labels_of
from forewarn_models.samples import NO_SAMPLES, Samples
from hostile_server import (
    Exchange,
    answering,
    half_an_answer,
    half_of_no_length,
    hanging,
    hostile,
    in_turn,
    matrix,
    ten_million_points,
)

SECOND = 1_000


@pytest.fixture
def source(prometheus):
    reader = PrometheusSource(Prometheus(url=prometheus.url, timeout=timedelta(seconds=30)))
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def now() -> int:
    """The newest sample's time: a whole number of minutes, a little in the past."""
    return (int(time.time()) // 60 - 1) * 60 * SECOND


@pytest.fixture(scope="module")
def written(prometheus, now) -> Samples:
    """Two series of 3,000 seconds, at whole seconds and a quarter."""
    times = now - 750 - SECOND * np.arange(2_999, -1, -1)
    rows = np.repeat([0, 1], len(times))
    values = np.sin(np.arange(len(rows), dtype=np.float64))
    values[[5, 6, 7]] = [np.nan, np.inf, -np.inf]
    series = [labels_of({"__name__": "read_me", "host": host}) for host in "ab"]
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write"))
    assert writer.send(series, rows, np.tile(times, 2), values).accepted == len(rows)
    writer.close()
    plain = tuple(labels_of({"host": host}) for host in "ab")
    return Samples(plain, rows, np.tile(times, 2), values)


def assert_same(expected: Samples, got: Samples) -> None:
    assert expected.series == got.series
    np.testing.assert_array_equal(expected.row, got.row)
    np.testing.assert_array_equal(expected.timestamp_milliseconds, got.timestamp_milliseconds)
    np.testing.assert_array_equal(expected.value, got.value)


def newest(source, query, *, after, until, step=SECOND) -> Samples:
    return source.read_newest(
        query, after_milliseconds=after, until_milliseconds=until, step_milliseconds=step
    )


def read(source, query, *, start=0, end=9 * SECOND, step=SECOND) -> Samples:
    return source.read_range(
        query, start_milliseconds=start, end_milliseconds=end, step_milliseconds=step
    )


def test_the_samples_of_a_selector_come_at_their_own_timestamps(source, written, now):
    got = newest(source, 'read_me{host=~"a|b"}', after=now - 3_600 * SECOND, until=now)
    assert_same(written, got)


def test_newest_begins_after_one_instant_and_ends_with_the_other(source, written, now):
    first, last = now - 10_750, now - 5_750
    got = newest(source, "read_me", after=first, until=last)
    assert sorted(set(got.timestamp_milliseconds.tolist())) == list(
        range(first + SECOND, last + 1, SECOND)
    )
    is_asked = (written.timestamp_milliseconds > first) & (written.timestamp_milliseconds <= last)
    assert_same(written.select(is_asked), got)


def test_a_series_whose_only_sample_is_at_the_open_end_is_left_out(source, written, now):
    got = newest(source, "read_me", after=now - 750, until=now)
    assert_same(NO_SAMPLES, got)


def test_nothing_is_newer_than_until(source):
    assert newest(source, "read_me", after=5, until=5) is NO_SAMPLES


def test_any_other_query_is_computed_at_multiples_of_the_step(source, written, now):
    got = newest(source, "sum(read_me) * 0 + 1", after=now - 7_500, until=now - 1, step=2 * SECOND)
    expected = [now - 6_000, now - 4_000, now - 2_000]
    assert got.timestamp_milliseconds.tolist() == expected
    assert got.series == ((),)
    assert got.value.tolist() == [1.0, 1.0, 1.0]
    edge = newest(source, "sum(read_me)", after=now - 4_000, until=now - 2_000, step=2 * SECOND)
    assert edge.timestamp_milliseconds.tolist() == [now - 2_000]


def test_a_range_longer_than_the_server_allows_is_read_in_parts(source, written, now):
    start = now - 2_900 * SECOND
    got = read(source, "read_me", start=start, end=now - SECOND, step=100)
    points = (now - SECOND - start) // 100 + 1
    assert points > 2 * 11_000
    assert len(got) == 2 * points
    times = got.timestamp_milliseconds[got.row == 1]
    assert times.tolist() == list(range(start, now - SECOND + 1, 100))
    last_written = np.searchsorted(written.timestamp_milliseconds[:3_000], times, side="right") - 1
    np.testing.assert_array_equal(written.value[3_000:][last_written], got.value[got.row == 1])


def test_a_range_that_ends_before_it_starts_is_empty(source):
    assert read(source, "read_me", start=10, end=9, step=1) is NO_SAMPLES


def test_not_a_number_and_infinity_are_read(source, written, now):
    first = int(written.timestamp_milliseconds[5])
    got = newest(source, 'read_me{host="a"}', after=first - 1, until=first + 2 * SECOND)
    assert repr(got.value.tolist()) == "[nan, inf, -inf]"


@pytest.mark.parametrize("query", ["sum(", "read_me[5m]", "read_me +"])
def test_a_wrong_query_is_refused_in_the_servers_own_words(source, query):
    with pytest.raises(SourceRejected, match=r"the query is refused \(HTTP 400\): bad_data: "):
        read(source, query)


def test_series_that_differ_in_nothing_but_the_name_are_refused(prometheus, source, now):
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write"))
    series = [labels_of({"__name__": name, "twin": "1"}) for name in ("twin_a", "twin_b")]
    writer.send(series, np.array([0, 1]), np.array([now, now]), np.ones(2))
    writer.close()
    with pytest.raises(SourceRejected) as refusal:
        newest(source, '{twin="1"}', after=now - SECOND, until=now)
    assert str(refusal.value) == (
        "the series of a query must differ in their labels beside the metric's name, got twice "
        "{'twin': '1'}: name one metric, or aggregate with `sum by`"
    )


def test_the_parts_of_a_span_cover_it_once():
    parts = list(Span(10, 105, 10).parts(4))
    assert parts == [Span(10, 40, 10), Span(50, 80, 10), Span(90, 105, 10)]
    assert [part.points for part in parts] == [4, 4, 2]


def source_of(url: str, **more: object) -> PrometheusSource:
    limits = {name: more.pop(name) for name in ("answer_bytes", "most_samples") if name in more}
    settings = {"timeout": timedelta(seconds=5), "retries": 0, **more}
    return PrometheusSource(Prometheus(url=url, **settings), **limits)


def failure(url: str, **more: object) -> SourceError:
    reader = source_of(url, **more)
    with pytest.raises(SourceError) as refusal:
        read(reader, "up")
    reader.close()
    return refusal.value


ANSWERS = {
    "500": (answering(500, "oops"), SourceUnavailable, "got HTTP 500: oops"),
    "429": (answering(429, "slow down"), SourceUnavailable, "got HTTP 429: slow down"),
    "html": (answering(200, "<html>Sign in</html>"), SourceUnavailable, "<html>Sign in</html>"),
    "garbage": (answering(200, b"\xff\x00{"), SourceUnavailable, "whole matrix in JSON"),
    "half": (half_an_answer, SourceUnavailable, "IncompleteRead"),
    "half without a length": (half_of_no_length, SourceUnavailable, "truncated"),
    "redirect": (
        answering(302, "", {"Location": "http://u:secret@other/"}),
        SourceRejected,
        "set `url` to the final address",
    ),
    "forbidden": (answering(403, "no"), SourceRejected, "refuses the credentials (HTTP 403)"),
    "times not asked for": (
        answering(200, matrix({}, [(10, "1")])),
        SourceUnavailable,
        "10 instants that were asked for, got others",
    ),
    "too many times": (
        answering(200, matrix({}, [(1, "1")] * 11)),
        SourceUnavailable,
        "10 instants that were asked for, got others",
    ),
}


@pytest.mark.parametrize(("behaviour", "kind", "words"), ANSWERS.values(), ids=ANSWERS.keys())
def test_a_hostile_answer_is_a_clear_error(behaviour, kind, words):
    with hostile(behaviour) as server:
        raised = failure(server.url)
    assert (type(raised), words in str(raised)) == (kind, True), raised
    assert "secret" not in str(raised)


def test_a_server_that_hangs_is_given_up_in_time():
    with hostile(hanging) as server:
        raised = failure(server.url, timeout=timedelta(seconds=0.2), retries=3)
    assert type(raised) is SourceTimeout
    assert str(raised) == f"{server.url} must answer within 0.2 s, it did not"


def test_a_server_that_keeps_failing_is_left_alone():
    with hostile(answering(500, "down")) as server:
        reader = source_of(server.url)
        for _ in range(5):
            with pytest.raises(SourceUnavailable, match="HTTP 500"):
                read(reader, "up")
        with pytest.raises(SourceUnavailable, match="left alone for 15 s"):
            read(reader, "up")
        reader.close()
        assert len(server.requests) == 5


def test_a_moment_of_failure_is_bridged():
    good = answering(200, matrix({"a": "b"}, [(1, "2")]))
    with hostile(in_turn(answering(503, "starting"), half_an_answer, good)) as server:
        reader = source_of(server.url, retries=2)
        assert read(reader, "up").value.tolist() == [2.0]
        reader.close()


def test_ten_million_points_are_refused_in_bounded_memory():
    with hostile(ten_million_points) as server:
        tracemalloc.start()
        try:
            raised = failure(server.url, timeout=timedelta(seconds=60), answer_bytes=1 << 25)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert type(raised) is AnswerTooLarge
    assert "must be at most 33554432 bytes" in str(raised)
    assert peak < 120e6


def echo(exchange: Exchange) -> None:
    """Answer a range query with a sample at each instant, as a server does."""
    form = exchange.request.form
    start, end, step = (round(float(form[name]) * 1000) for name in ("start", "end", "step"))
    values = [(time / 1000, str(time)) for time in range(start, end + 1, step)]
    exchange.answer(200, matrix({"a": "b"}, values))


def test_no_part_of_a_range_exceeds_the_servers_limit_and_all_fit_together():
    with hostile(echo) as server:
        reader = source_of(server.url)
        got = read(reader, "f(x)", start=60_000, end=60_000 * 30_000, step=60_000)
        reader.close()
        spans = sorted(
            (float(request.form["start"]), float(request.form["end"]))
            for request in server.requests
        )
    assert spans == [(60, 660_000), (660_060, 1_320_000), (1_320_060, 1_800_000)]
    assert got.timestamp_milliseconds.tolist() == [60_000 * n for n in range(1, 30_001)]
    np.testing.assert_array_equal(got.timestamp_milliseconds, got.value)


def test_an_answer_that_is_too_large_is_asked_for_in_parts():
    with hostile(echo) as server:
        reader = source_of(server.url, answer_bytes=1_000)
        got = read(reader, "f(x)", start=0, end=199_000)
        reader.close()
        assert len(server.requests) > 4
    assert got.value.tolist() == [1000.0 * n for n in range(200)]


def test_a_read_of_more_samples_than_the_limit_is_refused():
    with hostile(echo) as server:
        raised = failure(server.url, most_samples=9)
    assert str(raised) == (
        "one read must give at most 9 samples: ask for fewer series, a longer step or less history"
    )


def test_a_limited_source_gives_less_and_its_failures_do_not_close_the_other():
    with hostile(
        lambda e: echo(e) if "good" in e.request.form["query"] else e.answer(500, b"")
    ) as server:
        reader = source_of(server.url)
        limited = reader.limited(9)
        with pytest.raises(SourceRejected, match="at most 9 samples"):
            read(limited, "good")
        for _ in range(FAILURES_BEFORE_OPENING):
            with pytest.raises(SourceUnavailable, match="HTTP 500"):
                read(limited, "bad")
        with pytest.raises(SourceUnavailable, match="left alone"):
            read(limited, "good")
        assert len(read(reader, "good")) == 10
        limited.close()
        assert len(read(reader, "good")) == 10
        reader.close()


def test_times_before_1970_are_written_as_they_are():
    with hostile(answering(200, matrix({}, []))) as server:
        reader = source_of(server.url)
        read(reader, "up", start=-1_500, end=0, step=500)
        reader.close()
        assert server.requests[0].form["start"] == "-1.500"


def test_the_form_says_what_is_asked_and_how_long_it_may_take():
    with hostile(echo) as server:
        reader = source_of(server.url)
        read(reader, "up", start=1_500, end=2_500, step=500)
        reader.close()
        assert server.requests[0].path == "/api/v1/query_range"
        assert server.requests[0].form == {
            "query": "up",
            "start": "1.500",
            "end": "2.500",
            "step": "0.500",
            "timeout": "5000ms",
        }  # fmt: skip  one line for one form


def test_a_warning_of_the_server_is_logged_once(caplog):
    with hostile(answering(200, matrix({}, [(1, "2")], warnings=["a store is down"]))) as server:
        reader = source_of(server.url)
        with caplog.at_level(logging.WARNING):
            read(reader, "up")
            read(reader, "up")
        reader.close()
    assert caplog.messages == [f"{server.url} warns of up: a store is down"]


def test_no_more_requests_run_at_a_time_than_are_allowed():
    running, most, lock = [0], [0], threading.Lock()

    def counted(exchange: Exchange) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.02)
        echo(exchange)
        with lock:
            running[0] -= 1

    with hostile(counted) as server:
        reader = source_of(server.url, concurrency=3)
        read(reader, "f(x)", start=0, end=11_000 * 12 - 1, step=1)
        reader.close()
    assert most[0] == 3


def test_a_failed_part_fails_the_read_and_the_rest_is_not_asked_for():
    def failing(exchange: Exchange) -> None:
        exchange.answer(400, b"no")

    with hostile(failing) as server:
        reader = source_of(server.url, concurrency=1)
        with pytest.raises(SourceRejected):
            read(reader, "f(x)", start=0, end=11_000 * 50, step=1)
        reader.close()
        assert len(server.requests) < 50


def test_a_closed_source_reads_no_more():
    reader = source_of("http://127.0.0.1:1")
    reader.close()
    with pytest.raises(SourceUnavailable, match="is not read any more"):
        read(reader, "up")
    with pytest.raises(SourceUnavailable):
        newest(reader, "up", after=0, until=1)


def test_closing_ends_reads_that_wait():
    with hostile(answering(500, "down")) as server:
        reader = source_of(server.url, concurrency=1, retries=10)
        server.behaviour = lambda exchange: (
            threading.Thread(target=reader.close).start(),
            time.sleep(0.1),
            exchange.answer(500, b"down"),
        )
        with pytest.raises(SourceUnavailable):
            read(reader, "f(x)", start=0, end=11_000 * 3, step=1)
