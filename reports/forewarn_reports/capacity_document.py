"""A capacity report for machines: the JSON that the next report compares itself with, and columns.

The form of the JSON is kept: what a released version wrote can be read for ever.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from forewarn_models.arrays import AnyArray
from forewarn_models.errors import DataError
from forewarn_models.labels import label_text
from forewarn_models.outlook import TIME_LEVELS
from forewarn_reports.capacity import (
    Accuracy,
    CapacityReport,
    CapacityRow,
    SignalCapacity,
    Standing,
)
from forewarn_reports.capacity_words import outlook_text

FORM = "forewarn capacity report 1"


@dataclass(frozen=True, slots=True)
class Breach:
    """How likely the limit is reached by a distance in time; null = cannot say."""

    horizon_seconds: float
    probability: float | None


@dataclass(frozen=True, slots=True)
class SeriesDocument:
    """One series; times by level, null = not within the horizon (or it cannot say)."""

    rank: int
    signal: str
    labels: dict[str, str]
    standing: Standing
    says: str
    value: float | None
    limit: float | None
    side: Literal["above", "below"]
    growth_per_day: float | None
    time_to_limit_seconds: dict[str, float | None]
    breach: list[Breach]
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class AccuracyDocument:
    """How forecasts turned out; null = not known, or of no one distance."""

    horizon_seconds: float | None
    error_ratio: float | None
    coverage_80_ratio: float | None
    coverage_95_ratio: float | None


@dataclass(frozen=True, slots=True)
class SignalDocument:
    """One signal, the champion that was asked, and how right that was so far."""

    name: str
    model_version: int
    trained: float
    series: int
    horizon_seconds: float
    back_test: AccuracyDocument
    back_test_origins: int
    live: list[AccuracyDocument]


@dataclass(frozen=True, slots=True)
class ReportDocument:
    """A whole report; instants in seconds since the epoch, series in their order."""

    form: str
    made: float
    problems: list[str]
    changes: list[str]
    signals: list[SignalDocument]
    series: list[SeriesDocument]
    assumption: str = ""


def document_of(
    report: CapacityReport,
    rows: Sequence[CapacityRow],
    *,
    changes: Sequence[str],
    pictures: Mapping[int, str],
) -> ReportDocument:
    """Return the report as what its JSON holds; `pictures` are file names by rank."""
    made = report.made_milliseconds
    return ReportDocument(
        form=FORM,
        made=made / 1000,
        problems=list(report.problems),
        changes=list(changes),
        signals=[_signal(signal) for signal in report.signals],
        series=[_series(row, made, pictures.get(row.rank)) for row in rows],
        assumption=report.assumption,
    )


def json_of(document: ReportDocument) -> bytes:
    """Return the JSON of a report, indented; what is not finite is null."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def read_document(content: bytes, *, name: str) -> ReportDocument:
    """Return an earlier report; DataError when the file `name` is none."""
    import msgspec

    try:
        document = msgspec.json.decode(content, type=ReportDocument)
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise DataError(
            f"{name} must be the capacity.json of an earlier report, got another file: {wrong}; "
            "move it away, or name another with --since"
        ) from wrong
    if document.form != FORM:
        raise DataError(f"{name} must be of the form {FORM!r}, got {document.form[:100]!r}")
    return document


def columns_of(
    rows: Sequence[CapacityRow], *, made_milliseconds: int
) -> dict[str, list[str] | AnyArray]:
    """Return the rows as the columns of a table; what is not finite is an empty cell."""
    times = [(row.early_seconds, row.middle_seconds, row.late_seconds) for row in rows]
    numbers = {
        "value": [row.value for row in rows],
        "limit": [row.limit for row in rows],
        "growth_per_day": [row.growth_per_day for row in rows],
        **{
            f"time_to_limit_seconds_p{round(100 * level)}": [each[place] for each in times]
            for place, level in enumerate(TIME_LEVELS)
        },
        "horizon_seconds": [row.horizon_seconds for row in rows],
        "breach_probability": [row.chances[-1][1] for row in rows],
    }
    return {
        "rank": np.array([row.rank for row in rows], np.int64),
        "signal": [row.signal for row in rows],
        "series": [label_text(row.labels) for row in rows],
        "standing": [row.standing for row in rows],
        **{name: _finite(column) for name, column in numbers.items()},
        "side": [row.side for row in rows],
        "says": [outlook_text(row, made_milliseconds=made_milliseconds) for row in rows],
    }


def _finite(column: list[float]) -> AnyArray:
    values = np.array(column, np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _series(row: CapacityRow, made: int, picture: str | None) -> SeriesDocument:
    times = (row.early_seconds, row.middle_seconds, row.late_seconds)
    return SeriesDocument(
        rank=row.rank,
        signal=row.signal,
        labels=dict(row.labels),
        standing=row.standing,
        says=outlook_text(row, made_milliseconds=made),
        value=_known(row.value),
        limit=_known(row.limit),
        side=row.side,
        growth_per_day=_known(row.growth_per_day),
        time_to_limit_seconds={
            str(level): _known(seconds) for level, seconds in zip(TIME_LEVELS, times, strict=True)
        },
        breach=[Breach(horizon, _known(chance)) for horizon, chance in row.chances],
        picture=picture,
    )


def _signal(signal: SignalCapacity) -> SignalDocument:
    record = signal.record
    return SignalDocument(
        name=signal.name,
        model_version=signal.version,
        trained=signal.trained_milliseconds / 1000,
        series=len(signal.outlook.series),
        horizon_seconds=signal.outlook.horizons_seconds[-1],
        back_test=_accuracy(record.back_test, None),
        back_test_origins=record.n_origins,
        live=[_accuracy(accuracy, seconds) for seconds, accuracy in record.live],
    )


def _accuracy(accuracy: Accuracy, horizon_seconds: float | None) -> AccuracyDocument:
    return AccuracyDocument(
        horizon_seconds,
        _known(accuracy.error_ratio),
        _known(accuracy.coverage_80_ratio),
        _known(accuracy.coverage_95_ratio),
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
