"""Cuts on their way to the disk and then to who looks: what is shown is never lost again.

A counter that was shown and then lost in a crash would go back, which Prometheus takes for a
restart from 0 and counts all of it once more. So a cut is shown after it is stored. Where the disk
fails it is shown all the same, and said.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from prometheus_client import Gauge

from forewarn_adapters.clock import Clock
from forewarn_adapters.logs.batch import Cursor
from forewarn_adapters.logs.checkpoints import LogCheckpoints
from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.errors import StoreError
from forewarn_service.logs.counting import Cut, LineCounting
from forewarn_service.logs.snapshot import Snapshot
from forewarn_service.logs.stored import Stored, unpacked
from forewarn_service.telemetry import Telemetry

_LEAST_BYTES_OF_CHANGES = 8 << 20  # more than this, and than the whole state: begin anew

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a cut.

    Args:
        is_stored: whether it is on disk.
        cursors: of each source: its lines up to there are safe.
    """

    is_stored: bool
    cursors: Mapping[str, Cursor]


class Keeper:
    """Stores and shows one cut after another, in a thread of its own.

    Args:
        checkpoints: where they are stored.
        publish: shows a snapshot.
        may_write: whether this replica still holds the lease.
        clock: tells the time.
        telemetry: where failures are counted.
        stored: told when it was last stored.
    """

    def __init__(
        self,
        checkpoints: LogCheckpoints,
        *,
        publish: Callable[[Snapshot], None],
        may_write: Callable[[], bool],
        clock: Clock,
        telemetry: Telemetry,
        stored: Gauge,
    ) -> None:
        self._stored = stored
        self._checkpoints = checkpoints
        self._publish = publish
        self._may_write = may_write
        self._clock = clock
        self._telemetry = telemetry
        self._is_failing = False
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="log-checkpoint")

    @property
    def is_long(self) -> bool:
        """Whether the changes have become so many that a whole state is due."""
        changes = self._checkpoints.size_bytes - self._checkpoints.whole_bytes
        return changes > max(_LEAST_BYTES_OF_CHANGES, self._checkpoints.whole_bytes)

    def restored(self, build: Callable[[Stored | None], LineCounting]) -> LineCounting:
        """Return what is built of what is stored; of nothing where that cannot be used.

        What cannot be used is set aside, counted and told. Raises StoreError when it cannot be read
        now: it may be whole.
        """
        try:
            records = self._checkpoints.read()
            return build(unpacked([from_bytes(record) for record in records]) if records else None)
        except StoreError:
            raise
        except Exception as failed:  # noqa: BLE001  whatever is wrong with it, it cannot be used
            self._telemetry.failed("checkpoint")
            aside = self._checkpoints.set_aside(now_milliseconds=self._clock())
            _log.error("counters of log lines begin anew: %s; it is kept as %s", failed, aside)
        return build(None)

    def keep(self, cut: Cut) -> "Future[Kept]":
        """Store and show a cut as soon as the one before is done."""
        return self._worker.submit(self._keep, cut)

    def close(self) -> None:
        """Wait until all is stored."""
        self._worker.shutdown()

    def _keep(self, cut: Cut) -> Kept:
        is_stored = self._store(cut)
        try:
            self._publish(cut.snapshot)
        except Exception:  # noqa: BLE001  counting must go on, the next may be shown
            self._telemetry.failed("internal")
            _log.exception("counters of log lines could not be shown")
        return Kept(is_stored, cut.cursors if is_stored else {})

    def _store(self, cut: Cut) -> bool:
        if cut.state is None:
            return not self._is_failing
        if not self._may_write():
            return False  # another replica goes on from what is stored
        try:
            data = to_bytes(cut.state)
            if cut.is_whole:
                self._checkpoints.write(data)
            else:
                self._checkpoints.append(data)
        except StoreError as failed:
            self._fail(failed)
            return False
        if self._is_failing:
            self._is_failing = False
            _log.info("counters of log lines are stored again")
        self._stored.set(self._clock() / 1000)
        return True

    def _fail(self, failed: StoreError) -> None:
        self._telemetry.failed(failed.reason)
        if not self._is_failing:
            self._is_failing = True
            _log.error("counters of log lines are not stored, it is tried again: %s", failed)
