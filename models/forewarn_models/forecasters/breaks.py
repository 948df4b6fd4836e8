"""Series that lately moved to another level for good: a resize, a deployment, a new tenant.

A back-test judges candidates by the past, in which returning to the usual level was right; a move
that never happened before it cannot foresee. Where the newest days lie together, and further from
the week before them than either varies, the history before is moved to where the series is now.
Hours of the day and days of the week are no moves. What has just ended is none either, but an
incident, and no candidate sees it.
"""

from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.forecasters.day_levels import day_levels, without_weekdays
from forewarn_models.forecasters.lookback import DAY_MILLISECONDS
from forewarn_models.forecasters.thinning import thinned
from forewarn_models.medians import finite_median

# Days before the move that it is held against, so that a weekend is no move.
_WEEK = 7
_MOST_AFTER = 21
# A level that left and came back is two moves, a resize in steps some.
_MOST_MOVES = 3
# Means of hours show the level of a day as well as shorter ones do, and take a third of the time.
_PARTS_OF_DAY = 24
# Slots of this part of a day tell whether a series is still where it moved to.
_STILL_PARTS_OF_DAY = 8
_LEAST_STRAY = 1e-9


@dataclass(frozen=True, slots=True)
class _Proof:
    """What shows a move.

    Args:
        clear: how many times it must be further than days vary on either side of it.
        distance: how far it must be, in usual deviations of the series.
        is_new: whether half of it must lie outside of all levels of the week before.
    """

    clear: float
    distance: float
    is_new: bool


# A few days may be holidays, which are like weekends, or hot ones. With 6 and 2, no such day of 980
# histories of public load is taken for a move; with 5 one is, with 1.2 instead of 2 two are.
_FEW_DAYS = 3
_OF_FEW = _Proof(clear=6.0, distance=2.0, is_new=True)
_OF_MANY = _Proof(clear=4.0, distance=0.7, is_new=False)


def levelled(values: FloatArray, step_milliseconds: int) -> FloatArray:
    """Return values as they would be, had each series always been at its newest level.

    Series that did not move clearly, or that are shorter than nine days, stay as they are. Where
    one moved less than a week ago and is back for some hours, what was between is a gap.

    Args:
        values: (n_series, n_times) in units of usual deviations, the newest slot last; NaN is a
            gap.
        step_milliseconds: from one slot to the next.
    """
    day = DAY_MILLISECONDS // step_milliseconds
    if day == 0 or values.shape[1] // day <= _WEEK + 1:
        return values
    return _settled(values, day, _MOST_MOVES)


def _settled(values: FloatArray, day: int, most_moves: int) -> FloatArray:
    moved, rows = _moved_once(values, day)
    if not len(rows):
        return values
    answer = values.copy()
    answer[rows] = _settled(moved, day, most_moves - 1) if most_moves > 1 else moved
    return answer


