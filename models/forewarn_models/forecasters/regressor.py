"""What series are driven by: another query's series, each matched to those that it drives."""

from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.forecasters.usable import LEAST_SAMPLES, usable
from forewarn_models.labels import matched_rows
from forewarn_models.panel import Panel


@dataclass(frozen=True, eq=False)
class Regressors:
    """The series that drive those of a history, on its slots.

    Args:
        panel: each of them once, on the slots of the history.
        place: (n_series,) the row of `panel` that drives each series of the history; -1 = none.
    """

    panel: Panel
    place: IntegerArray


def regressors_of(history: Panel, regressor: Panel) -> Regressors | None:
    """Return what drives each series of a history, without what came after it; None = nothing.

    A regressor of one series drives all; of several, each drives the series with its labels. It
    must have two samples on the slots of the history.

    Args:
        history: whose series are driven.
        regressor: of any length; on another step it drives nothing.
    """
    place = matched_rows(history.series, regressor.series)
    values = _on_slots_of(history, regressor)
    is_known = np.isfinite(usable(values)).sum(axis=1) >= LEAST_SAMPLES
    place = np.where((place >= 0) & np.append(is_known, False)[place], place, -1)
    rows, which = driving(place)
    if not len(rows):
        return None
    series = tuple(regressor.series[row] for row in rows)
    panel = Panel(values[rows], series, history.start_milliseconds, history.step_milliseconds)
    return Regressors(panel, which)


def driving(place: IntegerArray) -> tuple[IntegerArray, IntegerArray]:
    """Return the rows that drive some series, each once, and which of these drives each series.

    >>> driving(np.array([7, -1, 3, 7]))
    (array([3, 7]), array([ 1, -1,  0,  1]))

    Args:
        place: (n_series,) the row that drives each; -1 = none, which stays -1.
    """
    rows = np.unique(place[place >= 0])
    return rows, np.where(place >= 0, np.searchsorted(rows, place), -1)


def driven(values: FloatArray, which: IntegerArray) -> FloatArray:
    """Return (n_series, ...) the row of `values` that drives each; NaN for those without one.

    Args:
        values: (n_regressors, ...)
        which: (n_series,) rows of them; -1 = none.
    """
    found = np.full((len(which), *values.shape[1:]), np.nan)
    found[which >= 0] = values[which[which >= 0]]
    return found


def _on_slots_of(history: Panel, regressor: Panel) -> FloatArray:
    """Return (n_regressors, n_times of the history) values at its slots; NaN = none there."""
    values = np.full((regressor.n_series, history.n_times), np.nan)
    step = history.step_milliseconds
    before, off = divmod(history.start_milliseconds - regressor.start_milliseconds, step)
    if off or step != regressor.step_milliseconds:
        return values
    place = before + np.arange(history.n_times)
    held = (place >= 0) & (place < regressor.n_times)
    values[:, held] = regressor.values[:, place[held]]
    return values
