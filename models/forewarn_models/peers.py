"""Peers: a series against its siblings.

The difference of each sibling to the median of all of them is a series of its own, and is walked
as one. What all of them do, such as a busy hour, the median does too; what one of them does alone
stands out, long before it is strange in itself.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray, IntegerArray
from forewarn_models.groups import groups_from, groups_of
from forewarn_models.labels import Labels
from forewarn_models.layout import SEEN
from forewarn_models.learning import learned
from forewarn_models.medians import finite_median
from forewarn_models.rules import Rules
from forewarn_models.views import DISCOUNTS, PEERS
from forewarn_models.walk import Clock, Known, Memory, Said, room_for, score_walk

_FEWEST = 5  # siblings with a sample: of fewer, a median follows one of them
_CELLS = 2_000_000  # looked at together, to bound memory
_PREFIX = "peer_"


class Peers(NamedTuple):
    """Siblings, and what was learned of their differences: a row for each, sibling by sibling.

    Args:
        members: (n_siblings, n_members) rows of the panel; -1 fills up those with fewer.
        known: what training alone decides of the differences.
        memory: of the differences, at the end of the history.
    """

    members: IntegerArray
    known: Known
    memory: Memory

    def arrays(self) -> dict[str, AnyArray]:
        """Return everything, to be stored."""
        return {
            f"{_PREFIX}members": self.members,
            **_prefixed(self.known._asdict()),
            **prefixed(self.memory),
        }


def learn_peers(
    series: tuple[Labels, ...],
    siblings: tuple[str, ...],
    values: FloatArray,
    clock: Clock,
    n_bins: IntegerArray,
    rules: Rules,
) -> Peers:
    """Return what the history `values` (n_series, n_times) teaches of siblings, of five or more."""
    rows = groups_of(series, siblings).rows_of()
    members = groups_from({kin: held for kin, held in rows.items() if len(held) >= _FEWEST}).members
    apart = differences(values, members)
    known, memory, _ = learned(apart, clock, n_bins, rules, with_noise=False)
    return Peers(members, known, memory)


def differences(values: FloatArray, members: IntegerArray) -> FloatArray:
    """Return how far each sibling lies from the median of its own, (n_rows, n_times).

    NaN where it has no sample, or fewer than five of them have one.
    """
    is_member = members >= 0
    n_times = values.shape[1]
    out = np.empty((int(is_member.sum()), n_times))
    width = max(1, _CELLS // max(1, members.size))
    for first in range(0, n_times, width):
        gathered = values[members, first : first + width]
        gathered[~is_member] = np.nan
        middle = finite_median(np.moveaxis(gathered, 1, 2))
        middle[np.isfinite(gathered).sum(axis=1) < _FEWEST] = np.nan
        out[:, first : first + width] = (gathered - middle[:, None])[is_member]
    return out


def judge_peers(
    peers: Peers,
    memory: Memory,
    values: FloatArray,
    clock: Clock,
    rules: Rules,
    *,
    min_history: int,
) -> tuple[FloatArray, AnyArray]:
    """Return the decades of seconds of each difference before its discount, and its sign.

    Both are (n_rows, n_times); the decades are 0 without a sample, and after less than
    `min_history` of them. `memory` moves on.
    """
    apart = differences(values, peers.members)
    said = room_for(*apart.shape)
    before = np.array(memory.exact[:, SEEN])
    score_walk(apart, clock, peers.known, memory, said, rules)
    is_sample = np.isfinite(apart)
    is_old = before[:, None] + np.cumsum(is_sample, axis=1) - is_sample >= min_history
    return np.where(is_sample & is_old, said.decades, 0.0), said.sign


def hear_peers(said: Said, peers: Peers, decades: FloatArray, sign: AnyArray) -> None:
    """Let a difference speak in `said` where it is rarer than all that is said of the series.

    It is silent where nothing is said of the series.
    """
    rows = peers.members[peers.members >= 0]
    if said.views.shape[0]:
        said.views[rows, :, PEERS] = np.where(np.isfinite(said.decades[rows]), decades, np.nan)
    decades = decades - DISCOUNTS[PEERS]
    is_rarer = decades > said.decades[rows]
    said.decades[rows] = np.where(is_rarer, decades, said.decades[rows])
    said.sign[rows] = np.where(is_rarer, sign, said.sign[rows])
    said.which[rows] = np.where(is_rarer, PEERS, said.which[rows])


def prefixed(memory: Memory) -> dict[str, AnyArray]:
    """Return what is remembered of differences, by the names that it is carried under."""
    return _prefixed(memory._asdict())


def memory_in(arrays: Mapping[str, AnyArray]) -> Memory:
    """Return what is remembered of differences from among carried or stored arrays."""
    return Memory(*(arrays[_PREFIX + name] for name in Memory._fields))


def peers_in(arrays: Mapping[str, AnyArray]) -> Peers:
    """Return siblings as `Peers.arrays` stored them."""
    known = Known(*(arrays[_PREFIX + name] for name in Known._fields))
    return Peers(arrays[f"{_PREFIX}members"], known, memory_in(arrays))


def _prefixed(arrays: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    return {_PREFIX + name: array for name, array in arrays.items()}
