"""One source read ahead in a thread of its own, so that none waits for another."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.batch import Cursor, Keeping, LogBatch, LogSource
from forewarn_models.errors import ForewarnError
from forewarn_service.telemetry import Telemetry

_PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

_log = logging.getLogger(__name__)

OpenSource = Callable[[LogSourceConfig], LogSource]
Enrich = Callable[[LogBatch, LogSourceConfig], LogBatch]


class Give(Protocol):
    """Takes what was read; returns when there is room for it, False when nobody wants it."""

    def __call__(self, source: str, batch: LogBatch) -> bool: ...


@dataclass(frozen=True)
class Means:
    """What readers have in common.

    Args:
        open_source: opens a source.
        enrich: finds message, level, service and time of the lines of a batch.
        give: takes batches, in the order in which they were read.
        telemetry: where failures are counted.
    """

    open_source: OpenSource
    enrich: Enrich
    give: Give
    telemetry: Telemetry


class Reader:
    """Reads a source from a cursor on, and tries again for as long as it fails.

    `is_up` says whether the last reading succeeded.
    """

    def __init__(self, settings: LogSourceConfig, cursor: Cursor | None, means: Means) -> None:
        self.is_up = False
        self._settings = settings
        self._cursor = cursor
        self._means = means
        self._safe: Cursor | None = cursor
        self._source: LogSource | None = None
        self._n_failures = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"read-{settings.name}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def release(self, cursor: Cursor) -> None:
        """Note that lines up to this cursor are safe."""
        self._safe = cursor

    def stop(self) -> None:
        """Let it end; `join` waits for that."""
        self._stop.set()
        source = self._source
        if source is not None:
            self._guarded_close(source)

    def join(self, seconds: float) -> None:
        """Wait until it has ended, for some seconds at most."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._read_on()
                break  # nobody takes its lines
            except ForewarnError as failed:
                self._fail(failed.reason, failed)
            except Exception as failed:  # noqa: BLE001  one source's mistake must not end its reading for good
                if not self._stop.is_set():
                    _log.exception("log source %s: reading failed", self._settings.name)
                self._fail("internal", failed)
        if self._source is not None:
            self._guarded_close(self._source)

    def _read_on(self) -> None:
        """Read batch after batch until told to stop, or nobody takes them."""
        if self._source is None:
            self._source = self._means.open_source(self._settings)
        while not self._stop.is_set():
            if self._safe is not None and isinstance(self._source, Keeping):
                self._source.release(self._safe)
                self._safe = None
            batch = self._source.read(self._cursor)
            if not self.is_up:
                again = " again" if self._n_failures else ""
                _log.info("log source %s: is read%s", self._settings.name, again)
            self.is_up, self._n_failures = True, 0
            if not self._means.give(self._settings.name, self._enriched(batch)):
                return
            self._cursor = batch.cursor
            if not batch.n_lines:
                self._stop.wait(self._settings.poll.total_seconds())

    def _enriched(self, batch: LogBatch) -> LogBatch:
        """Return the batch with what its lines say; as it came where that fails: lines count."""
        if not batch.n_lines:
            return batch
        try:
            return self._means.enrich(batch, self._settings)
        except Exception:  # noqa: BLE001  no line, whatever it holds, may stop those after it
            self._means.telemetry.failed("internal")
            _log.exception("log source %s: lines could not be parsed", self._settings.name)
            return batch

    def _fail(self, reason: str, failed: Exception) -> None:
        if self._stop.is_set():
            return
        self.is_up = False
        self._means.telemetry.failed(reason)
        if self._n_failures == 0:
            _log.warning("log source %s: cannot be read: %s", self._settings.name, failed)
        pause = _PAUSES_SECONDS[min(self._n_failures, len(_PAUSES_SECONDS) - 1)]
        self._n_failures += 1
        self._stop.wait(pause)

    def _guarded_close(self, source: LogSource) -> None:
        try:
            source.close()
        except Exception:  # noqa: BLE001  it is over anyway
            _log.exception("log source %s: closing failed", self._settings.name)
