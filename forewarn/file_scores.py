"""One file of `forewarn score`: read, score as the service would, write."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from forewarn_adapters.files import SeriesFile, read_series_file
from forewarn_adapters.outputs import output_path, write_columns
from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.budget import Budget
from forewarn_models.detector import RarityDetector
from forewarn_models.durations import milliseconds_of
from forewarn_models.errors import NotEnoughHistory
from forewarn_models.fold import FoldPolicy
from forewarn_models.offline import Schedule, score_recording
from forewarn_models.samples import Samples
from forewarn_models.verdicts import Verdicts

# As the service trains by default.
_REFIT_EVERY = timedelta(days=1)
_HISTORY = timedelta(days=28)

# All series of a file are one group: they share this label, which the output does not show.
_GROUP_BY = "file"
_GROUP_NAME = "*"
_COLUMNS = ("expected", "lower", "upper", "score", "return_period_seconds")


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """What `forewarn score` was told.

    Args:
        out: the folder for the outputs.
        train_fraction: the share of each file's rows that is history.
        budget: how many false alarms are acceptable for a series.
    """

    out: Path
    train_fraction: float
    budget: Budget

    def __call__(self, path: Path) -> str | None:
        """Write the scores of a file; return a warning when nothing could be said of it."""
        target = output_path(self.out, path)
        file = read_series_file(path)
        file = replace(file, samples=_grouped(file))
        warning = None
        try:
            verdicts, index = self._scored(file.samples)
        except NotEnoughHistory as too_little:
            warning = f"nothing can be said: {too_little}"
            verdicts, index = None, np.empty(0, dtype=np.int64)
        write_columns(target, _output(file, verdicts, index))
        return warning

    def _scored(self, samples: Samples) -> tuple[Verdicts, IntegerArray]:
        has_group = len(samples.series) > 1
        detector = RarityDetector(group_by=(_GROUP_BY,) if has_group else ())
        schedule = Schedule(
            _train_until(samples, self.train_fraction),
            milliseconds_of(_REFIT_EVERY),
            milliseconds_of(_HISTORY),
        )
        return score_recording(detector, FoldPolicy(self.budget), samples, schedule)


def _grouped(file: SeriesFile) -> Samples:
    series = tuple(((_GROUP_BY, file.path.stem), ("series", name)) for name in file.names)
    return replace(file.samples, series=series)


def _train_until(samples: Samples, fraction: float) -> int:
    """Return the time of the first row after the training part."""
    times = np.sort(samples.timestamp_milliseconds)
    n_train = round(fraction * len(times))
    return int(times[n_train]) if n_train < len(times) else int(times[-1]) + 1


def _output(
    file: SeriesFile, verdicts: Verdicts | None, index: IntegerArray
) -> dict[str, AnyArray]:
    """Return the columns: a row for each sample in the file's order, its group's row behind it."""
    samples = file.samples
    n_samples = len(samples)
    names = np.array([*file.names, _GROUP_NAME], dtype=object)
    after, group_entry = _group_rows(file, verdicts, index)
    entry = np.full(n_samples, -1)
    entry[index[index >= 0]] = np.flatnonzero(index >= 0)
    source = np.insert(np.arange(n_samples), after, after - 1)
    is_group = np.insert(np.zeros(n_samples, dtype=np.bool_), after, True)
    entry = np.insert(entry, after, group_entry)
    columns: dict[str, AnyArray] = {
        "timestamp": file.timestamp_text[source],
        "series": names[np.where(is_group, len(file.names), samples.row[source])],
        "value": np.where(is_group, np.nan, samples.value[source]),
    }
    for name in _COLUMNS:
        columns[name] = np.full(len(source), np.nan)
        if verdicts is not None:
            held = getattr(verdicts, name)[np.maximum(entry, 0)] if len(verdicts) else np.nan
            columns[name] = np.where(entry >= 0, held, np.nan)
    columns["anomalous"] = columns["score"] >= 1
    return columns


def _group_rows(
    file: SeriesFile, verdicts: Verdicts | None, index: IntegerArray
) -> tuple[IntegerArray, IntegerArray]:
    """Return before which sample each group row stands, and its entry in the verdicts or -1.

    A group has a row behind all samples of one input row: those with one timestamp that follow
    each other, each series once.
    """
    samples = file.samples
    if len(file.names) < 2:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    times, row = samples.timestamp_milliseconds, samples.row
    is_last = np.ones(len(samples), dtype=np.bool_)
    is_last[:-1] = (np.diff(times) != 0) | (np.diff(row) <= 0)
    last = np.flatnonzero(is_last)
    entries = np.flatnonzero(index < 0)
    if verdicts is None or not len(entries):
        return last + 1, np.full(len(last), -1)
    slots = verdicts.timestamp_milliseconds[entries]
    order = np.argsort(slots, kind="stable")
    place = np.searchsorted(slots[order], times[last], side="right") - 1
    found = entries[order[np.maximum(place, 0)]]
    first_scored = times[index[index >= 0]].min()
    is_known = (place >= 0) & (times[last] >= first_scored)
    return last + 1, np.where(is_known, found, -1)
