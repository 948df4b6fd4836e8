"""Newcomers: series that a model was not fitted on take on what a sibling of theirs remembers.

Labels say who is a sibling: series that agree in the named ones. A newcomer whose sibling has
fallen silent is taken for its restart or its new name, and inherits all of it. Beside living
siblings it inherits what it would know had it been watched for a day as they were: the older its
own history becomes, the less that day weighs.
"""

from typing import NamedTuple

import numpy as np

from forewarn_models.arrays import AnyArray, BooleanArray, FloatArray, IntegerArray
from forewarn_models.groups import Groups, groups_from
from forewarn_models.labels import Labels, group_of
from forewarn_models.layout import (
    ACCOUNTS,
    CLUSTER,
    CLUSTERS,
    EXCEEDANCES,
    GAP,
    GAPS,
    HOUR_COUNTS,
    IN_BLOCK,
    LAST,
    LEARNED,
    LONG_QUIET,
    N_CHANNELS,
    N_CLUSTER,
    N_WINDOWS,
    NEXT_FIT,
    NOT_BEGUN,
    PEAKS,
    QUIET,
    RUN,
    SEEN,
    SIZES,
    WAITING_RUN,
)
from forewarn_models.noise import HOURS, N_LEARNED, N_MOVING, TOTAL
from forewarn_models.walk import Known, Memory
from forewarn_models.windows import N_ACCOUNT

_SILENT_SLOTS = 2  # that a series must have missed to be taken for gone
_DAY_SECONDS = 86_400.0


class Newcomers(NamedTuple):
    """Series to take in.

    Args:
        series: their labels.
        sibling: (n,) the row that each inherits from.
        value: (n,) the first value of each.
        is_successor: (n,) whether that sibling has fallen silent.
    """

    series: tuple[Labels, ...]
    sibling: IntegerArray
    value: FloatArray
    is_successor: BooleanArray


def with_siblings(
    series: tuple[Labels, ...],
    exact: FloatArray,
    first_values: dict[Labels, float],
    names: tuple[str, ...],
    *,
    min_history: int,
) -> Newcomers:
    """Return those of `first_values` that are not in `series` and have a sibling there.

    Each follows another silent sibling, the latest to fall silent first; beyond these they have
    the living one with the longest history. One of less than `min_history` samples has nothing to
    hand down. Without names nobody is a sibling.
    """
    is_silent = exact[:, GAP] > _SILENT_SLOTS
    ranked = _ranked_siblings(series, exact, is_silent, names, min_history=min_history)
    known, found = set(series), dict[Labels, int]()
    for labels in first_values:
        candidates = ranked.get(group_of(labels, names), [])
        if candidates and labels not in known:
            is_taken = is_silent[candidates[0]] and len(candidates) > 1
            found[labels] = candidates.pop(0) if is_taken else candidates[0]
    sibling = np.array(list(found.values()), dtype=np.int64)
    value = np.array([first_values[labels] for labels in found], dtype=np.float64)
    return Newcomers(tuple(found), sibling, value, is_silent[sibling])


def _ranked_siblings(
    series: tuple[Labels, ...],
    exact: FloatArray,
    is_silent: BooleanArray,
    names: tuple[str, ...],
    *,
    min_history: int,
) -> dict[Labels, list[int]]:
    """Return the rows of each group of siblings: the silent ones, then the living."""
    ranked: dict[Labels, list[int]] = {}
    silence = np.where(is_silent, exact[:, GAP], 0.0)
    rank = np.lexsort((-exact[:, SEEN], silence, ~is_silent))
    is_old = exact[:, SEEN] >= min_history
    for row in rank[is_old[rank]].tolist() if names else ():
        ranked.setdefault(group_of(series[row], names), []).append(row)
    return ranked


