"""What really happened against what alarmed: found and false, how late, and at other thresholds.

An *event* is an interval in which something was wrong, as somebody labelled it. It is found when an
alarm is on inside it. An alarm is false when it overlaps no event, even where each event counts
from half an hour before its start to an hour after its end. Nothing here is adjusted by points: an
event counts once, however long it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, nan

import numpy as np

from forewarn_models.alarms import EVERY_ROW, Spans, spans_of
from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.episodes import alarm_keys
from forewarn_models.rules import cluster_gap

BEFORE_MILLISECONDS = 30 * 60_000
AFTER_MILLISECONDS = 60 * 60_000
TIMES_BUDGET = (1, 3, 10)

_MOST_THRESHOLDS = 150  # tried on the way down, before the last step is halved


@dataclass(frozen=True, slots=True)
class Detection:
    """How alarms and events met.

    Args:
        n_events: that lie in the judged time, whole or in part.
        n_found: of them, with an alarm inside.
        n_alarms: all.
        n_false: of them, near no event.
        median_delay_seconds: from the start of a found event to the first alarm inside; NaN
            where none was found.
    """

    n_events: int
    n_found: int
    n_alarms: int
    n_false: int
    median_delay_seconds: float

    @property
    def recall_ratio(self) -> float:
        """The share of events that were found; NaN without events."""
        return self.n_found / self.n_events if self.n_events else nan

    @property
    def precision_ratio(self) -> float:
        """The share of alarms that are not false; NaN without alarms."""
        return 1.0 - self.n_false / self.n_alarms if self.n_alarms else nan

    @property
    def f1_ratio(self) -> float:
        """Found events over themselves and half of what was missed or false; NaN without events."""
        n_wrong = self.n_false + self.n_events - self.n_found
        return 2 * self.n_found / (2 * self.n_found + n_wrong) if self.n_events else nan


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores of the samples that can say, as flat arrays of equal length.

    Args:
        row: (n,) of each.
        timestamp_milliseconds: (n,) of each.
        score: (n,) never NaN.
        owner: (n_rows,) the row of events that each row answers for: its own, or EVERY_ROW for
            groups.
        step_milliseconds: of the grid.
    """

    row: IntegerArray
    timestamp_milliseconds: IntegerArray
    score: FloatArray
    owner: IntegerArray
    step_milliseconds: int


@dataclass(frozen=True, slots=True)
class ThresholdPoint:
    """What would be found with another threshold, the same for all series.

    Args:
        times_budget: how many times the budget's false alarms are accepted.
        score: the lowest threshold that keeps to that; infinite where none does.
        event_recall_ratio: the share of events found with it.
        sample_precision_ratio: the share of the samples at or above it that lie in an event.
        sample_recall_ratio: the share of the samples in events that lie at or above it.
    """

    times_budget: int
    score: float
    event_recall_ratio: float
    sample_precision_ratio: float
    sample_recall_ratio: float


@dataclass(frozen=True, slots=True)
class ThresholdCurve:
    """How well scores rank what was in an event above what was not.

    Args:
        average_precision_ratio: the area below precision over recall, sample by sample.
        points: at some multiples of the budget.
    """

    average_precision_ratio: float
    points: tuple[ThresholdPoint, ...]


def within(events: Spans, *, from_milliseconds: int, until_milliseconds: int) -> Spans:
    """Return the parts of events from one instant to another, both included."""
    start = np.maximum(events.start_milliseconds, from_milliseconds)
    end = np.minimum(events.end_milliseconds, until_milliseconds)
    kept = start <= end
    return Spans(events.row[kept], start[kept], end[kept])


def detection_of(alarms: Spans, events: Spans) -> Detection:
    """Return how alarms and events met; a row of EVERY_ROW on either side meets all rows."""
    delays = [_delay_seconds(alarms, event) for event in zip(*events, strict=True)]
    known = [delay for delay in delays if delay is not None]
    return Detection(
        n_events=len(delays),
        n_found=len(known),
        n_alarms=len(alarms.row),
        n_false=int(np.count_nonzero(is_false(alarms, events))),
        median_delay_seconds=float(np.median(known)) if known else nan,
    )


def is_false(alarms: Spans, events: Spans) -> BooleanArray:
    """Return which alarms overlap no event, extended before and after."""
    return ~_overlaps(
        alarms,
        Spans(
            events.row,
            events.start_milliseconds - BEFORE_MILLISECONDS,
            events.end_milliseconds + AFTER_MILLISECONDS,
        ),
    )


