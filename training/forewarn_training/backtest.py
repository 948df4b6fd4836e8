"""What would have alerted: a recording scored as the service would have, and what came of it.

The very code that pages does it (`forewarn_models.offline`): models are trained on what came
before, folded over what came then, and trained again on the schedule. It goes part by part, so that
its memory does not grow with the number of series.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate

import numpy as np

from forewarn_adapters.labelled import LabelledEvents
from forewarn_models.alarms import EVERY_ROW, Alarms, Spans, alarms_of, joined
from forewarn_models.arrays import AnyArray, FloatArray, IntegerArray
from forewarn_models.budget import Budget
from forewarn_models.contract import Detector, FittedDetector
from forewarn_models.errors import NotEnoughHistory
from forewarn_models.events import (
    Detection,
    Scored,
    ThresholdCurve,
    detection_of,
    threshold_curve,
    within,
)
from forewarn_models.fold import FoldPolicy
from forewarn_models.masks import Interval, masked
from forewarn_models.offline import ScoredRecording, score_recording
from forewarn_models.panel import Panel
from forewarn_models.samples import Samples
from forewarn_training.recording import Recording
from forewarn_training.task import Progress

SHOWN = ("value", "expected", "lower", "upper", "score")


@dataclass(frozen=True, eq=False)
class Shown:
    """The course of one series, for a picture.

    Args:
        row: which it is.
        peak_score: its largest score.
        start_milliseconds: of the first slot.
        columns: by name of SHOWN, (n_times,) each in float32; NaN where nothing is known.
    """

    row: int
    peak_score: float
    start_milliseconds: int
    columns: Mapping[str, AnyArray]


@dataclass(frozen=True, eq=False)
class Backtest:
    """What would have alerted.

    Args:
        name: of the signal or file.
        names: of the rows: series and groups.
        row_of: the row that each name in labels means: its own, or its labels as `a=b,c=d`.
        owner: (n_rows,) the row whose events each answers for: its own, or EVERY_ROW for groups.
        budget: that the alarms were judged by.
        step_milliseconds: of the grid.
        start_milliseconds: of the first slot that something was said of.
        end_milliseconds: of the end of the last one.
        judged_seconds: (n_rows,) of which something was said.
        alarms: that it would have given.
        events: in the judged time, by row; None without labels.
        detection: how alarms and events met; None without labels.
        curve: how well other thresholds would do; None where no judged sample is in an event.
        shown: the courses of the strangest series, the strangest first.
    """

    name: str
    names: tuple[str, ...]
    row_of: Mapping[str, int]
    owner: IntegerArray
    budget: Budget
    step_milliseconds: int
    start_milliseconds: int
    end_milliseconds: int
    judged_seconds: FloatArray
    alarms: Alarms
    events: Spans | None = None
    detection: Detection | None = None
    curve: ThresholdCurve | None = None
    shown: tuple[Shown, ...] = ()

    @property
    def n_series(self) -> int:
        """How many of the rows are series; the others are groups."""
        return int(np.count_nonzero(self.owner != EVERY_ROW))

    @property
    def judged_days(self) -> float:
        """From the first sample that something was said of to the last."""
        return (self.end_milliseconds - self.start_milliseconds) / 86_400_000.0

    @property
    def allowed_alarms(self) -> float:
        """How many alarms the budget allows all rows together in the judged time."""
        return float(self.judged_seconds.sum()) / self.budget.return_period_seconds

    @property
    def alarms_of_rows(self) -> IntegerArray:
        """(n_rows,) how many alarms each row gave."""
        return np.bincount(self.alarms.spans.row, minlength=len(self.names)).astype(np.int64)

    @property
    def alarm_spans(self) -> Spans:
        """When alarms were on, on the rows whose events they answer for."""
        spans = self.alarms.spans
        return spans._replace(row=self.owner[spans.row])


@dataclass(frozen=True, eq=False)
class _Part:
    """What came of some of the series; rows count in `names`."""

    names: tuple[str, ...]
    plain: tuple[str, ...]
    owner: IntegerArray
    judged_seconds: FloatArray
    ends_milliseconds: tuple[int, int]
    alarms: Alarms
    heard: tuple[IntegerArray, IntegerArray, FloatArray] | None  # row, slot, score; with labels
    shown: tuple[Shown, ...]


def run_backtest(
    recording: Recording,
    budget: Budget,
    *,
    labels: LabelledEvents | None,
    progress: Progress,
    most_shown: int = 0,
) -> Backtest:
    """Return what would have alerted, with the courses of up to `most_shown` series.

    Raises NotEnoughHistory when no model could be trained.
    """
    parts: list[_Part] = []
    shown: list[Shown] = []
    lacking = NotEnoughHistory("judging", needed=60, got=0)
    n_rows = 0
    for number, read in enumerate(recording.parts, start=1):
        where = f", part {number} of {len(recording.parts)}" if len(recording.parts) > 1 else ""
        taught = _Taught(recording.detector, recording.hidden, where, progress)
        try:
            part = _part(replace(recording, detector=taught), read(), budget, most_shown=most_shown)
        except NotEnoughHistory as too_little:
            lacking = too_little
            continue
        shown += [replace(each, row=each.row + n_rows) for each in part.shown]
        shown = sorted(shown, key=lambda each: -each.peak_score)[:most_shown]
        parts.append(replace(part, shown=(), heard=part.heard if labels is not None else None))
        n_rows += len(part.names)
    if not parts:
        raise lacking
    progress("judging")
    backtest = replace(_whole(recording, parts, budget), shown=tuple(shown))
    return backtest if labels is None else _compared(backtest, parts, labels)


@dataclass(frozen=True, eq=False)
class _Taught:
    """A detector that learns as a training does: masked, and telling which it is at."""

    detector: Detector
    hidden: tuple[Interval, ...]
    where: str
    progress: Progress

    def fit(self, history: Panel, earlier: FittedDetector | None = None) -> FittedDetector:
        at = datetime.fromtimestamp(history.end_milliseconds / 1000, UTC)
        self.progress(f"training as of {at:%Y-%m-%d %H:%M}{self.where}")
        return self.detector.fit(masked(history, self.hidden), earlier)


def _part(recording: Recording, samples: Samples, budget: Budget, *, most_shown: int) -> _Part:
    """Return what came of some series; NotEnoughHistory where nothing can be said of them."""
    scored = score_recording(
        recording.detector,
        FoldPolicy(budget),
        samples,
        recording.schedule,
        ruler=recording.ruler,
    )
    verdicts, step = scored.verdicts, recording.ruler.step_milliseconds
    known = np.isfinite(verdicts.score)
    row, slots = verdicts.row[known], scored.slot_milliseconds[known]
    if not len(slots):
        raise NotEnoughHistory("judging", needed=60, got=0)
    seen = np.unique(np.column_stack([row, slots]), axis=0)
    rows = np.arange(len(verdicts.series), dtype=np.int64)
    return _Part(
        names=tuple(map(recording.name_of, verdicts.series)),
        plain=tuple(",".join("=".join(pair) for pair in each) for each in verdicts.series),
        owner=np.where(rows < len(samples.series), rows, EVERY_ROW),
        judged_seconds=np.bincount(seen[:, 0], minlength=len(rows)) * step / 1000.0,
        ends_milliseconds=(int(slots.min()), int(slots.max()) + step),
        alarms=alarms_of(verdicts),
        heard=(row, slots, verdicts.score[known]),
        shown=_shown(scored, len(samples.series), step, most=most_shown),
    )


def _shown(scored: ScoredRecording, n_series: int, step: int, *, most: int) -> tuple[Shown, ...]:
    """Return the courses of the strangest series; groups have no value to show."""
    verdicts, slots = scored.verdicts, scored.slot_milliseconds
    peak = np.full(len(verdicts.series), -np.inf)
    np.maximum.at(peak, verdicts.row, np.nan_to_num(verdicts.score, nan=-np.inf))
    order = [row for row in np.argsort(-peak[:n_series], kind="stable") if np.isfinite(peak[row])]
    start, n_times = int(slots.min()), int(slots.max() - slots.min()) // step + 1

    def laid(values: FloatArray, own: IntegerArray) -> AnyArray:
        out = np.full(n_times, np.nan, np.float32)
        out[(slots[own] - start) // step] = values[own]
        return out

    def course(row: int) -> Shown:
        own = np.flatnonzero(verdicts.row == row)
        columns = {name: laid(getattr(verdicts, name), own) for name in SHOWN}
        return Shown(row, float(peak[row]), start, columns)

    return tuple(course(int(row)) for row in order[:most])


def _whole(recording: Recording, parts: Sequence[_Part], budget: Budget) -> Backtest:
    """Return the parts as one: rows count on from part to part."""
    offsets = _offsets(parts)
    names = tuple(name for part in parts for name in part.names)
    plain = (name for part in parts for name in part.plain)
    starts, ends = zip(*(part.ends_milliseconds for part in parts), strict=True)
    return Backtest(
        name=recording.name,
        names=names,
        row_of={name: row for each in (plain, names) for row, name in enumerate(each)},
        owner=np.concatenate(
            [
                np.where(part.owner == EVERY_ROW, EVERY_ROW, part.owner + offset)
                for part, offset in zip(parts, offsets, strict=True)
            ]
        ),
        budget=budget,
        step_milliseconds=recording.ruler.step_milliseconds,
        start_milliseconds=min(starts),
        end_milliseconds=max(ends),
        judged_seconds=np.concatenate([part.judged_seconds for part in parts]),
        alarms=joined([part.alarms for part in parts], offsets),
    )


def _offsets(parts: Sequence[_Part]) -> list[int]:
    """Return the row of the whole that each part's first row is."""
    return list(accumulate((len(part.names) for part in parts[:-1]), initial=0))


