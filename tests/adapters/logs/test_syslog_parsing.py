import time
from datetime import UTC, datetime

import numpy as np
import pytest
from log_lines import levels, streams, texts

from forewarn_adapters.logs.batch import LogStream
from forewarn_adapters.logs.receiving.syslog_blocks import received_of, record_of
from forewarn_adapters.logs.receiving.syslog_parsing import batch_of

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def zone(monkeypatch):
    """A place that is ahead of UTC by one hour in winter and two in summer."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def batch(*lines: bytes, sender: str = "192.0.2.7", now: datetime = NOW):
    ends = np.cumsum([len(line) for line in lines])
    places = np.column_stack((ends - [len(line) for line in lines], ends))
    record = b"".join(
        record_of((b"".join(lines), places), sender, int(now.timestamp()) * 1_000_000_000)
    )
    return batch_of(received_of(record, [(0, len(record))]), {"a": 1})


def when(line: bytes, now: datetime = NOW) -> datetime | None:
    nanoseconds = int(batch(line, now=now).timestamp_nanoseconds[0])
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC) if nanoseconds else None


def test_a_line_says_level_service_host_and_message():
    line = b'<165>1 2026-02-28T22:14:15.003Z web-1 shop 42 ID [a b="c"] order failed'
    found = batch(line)
    assert texts(found.lines) == [line]
    assert texts(found.messages) == [b"order failed"]
    assert levels(found) == ["info"]
    assert streams(found) == [LogStream("shop", "web-1", (("facility", "local4"),))]
    assert found.cursor == {"a": 1}
    assert found.messages[1].flags.c_contiguous  # as the miner's kernels were compiled for


@pytest.mark.parametrize(
    ("severity", "level"),
    list(enumerate(["fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug"])),
)
def test_severities_are_levels(severity, level):
    assert levels(batch(b"<%d>Feb 28 22:14:15 h p: m" % (8 * 3 + severity))) == [level]


def test_a_line_without_a_header_is_a_message_of_its_sender():
    found = batch(b"something else")
    assert (levels(found), texts(found.messages)) == ([""], [b"something else"])
    assert streams(found) == [LogStream("", "192.0.2.7", ())]
    assert found.timestamp_nanoseconds.tolist() == [0]


def test_equal_lines_and_times_are_lines_each():
    assert batch(*[b"<13>Feb 28 22:14:15 h p: m"] * 3).n_lines == 3


def test_senders_are_told_apart_where_lines_name_no_host():
    records = [
        b"".join(record_of((b"<13>p: m", np.array([[0, 8]])), sender, 1))
        for sender in ("192.0.2.1", "192.0.2.2", "192.0.2.1")
    ]
    ends = np.cumsum([len(record) for record in records]).tolist()
    bounds = list(zip([0, *ends], ends, strict=False))
    found = batch_of(received_of(b"".join(records), bounds), {})
    assert [stream.host for stream in streams(found)] == ["192.0.2.1", "192.0.2.2", "192.0.2.1"]
    assert len(found.streams) == 2


def test_no_records_are_no_lines():
    found = batch_of(received_of(b"", []), {})
    assert (found.n_lines, found.streams) == (0, ())


def test_line_feeds_and_control_characters_forge_nothing():
    found = batch(b"<13>Feb 28 22:14:15 h\x1b p\xff\x07: one\n<13>two\r\nthree")
    assert texts(found.messages) == [b"one <13>two  three"]
    assert streams(found) == [LogStream("p\ufffd\ufffd", "h\ufffd", (("facility", "user"),))]


def test_times_without_a_zone_are_of_this_machine():
    assert when(b"<13>Feb 28 22:14:15 h p: m") == datetime(2026, 2, 28, 21, 14, 15, tzinfo=UTC)
    summer = datetime(2026, 7, 2, tzinfo=UTC)
    line = b"<13>Jul  1 22:14:15.5 h p: m"
    assert when(line, summer) == datetime(2026, 7, 1, 20, 14, 15, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "now", "year"),
    [
        (b"Dec 31 23:59:59", datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC), 2025),
        (b"Jan  1 00:00:01", datetime(2025, 12, 31, 22, 59, 50, tzinfo=UTC), 2026),
        (b"Mar  2 11:00:00", NOW, 2026),  # a clock that is ahead
        (b"Mar  4 11:00:00", NOW, 2025),
        (b"Feb 29 11:00:00", NOW, 2024),
        (b"Feb 28 2019 11:00:00", NOW, 2019),
    ],
)
def test_the_year_is_the_last_in_which_it_was_so_late(text, now, year):
    found = when(b"<13>" + text + b" h p: m", now)
    assert found is not None
    assert found.astimezone().year == year


@pytest.mark.parametrize("day", [b"Feb 30", b"Feb 31", b"Feb 29 2026"])
def test_a_day_that_is_none_is_no_time(day):
    assert when(b"<13>" + day + b" 11:00:00 h p: m") is None
