"""A Loki that sends lines as they come."""

import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from fake_loki import SECOND, FakeLoki, Fault
from log_reading import texts_of, through_json
from loki_reading import reader_of
from source_replay import Reader, at, numbered, once

from forewarn_adapters import http
from forewarn_adapters.config.endpoints import BasicAuth, Tls
from forewarn_adapters.logs.loki import remembered
from forewarn_adapters.logs.loki import source as loki
from forewarn_adapters.logs.loki import tail as loki_tail
from forewarn_adapters.logs.loki.answer import message_of
from forewarn_models.errors import SourceUnavailable


@pytest.fixture
def server() -> Iterator[FakeLoki]:
    fake = FakeLoki(now=lambda: at(100_000))
    yield fake
    fake.close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_LONGEST_BACKOFF_SECONDS", 0.0)
    monkeypatch.setattr(loki, "_TAIL_SECONDS", 0.005)
    monkeypatch.setattr(loki_tail, "_FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def reader(server: FakeLoki) -> Iterator[Reader]:
    one = reader_of(server.url, page_lines=10, tail=True)
    until(one, lambda _: server.n_tails == 1)
    yield one
    one.source.close()


def until(reader: Reader, is_done: Callable[[Counter[bytes]], bool]) -> Counter[bytes]:
    """Read until something holds of what was read."""
    counts: Counter[bytes] = Counter()
    deadline = time.monotonic() + 20
    while not is_done(counts):
        assert time.monotonic() < deadline, counts
        batch = reader.source.read(reader.cursor)
        reader.cursor = through_json(batch.cursor)
        counts.update(texts_of(batch))
    return counts


def rest(reader: Reader) -> Counter[bytes]:
    """Read what a query finds, twice, because late lines are looked for now and then."""
    counts: Counter[bytes] = Counter()
    for _ in range(2):
        reader.advance(60)
        counts += reader.rest(20)
    return counts


def test_lines_come_before_a_query_would_ask_for_them_and_not_again(server, reader):
    server.push({"app": "a", "level": "error"}, numbered(0, 25, 1))
    asked = len(server.asked)
    assert until(reader, lambda counts: counts.total() >= 25) == once(0, 25)
    assert len(server.asked) == asked
    assert not rest(reader)
    assert len(server.asked) > asked


def test_a_connection_without_lines_stays_open(server, monkeypatch):
    monkeypatch.setattr(loki_tail, "_PING_SECONDS", 0.05)
    reader = reader_of(server.url, tail=True)
    until(reader, lambda _: server.n_tails == 1)
    until(reader, lambda _: server.n_pings >= 3)
    assert server.n_tails == 1
    reader.source.close()


def test_lines_have_the_labels_that_a_query_gives_them(server, reader):
    server.push({"app": "a"}, [(at(1), "an error of a job")], {"trace_id": "abc"})
    while not (batch := reader.source.read(reader.cursor)).n_lines:
        pass
    labels = {"app": "a", "detected_level": "error", "service_name": "a", "trace_id": "abc"}
    assert dict(batch.streams[0].labels) == labels
    assert batch.level.tolist() == [5]


def test_what_was_left_out_is_found_by_a_query_soon(server, reader):
    server.leave_out = 3
    server.push({"app": "a"}, numbered(0, 10, 1))
    counts = until(reader, lambda counts: counts.total() >= 7)
    reader.advance(4)  # less than the time between the queries that only make sure
    counts += reader.rest()
    assert counts == once(0, 10)


def test_what_was_left_out_silently_is_found_by_a_query_too(server, reader):
    server.leave_out, server.leaves_out_silently = 3, True
    server.push({"app": "a"}, numbered(0, 10, 1))
    counts = until(reader, lambda counts: counts.total() >= 7)
    assert counts + rest(reader) == once(0, 10)


def test_a_lost_connection_is_made_anew_and_nothing_is_lost_or_doubled(server, reader):
    server.push({"app": "a"}, numbered(0, 10, 1))
    counts = until(reader, lambda counts: counts.total() >= 10)
    server.cut_tails()
    server.push({"app": "a"}, numbered(10, 40, 2))
    counts += until(reader, lambda _: server.n_connections == 2)
    server.push({"app": "a"}, numbered(40, 60, 3))
    counts += rest(reader)
    assert counts == once(0, 60)


def test_lines_that_come_late_come_once(server, reader):
    server.push({"app": "a"}, numbered(0, 10, 30))
    counts = until(reader, lambda counts: counts.total() >= 10)
    counts += rest(reader)
    server.push({"app": "a"}, numbered(10, 20, 5))
    counts += until(reader, lambda counts: counts.total() >= 10)
    assert counts + rest(reader) == once(0, 20)


def test_lines_from_before_reading_began_never_come(server, reader):
    server.push({"app": "a"}, [*numbered(0, 10, -10), *numbered(10, 20, 1)])
    assert until(reader, bool) + rest(reader) == once(10, 20)


def test_a_new_process_knows_what_was_tailed(server, reader):
    server.push({"app": "a"}, numbered(0, 25, 1))
    counts = until(reader, lambda counts: counts.total() >= 25)
    reader.again()
    assert counts + rest(reader) == once(0, 25)


def test_a_cursor_from_before_gives_tailed_lines_again(server, reader):
    before = reader.cursor
    server.push({"app": "a"}, numbered(0, 25, 1))
    assert until(reader, lambda counts: counts.total() >= 25) == once(0, 25)
    reader.cursor = before
    assert rest(reader) == once(0, 25)


def test_lines_that_are_sent_twice_come_once(server, reader, monkeypatch):
    frame = server.frame
    monkeypatch.setattr(server, "frame", lambda tail, some: frame(tail, [*some, *some]))
    server.push({"app": "a"}, numbered(0, 10, 1))
    counts = until(reader, lambda counts: counts.total() >= 10)
    assert counts + rest(reader) == once(0, 10)


def test_many_tailed_lines_are_left_to_queries(server, reader, monkeypatch):
    monkeypatch.setattr(remembered, "MOST_LINES", 100)
    monkeypatch.setattr(remembered, "_SMALL_LINES", 20)
    monkeypatch.setattr(loki, "_MOST_TAILED_LINES", 20)
    counts: Counter[bytes] = Counter()
    for begin in (0, 90, 180, 270):
        server.push({"app": "a"}, numbered(begin, begin + 90, 1 + begin / 90))
        for _ in range(20):
            counts += until(reader, bool) if not counts else Counter()
            batch = reader.source.read(reader.cursor)
            reader.cursor = through_json(batch.cursor)
            counts.update(texts_of(batch))
    assert 90 <= counts.total() < 360
    assert counts + rest(reader) == once(0, 360)


def test_lines_are_polled_where_they_cannot_be_tailed(server, caplog):
    server.required = {"Upgrade": "never"}
    reader = reader_of(server.url, tail=True)
    until(reader, lambda _: "is polled, for it cannot be tailed" in caplog.text)
    server.required = {}
    server.push({"app": "a"}, numbered(0, 10, 1))
    counts = rest(reader)
    reader.source.close()
    assert counts == once(0, 10)


def test_closing_ends_a_read_that_waits(server, reader, monkeypatch):
    import threading

    monkeypatch.setattr(loki, "_TAIL_SECONDS", 600.0)
    waiting = threading.Thread(target=reader.source.read, args=(reader.cursor,))
    waiting.start()
    reader.source.close()
    waiting.join(20)
    assert not waiting.is_alive()


def test_credentials_certificates_and_tenant_are_those_of_queries(tmp_path: Path):
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("loki.test").configure_cert(context)
    server = FakeLoki(now=lambda: at(100_000), tls=context)
    server.required = {"X-Scope-OrgID": "team-a", "Authorization": "Basic YW5uOmdlaGVpbQ=="}
    reader = reader_of(
        server.url,
        tail=True,
        tenant="team-a",
        basic_auth=BasicAuth(username="ann", password="geheim"),
        tls=Tls(ca_file=tmp_path / "ca.pem", server_name="loki.test"),
    )
    until(reader, lambda _: server.n_tails == 1)
    server.push({"app": "a"}, numbered(0, 10, 1))
    counts = until(reader, lambda counts: counts.total() >= 10)
    assert counts + rest(reader) == once(0, 10)
    reader.source.close()
    server.close()


@pytest.mark.parametrize("frame", ["no json", "[]", '{"streams": 3}', b"\xff"])
def test_a_frame_that_is_no_message_is_told(frame):
    with pytest.raises(SourceUnavailable, match="whole streams"):
        message_of(frame)


def test_a_message_without_lines_may_tell_of_a_gap():
    message = message_of('{"streams": null, "dropped_entries": [{"timestamp": "1"}]}')
    assert (message.streams, message.has_gap) == ([], True)


def test_20_000_lines_come_once_through_lost_connections_and_gaps(server, monkeypatch):
    monkeypatch.setattr(loki, "_TAIL_SECONDS", 0.005)
    reader = reader_of(server.url, tail=True, delay=timedelta(milliseconds=100))
    until(reader, lambda _: server.n_tails == 1)
    faults = [None, Fault(is_cut=True), None, Fault(500, b"boom"), None]
    server.fault = lambda _: faults[len(server.asked) % len(faults)]
    counts: Counter[bytes] = Counter()
    for part in range(20):
        for stream in range(4):
            begin = part * 1_000 + stream * 250
            lines = [(at(1 + part) + n % 5, f"line {begin + n}") for n in range(250)]
            server.push({"app": f"{stream}"}, lines)
        server.leave_out = 50 if part % 3 == 0 else 0
        server.leaves_out_silently = part % 2 == 0
        if part % 4 == 1:
            server.cut_tails()
        reader.advance(1)
        counts += until(reader, bool) + reader.rest()
    server.leave_out = 0
    counts += rest(reader)
    reader.source.close()
    assert counts == once(0, 20_000)
    assert at(21) - at(1) == 20 * SECOND