def threshold_curve(
    scored: Scored, events: Spans, *, false_alarms_allowed: float
) -> ThresholdCurve | None:
    """Return how well the scores tell events from the rest; None where no sample is in an event.

    `false_alarms_allowed` is what one budget allows all rows together in the judged time. At each
    threshold an alarm is a run of samples at or above it, less than half an hour or six steps
    apart, and another one each four hours that it stays on.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    at = scored.timestamp_milliseconds
    is_in_event = _overlaps(Spans(scored.owner[scored.row], at, at), events)
    if not is_in_event.any():
        return None
    precision, recall, thresholds = precision_recall_curve(is_in_event, scored.score)

    def point(times_budget: int) -> ThresholdPoint:
        threshold = _lowest_threshold(scored, events, times_budget * false_alarms_allowed)
        place = int(np.searchsorted(thresholds, threshold))
        found = detection_of(_runs(scored, threshold), events)
        return ThresholdPoint(
            times_budget,
            threshold,
            found.recall_ratio,
            float(precision[place]),
            float(recall[place]),
        )

    return ThresholdCurve(
        float(average_precision_score(is_in_event, scored.score)), tuple(map(point, TIMES_BUDGET))
    )


def _delay_seconds(alarms: Spans, event: tuple[int, int, int]) -> float | None:
    """Return how long after its start an event was found; None when it was not."""
    row, start, end = event
    is_inside = (alarms.start_milliseconds <= end) & (alarms.end_milliseconds >= start)
    is_inside &= _is_met(alarms.row, row)
    if not is_inside.any():
        return None
    first = int(alarms.start_milliseconds[is_inside].min())
    return max(0, first - int(start)) / 1000.0


def _overlaps(spans: Spans, events: Spans) -> BooleanArray:
    """Return which spans overlap any event of their row."""
    out = np.zeros(len(spans.row), dtype=np.bool_)
    for row, start, end in zip(*events, strict=True):
        is_near = (spans.start_milliseconds <= end) & (spans.end_milliseconds >= start)
        out |= is_near & _is_met(spans.row, row)
    return out


def _is_met(rows: IntegerArray, row: int) -> BooleanArray:
    met: BooleanArray = (rows == row) | (rows == EVERY_ROW) | (row == EVERY_ROW)
    return met


def _runs(scored: Scored, threshold: float) -> Spans:
    """Return the alarms that a threshold would give, on the rows of the events they answer for."""
    hot = np.flatnonzero(scored.score >= threshold)
    hot = hot[np.lexsort((scored.timestamp_milliseconds[hot], scored.row[hot]))]
    row, at = scored.row[hot], scored.timestamp_milliseconds[hot]
    gap = cluster_gap(scored.step_milliseconds / 1000.0) * scored.step_milliseconds
    is_start = np.append(True, (np.diff(row) != 0) | (np.diff(at) >= gap))[: len(hot)]
    start = at[is_start][np.cumsum(is_start) - 1]
    spans, _ = spans_of(alarm_keys(row, start, at), at)
    return spans._replace(row=scored.owner[spans.row])


def _lowest_threshold(scored: Scored, events: Spans, n_allowed: float) -> float:
    """Return the last threshold on the way down before false alarms exceed what is allowed.

    A score of 0 is no threshold: it would be an alarm that is always on, which is long and
    therefore few.
    """
    heights = np.unique(scored.score[scored.score > 0])[::-1]
    if not len(heights):
        return inf

    def is_kept(place: int) -> bool:
        runs = _runs(scored, float(heights[place]))
        return int(np.count_nonzero(is_false(runs, events))) <= n_allowed

    tried = np.unique(np.geomspace(1, len(heights), _MOST_THRESHOLDS).astype(np.int64)) - 1
    last = _last_kept(tried.tolist(), is_kept)
    return float(heights[last]) if last >= 0 else inf


def _last_kept(tried: Sequence[int], is_kept: Callable[[int], bool]) -> int:
    """Return the place before the first that is not kept, found among those between two tries."""
    low = -1
    for place in tried:
        if is_kept(place):
            low = place
            continue
        high = place
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if is_kept(middle) else (low, middle)
        break
    return low
