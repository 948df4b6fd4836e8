"""The limits of series, as configured or as a query says now, and the newest values beside them."""

import numpy as np

from forewarn_adapters.config.signals import Limit, Signal
from forewarn_adapters.source import Source
from forewarn_models.arrays import FloatArray
from forewarn_models.contract import Side
from forewarn_models.durations import milliseconds_of
from forewarn_models.labels import Labels, matched_rows
from forewarn_models.samples import Samples, floor_to_step
from forewarn_service.timing import timing_of

_STEP_MILLISECONDS = 30_000


def side_of(setting: Limit) -> Side:
    """Return on which side of the limit the trouble is."""
    return "below" if setting.above is None else "above"


def limits_of(
    setting: Limit | None, series: tuple[Labels, ...], source: Source, *, now: int
) -> FloatArray:
    """Return the limit of each series, (n_series,); NaN = none is known.

    A query that returns one series is the limit of all; of several, each is that of the series
    with its labels. SourceError when the source fails.

    Args:
        setting: of the signal's forecast.
        series: whose limits are asked for.
        source: where a query is read.
        now: milliseconds since the epoch.
    """
    limit = None if setting is None else (setting.below if setting.above is None else setting.above)
    if not isinstance(limit, str):
        return np.full(len(series), np.nan if limit is None else limit)
    at = floor_to_step(now, _STEP_MILLISECONDS)
    found = source.read_range(
        limit, start_milliseconds=at, end_milliseconds=at, step_milliseconds=_STEP_MILLISECONDS
    )
    newest = _by_labels(found, found.series)
    place = matched_rows(series, found.series)
    return np.where(place < 0, np.nan, np.append(newest, np.nan)[place])


def values_of(
    signal: Signal, series: tuple[Labels, ...], source: Source, *, now: int
) -> FloatArray:
    """Return the newest sample of each series that is not stale, (n_series,); NaN = none.

    SourceError when the source fails.
    """
    timing = timing_of(milliseconds_of(signal.step))
    found = source.read_newest(
        signal.query,
        after_milliseconds=now - timing.stale,
        until_milliseconds=now,
        step_milliseconds=timing.step,
    )
    return _by_labels(found.select(np.argsort(found.timestamp_milliseconds)), series)


def _by_labels(found: Samples, series: tuple[Labels, ...]) -> FloatArray:
    """Return the last of the samples of each series; NaN = there is none."""
    by_labels = {
        found.series[row]: value for row, value in zip(found.row, found.value, strict=True)
    }
    return np.array([by_labels.get(labels, np.nan) for labels in series], np.float64)