def _compared(backtest: Backtest, parts: Sequence[_Part], labels: LabelledEvents) -> Backtest:
    events = _events(backtest, labels)
    heard = [
        (row + offset, slots, score)
        for part, offset in zip(parts, _offsets(parts), strict=True)
        if part.heard is not None
        for row, slots, score in (part.heard,)
    ]
    row, slots, score = (np.concatenate(column) for column in zip(*heard, strict=True))
    scored = Scored(row, slots, score, backtest.owner, backtest.step_milliseconds)
    return replace(
        backtest,
        events=events,
        detection=detection_of(backtest.alarm_spans, events),
        curve=threshold_curve(scored, events, false_alarms_allowed=backtest.allowed_alarms),
    )


def _events(backtest: Backtest, labels: LabelledEvents) -> Spans:
    """Return the events of the judged time by row, without those of series that are not here."""
    elsewhere = len(backtest.names)
    row_of = {**backtest.row_of, "": EVERY_ROW}
    row = np.array([row_of.get(name, elsewhere) for name in labels.series], dtype=np.int64)
    here = row < elsewhere
    return within(
        Spans(row[here], labels.start_milliseconds[here], labels.end_milliseconds[here]),
        from_milliseconds=backtest.start_milliseconds,
        until_milliseconds=backtest.end_milliseconds,
    )
