"""Remote write from a bounded queue, each sample once, whoever of the replicas was killed.

A thread sends what the workers put. While another replica holds the lease nothing is sent, but
the last minutes are kept. Whoever gets the lease, at the start or when the other died, first reads
back which scores are stored since the oldest sample it has, and leaves those out.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from forewarn_adapters.clock import Clock
from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.errors import SourceError, WriteError
from forewarn_models.labels import Labels, label_text
from forewarn_models.samples import Samples
from forewarn_service.families import SCORE
from forewarn_service.outgoing import Batch
from forewarn_service.telemetry import Telemetry

# What a replica without the lease keeps, for the case that the other one dies.
STANDBY_MILLISECONDS = 120_000
_PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
_IDLE_SECONDS = 0.1
_MAX_READ_MILLISECONDS = 3_600_000
_MOST_JOINED = 20_000

_log = logging.getLogger(__name__)


class Outcome(Protocol):
    """What became of one write."""

    @property
    def accepted(self) -> int: ...

    @property
    def refused(self) -> Mapping[str, int]: ...


class Writer(Protocol):
    """Sends samples; raises WriteError when the far end is down."""

    def send(
        self,
        series: Sequence[Labels],
        row: IntegerArray,
        timestamp_milliseconds: IntegerArray,
        value: FloatArray,
    ) -> Outcome: ...


class ReadBack(Protocol):
    """Reads what is stored, as `Source.read_newest` does."""

    def __call__(
        self,
        query: str,
        *,
        after_milliseconds: int,
        until_milliseconds: int,
        step_milliseconds: int,
    ) -> Samples: ...


@dataclass(frozen=True, eq=False)
class _Written:
    """Which scores of a signal were stored between two times."""

    since_milliseconds: int
    until_milliseconds: int
    times: Mapping[Labels, IntegerArray]


class RemoteQueue:
    """Batches on their way to the far end; safe to use from any thread.

    Args:
        writer: sends them.
        read_back: reads stored scores; called in the sending thread.
        may_write: whether this replica holds the lease.
        clock: tells the time.
        telemetry: where the queue's length and what was dropped are counted.
        most_samples: the bound; the oldest batches are dropped beyond it.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        read_back: ReadBack,
        may_write: Callable[[], bool],
        clock: Clock,
        telemetry: Telemetry,
        most_samples: int,
    ) -> None:
        self._writer = writer
        self._read_back = read_back
        self._may_write = may_write
        self._clock = clock
        self._telemetry = telemetry
        self._most_samples = most_samples
        self._batches: deque[tuple[int, Batch]] = deque()
        self._sending: list[Batch] = []
        self._n_samples = self._n_told = 0
        self._written: dict[str, _Written] = {}
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="remote-write", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Add a batch; drop the oldest ones where the queue is full."""
        if not len(batch):
            return
        with self._changed:
            self._batches.append((self._clock(), batch))
            self._n_samples += len(batch)
            while self._n_samples > self._most_samples and len(self._batches) > 1:
                self._telemetry.dropped_samples.labels(reason="queue_full").inc(self._drop_oldest())
            self._tell_length()
            self._changed.notify()

    def oldest_unsent_milliseconds(self, signal: str) -> int | None:
        """Return the time of the oldest sample of a signal that is not stored yet."""
        with self._changed:
            waiting = [batch for _, batch in self._batches if batch.signal == signal]
            waiting += [batch for batch in self._sending if batch.signal == signal]
        return min((int(batch.timestamp_milliseconds.min()) for batch in waiting), default=None)

    def stop(self, *, seconds: float = 1.0) -> None:
        """Send what is left for at most `seconds`, then end."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while (batches := self._next()) is not None:
            if batches and not self._send_all(batches):
                return

    def _next(self) -> list[Batch] | None:
        """Wait for batches that may be sent; None when all is done."""
        with self._changed:
            if not self._batches:
                if self._is_stopping:
                    return None
                self._changed.wait(_IDLE_SECONDS)
            if not self._may_write():
                self._written.clear()
                self._forget_old()
                if self._is_stopping:
                    return None
                self._changed.wait(_IDLE_SECONDS)
                return []
            self._sending = self._take()
            return self._sending

    def _take(self) -> list[Batch]:
        taken: list[Batch] = []
        n_taken = 0
        while self._batches and n_taken < _MOST_JOINED:
            _, batch = self._batches.popleft()
            taken.append(batch)
            n_taken += len(batch)
        self._n_samples -= n_taken
        return taken

    def _drop_oldest(self) -> int:
        _, batch = self._batches.popleft()
        self._n_samples -= len(batch)
        return len(batch)

    def _tell_length(self) -> None:
        """Add to what other queues of the process tell."""
        self._telemetry.queue_samples.inc(self._n_samples - self._n_told)
        self._n_told = self._n_samples

    def _forget_old(self) -> None:
        while self._batches and self._batches[0][0] < self._clock() - STANDBY_MILLISECONDS:
            self._drop_oldest()
        self._tell_length()

    def _send_all(self, batches: list[Batch]) -> bool:
        """Send until it succeeds; False when told to stop before it did."""
        attempt = 0
        while True:
            try:
                self._send(joined([self._unwritten(batch) for batch in batches]))
            except (WriteError, SourceError) as failed:
                self._telemetry.failed(failed.reason)
                _log.warning("scores wait to be written: %s", failed)
            except Exception:  # noqa: BLE001  a batch that cannot be encoded must not stop all others
                self._drop(batches)
                return True
            else:
                self._sending = []
                return True
            pause = _PAUSES_SECONDS[min(attempt, len(_PAUSES_SECONDS) - 1)]
            attempt += 1
            if self._pause(pause):
                return False
            if not self._may_write():
                self._give_back(batches)
                return True

    def _drop(self, batches: list[Batch]) -> None:
        count = sum(len(batch) for batch in batches)
        self._telemetry.dropped_samples.labels(reason="internal").inc(count)
        _log.exception("%d samples could not be made ready to be written", count)
        self._sending = []

    def _give_back(self, batches: list[Batch]) -> None:
        with self._changed:
            now = self._clock()
            self._batches.extendleft((now, batch) for batch in reversed(batches))
            self._n_samples += sum(len(batch) for batch in batches)
            self._sending = []

    def _pause(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._is_stopping, seconds)

    def _send(self, batch: Batch) -> None:
        if not len(batch):
            return
        outcome = self._writer.send(
            batch.series, batch.row, batch.timestamp_milliseconds, batch.value
        )
        self._telemetry.written_samples.inc(outcome.accepted)
        for reason, count in outcome.refused.items():
            self._telemetry.dropped_samples.labels(reason=reason).inc(count)
        with self._changed:
            self._tell_length()

    def _unwritten(self, batch: Batch) -> Batch:
        """Return the batch without samples whose score is stored already."""
        of_samples = batch.timestamp_milliseconds[batch.verdict_row >= 0]
        if not len(of_samples):
            return batch
        oldest = int(of_samples.min())
        written = self._written.get(batch.signal)
        if written is None or oldest < written.since_milliseconds:
            written = self._read_written(batch.signal, oldest)
            self._written[batch.signal] = written
        if oldest > written.until_milliseconds:
            return batch
        return batch.select(~_is_written(batch, written))

    def _read_written(self, signal: str, oldest: int) -> _Written:
        now = self._clock()
        found = self._read_back(
            SCORE.name + label_text((("signal", signal),)),
            after_milliseconds=max(oldest - 1, now - _MAX_READ_MILLISECONDS),
            until_milliseconds=now,
            step_milliseconds=1_000,
        )
        times = {
            labels: found.timestamp_milliseconds[found.row == row]
            for row, labels in enumerate(found.series)
        }
        return _Written(oldest, now, times)


def _is_written(batch: Batch, written: _Written) -> BooleanArray:
    known = np.zeros(len(batch), dtype=np.bool_)
    for row in np.unique(batch.verdict_row[batch.verdict_row >= 0]).tolist():
        times = written.times.get(batch.rows[row])
        if times is not None:
            chosen = batch.verdict_row == row
            known[chosen] = np.isin(batch.timestamp_milliseconds[chosen], times)
    return known


def joined(batches: Sequence[Batch]) -> Batch:
    """Return several batches as one, in their order."""
    if len(batches) == 1:
        return batches[0]
    offsets = np.cumsum([0, *(len(batch.series) for batch in batches)])
    return Batch(
        batches[0].signal,
        tuple(labels for batch in batches for labels in batch.series),
        np.concatenate([b.row + offset for b, offset in zip(batches, offsets, strict=False)]),
        np.concatenate([batch.timestamp_milliseconds for batch in batches]),
        np.concatenate([batch.value for batch in batches]),
        np.concatenate([np.full(len(batch), -1, np.int64) for batch in batches]),
        (),
    )
