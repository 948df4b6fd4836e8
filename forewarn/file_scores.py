"""One file of `forewarn score`: read, score as the service would, write."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from forewarn_adapters.civil_time import calendar_of
from forewarn_adapters.config.learning import CivilTime
from forewarn_adapters.files import SeriesFile, read_series_file
from forewarn_adapters.outputs import output_path, write_columns
from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.budget import Budget
from forewarn_models.detector import RarityDetector
from forewarn_models.durations import milliseconds_of
from forewarn_models.errors import NotEnoughHistory
from forewarn_models.fold import FoldPolicy
from forewarn_models.labels import Labels
from forewarn_models.offline import Schedule, ScoredRecording, score_recording
from forewarn_models.samples import Samples

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
        place: whose clocks and holidays the series follow.
    """

    out: Path
    train_fraction: float
    budget: Budget
    place: CivilTime = field(default_factory=CivilTime)

    def __call__(self, path: Path) -> str | None:
        """Write the scores of a file; return a warning when nothing could be said of it."""
        target = output_path(self.out, path)
        file = read_series_file(path)
        file = replace(file, samples=grouped(file))
        warning = None
        scored = None
        try:
            scored = self._scored(file.samples)
        except NotEnoughHistory as too_little:
            warning = f"nothing can be said: {too_little.fact}"
        write_columns(target, _output(file, scored))
        return warning

    def _scored(self, samples: Samples) -> ScoredRecording:
        schedule = schedule_of_files(_train_until(samples, self.train_fraction))
        detector = detector_of_files(samples, self.place)
        return score_recording(detector, FoldPolicy(self.budget), samples, schedule)


def schedule_of_files(train_until_milliseconds: int) -> Schedule:
    """Return when models of a file are trained, as the service trains by default."""
    return Schedule(
        train_until_milliseconds, milliseconds_of(_REFIT_EVERY), milliseconds_of(_HISTORY)
    )


def detector_of_files(samples: Samples, place: CivilTime) -> RarityDetector:
    """Return the detector of a file's samples: several series are also one group."""
    times = samples.timestamp_milliseconds
    calendar = calendar_of(
        place, first_milliseconds=int(times.min()), last_milliseconds=int(times.max())
    )
    has_group = len(samples.series) > 1
    return RarityDetector(calendar=calendar, group_by=(_GROUP_BY,) if has_group else ())


def grouped(file: SeriesFile) -> Samples:
    """Return the samples of a file with labels that make its series one group."""
    series = tuple(((_GROUP_BY, file.path.stem), ("series", name)) for name in file.names)
    return replace(file.samples, series=series)


def name_in_file(labels: Labels) -> str:
    """Return what a file calls a series of `grouped`; its group is `*`."""
    return dict(labels)["series"]


def _train_until(samples: Samples, fraction: float) -> int:
    """Return the time of the first row after the training part; a row holds all series."""
    times = np.sort(samples.timestamp_milliseconds)
    n_series = max(1, len(samples.series))
    n_train = n_series * round(fraction * (len(times) // n_series))
    return int(times[n_train]) if n_train < len(times) else int(times[-1]) + 1


def _output(file: SeriesFile, scored: ScoredRecording | None) -> dict[str, AnyArray]:
    """Return the columns: a row for each sample in the file's order, its group's row behind it."""
    samples = file.samples
    entry = np.full(len(samples), -1)
    if scored is not None:
        is_own = scored.sample >= 0
        entry[scored.sample[is_own]] = np.flatnonzero(is_own)
    last = _ends_of_rows(file)
    source = np.insert(np.arange(len(samples)), last + 1, last)
    is_group = np.insert(np.zeros(len(samples), dtype=np.bool_), last + 1, True)
    entry = np.insert(entry, last + 1, _group_entries(scored, entry[last]))
    names = np.array([*file.names, _GROUP_NAME], dtype=object)
    columns: dict[str, AnyArray] = {
        "timestamp": file.timestamp_text[source],
        "series": names[np.where(is_group, len(file.names), samples.row[source])],
        "value": np.where(is_group, np.nan, samples.value[source]),
    }
    for name in _COLUMNS:
        columns[name] = np.full(len(source), np.nan)
        if scored is not None:
            columns[name][entry >= 0] = getattr(scored.verdicts, name)[entry[entry >= 0]]
    columns["anomalous"] = columns["score"] >= 1
    return columns


def _ends_of_rows(file: SeriesFile) -> IntegerArray:
    """Return the last sample of each input row of a group; none for a single series.

    Samples that follow each other with one timestamp, each series once, are one input row.
    """
    if len(file.names) < 2:
        return np.empty(0, dtype=np.int64)
    is_last = np.ones(len(file.samples), dtype=np.bool_)
    is_last[:-1] = np.diff(file.samples.timestamp_milliseconds) != 0
    is_last[:-1] |= np.diff(file.samples.row) <= 0
    return np.flatnonzero(is_last)


def _group_entries(scored: ScoredRecording | None, entry: IntegerArray) -> IntegerArray:
    """Return the group's verdict in the slot of each of some samples' verdicts, -1 for none."""
    if scored is None:
        return np.full(len(entry), -1)
    groups = np.flatnonzero(scored.sample < 0)
    of_slot = dict(zip(scored.slot_milliseconds[groups].tolist(), groups.tolist(), strict=True))
    slots = scored.slot_milliseconds[entry].tolist()
    found = [of_slot.get(slot, -1) for slot in slots]
    return np.where(entry >= 0, np.array(found, dtype=np.int64), -1)
