"""The role that reads logs: counts while it holds the lease of it, so that no line counts twice."""

import logging
import threading
from collections.abc import Mapping
from contextlib import closing

from prometheus_client import Gauge

from forewarn_adapters.logs.checkpoints import LogCheckpoints
from forewarn_models.lines.warming import warm_lines
from forewarn_models.patterns.warming import warm_patterns
from forewarn_service.logs.changes import RecentCounts
from forewarn_service.logs.exposition import LogExposition
from forewarn_service.logs.keeping import Keeper
from forewarn_service.logs.means import LogMeans
from forewarn_service.logs.names import identifier_of
from forewarn_service.logs.outgoing import LogEncoder
from forewarn_service.logs.pipeline import Pipeline
from forewarn_service.logs.snapshot import Snapshot

LEASE_NAME = "log reader"
_LEASE_SECONDS = 0.5
_PAUSE_SECONDS = 5.0
_STOP_SECONDS = 5.0

_log = logging.getLogger(__name__)


class LogRole:
    """Reads and counts between `start` and `stop`, in threads of its own."""

    def __init__(self, means: LogMeans) -> None:
        self._means = means
        self._exposition = LogExposition()
        self._recent = RecentCounts()
        self._examples: Mapping[int, str] = {}
        self._encoder = LogEncoder()
        self._stored = Gauge(
            "forewarn_log_checkpoint_timestamp_seconds",
            "When the counters of log lines were last stored.",
            registry=means.telemetry.registry,
        )
        self._stop = threading.Event()
        self._heartbeat_milliseconds = means.clock()
        self._is_preparing = False
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)

    def start(self) -> None:
        """Begin to read as soon as the lease is held."""
        self._means.lease.start()
        if self._means.queue:
            self._means.queue.start()
        self._thread.start()

    def stop(self) -> None:
        """Store what was counted, send what waits, give the lease back."""
        self._stop.set()
        self._thread.join(_STOP_SECONDS)
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

    def heartbeat_milliseconds(self) -> int:
        """Return when it last went round; now while it compiles and reads its checkpoint."""
        return self._means.clock() if self._is_preparing else self._heartbeat_milliseconds

    def _run(self) -> None:
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

    def _read(self) -> None:
        means = self._means
        self._is_preparing = True
        warm_lines()
        warm_patterns()
        keeper = Keeper(
            LogCheckpoints(means.directory),
            publish=self._publish,
            may_write=means.lease.is_held,
            clock=means.clock,
            telemetry=means.telemetry,
            stored=self._stored,
        )
        with closing(keeper):
            Pipeline(means, keeper).run(self._goes_on)

    def _goes_on(self) -> bool:
        self._is_preparing = False
        self._heartbeat_milliseconds = self._means.clock()
        return not self._stop.is_set() and self._means.lease.is_held()

    def _publish(self, snapshot: Snapshot) -> None:
        self._examples = snapshot.examples
        changes = self._recent.changed(snapshot)
        if self._means.queue is None:
            self._exposition.prepare(snapshot, changes)
        else:
            self._means.queue.put(self._encoder.encode(snapshot, changes))
