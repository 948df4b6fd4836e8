"""Series that lately moved to another level for good: a resize, a deployment, a new tenant.

A back-test judges candidates by the past, in which returning to the usual level was right; a move
that never happened before it cannot foresee. Where the newest days lie together, and further from
the week before them than either varies, the history before is moved to where the series is now.
"""

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.forecasters.lookback import DAY_MILLISECONDS, finite_median

# Days before the move: a week, so that a weekend is no move.
_BEFORE = 7
_MOST_AFTER = 14
# How many times the move must be further than days vary on either side of it. From 5 on no forecast
# of public load gets worse by it; at 4 some moves are taken for good that were not.
_CLEAR = 5.0


def levelled(values: FloatArray, step_milliseconds: int) -> FloatArray:
    """Return values as they would be, had each series always been at its newest level.

    Series that did not move clearly, or that are shorter than nine days, stay as they are.

    Args:
        values: (n_series, n_times) the newest slot last; NaN is a gap.
        step_milliseconds: from one slot to the next.
    """
    day = DAY_MILLISECONDS // step_milliseconds
    n_days = values.shape[1] // day if day else 0
    if n_days <= _BEFORE + 1:
        return values
    newest = values[:, values.shape[1] - n_days * day :]
    levels = finite_median(newest.reshape(len(values), n_days, day))
    moved_by, days_ago = _moves(levels)
    rows = np.flatnonzero(days_ago)
    if not len(rows):
        return values
    answer = values.copy()
    first = _first_moved(values[rows], moved_by[rows], days_ago[rows], day)
    is_before = np.arange(values.shape[1]) < first[:, None]
    answer[rows] += np.where(is_before, moved_by[rows, None], 0.0)
    return answer


def _moves(levels: FloatArray) -> tuple[FloatArray, IntegerArray]:
    """Return by how much each series moved, and how many days ago at least; 0 = it did not."""
    n_series, n_days = levels.shape
    moved_by, days_ago = np.zeros(n_series), np.zeros(n_series, dtype=np.int64)
    clearest = np.full(n_series, _CLEAR)
    for count in range(1, min(_MOST_AFTER, n_days - _BEFORE - 1) + 1):
        after = levels[:, n_days - count :]
        # The day between them may be the one on which it moved.
        before = levels[:, n_days - count - 1 - _BEFORE : n_days - count - 1]
        at, was = finite_median(after), finite_median(before)
        strayed = np.maximum(_farthest(after, at), _farthest(before, was))
        is_clear = _is_clear(np.abs(at - was), strayed, clearest, before)
        clearest = np.where(is_clear, np.abs(at - was) / np.maximum(strayed, 1e-9), clearest)
        moved_by = np.where(is_clear, at - was, moved_by)
        days_ago = np.where(is_clear, count, days_ago)
    return moved_by, days_ago


def _is_clear(
    distance: FloatArray, strayed: FloatArray, clearest: FloatArray, before: FloatArray
) -> BooleanArray:
    # Series are in units of their usual deviation: less than that is no move, however still it is.
    found: BooleanArray = (
        np.isfinite(before).all(axis=1)
        & (distance > clearest * np.maximum(strayed, 1e-9))
        & (distance > 1.0)
    )
    return found


def _farthest(levels: FloatArray, middle: FloatArray) -> FloatArray:
    farthest: FloatArray = np.nan_to_num(np.abs(levels - middle[:, None])).max(axis=1)
    return farthest


def _first_moved(
    values: FloatArray, moved_by: FloatArray, days_ago: IntegerArray, day: int
) -> IntegerArray:
    """Return the first slot of each row after its move, on the day before those that have moved.

    Changes from the day before are nothing before the move, and the move after it.
    """
    start = values.shape[1] - (days_ago + 1) * day
    window = start[:, None] + np.arange(day)
    row = np.arange(len(values))[:, None]
    change = values[row, window] - values[row, window - day]
    stays, moves = (np.nan_to_num(np.abs(change - by)) for by in (0.0, moved_by[:, None]))
    # Before which slot staying, and from which on moving, costs least.
    cost = np.pad(np.cumsum(stays - moves, axis=1), ((0, 0), (1, 0)))
    first: IntegerArray = start + cost.argmin(axis=1)
    return first