def with_inheritance(
    known: Known,
    memory: Memory,
    series: tuple[Labels, ...],
    names: tuple[str, ...],
    *,
    min_history: int,
    step_seconds: float,
) -> tuple[Known, Memory]:
    """Return what is known where rows of less than `min_history` samples inherit from siblings."""
    seen = memory.exact[:, SEEN]
    old, young = (
        np.flatnonzero(seen >= min_history),
        np.flatnonzero((seen > 0) & (seen < min_history)),
    )
    first_values = {series[row]: float(memory.exact[row, LAST]) for row in young.tolist()}
    elders = tuple(series[row] for row in old.tolist())
    found = with_siblings(elders, memory.exact[old], first_values, names, min_history=min_history)
    if not found.series:
        return known, memory
    place = {labels: row for row, labels in enumerate(series)}
    heirs = np.array([place[labels] for labels in found.series], dtype=np.int64)
    order = np.arange(len(series))
    order[heirs] = old[found.sibling]
    silent = memory.exact[heirs, GAP]
    found = found._replace(sibling=old[found.sibling])
    inherited = extended_memory(memory, found, most_inherited(step_seconds, min_history))
    for part, wider in zip(memory, inherited, strict=True):
        part[heirs] = wider[len(series) :]
    memory.exact[heirs, GAP] = silent  # whether they live is their own
    return _rows_of(known, order), memory


def extended_known(known: Known, sibling: IntegerArray) -> Known:
    """Return what training decided, and below it what it decided of the siblings."""
    rows = np.append(np.arange(len(known.kind)), sibling)
    return _rows_of(known, rows)


def most_inherited(step_seconds: float, min_history: int) -> float:
    """Return how many samples a living sibling hands down: a day's, and enough to be judged."""
    return max(_DAY_SECONDS / step_seconds, float(min_history))


def extended_memory(memory: Memory, newcomers: Newcomers, most: float) -> Memory:
    """Return what is remembered, and below it what the newcomers inherit.

    Counts weigh no more than `most` samples, but for the successors.
    """
    exact, rough = memory.exact[newcomers.sibling], memory.rough[newcomers.sibling]
    _come_anew(exact, newcomers.value)
    _weigh(exact, rough, ~newcomers.is_successor, most)
    return Memory(np.concatenate([memory.exact, exact]), np.concatenate([memory.rough, rough]))


def extended_groups(
    groups: Groups, newcomers: Newcomers, names: tuple[str, ...], *, first_row: int
) -> Groups:
    """Return the groups with the newcomers, whose rows begin at `first_row`.

    A successor takes the place of the one that fell silent, so that a group which is restarted
    grows no larger and its forest goes on; the others come last.
    """
    held = groups.rows_of()
    pairs = zip(newcomers.series, newcomers.sibling.tolist(), strict=True)
    for row, (labels, sibling) in enumerate(pairs if names else (), first_row):
        members = held.setdefault(group_of(labels, names), [])
        if newcomers.is_successor[row - first_row] and sibling in members:
            members[members.index(sibling)] = row
        else:
            members.append(row)
    return groups_from(held)


def _rows_of(known: Known, rows: IntegerArray) -> Known:
    """Return what is known of some rows; the profiles stay where they are."""
    return Known(known.offset[rows], known.kind[rows], known.place[rows], known.center)


def _come_anew(exact: FloatArray, value: FloatArray) -> None:
    """Forget the sibling's last minutes, and its silence: they are not the newcomer's."""
    exact[:, ACCOUNTS : ACCOUNTS + N_WINDOWS * N_ACCOUNT] = 0.0
    exact[:, [IN_BLOCK, RUN, WAITING_RUN]] = 0.0
    exact[:, GAP] = NOT_BEGUN
    exact[:, LAST] = value
    exact[:, [CLUSTER + window * N_CLUSTER + QUIET for window in range(N_WINDOWS)]] = LONG_QUIET


def _weigh(exact: FloatArray, rough: AnyArray, is_living: BooleanArray, most: float) -> None:
    """Let counts weigh no more than `most` samples where the sibling lives."""
    share = np.where(is_living, np.minimum(1.0, most / np.maximum(exact[:, SEEN], 1.0)), 1.0)
    channels = LEARNED + N_LEARNED * np.arange(N_CHANNELS + 1)
    windows = CLUSTER + N_CLUSTER * np.arange(N_WINDOWS)
    counts = [SEEN, GAPS, *channels + TOTAL, *channels + N_MOVING]
    counts += [*windows + EXCEEDANCES, *windows + CLUSTERS]
    exact[:, counts] *= share[:, None]
    exact[:, NEXT_FIT] = exact[:, SEEN]  # tails are fitted again after the first sample
    rough[:, HOUR_COUNTS : HOUR_COUNTS + HOURS] *= share[:, None]
    rough[:, SIZES:PEAKS] *= share[:, None]
