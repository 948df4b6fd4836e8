"""Episodes: anomalous samples close together in time, which a person would call one alarm.

A pure fold over scores, so that live alarms and back-tested ones are the same.
"""

from typing import NamedTuple

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray, IntegerArray, SmallIntegerArray
from forewarn_models.compiled import compiled
from forewarn_models.contract import Carry

# Alertmanager repeats an alarm that stays on after this long; budgets count in that unit.
REPEAT_MILLISECONDS = 4 * 3_600_000

_START, _LAST_HOT, _RUN_START = range(3)
_NONE, _WARNING, _CRITICAL = range(3)


class EpisodePolicy(NamedTuple):
    """When episodes begin, grow and end.

    Args:
        start_score: an episode begins at this score; it is the definition of anomalous.
        keep_score: it goes on while the score stays at or above this one.
        critical_score: it is critical from here on at once (ten times rarer than the budget).
        persist_milliseconds: it is critical when it stays anomalous this long.
        hold_milliseconds: it ends when the score has stayed below `keep_score` this long.
    """

    start_score: float
    keep_score: float
    critical_score: float
    persist_milliseconds: int
    hold_milliseconds: int


class EpisodeColumns(NamedTuple):
    """What is active in each slot: severity, direction, start and view, (n_rows, n_times) each.

    The view is that of the rarest sample so far: it speaks for the episode.
    """

    severity: SmallIntegerArray
    direction: SmallIntegerArray
    start_milliseconds: IntegerArray
    view: SmallIntegerArray


def episode_policy(step_milliseconds: int) -> EpisodePolicy:
    """Return the policy for a step: five minutes, fewer for fine steps, at least five of them."""
    five_minutes = 300_000
    hold = max(5 * step_milliseconds, min(five_minutes, 60 * step_milliseconds))
    return EpisodePolicy(1.0, 2.0 / 3.0, 4.0 / 3.0, max(five_minutes, step_milliseconds), hold)


def no_episodes(n_rows: int, next_milliseconds: int) -> Carry:
    """Return the carry of rows without any episode."""
    arrays: dict[str, AnyArray] = {
        "times": np.zeros((n_rows, 3), np.int64),
        "active": np.zeros((n_rows, 2), np.int8),
        **_no_views(n_rows),
    }
    return Carry(arrays, next_milliseconds)


def with_views(carry: Carry) -> Carry:
    """Return a carry as it is kept now: one that was stored before episodes had a view lacks it."""
    n_rows = len(carry.arrays["active"])
    return Carry({**_no_views(n_rows), **carry.arrays}, carry.next_milliseconds)


def _no_views(n_rows: int) -> dict[str, AnyArray]:
    return {"view": np.full(n_rows, -1, np.int8), "rarest": np.zeros(n_rows, np.float64)}


def fold_episodes(
    score: FloatArray,
    direction: SmallIntegerArray,
    view: SmallIntegerArray,
    *,
    carry: Carry,
    step_milliseconds: int,
    policy: EpisodePolicy,
) -> tuple[EpisodeColumns, Carry]:
    """Return what is active in each slot of `score` (n_rows, n_times), and the next carry.

    A NaN score starts and ends nothing: the episode stays as it was until something is known.
    """
    kept = {name: array.copy() for name, array in carry.arrays.items()}
    memory = (kept["times"], kept["active"], kept["view"], kept["rarest"])
    first = carry.next_milliseconds
    columns = _walk((score, direction, view), memory, (first, step_milliseconds), policy)
    end = first + score.shape[1] * step_milliseconds
    return EpisodeColumns(*columns), Carry(kept, end)


def distinct_alarms(
    row: IntegerArray,
    start_milliseconds: IntegerArray,
    timestamp_milliseconds: IntegerArray,
    *,
    repeat_milliseconds: int = REPEAT_MILLISECONDS,
) -> IntegerArray:
    """Return the alarms of samples in episodes, (n, 3): row, start of the episode, which repeat."""
    keys = alarm_keys(
        row, start_milliseconds, timestamp_milliseconds, repeat_milliseconds=repeat_milliseconds
    )
    return np.unique(keys, axis=0)


def alarm_keys(
    row: IntegerArray,
    start_milliseconds: IntegerArray,
    timestamp_milliseconds: IntegerArray,
    *,
    repeat_milliseconds: int = REPEAT_MILLISECONDS,
) -> IntegerArray:
    """Return the alarm that each sample of an episode belongs to, (n, 3), as `distinct_alarms`."""
    age = np.maximum(timestamp_milliseconds - start_milliseconds, 0)
    columns = np.column_stack([row, start_milliseconds, age // repeat_milliseconds])
    return columns.astype(np.int64)


@compiled
def _step(
    score: float,
    sign: int,
    now: int,
    times: IntegerArray,
    active: SmallIntegerArray,
    policy: EpisodePolicy,
) -> None:
    """Fold one known score into one row's state."""
    if active[0] != _NONE and now - times[_LAST_HOT] >= policy.hold_milliseconds:
        active[0], active[1] = _NONE, 0
    if active[0] == _NONE:
        if score < policy.start_score:
            return
        active[0], active[1] = _WARNING, sign
        times[_START], times[_RUN_START] = now, now
    if score < policy.keep_score:
        times[_RUN_START] = -1
        return
    times[_LAST_HOT] = now
    if times[_RUN_START] < 0:
        times[_RUN_START] = now
    is_long = now - times[_RUN_START] >= policy.persist_milliseconds
    if score >= policy.critical_score or (is_long and score >= policy.start_score):
        active[0] = _CRITICAL


@compiled
def _walk(
    said: tuple[FloatArray, SmallIntegerArray, SmallIntegerArray],
    memory: tuple[IntegerArray, SmallIntegerArray, SmallIntegerArray, FloatArray],
    clock: tuple[int, int],
    policy: EpisodePolicy,
) -> tuple[SmallIntegerArray, SmallIntegerArray, IntegerArray, SmallIntegerArray]:
    score, direction, view = said
    times, active, spoke, rarest = memory
    n_rows, n_times = score.shape
    severity = np.zeros((n_rows, n_times), np.int8)
    sign = np.zeros((n_rows, n_times), np.int8)
    start = np.zeros((n_rows, n_times), np.int64)
    which = np.full((n_rows, n_times), -1, np.int8)
    for row in range(n_rows):
        for t in range(n_times):
            now = clock[0] + t * clock[1]
            known = score[row, t]
            if not np.isnan(known):
                _step(known, direction[row, t], now, times[row], active[row], policy)
                if times[row, _START] == now or known > rarest[row]:
                    rarest[row], spoke[row] = known, view[row, t]
            severity[row, t], sign[row, t] = active[row, 0], active[row, 1]
            if active[row, 0] != _NONE:
                start[row, t], which[row, t] = times[row, _START], spoke[row]
    return severity, sign, start, which
