"""What somebody knows to have gone wrong: a table of intervals, or the alerts that fired."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from forewarn_adapters.promql import is_plain_selector, metric_name
from forewarn_adapters.source import Source
from forewarn_adapters.tables import SERIES, times_of
from forewarn_models.arrays import IntegerArray
from forewarn_models.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

START, END = "start", "end"
_ALERTS = "ALERTS"
# Rules are evaluated once a minute or more often.
_ALERT_STEP_MILLISECONDS = 60_000


@dataclass(frozen=True, eq=False)
class LabelledEvents:
    """Intervals in which something was wrong, arrays of equal length; both ends belong to them.

    Args:
        series: the name of the series that each is about; empty = all of them.
        start_milliseconds: since the epoch.
        end_milliseconds: not before the start.
    """

    series: tuple[str, ...]
    start_milliseconds: IntegerArray
    end_milliseconds: IntegerArray

    def __len__(self) -> int:
        return len(self.series)


def read_labels(path: Path) -> LabelledEvents:
    """Return the events of a CSV file with the columns `start`, `end` and, where wanted, `series`.

    Raises DataError, which names the file and the line, when it cannot be used.
    """
    frame = _frame(path)
    missing = [name for name in (START, END) if name not in frame.columns]
    if missing:
        raise DataError(
            f"{path}: labels need the columns `start` and `end`, got "
            f"{', '.join(map(repr, frame.columns))}"
        )
    place = frame.index.to_numpy(dtype=np.int64)
    (_, start), (_, end) = (times_of(path, frame[name], place) for name in (START, END))
    backwards = np.flatnonzero(end < start)
    if len(backwards):
        raise DataError(f"{path}: line {place[backwards[0]]}: `end` must not lie before `start`")
    names = frame[SERIES].fillna("") if SERIES in frame.columns else [""] * len(frame)
    return LabelledEvents(tuple(names), start, end)


def check_alerts_selector(selector: str) -> None:
    """Raise ConfigError unless this chooses alerts."""
    if not is_plain_selector(selector) or metric_name(selector) != _ALERTS:
        raise ConfigError(
            "--labels-from-alerts must be a selector of ALERTS, such as "
            f"'ALERTS{{alertname=\"Down\"}}', got {selector!r}"
        )


def firing_alerts(
    source: Source, selector: str, *, start_milliseconds: int, end_milliseconds: int
) -> LabelledEvents:
    """Return when at least one of the alerts that `selector` chooses was firing.

    Each event is about all series. Raises SourceError.
    """
    step = _ALERT_STEP_MILLISECONDS
    firing = source.read_range(
        # of the chosen ones; an `alertstate` in the selector may stand or be left out
        f'count({selector} and ALERTS{{alertstate="firing"}})',
        start_milliseconds=start_milliseconds - start_milliseconds % step,
        end_milliseconds=end_milliseconds,
        step_milliseconds=step,
    )
    times = firing.timestamp_milliseconds
    is_first = np.append(True, np.diff(times) > step)[: len(times)]
    is_last = np.append(np.diff(times) > step, True)[-len(times) :] if len(times) else is_first
    return LabelledEvents(("",) * int(is_first.sum()), times[is_first], times[is_last])


def _frame(path: Path) -> "pd.DataFrame":
    """Return the rows as text, indexed by their line."""
    import pandas as pd

    try:
        frame = pd.read_csv(
            path, dtype=str, index_col=False, encoding="utf-8-sig", skip_blank_lines=False
        )
    except OSError as missing:
        raise DataError(f"{path}: a file that can be read is needed: {missing.strerror}") from None
    except ValueError as broken:  # pandas' own errors among them
        raise DataError(f"{path}: a CSV file must be a table in UTF-8: {broken}") from broken
    frame.columns = frame.columns.str.strip()
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    return frame[frame.notna().any(axis=1)]
