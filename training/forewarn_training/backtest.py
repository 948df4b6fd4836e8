"""What would have alerted: a recording scored as the service would have, and what came of it.

The very code that pages does it (`forewarn_models.offline`): models are trained on what came
before, folded over what came then, and trained again on the schedule.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from forewarn_adapters.config.schema import Signal
from forewarn_adapters.labelled import LabelledEvents
from forewarn_adapters.masks import Window, read_masks
from forewarn_adapters.source import Source
from forewarn_models.alarms import EVERY_ROW, Alarms, Spans, alarms_of
from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.budget import Budget
from forewarn_models.contract import Detector, FittedDetector
from forewarn_models.durations import milliseconds_of
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
from forewarn_models.labels import Labels, label_text
from forewarn_models.masks import Interval, masked
from forewarn_models.offline import Schedule, ScoredRecording, score_recording
from forewarn_models.panel import Panel
from forewarn_models.rulers import Ruler
from forewarn_models.samples import Samples, samples_of
from forewarn_training.detector_job import detector_of
from forewarn_training.history import history_span, read_history
from forewarn_training.task import Progress

# The first model needs a past: at least this share of what is there comes before what is judged.
_TRAINED_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Recording:
    """Samples of a signal or a file, and how the service would learn from them.

    Args:
        name: of the signal or file.
        samples: those that are judged, and those before them.
        detector: that is trained.
        schedule: when.
        ruler: the grid that the samples lie on.
        name_of: what a series is called.
        hidden: what must not be learned from, though it is judged.
        warnings: masks that could not be read, and why.
    """

    name: str
    samples: Samples
    detector: Detector
    schedule: Schedule
    ruler: Ruler
    name_of: Callable[[Labels], str] = label_text
    hidden: tuple[Interval, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Backtest:
    """What would have alerted.

    Args:
        name: of the signal or file.
        names: of the rows: its series, then its groups.
        row_of: the row that each name in labels means: its own, or its labels as `a=b,c=d`.
        n_series: how many of the rows are series.
        budget: that the alarms were judged by.
        step_milliseconds: of the grid.
        start_milliseconds: of the first slot that something was said of.
        end_milliseconds: of the end of the last one.
        judged_seconds: (n_rows,) of which something was said.
        alarms: that it would have given.
        events: in the judged time, by row; None without labels.
        detection: how alarms and events met; None without labels.
        curve: how well other thresholds would do; None where no judged sample is in an event.
    """

    name: str
    names: tuple[str, ...]
    row_of: Mapping[str, int]
    n_series: int
    budget: Budget
    step_milliseconds: int
    start_milliseconds: int
    end_milliseconds: int
    judged_seconds: FloatArray
    alarms: Alarms
    events: Spans | None = None
    detection: Detection | None = None
    curve: ThresholdCurve | None = None

    @property
    def judged_days(self) -> float:
        """From the first sample that something was said of to the last."""
        return (self.end_milliseconds - self.start_milliseconds) / 86_400_000.0

    @property
    def allowed_alarms(self) -> float:
        """How many alarms the budget allows all rows together in the judged time."""
        return float(self.judged_seconds.sum()) / self.budget.return_period_seconds

    @property
    def owner(self) -> IntegerArray:
        """(n_rows,) the row whose events each row answers for: groups for all."""
        rows = np.arange(len(self.names), dtype=np.int64)
        return np.where(rows < self.n_series, rows, EVERY_ROW)

    @property
    def alarms_of_rows(self) -> IntegerArray:
        """(n_rows,) how many alarms each row gave."""
        return np.bincount(self.alarms.spans.row, minlength=len(self.names)).astype(np.int64)

    @property
    def alarm_spans(self) -> Spans:
        """When alarms were on, on the rows whose events they answer for."""
        spans = self.alarms.spans
        return spans._replace(row=self.owner[spans.row])


def signal_recording(
    signal: Signal,
    source: Source,
    *,
    now_milliseconds: int,
    days: float,
    every: timedelta,
) -> Recording:
    """Return what the source holds of a signal, of which its last `days` are judged.

    A new model is trained `every` so often.

    Raises SourceError, and DataError where the history is too large.
    """
    history = signal.history + timedelta(days=days)
    span = history_span(now_milliseconds=now_milliseconds, history=history, step=signal.step)
    panel = read_history(source, signal.query, span=span)
    schedule = Schedule(
        judged_from(panel.start_milliseconds, panel.end_milliseconds, days=days),
        milliseconds_of(every),
        milliseconds_of(signal.history),
    )
    masks = read_masks(signal, source, Window(*span))
    return Recording(
        signal.name,
        _samples(panel),
        detector_of(signal, span),
        schedule,
        Ruler(panel.start_milliseconds, panel.step_milliseconds),
        hidden=tuple(each for mask in masks for each in mask.intervals),
        warnings=tuple(
            f"nothing is hidden by {mask.name}: {mask.problem}" for mask in masks if mask.problem
        ),
    )


def judged_from(start_milliseconds: int, end_milliseconds: int, *, days: float) -> int:
    """Return from when on to judge: for some days, of a short history for its newer half.

    >>> judged_from(0, 10 * 86_400_000, days=7) / 86_400_000
    5.0
    """
    held = end_milliseconds - start_milliseconds
    return max(
        end_milliseconds - round(days * 86_400_000),
        start_milliseconds + round(_TRAINED_SHARE * held),
    )


def run_backtest(
    recording: Recording, budget: Budget, *, labels: LabelledEvents | None, progress: Progress
) -> tuple[Backtest, ScoredRecording]:
    """Return what would have alerted, and what was said of each sample, which may be large.

    Raises NotEnoughHistory when no model could be trained.
    """
    scored = score_recording(
        _Taught(recording.detector, recording.hidden, progress),
        FoldPolicy(budget),
        recording.samples,
        recording.schedule,
        ruler=recording.ruler,
    )
    progress("judging")
    backtest = _judged(recording, scored, budget)
    return (backtest if labels is None else _compared(backtest, scored, labels)), scored


@dataclass(frozen=True, eq=False)
class _Taught:
    """A detector that learns as a training does: masked, and telling which it is at."""

    detector: Detector
    hidden: tuple[Interval, ...]
    progress: Progress

    def fit(self, history: Panel, earlier: FittedDetector | None = None) -> FittedDetector:
        at = datetime.fromtimestamp(history.end_milliseconds / 1000, UTC)
        self.progress(f"training as of {at:%Y-%m-%d %H:%M}")
        return self.detector.fit(masked(history, self.hidden), earlier)


def _samples(panel: Panel) -> Samples:
    if not panel.n_series:
        raise NotEnoughHistory("a detector", needed=60, got=0)
    return samples_of(panel)


def _judged(recording: Recording, scored: ScoredRecording, budget: Budget) -> Backtest:
    verdicts, step = scored.verdicts, recording.ruler.step_milliseconds
    is_known = np.isfinite(verdicts.score)
    slots = scored.slot_milliseconds[is_known]
    if not len(slots):
        raise NotEnoughHistory("judging", needed=60, got=0)
    seen = np.unique(np.column_stack([verdicts.row[is_known], slots]), axis=0)
    n_rows = len(verdicts.series)
    names = tuple(map(recording.name_of, verdicts.series))
    plain = (",".join("=".join(pair) for pair in labels) for labels in verdicts.series)
    return Backtest(
        name=recording.name,
        names=names,
        row_of={name: row for each in (plain, names) for row, name in enumerate(each)},
        n_series=len(recording.samples.series),
        budget=budget,
        step_milliseconds=step,
        start_milliseconds=int(slots.min()),
        end_milliseconds=int(slots.max()) + step,
        judged_seconds=np.bincount(seen[:, 0], minlength=n_rows) * step / 1000.0,
        alarms=alarms_of(verdicts),
    )


def _compared(backtest: Backtest, scored: ScoredRecording, labels: LabelledEvents) -> Backtest:
    events = _events(backtest, labels)
    verdicts = scored.verdicts
    known = np.flatnonzero(np.isfinite(verdicts.score))
    samples = Scored(
        verdicts.row[known],
        scored.slot_milliseconds[known],
        verdicts.score[known],
        backtest.owner,
        backtest.step_milliseconds,
    )
    return replace(
        backtest,
        events=events,
        detection=detection_of(backtest.alarm_spans, events),
        curve=threshold_curve(samples, events, false_alarms_allowed=backtest.allowed_alarms),
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
