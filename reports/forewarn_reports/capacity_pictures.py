"""The picture of one series of a capacity report: history, bands, the limit and the dates."""

import math
from dataclasses import replace

import numpy as np

from forewarn_models.panel import Panel
from forewarn_reports.capacity import CapacityReport, CapacityRow
from forewarn_reports.capacity_words import instant_text
from forewarn_reports.plots import ForecastPicture


def capacity_picture(report: CapacityReport, row: CapacityRow, history: Panel) -> ForecastPicture:
    """Return what is drawn of a row; a series that the history lacks begins with its forecast.

    Args:
        report: that the row is of.
        row: the series.
        history: of the row's signal, on any grid.
    """
    (signal,) = (each for each in report.signals if each.name == row.signal)
    values = np.full(history.n_times, np.nan)
    if row.labels in history.series:
        values = history.values[history.series.index(row.labels)]
    return ForecastPicture(
        title=row.name,
        times_milliseconds=history.times_milliseconds,
        value=values,
        # who reads a report asks for no model's name
        forecast=replace(signal.forecast, model=("middle",) * len(signal.forecast.series)),
        row=row.row,
        limit=None if math.isnan(row.limit) else row.limit,
        marks=_marks(row, report.made_milliseconds),
    )


def _marks(row: CapacityRow, made: int) -> tuple[tuple[int, str], ...]:
    named = (
        ("earliest plausible", row.early_seconds),
        ("as likely as not by", row.middle_seconds),
    )
    return tuple(
        (made + round(1000 * seconds), f"{name} {instant_text(seconds, made_milliseconds=made)}")
        for name, seconds in named
        if row.standing != "at_limit" and math.isfinite(seconds)
    )
