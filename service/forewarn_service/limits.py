"""The limits of a signal's series: numbers of the configuration, or what a query says now."""

import numpy as np

from forewarn_adapters.config.schema import Limit
from forewarn_adapters.source import Source
from forewarn_models.arrays import FloatArray
from forewarn_models.contract import Side
from forewarn_models.labels import Labels
from forewarn_models.samples import floor_to_step

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
    return values_of(limit, series, source, now=now, is_shared=True)


def values_of(
    query: str,
    series: tuple[Labels, ...],
    source: Source,
    *,
    now: int,
    is_shared: bool = False,
) -> FloatArray:
    """Return the newest value that a query has for each series, (n_series,); NaN = none.

    Where `is_shared`, a query that returns one series speaks for all of them.
    """
    at = floor_to_step(now, _STEP_MILLISECONDS)
    found = source.read_range(
        query, start_milliseconds=at, end_milliseconds=at, step_milliseconds=_STEP_MILLISECONDS
    )
    if is_shared and len(found.series) == 1:
        return np.full(len(series), found.value[-1])
    by_labels = {
        found.series[row]: value for row, value in zip(found.row, found.value, strict=True)
    }
    return np.array([by_labels.get(labels, np.nan) for labels in series], np.float64)
