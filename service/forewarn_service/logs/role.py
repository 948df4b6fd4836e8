"""The role that reads logs: counts while it holds the lease of it, so that no line counts twice."""

import logging
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

from prometheus_client import Gauge

from forewarn_adapters.logs.checkpoints import LogCheckpoints
from forewarn_adapters.security.events import SecurityEvent
from forewarn_models.lines.warming import warm_lines
from forewarn_models.patterns.warming import warm_patterns
from forewarn_service.logs.changes import RecentCounts
from forewarn_service.logs.exposition import LogExposition
from forewarn_service.logs.keeping import Keeper
from forewarn_service.logs.means import LogMeans
from forewarn_service.logs.names import identifier_of
from forewarn_service.logs.outgoing import LogEncoder
from forewarn_service.logs.pipeline import Pipeline
from forewarn_service.logs.receivers import ReceiverCollector, Receivers
from forewarn_service.logs.snapshot import Snapshot

LEASE_NAME = "log reader"
COMPILING = (
    "compiling_logs",
    "the code that reads lines is being compiled, once for each release; receivers listen",
)
RESTORING = ("restoring_logs", "the counters of lines are being read from their checkpoint")
_LEASE_SECONDS = 0.5
_PAUSE_SECONDS = 5.0
_STOP_SECONDS = 5.0
_WORTH_TELLING_SECONDS = 2.0

_log = logging.getLogger(__name__)


class LogRole:
    """Reads and counts between `start` and `stop`, in threads of its own."""

    def __init__(self, means: LogMeans) -> None:
        self._exposition = LogExposition()
        self._recent = RecentCounts()
        self._examples: Mapping[int, str] = {}
        self._events: tuple[SecurityEvent, ...] = ()
        self._encoder = LogEncoder()
        self._stored = Gauge(
            "forewarn_log_checkpoint_timestamp_seconds",
            "When the counters of log lines were last stored.",
            registry=means.telemetry.registry,
        )
        self._receivers = Receivers(means.open_source)
        self._means = replace(means, open_source=self._receivers.take)
        means.telemetry.registry.register(ReceiverCollector(self._receivers))
        self._stop = threading.Event()
        self._is_compiled = threading.Event()
        self._heartbeat_milliseconds = means.clock()
        self._waits_for: tuple[str, str] | None = None
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)

    def start(self) -> None:
        """Begin to read as soon as the lease is held."""
        self._means.lease.start()
        if self._means.queue:
            self._means.queue.start()
        self._thread.start()

    def stop(self) -> None:
        """Store what was counted, send what waits, give the lease back.

        What receivers took and nobody read stays in their journals; a compiler that runs ends with
        the process.
        """
        self._stop.set()
        if self._is_compiled.is_set():
            self._thread.join(_STOP_SECONDS)
        self._receivers.close()
        if self._means.queue:
            self._means.queue.stop()
        self._means.lease.stop()

    def exposition(self, *, openmetrics: bool) -> bytes:
        """Return what a scrape gets; nothing where another replica reads, or it is written."""
        if not self._means.lease.is_held():
            return b""
        return self._exposition.body(openmetrics=openmetrics)

    def example(self, pattern: str) -> str | None:
        """Return a line of a pattern by its name, with secrets masked; None where it has none."""
        identifier = identifier_of(pattern)
        return None if identifier is None else self._examples.get(identifier)

    def security_events(self) -> tuple[SecurityEvent, ...] | None:
        """Return events that go on, and the last that ended; None where another replica reads."""
        return self._events if self._means.lease.is_held() else None

    def heartbeat_milliseconds(self) -> int:
        """Return when it last went round; now while it compiles and reads its checkpoint."""
        is_preparing = self._waits_for is not None
        return self._means.clock() if is_preparing else self._heartbeat_milliseconds

    def waits_for(self) -> tuple[str, str] | None:
        """Return a word and a sentence for what reading waits for; None where it does not wait."""
        return self._waits_for

    def wait_until_compiled(self) -> None:
        """Return when all is compiled that reads lines, or could not be, or it is told to stop."""
        self._is_compiled.wait()

    def scraped(self, scraper: str) -> None:
        """Note that a scraper is about to read what `exposition` returns."""
        self._exposition.scraped(scraper)

    def _run(self) -> None:
        self._waits_for = COMPILING
        self._prepare()
        self._waits_for = None
        self._is_compiled.set()
        while not self._stop.is_set():
            self._heartbeat_milliseconds = self._means.clock()
            if not self._means.lease.is_held():
                self._stop.wait(_LEASE_SECONDS)
                continue
            try:
                self._read()
            except Exception:  # noqa: BLE001  it goes on from what is stored
                self._means.telemetry.failed("internal")
                _log.exception("counting log lines failed: it goes on from the last checkpoint")
                self._stop.wait(_PAUSE_SECONDS)

    def _prepare(self) -> None:
        """Let senders in, then compile, and say so where that takes a while."""
        word = threading.Timer(_WORTH_TELLING_SECONDS, _log.info, (COMPILING[1],))
        word.daemon = True
        word.start()
        try:
            if self._means.lease.is_held():
                self._receivers.open(self._means.settings.sources)
            warm_lines()
            warm_patterns()
        except Exception:  # noqa: BLE001  reading may still be possible, only later
            self._means.telemetry.failed("internal")
            _log.exception("compiling what reads lines failed: it is tried again when it is needed")
        word.cancel()

    def _read(self) -> None:
        means = self._means
        self._waits_for = RESTORING
        self._receivers.open(means.settings.sources)
        self._exposition.begin_anew()
        self._encoder.begin_anew()
        keeper = Keeper(
            LogCheckpoints(means.directory),
            publish=self._publish,
            may_write=means.lease.is_held,
            clock=means.clock,
            telemetry=means.telemetry,
            stored=self._stored,
        )
        try:
            with closing(keeper):
                Pipeline(means, keeper).run(self._goes_on)
        finally:
            self._waits_for = None
            self._receivers.close()

    def _goes_on(self) -> bool:
        self._waits_for = None
        self._heartbeat_milliseconds = self._means.clock()
        return not self._stop.is_set() and self._means.lease.is_held()

    def _publish(self, snapshot: Snapshot) -> None:
        self._examples = snapshot.examples
        self._events = snapshot.events
        changes = self._recent.changed(snapshot)
        if self._means.queue is None:
            self._exposition.prepare(snapshot, changes)
        else:
            self._means.queue.put(self._encoder.encode(snapshot, changes))
