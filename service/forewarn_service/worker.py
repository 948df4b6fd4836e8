"""One signal's worker: each tick reads what is new, scores it, publishes and writes it."""

import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from forewarn_adapters.checkpoint import Checkpoint, CheckpointFolder
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.portions import read_in_portions
from forewarn_adapters.source import Source
from forewarn_models.arrays import FloatArray, SmallIntegerArray
from forewarn_models.errors import ForewarnError, StoreError
from forewarn_models.fold import fold_state_to_bytes
from forewarn_models.labels import Labels
from forewarn_models.samples import Samples
from forewarn_models.verdicts import Verdicts
from forewarn_service.buffer import END_OF_TIME
from forewarn_service.live import (
    GAP,
    NO_MODEL,
    SOURCE,
    STALE,
    UNTRAINED,
    ForecastSnapshot,
    Missed,
    SignalSnapshot,
)
from forewarn_service.quality import Quality
from forewarn_service.scorer import Newest, Scorer
from forewarn_service.telemetry import Telemetry
from forewarn_service.timing import Timing, timing_of
from forewarn_service.verdict_rows import concatenate_rows, empty

# Of series that the champion does not know, this many are named.
MOST_UNKNOWN = 10_000

_log = logging.getLogger(__name__)


class Output(Protocol):
    """Where a tick's outcome goes."""

    def publish(self, snapshot: SignalSnapshot, emitted: Verdicts) -> None:
        """Take over the newest state, and the verdicts that leave for the first time."""
        ...

    def oldest_unsent_milliseconds(self, signal: str) -> int | None:
        """Return the time of the oldest sample that is not safe yet; None = all are."""
        ...


@dataclass(frozen=True, eq=False)
class Ready:
    """A champion that is ready to score.

    Args:
        version: of the champion.
        mark: of its content: versions begin again where a registry does.
        scorer: its state, caught up as far as it was when this was made.
        emitted_until_milliseconds: verdicts of samples up to here are not handed out.
    """

    version: int
    mark: int
    scorer: Scorer
    emitted_until_milliseconds: int