def _moved_once(values: FloatArray, day: int) -> tuple[FloatArray, IntegerArray]:
    """Return the series that moved, at the newest level or without an incident, and their rows.

    Returns:
        (n_moved, n_times) and (n_moved,).
    """
    n_slots = 1 if day % _PARTS_OF_DAY else day // _PARTS_OF_DAY
    levels = day_levels(thinned(values, n_slots), day // n_slots)
    by, days_ago = _moves(without_weekdays(levels), levels)
    rows = np.flatnonzero(days_ago)
    own, by = values[rows], by[rows]
    first = _first_moved(own, by, days_ago[rows], day)
    is_before = np.arange(values.shape[1]) < first[:, None]
    moved = own + np.where(is_before, by[:, None], 0.0)
    is_undone = _is_undone(moved, by, day)
    is_brief = days_ago[rows] < _WEEK
    moved[is_undone] = _without_incident(own[is_undone], by[is_undone], day)
    kept = is_brief | np.logical_not(is_undone)
    return moved[kept], rows[kept]


def _without_incident(values: FloatArray, by: FloatArray, day: int) -> FloatArray:
    """Return values with gaps in the newest week where a move from the week before is nearer."""
    week = _WEEK * day
    change = (values[:, week:] - values[:, :-week])[:, -week:]
    answer = values.copy()
    newest = answer[:, -change.shape[1] :]
    newest[np.abs(change - by[:, None]) < np.abs(change)] = np.nan
    return answer


def _moves(levels: FloatArray, raw: FloatArray) -> tuple[FloatArray, IntegerArray]:
    """Return by how much each series moved, and how many days ago at least; 0 = it did not.

    Args:
        levels: (n_series, n_days) of days, without those of weekdays.
        raw: (n_series, n_days) with them.
    """
    n_series, n_days = levels.shape
    moved_by, days_ago = np.zeros(n_series), np.zeros(n_series, dtype=np.int64)
    clearest = np.ones(n_series)
    for count in range(1, min(_MOST_AFTER, n_days - _WEEK - 1) + 1):
        proof = _OF_FEW if count <= _FEW_DAYS else _OF_MANY
        # The day between them may be the one on which it moved.
        before = np.s_[:, n_days - count - 1 - _WEEK : n_days - count - 1]
        after = np.s_[:, -count:]
        was, at = finite_median(levels[before]), finite_median(levels[after])
        strayed = np.maximum(_farthest(levels[after], at), _farthest(levels[before], was))
        distance = np.abs(at - was)
        clear = distance / np.maximum(strayed, _LEAST_STRAY) / proof.clear
        found = (
            np.isfinite(raw[before]).all(axis=1) & (clear > clearest) & (distance > proof.distance)
        )
        if proof.is_new:
            found &= _outside(finite_median(raw[after]), raw[before]) > distance / 2
        clearest = np.where(found, clear, clearest)
        moved_by = np.where(found, at - was, moved_by)
        days_ago = np.where(found, count, days_ago)
    return moved_by, days_ago


def _farthest(levels: FloatArray, middle: FloatArray) -> FloatArray:
    farthest: FloatArray = np.nan_to_num(np.abs(levels - middle[:, None])).max(axis=1)
    return farthest


def _outside(level: FloatArray, levels: FloatArray) -> FloatArray:
    """Return how far a level is above or below all of others; negative = among them."""
    outside: FloatArray = np.maximum(level - levels.max(axis=1), levels.min(axis=1) - level)
    return outside


def _is_undone(moved: FloatArray, by: FloatArray, day: int) -> BooleanArray:
    """Return whether the newest slots are nearer to where a series was than to where it moved.

    Args:
        moved: (n_series, n_times) with what was before the move at the level after it.
        by: (n_series,) how far it moved.
        day: its slots.
    """
    n_slots = max(1, day // _STILL_PARTS_OF_DAY)
    week_ago = moved.shape[1] - _WEEK * day
    strayed = finite_median(moved[:, -n_slots:] - moved[:, week_ago - n_slots : week_ago])
    undone: BooleanArray = strayed / by < -0.5
    return undone


def _first_moved(
    values: FloatArray, moved_by: FloatArray, days_ago: IntegerArray, day: int
) -> IntegerArray:
    """Return the first slot of each row after its move, on the day before those that have moved.

    Changes from the week before are nothing before the move, and the move after it.
    """
    start = values.shape[1] - (days_ago + 1) * day
    window = start[:, None] + np.arange(day)
    row = np.arange(len(values))[:, None]
    change = values[row, window] - values[row, window - _WEEK * day]
    stays, moves = (np.nan_to_num(np.abs(change - by)) for by in (0.0, moved_by[:, None]))
    # Before which slot staying, and from which on moving, costs least.
    cost = np.pad(np.cumsum(stays - moves, axis=1), ((0, 0), (1, 0)))
    first: IntegerArray = start + cost.argmin(axis=1)
    return first
