"""The recordings that are shipped, and the labels of the faults in them (see data/README.md)."""

import csv
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from forewarn_models.errors import DataError

RECORDINGS = ("demo", "node", "postgres", "web")
LOGS = ("database",)


@dataclass(frozen=True, slots=True)
class FaultLabel:
    """A fault in a recording.

    Args:
        recording: whose system it was planted in.
        start_milliseconds: since the epoch, UTC.
        end_milliseconds: when it was taken away.
        fault: what it was, in a word.
        series: the name of the series, or the series, that it changes most; of a log words that
            only the lines of the fault have.
    """

    recording: str
    start_milliseconds: int
    end_milliseconds: int
    fault: str
    series: str


def _folder() -> Path:
    return Path(str(files("forewarn_data") / "recordings"))


def _known(name: str, known: tuple[str, ...]) -> str:
    if name not in known:
        raise DataError(f"a recording must be one of {', '.join(known)}, got {name!r}")
    return name


def recording_path(name: str) -> Path:
    """Return the Parquet file of a recording: `timestamp`, `series`, `value`.

    Raises DataError for a name that is not in RECORDINGS.
    """
    return _folder() / f"{_known(name, RECORDINGS)}.parquet"


def log_path(name: str) -> Path:
    """Return the file of a recorded log, text.

    Raises DataError for a name that is not in LOGS.
    """
    return _folder() / f"{_known(name, LOGS)}.log"


def labels(name: str) -> tuple[FaultLabel, ...]:
    """Return the faults that were planted in a recording, in the order of time."""
    _known(name, RECORDINGS + LOGS)
    with (_folder() / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["recording"] == name]
    return tuple(
        FaultLabel(
            name,
            _milliseconds(row["start"]),
            _milliseconds(row["end"]),
            row["fault"],
            row["series"],
        )
        for row in rows
    )


def _milliseconds(instant: str) -> int:
    return round(datetime.fromisoformat(instant).timestamp() * 1_000)