class Worker:
    """Scores one signal. `tick` is called by one thread; `offer` and `show` by any.

    Args:
        signal: what is scored.
        source: where its samples are read.
        output: where its verdicts go.
        checkpoints: where its state is kept over a restart.
        telemetry: where its work is counted.
    """

    def __init__(
        self,
        signal: Signal,
        *,
        source: Source,
        output: Output,
        checkpoints: CheckpointFolder,
        telemetry: Telemetry,
    ) -> None:
        self.signal = signal
        self.timing: Timing = timing_of(signal.step_milliseconds)
        self.forecast: ForecastSnapshot | None = None
        self.quality = Quality(signal.budget)
        self.last_tick_milliseconds = 0
        self._source = source
        self._output = output
        self._checkpoints = checkpoints
        self._telemetry = telemetry
        self._lock = threading.Lock()
        self._publishing = threading.RLock()
        self._tick_began_milliseconds: int | None = None
        self._offered: Ready | None = None
        self._current: Ready | None = None
        self._unknown: dict[Labels, Newest] = {}
        self._strangers: set[Labels] = set()
        self._series: tuple[Labels, ...] = ()
        self._swept_milliseconds = 0
        self._source_ok_milliseconds = 0
        self._read_until_milliseconds = 0
        self._answers_since_milliseconds = 0

    @property
    def version(self) -> int | None:
        """The version of the champion that scores now, or is about to."""
        with self._lock:
            ready = self._offered or self._current
        return ready.version if ready else None

    @property
    def newest_milliseconds(self) -> int | None:
        """The time of the newest sample that was scored; None when there is none."""
        return self._current.scorer.newest_milliseconds if self._current else None

    @property
    def is_scoring(self) -> bool:
        return self._current is not None

    def newest_values(self, series: tuple[Labels, ...]) -> FloatArray:
        """Return the newest value of each of these series; NaN where there is none."""
        if self._current is None:
            return np.full(len(series), np.nan)
        table = self._current.scorer.newest.table
        by_labels = dict(zip(table.series, table.value.tolist(), strict=True))
        return np.array([by_labels.get(labels, np.nan) for labels in series], np.float64)

    def offer(self, ready: Ready) -> None:
        """Score with `ready` from the next tick on."""
        with self._lock:
            self._offered = ready

    def tick(self, now_milliseconds: int) -> None:
        """Bring the signal up to now. A failure is counted, and rows say so when it lasts."""
        name = self.signal.name
        self._tick_began_milliseconds = now_milliseconds
        with self._telemetry.tick_duration.labels(signal=name).time():
            self._source_ok_milliseconds = self._source_ok_milliseconds or now_milliseconds
            failure = self._try_to_catch_up(now_milliseconds)
            if failure:
                self._telemetry.failed(failure, signal=name)
                self._publish(self._nothing(), now_milliseconds)
            else:
                self._telemetry.succeeded("score", signal=name, now_milliseconds=now_milliseconds)
        self.last_tick_milliseconds = now_milliseconds
        self._tick_began_milliseconds = None

    def say_if_stuck(self, now_milliseconds: int) -> None:
        """Publish that the source fails when a tick has been waiting for it for too long."""
        began = self._tick_began_milliseconds
        if began is not None and now_milliseconds - began > self.timing.stale:
            self._publish(self._nothing(), now_milliseconds)

    def _try_to_catch_up(self, now: int) -> str:
        """Return why it failed, or nothing."""
        try:
            self._take_offer()
            self._welcome()
            self._catch_up(now)
        except ForewarnError as failed:
            _log.warning("signal %s: %s", self.signal.name, failed)
            return failed.reason
        except Exception:  # noqa: BLE001  one signal's mistake must neither stop the others nor go unsaid
            _log.exception("signal %s: a tick failed", self.signal.name)
            return "internal"
        return ""

    def write_checkpoint(self, now_milliseconds: int) -> None:
        """Store the newest state that holds nothing which is not safely written yet."""
        current = self._current
        if current is None:
            return
        scorer = current.scorer
        safe = (scorer.newest_milliseconds or scorer.oldest_milliseconds) - self.timing.lateness
        unsent = self._output.oldest_unsent_milliseconds(self.signal.name)
        if unsent is not None and unsent < scorer.oldest_milliseconds:
            return  # the older checkpoint still reaches back to what is not written
        state = scorer.state_before(safe if unsent is None else min(safe, unsent))
        facts = {
            "champion": current.mark,
            "emitted_until_milliseconds": current.emitted_until_milliseconds,
            **self.quality.facts(),
        }
        try:
            self._checkpoints.write(self.signal.name, Checkpoint(facts, fold_state_to_bytes(state)))
        except StoreError as failed:
            self._telemetry.failed(failed.reason, signal=self.signal.name)
            _log.warning("signal %s: %s", self.signal.name, failed)
            return
        self._telemetry.checkpoint_timestamp.labels(signal=self.signal.name).set(
            now_milliseconds / 1000
        )

    def _take_offer(self) -> None:
        with self._lock:
            offered, self._offered = self._offered, None
        if offered is None:
            return
        if self._current is not None:
            offered.scorer.adopt(self._current.scorer)
            since = self._current.emitted_until_milliseconds
            offered = replace(offered, emitted_until_milliseconds=since)
        self._current = offered
        self._unknown, self._strangers = {}, set()
        self._telemetry.champion_version.labels(signal=self.signal.name, kind="detector").set(
            offered.version
        )
        _log.info("signal %s: scored by version %d", self.signal.name, offered.version)

    def _welcome(self) -> None:
        """Score series that the champion does not know, where it knows siblings of theirs."""
        self._strangers &= self._unknown.keys()  # who is gone may be asked for when it is back
        asked = {
            labels: newest.value
            for labels, newest in self._unknown.items()
            if labels not in self._strangers
        }
        if self._current is None or not asked:
            return
        self._strangers |= asked.keys()
        name = self.signal.name
        try:
            wider = self._current.scorer.welcome(asked)
        except ForewarnError as failed:  # those that are known are scored all the same
            self._telemetry.failed(failed.reason, signal=name)
            _log.warning("signal %s: %d new series stay untrained: %s", name, len(asked), failed)
            return
        if wider:
            self._widen(self._current, wider)
        elif not self._current.scorer.places_left:
            self._telemetry.failed("too_many_newcomers", signal=name)

    def _widen(self, current: Ready, wider: Scorer) -> None:
        name, known = self.signal.name, set(wider.model.series)
        n_new = len(known) - len(current.scorer.model.series)
        self._unknown = {key: newest for key, newest in self._unknown.items() if key not in known}
        self._current = replace(current, scorer=wider)
        _log.info("signal %s: %d series begin with what siblings know", name, n_new)
        if not wider.places_left:
            self._telemetry.failed("too_many_newcomers", signal=name)
            _log.warning("signal %s: more new series stay untrained until a training", name)

    def _catch_up(self, now: int) -> None:
        if self._current is None:
            self._publish(self._nothing(), now)
            return
        scorer = self._current.scorer
        after = self._read_after(scorer, now)
        for samples, until in self._reads(scorer, after, now):
            self._note_read(until, now)
            with self._publishing:
                self._publish(self._score(samples, until), now)

    def _note_read(self, until: int, now: int) -> None:
        """Note that the source has answered, and whether it had not for long."""
        if until - self._read_until_milliseconds > self.timing.stale:
            self._answers_since_milliseconds = now
        self._source_ok_milliseconds, self._read_until_milliseconds = now, until

    def read_silently(self, scorer: Scorer, now: int) -> None:
        """Bring a scorer that is not in use yet up to now; none of its verdicts leave."""
        for samples, until in self._reads(scorer, scorer.oldest_milliseconds - 1, now):
            scorer.advance(samples, now_milliseconds=until, emitted_until_milliseconds=END_OF_TIME)

    def _reads(self, scorer: Scorer, after: int, now: int) -> Iterator[tuple[Samples, int]]:
        """Return what the source has up to now, in portions of bounded size."""
        return read_in_portions(
            self._source,
            self.signal.query,
            model=scorer.model,
            after_milliseconds=after,
            until_milliseconds=now,
        )

    def _read_after(self, scorer: Scorer, now: int) -> int:
        """Return the time after which to read: a little behind the newest, or the whole window."""
        newest = scorer.newest_milliseconds
        oldest = scorer.oldest_milliseconds - 1
        if newest is None:
            return oldest
        if now - self._swept_milliseconds >= self.timing.sweep:
            self._swept_milliseconds = now
            return oldest
        return max(newest - self.timing.lateness, oldest)

    def _score(self, samples: Samples, until: int) -> Verdicts:
        current = self._current
        assert current is not None  # noqa: S101  the caller has looked
        advance = current.scorer.advance(
            samples,
            now_milliseconds=until,
            emitted_until_milliseconds=current.emitted_until_milliseconds,
        )
        name = self.signal.name
        self._note_unknown(advance.unknown)
        self._telemetry.samples.labels(signal=name).inc(len(advance.emitted))
        self._telemetry.late_samples.labels(signal=name).inc(advance.n_too_late)
        self.quality.add(advance.emitted, step_seconds=self.timing.step / 1000)
        self.quality.show(self._telemetry, name)
        return advance.emitted

    def _note_unknown(self, unknown: Mapping[Labels, Newest]) -> None:
        for labels, newest in unknown.items():
            if labels in self._unknown or len(self._unknown) < MOST_UNKNOWN:
                self._unknown[labels] = max(newest, self._unknown.get(labels, newest))
            else:
                self._telemetry.failed("too_many_untrained", signal=self.signal.name)
                return

    def _nothing(self) -> Verdicts:
        return empty(self._current.scorer.model.output_series if self._current else (), 0)

    def _publish(self, emitted: Verdicts, now: int) -> None:
        with self._publishing:
            self._output.publish(self._snapshot(now), emitted)

    def _snapshot(self, now: int) -> SignalSnapshot:
        missed: Mapping[int, Missed] = {}
        if self._current is None:
            reasons = np.array([NO_MODEL], np.int8)
            newest, version = empty(((),), 1), None
        else:
            newest = self._table(now)
            reasons = self._reasons(newest, now)
            newest = _held_episodes(newest, reasons, now - self.timing.hold)
            version, missed = self._current.version, self._missed(self._current.scorer, now)
        name = self.signal.name
        return SignalSnapshot(name, now, newest, reasons, version, self.forecast, missed)

    def _missed(self, scorer: Scorer, now: int) -> Mapping[int, Missed]:
        """Return the rows whose silence is rare.

        None while the source fails or is behind, and for a while after: where it is the one that
        collects, the first new samples are still on their way.
        """
        until = self._read_until_milliseconds
        is_behind = now - until > self.timing.stale
        if is_behind or until - self._answers_since_milliseconds < self.timing.stale:
            return {}
        return scorer.missed(until)

    def _table(self, now: int) -> Verdicts:
        """Return the newest verdicts, with rows for the series that the champion does not know."""
        assert self._current is not None  # noqa: S101  the caller has looked
        table = self._current.scorer.newest.table
        self._unknown = {
            labels: newest
            for labels, newest in self._unknown.items()
            if now - newest.milliseconds <= self.timing.stale
        }
        if self._unknown:
            unknown = tuple(sorted(self._unknown))
            table = concatenate_rows(table, empty(unknown, len(unknown)))
        if table.series != self._series:
            self._series = table.series
        return replace(table, series=self._series)

    def _reasons(self, newest: Verdicts, now: int) -> SmallIntegerArray:
        assert self._current is not None  # noqa: S101  the caller has looked
        model = self._current.scorer.model
        reasons = np.zeros(len(newest), np.int8)
        is_unsaid = ~np.isfinite(newest.score)
        is_group = np.arange(len(newest)) >= len(model.series)
        reasons[is_unsaid] = np.where(
            np.isfinite(newest.value[is_unsaid]) & ~is_group[is_unsaid], UNTRAINED, GAP
        )
        if now - self._source_ok_milliseconds > self.timing.stale:
            reasons[:] = SOURCE
            return reasons
        reasons[newest.timestamp_milliseconds < now - self.timing.stale] = STALE
        reasons[len(model.output_series) :] = UNTRAINED
        return reasons


def _held_episodes(
    newest: Verdicts, reasons: SmallIntegerArray, oldest_milliseconds: int
) -> Verdicts:
    """Return the table without the episodes of rows that have been silent for too long."""
    is_lost = (reasons != 0) & (newest.timestamp_milliseconds < oldest_milliseconds)
    if not is_lost.any():
        return newest
    severity = np.where(is_lost, 0, newest.severity).astype(np.int8)
    return replace(newest, severity=severity)
