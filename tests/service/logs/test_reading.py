"""forewarn_service.logs.reading: a source read ahead, whatever it does."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.batch import Cursor, LogBatch, LogSource
from forewarn_models.errors import SourceUnavailable
from forewarn_service.logs import reading
from forewarn_service.logs.reading import Means, Reader
from forewarn_service.telemetry import Telemetry
from log_parts import NumberedSource
from webhook import wait_until

SETTINGS = LogSourceConfig(name="app", files=("/var/log/app.log",), poll="10ms")


class Given:
    """Keeps what a reader gives; has room for no more than `room` batches."""

    def __init__(self, room: int = 1_000) -> None:
        self.batches: list[LogBatch] = []
        self.room = room
        self.refused = threading.Event()

    def __call__(self, source: str, batch: LogBatch) -> bool:  # noqa: ARG002  the readers of one source
        if len(self.batches) >= self.room:
            self.refused.set()
            return False
        self.batches.append(batch)
        return True

    @property
    def n_lines(self) -> int:
        return sum(batch.n_lines for batch in self.batches)


def unparsed(batch: LogBatch, settings: LogSourceConfig) -> LogBatch:
    return batch


class Bench:
    """A reader and what stands around it."""

    def __init__(
        self, source: LogSource | Exception, *, enrich=unparsed, cursor=None, room=1_000
    ) -> None:
        self.registry = CollectorRegistry()
        self.given = Given(room)
        self.source = source
        means = Means(self._open, enrich, self.given, Telemetry(self.registry, version="1"))
        self.reader = Reader(SETTINGS, cursor, means)

    def errors(self, reason: str) -> float | None:
        labels = {"reason": reason, "signal": ""}
        return self.registry.get_sample_value("forewarn_errors_total", labels)

    def _open(self, settings: LogSourceConfig) -> LogSource:
        assert settings is SETTINGS
        if isinstance(self.source, Exception):
            raise self.source
        return self.source


@contextmanager
def running(bench: Bench) -> Iterator[Bench]:
    bench.reader.start()
    try:
        yield bench
    finally:
        bench.reader.stop()
        bench.reader.join(5.0)
        assert not bench.reader._thread.is_alive()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_PAUSES_SECONDS", (0.01,))


def test_each_line_is_given_once_and_in_order() -> None:
    source = NumberedSource("app", 3_500)
    with running(Bench(source)) as bench:
        wait_until(lambda: bench.given.n_lines == 3_500 and len(bench.given.batches) > 6)
        assert bench.reader.is_up
    cursors = [batch.cursor["next"] for batch in bench.given.batches]
    assert cursors[:4] == [1_000, 2_000, 3_000, 3_500]
    assert set(cursors[4:]) == {3_500}
    assert source.is_closed


def test_the_log_says_once_that_a_source_is_read(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with running(Bench(NumberedSource("app", 3_500))) as bench:
        wait_until(lambda: len(bench.given.batches) > 6)
    assert [record.getMessage() for record in caplog.records] == ["log source app: is read"]


def test_it_goes_on_from_the_cursor_that_it_is_given() -> None:
    with running(Bench(NumberedSource("app", 3_500), cursor={"next": 3_000})) as bench:
        wait_until(lambda: bool(bench.given.batches))
    assert bench.given.n_lines == 500


def test_a_failure_is_counted_and_the_same_cursor_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    source = NumberedSource("app", 1_000)
    source.failures = [SourceUnavailable("it is down"), SourceUnavailable("it is down")]
    with running(Bench(source)) as bench:
        wait_until(lambda: bench.given.n_lines == 1_000)
    assert bench.errors("source_unavailable") == 2.0
    assert source.asked[:3] == [None, None, None]
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "log source app: cannot be read: it is down",
        "log source app: is read again",
    ]


def test_a_mistake_of_a_source_does_not_end_its_reading(caplog: pytest.LogCaptureFixture) -> None:
    source = NumberedSource("app", 1_000)
    source.failures = [ZeroDivisionError("oh")]
    with running(Bench(source)) as bench:
        wait_until(lambda: bench.given.n_lines == 1_000)
    assert bench.errors("internal") == 1.0
    assert "log source app: reading failed" in caplog.text


def test_a_source_that_cannot_be_opened_is_down_until_it_can() -> None:
    with running(Bench(SourceUnavailable("the address is taken"))) as bench:
        wait_until(lambda: (bench.errors("source_unavailable") or 0) > 1)
        assert not bench.reader.is_up
        bench.source = NumberedSource("app", 10)
        wait_until(lambda: bench.given.n_lines == 10)
        assert bench.reader.is_up


def test_lines_that_cannot_be_parsed_are_given_as_they_came() -> None:
    def broken(batch: LogBatch, settings: LogSourceConfig) -> LogBatch:
        raise ValueError("no such format")

    with running(Bench(NumberedSource("app", 10), enrich=broken)) as bench:
        wait_until(lambda: bench.given.n_lines == 10)
    assert bench.errors("internal") == 1.0


def test_a_source_is_told_which_lines_are_safe() -> None:
    source = NumberedSource("app", 5_000)
    with running(Bench(source, cursor={"next": 1_000})) as bench:
        wait_until(lambda: bench.given.n_lines == 4_000)
        assert source.released == [{"next": 1_000}]
        bench.reader.release({"next": 4_000})
        wait_until(lambda: len(source.released) == 2)
    assert source.released[1] == {"next": 4_000}


def test_it_ends_when_nobody_takes_its_lines() -> None:
    with running(Bench(NumberedSource("app", 5_000), room=2)) as bench:
        assert bench.given.refused.wait(5.0)
        bench.reader.join(5.0)
    assert bench.given.n_lines == 2_000


class Waiting(NumberedSource):
    """A source that waits in `read` until it is closed, and complains then."""

    def __init__(self) -> None:
        super().__init__("app", 0)
        self.is_reading, self.closing = threading.Event(), threading.Event()

    def read(self, cursor: Cursor | None) -> LogBatch:  # noqa: ARG002  it gives none
        self.is_reading.set()
        self.closing.wait(5.0)
        raise SourceUnavailable("closed")

    def close(self) -> None:
        self.closing.set()
        raise OSError("closed twice")


def test_stopping_ends_what_waits_in_reading_and_is_no_failure() -> None:
    source = Waiting()
    with running(Bench(source)) as bench:
        assert source.is_reading.wait(5.0)
    assert bench.errors("source_unavailable") is None


class Wrong(Waiting):
    def read(self, cursor: Cursor | None) -> LogBatch:  # noqa: ARG002  it gives none
        self.is_reading.set()
        self.closing.wait(5.0)
        raise ZeroDivisionError


def test_what_goes_wrong_while_it_stops_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    source = Wrong()
    with running(Bench(source)):
        assert source.is_reading.wait(5.0)
    assert "reading failed" not in caplog.text
