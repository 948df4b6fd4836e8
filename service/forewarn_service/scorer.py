"""Scores the samples of one signal as they arrive, late ones included, each exactly once.

The pure fold of the models does the scoring. This module keeps what the fold needs to be repeated
over the recent past: the samples (`SampleBuffer`) and the states of the fold at some slots
(`StateRing`). When new samples arrive, the fold goes back to the newest state at or before the
earliest of them and comes forward again; only verdicts of samples that were never handed out
leave. A slot that is still open is folded as it is, and again when more of it arrives; the row of
a group is handed out when the slot is over.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from forewarn_models.arrays import BooleanArray, IntegerArray
from forewarn_models.budget import score_of
from forewarn_models.contract import FittedDetector
from forewarn_models.fold import (
    FoldPolicy,
    FoldState,
    common_rows,
    fold,
    welcome,
    without_newcomers,
)
from forewarn_models.labels import Labels
from forewarn_models.samples import Samples
from forewarn_models.verdicts import Verdicts
from forewarn_service.buffer import SampleBuffer
from forewarn_service.live import Missed
from forewarn_service.state_ring import StateRing
from forewarn_service.timing import Timing
from forewarn_service.verdict_rows import NewestRows, concatenate, empty, select

# Series that come and go add rows until the next training; so many at most under one champion.
MOST_WELCOMED = 10_000
# The buffer's window is shortened for signals with very many series.
_MAX_WINDOW_SAMPLES = 6_000_000
# A group waits this long for the samples of its slot that are still on their way.
_GROUP_GRACE_MILLISECONDS = 500


class Newest(NamedTuple):
    """The newest sample of a series."""

    milliseconds: int
    value: float


@dataclass(frozen=True, eq=False)
class Advance:
    """What came of a batch of samples.

    Args:
        emitted: verdicts that leave for the first time; rows count in `model.output_series`.
        n_too_late: samples that are older than anything that can be folded again.
        unknown: series that the model does not know, and the newest sample of each.
    """

    emitted: Verdicts
    n_too_late: int
    unknown: dict[Labels, Newest]


class Scorer:
    """The scoring state of one signal under one champion. One thread at a time may use it.

    Args:
        model: the champion.
        policy: budget and hysteresis of the fold.
        timing: of the signal.
        start: where the fold begins: a checkpoint, or the end of the champion's history.
        champion: as it is stored, where `model` has welcomed series that it does not know.
    """

    def __init__(
        self,
        model: FittedDetector,
        policy: FoldPolicy,
        *,
        timing: Timing,
        start: FoldState,
        champion: FittedDetector | None = None,
    ) -> None:
        self.model = model
        self._champion = champion or model
        self._policy = policy
        self._timing = timing
        slots = max(8, _MAX_WINDOW_SAMPLES // max(1, len(model.series)))
        self._ring = StateRing(
            start,
            step=timing.step,
            spacing=timing.state_slots * timing.step,
            window=min(timing.window, slots * timing.step),
        )
        self._buffer = SampleBuffer(model.series)
        self._rows = _RowMap(model.series)
        self._groups = empty(model.output_series, 0)
        self._groups_emitted_milliseconds = 0
        self._refold_from: int | None = None
        self.newest = NewestRows(empty(model.output_series, len(model.output_series)))

    @property
    def oldest_milliseconds(self) -> int:
        """Samples before this time are too late to be scored."""
        return self._ring.oldest_milliseconds

    @property
    def newest_milliseconds(self) -> int | None:
        """The time of the newest sample that is held; None when there is none."""
        return self._buffer.newest_milliseconds

    @property
    def kept_bytes(self) -> int:
        """How much memory the recent samples and the states of the fold take."""
        return self._buffer.kept_bytes + self._ring.kept_bytes

    @property
    def places_left(self) -> int:
        """How many more series may be welcomed under this champion."""
        n_welcomed = len(self.model.series) - len(self._champion.series)
        return max(0, MOST_WELCOMED - n_welcomed)

    def state_before(self, milliseconds: int) -> FoldState:
        """Return the newest state of which nothing after this time is part: for a checkpoint.

        It is one of the champion: series that were welcomed are welcomed again.
        """
        state = self._ring.at_or_before(max(milliseconds, self._ring.oldest_milliseconds))
        return without_newcomers(self._champion, self.model, state)

    def advance(
        self, samples: Samples, *, now_milliseconds: int, emitted_until_milliseconds: int = 0
    ) -> Advance:
        """Return the verdicts of samples that are new, and of groups whose slot is over.

        Verdicts of samples up to `emitted_until_milliseconds` count as handed out already.
        """
        known, unknown = self._rows.known(samples)
        is_late = known.timestamp_milliseconds < self.oldest_milliseconds
        known = known.select(~is_late)
        earliest = self._buffer.merge(
            known, is_emitted=known.timestamp_milliseconds <= emitted_until_milliseconds
        )
        waiting = [time for time in (earliest, self._refold_from) if time is not None]
        self._refold_from = None
        parts = self._refold(min(waiting)) if waiting else []
        self._groups_emitted_milliseconds = max(
            self._groups_emitted_milliseconds, min(emitted_until_milliseconds, now_milliseconds)
        )
        parts.append(self._groups_over(now_milliseconds))
        emitted = concatenate(self.model.output_series, parts)
        return Advance(emitted, int(np.count_nonzero(is_late)), unknown)

    def missed(self, until_milliseconds: int) -> dict[int, Missed]:
        """Return the rows whose silence is rare at a time that was read up to.

        Nothing is missed while samples that are held wait to be folded again.
        """
        if self._refold_from is not None:
            return {}
        absence = self.model.absence(self._ring.newest.carry, until_milliseconds)
        budget_seconds = self._policy.budget.return_period_seconds
        score = score_of(absence.return_period_seconds, budget_seconds)
        return {
            row: Missed(float(score[row]), int(absence.since_milliseconds[row]))
            for row in np.flatnonzero(score > 0.0).tolist()
        }

    def adopt(self, previous: "Scorer") -> None:
        """Go on from another champion's scorer: what it has handed out is not handed out again."""
        self._groups_emitted_milliseconds = previous._groups_emitted_milliseconds  # noqa: SLF001  the same class
        self._buffer.drop_before(self.oldest_milliseconds)
        earliest = self._buffer.follow(
            previous._buffer,  # noqa: SLF001  the same class
            since_milliseconds=max(previous.oldest_milliseconds, self.oldest_milliseconds),
        )
        self._buffer.drop_before(self.oldest_milliseconds)
        if earliest is not None:
            self._refold_from = max(earliest, self.oldest_milliseconds)

    def welcome(self, first_values: dict[Labels, float]) -> "Scorer | None":
        """Return a scorer that also scores those unknown series that it can; None without any.

        What it shows is what this one shows until more is read: the source may fail before. Raises
        DataError when there would be more series than a signal may have.
        """
        places = self.places_left
        if not places:
            return None
        oldest = self._ring.at_or_before(self._ring.oldest_milliseconds)
        model, start = welcome(self.model, oldest, first_values)
        taken = model.series[len(self.model.series) :]
        if not taken:
            return None
        if len(taken) > places:
            chosen = {labels: first_values[labels] for labels in taken[:places]}
            model, start = welcome(self.model, oldest, chosen)
        wider = Scorer(
            model, self._policy, timing=self._timing, start=start, champion=self._champion
        )
        wider.adopt(self)
        rows = common_rows(self.model, model)
        wider.newest.update(replace(self.newest.table, series=model.output_series, row=rows))
        return wider

    def _refold(self, earliest_milliseconds: int) -> list[Verdicts]:
        """Fold again from the slot of the earliest new sample; return what is new of it."""
        state = self._ring.rewind(self._ring.slot_of(earliest_milliseconds))
        start = state.carry.next_milliseconds
        newest = self._buffer.newest_milliseconds or start
        emitted, groups = [], [_before(self._groups, start)]
        for stop in self._ring.stops(start, self._ring.slot_of(newest)):
            samples = self._buffer.between(state.carry.next_milliseconds, stop)
            verdicts, state = fold(
                self.model, self._policy, samples, state, until_milliseconds=stop
            )
            self._ring.push(state)
            is_group = verdicts.row >= len(self.model.series)
            emitted.append(self._fresh(select(verdicts, ~is_group)))
            groups.append(select(verdicts, is_group))
        self._groups = concatenate(self.model.output_series, groups)
        self._buffer.drop_before(self._ring.oldest_milliseconds)
        return emitted

    def _fresh(self, verdicts: Verdicts) -> Verdicts:
        self.newest.update(verdicts)
        fresh = self._buffer.take_unemitted(verdicts.row, verdicts.timestamp_milliseconds)
        return select(verdicts, fresh)

    def _groups_over(self, now_milliseconds: int) -> Verdicts:
        """Return the groups of slots that have ended, once."""
        times = self._groups.timestamp_milliseconds
        grace = min(self._timing.step // 2, _GROUP_GRACE_MILLISECONDS)
        is_over = times + self._timing.step + grace <= now_milliseconds
        over = select(self._groups, is_over & (times > self._groups_emitted_milliseconds))
        self._groups = select(self._groups, ~is_over)
        if len(over):
            self._groups_emitted_milliseconds = int(over.timestamp_milliseconds.max())
        self.newest.update(over)
        return over


def _before(verdicts: Verdicts, milliseconds: int) -> Verdicts:
    return select(verdicts, verdicts.timestamp_milliseconds < milliseconds)


class _RowMap:
    """Finds the model's row of each series of a batch; the last batch's answer is remembered."""

    def __init__(self, series: tuple[Labels, ...]) -> None:
        self._row_of = {labels: row for row, labels in enumerate(series)}
        self._series = series
        self._last: tuple[Labels, ...] = ()
        self._rows: IntegerArray = np.empty(0, np.int64)

    def known(self, samples: Samples) -> tuple[Samples, dict[Labels, Newest]]:
        """Return the samples of known series by the model's rows, and the unknown series."""
        if samples.series is not self._last and samples.series != self._last:
            self._rows = np.array(
                [self._row_of.get(labels, -1) for labels in samples.series], np.int64
            )
        self._last = samples.series
        rows = self._rows[samples.row]
        is_known = rows >= 0
        unknown = self._unknown(samples, ~is_known) if not is_known.all() else {}
        known = Samples(
            self._series,
            rows[is_known],
            samples.timestamp_milliseconds[is_known],
            samples.value[is_known],
        )
        return known, unknown

    @staticmethod
    def _unknown(samples: Samples, is_unknown: BooleanArray) -> dict[Labels, Newest]:
        chosen = samples.select(is_unknown)
        order = np.lexsort((chosen.timestamp_milliseconds, chosen.row))
        last = order[np.append(np.diff(chosen.row[order]) > 0, True)]
        columns = (chosen.row[last], chosen.timestamp_milliseconds[last], chosen.value[last])
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return {samples.series[row]: Newest(time, value) for row, time, value in rows}
