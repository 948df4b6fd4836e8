"""The history of a signal as a panel, read in parts so that memory stays bounded."""

from datetime import timedelta
from typing import NamedTuple

import numpy as np

from forewarn_adapters.source import Source
from forewarn_models.arrays import IntegerArray
from forewarn_models.durations import milliseconds_of
from forewarn_models.errors import DataError
from forewarn_models.labels import Labels
from forewarn_models.panel import Panel
from forewarn_models.samples import Samples, floor_to_step

# A history larger than this is refused: its panel takes 1.2 GB, and fitting several times that.
MOST_CELLS = 150_000_000
_FIRST_PART_STEPS = 1_000
_PART_SAMPLES = 4_000_000
_MOST_PART_STEPS = 44_000  # four queries of the 11,000 points that Prometheus answers at once


class Span(NamedTuple):
    """A regular grid: its start, its end (not in it), and its step."""

    start_milliseconds: int
    end_milliseconds: int
    step_milliseconds: int

    @property
    def n_times(self) -> int:
        return (self.end_milliseconds - self.start_milliseconds) // self.step_milliseconds


def history_span(*, now_milliseconds: int, history: timedelta, step: timedelta) -> Span:
    """Return the grid of whole steps that lie before now and within the history.

    It ends at the newest multiple of the step, which is not in it: the first sample that comes
    after training belongs to scoring.
    """
    step_milliseconds = milliseconds_of(step)
    end = floor_to_step(now_milliseconds, step_milliseconds)
    n_times = milliseconds_of(history) // step_milliseconds
    return Span(end - n_times * step_milliseconds, end, step_milliseconds)


def read_history(source: Source, query: str, *, span: Span, most_cells: int = MOST_CELLS) -> Panel:
    """Return what the source holds in `span`, without the empty slots before its first sample.

    Rows are sorted by labels. The newest part is read first: it tells how many series there are.
    DataError when there are more cells than `most_cells`; SourceError when the source fails.
    """
    parts: list[Samples] = []
    labels: set[Labels] = set()
    end, n_steps = span.end_milliseconds, _FIRST_PART_STEPS
    while end > span.start_milliseconds:
        start = max(span.start_milliseconds, end - n_steps * span.step_milliseconds)
        part = _narrow(source, query, Span(start, end, span.step_milliseconds))
        parts.append(part)
        labels.update(part.series)
        _check_cells(len(labels), span, most_cells=most_cells)
        n_steps = min(max(_PART_SAMPLES // max(len(labels), 1), 1_000), _MOST_PART_STEPS)
        end = start
    return _panel(parts, tuple(sorted(labels)), span)


def _narrow(source: Source, query: str, span: Span) -> Samples:
    return source.read_range(
        query,
        start_milliseconds=span.start_milliseconds,
        end_milliseconds=span.end_milliseconds - span.step_milliseconds,
        step_milliseconds=span.step_milliseconds,
    )


def _check_cells(n_series: int, span: Span, *, most_cells: int) -> None:
    if n_series * span.n_times > most_cells:
        raise DataError(
            f"series times steps of history must be at most {most_cells}, got {n_series} x "
            f"{span.n_times}: shorten `history`, lengthen `step`, or split the query in two signals"
        )


def _panel(parts: list[Samples], series: tuple[Labels, ...], span: Span) -> Panel:
    first = min(
        (int(part.timestamp_milliseconds.min()) for part in parts if len(part)),
        default=span.end_milliseconds,
    )
    start = floor_to_step(first, span.step_milliseconds)
    n_times = max(0, (span.end_milliseconds - start) // span.step_milliseconds)
    values = np.full((len(series), n_times), np.nan)
    place = {labels: row for row, labels in enumerate(series)}
    while parts:
        part = parts.pop()
        row: IntegerArray = np.array([place[labels] for labels in part.series], dtype=np.int64)
        column = (part.timestamp_milliseconds - start) // span.step_milliseconds
        values[row[part.row] if len(row) else part.row, column] = part.value
    values[~np.isfinite(values)] = np.nan
    return Panel(values, series, start, span.step_milliseconds)
