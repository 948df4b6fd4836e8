"""Masks: times of some series that must not be learned from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from forewarn_models.arrays import BooleanArray, IntegerArray
from forewarn_models.panel import Panel


class LabelMatcher(Protocol):
    """One condition on the labels of a series."""

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a series with these labels is meant."""
        ...


@dataclass(frozen=True, slots=True)
class Interval:
    """A time of some series.

    Args:
        start_milliseconds: its first instant, since the epoch.
        end_milliseconds: the first instant that is not in it any more.
        matchers: all of which accept the series that are meant; none means every series.
    """

    start_milliseconds: int
    end_milliseconds: int
    matchers: tuple[LabelMatcher, ...] = ()


def masked(panel: Panel, intervals: Iterable[Interval]) -> Panel:
    """Return the panel with gaps where an interval holds the instant of a value of its series.

    >>> panel = Panel(np.array([[1.0, 2.0, 3.0]]), ((("job", "a"),),), 0, 60_000)
    >>> masked(panel, [Interval(60_000, 120_000)]).values
    array([[ 1., nan,  3.]])
    """
    hidden = hidden_by(panel, intervals)
    return replace(panel, values=np.where(hidden, np.nan, panel.values)) if hidden.any() else panel


def hidden_by(panel: Panel, intervals: Iterable[Interval]) -> BooleanArray:
    """Return which cells of a panel lie in an interval, (n_series, n_times)."""
    hidden = np.zeros(panel.values.shape, dtype=np.bool_)
    rows_of: dict[tuple[LabelMatcher, ...], IntegerArray] = {}
    for interval in intervals:
        first, last = (
            _first_column(panel, at)
            for at in (interval.start_milliseconds, interval.end_milliseconds)
        )
        if first >= last:
            continue
        rows = rows_of.get(interval.matchers)
        if rows is None:
            rows = rows_of[interval.matchers] = _rows(panel, interval.matchers)
        hidden[rows, first:last] = True
    return hidden


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the same times of the same series in as few intervals as can be, in order of time.

    >>> [(each.start_milliseconds, each.end_milliseconds) for each in merged(
    ...     [Interval(5, 9), Interval(0, 6), Interval(20, 21)])]
    [(0, 9), (20, 21)]
    """
    runs: dict[tuple[LabelMatcher, ...], list[Interval]] = {}
    lasting = (each for each in intervals if each.start_milliseconds < each.end_milliseconds)
    for each in sorted(lasting, key=_start):
        of_these = runs.setdefault(each.matchers, [])
        if of_these and each.start_milliseconds <= of_these[-1].end_milliseconds:
            end = max(each.end_milliseconds, of_these[-1].end_milliseconds)
            of_these[-1] = replace(of_these[-1], end_milliseconds=end)
        else:
            of_these.append(each)
    return tuple(sorted((run for each in runs.values() for run in each), key=_start))


def covered_milliseconds(intervals: Iterable[Interval]) -> int:
    """Return how long the intervals are together, of whatever series; overlaps count once.

    >>> covered_milliseconds([Interval(5, 9), Interval(0, 6), Interval(20, 21)])
    10
    """
    union = merged(replace(each, matchers=()) for each in intervals)
    return sum(each.end_milliseconds - each.start_milliseconds for each in union)


def _start(interval: Interval) -> int:
    return interval.start_milliseconds


def _first_column(panel: Panel, milliseconds: int) -> int:
    """Return the first column that does not lie before an instant."""
    column = -((panel.start_milliseconds - milliseconds) // panel.step_milliseconds)
    return min(max(column, 0), panel.n_times)


def _rows(panel: Panel, matchers: Sequence[LabelMatcher]) -> IntegerArray:
    chosen = [
        row
        for row, labels in enumerate(map(dict, panel.series))
        if all(matcher.accepts(labels) for matcher in matchers)
    ]
    return np.array(chosen, dtype=np.int64)
