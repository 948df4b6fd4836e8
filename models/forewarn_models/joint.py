"""Joint: how rare it is that the members of a group deviate as they do together.

An isolation forest is grown for each group (Liu, Ting and Zhou 2008). Its features are the members'
deviations from their last ten minutes, in standard deviations of each one's noise: what a member is
worth does not depend on its unit, and a raw level, which drifts, is none. How far a sample is
isolated has no unit; the tail of the isolations of the history gives it one: peaks over a quantile,
as clusters, with an exponential tail (Pickands 1975, with shape zero: an isolation is bounded).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import AnyArray, BooleanArray, FloatArray, IntegerArray
from forewarn_models.forest import Forests, forests_of, grow, isolation
from forewarn_models.groups import Groups

DISCOUNT = 0.7  # decades that the view gives up: it is one more chance to be wrong
MOST_LEARNED = 2_048  # slots of a history that a forest and its tail are learned from
_TREES, _SAMPLES = 25, 64  # 14 kB a group; four times as many of both found no more
_FEWEST_MEMBERS, _MOST_MEMBERS = 3, 100  # more than the cuts of a forest can ask for
_FEWEST_LEARNED = 500
_TAIL = ("start", "scale", "crowding")
_CELLS = 8_000_000  # of features at a time, to bound memory
_BODY = 0.97  # of isolations, below which none is rare
_PREFIX = "joint_"
_SEED = 1


@dataclass(frozen=True, eq=False)
class Joint:
    """A forest for each group of at least three members, and the tails of its isolations.

    Args:
        place: (n_rows,) which of all groups each row is.
        forests: a row a group; one of too little history has none.
        start: (n_rows,) the isolation from where the tail goes on; NaN without a forest.
        scale: (n_rows,) of the tail.
        crowding: (n_rows,) decades by which clusters are rarer than slots.
    """

    place: IntegerArray
    forests: Forests
    start: FloatArray
    scale: FloatArray
    crowding: FloatArray

    def arrays(self) -> dict[str, AnyArray]:
        """Return everything that is learned, by name."""
        own = {name: getattr(self, name) for name in ("place", *_TAIL)}
        return {_PREFIX + name: array for name, array in (self.forests.arrays() | own).items()}


def joint_of(arrays: Mapping[str, AnyArray]) -> Joint:
    """Return what `arrays`, among others, hold."""
    own = {k.removeprefix(_PREFIX): v for k, v in arrays.items() if k.startswith(_PREFIX)}
    return Joint(own["place"], forests_of(own), *(own[name] for name in _TAIL))


def stride_of(n_times: int) -> int:
    """Return each which slot of a history is learned from.

    >>> stride_of(5_000)
    3
    """
    return max(1, -(-n_times // MOST_LEARNED))


def learn_joint(groups: Groups, noise: AnyArray, *, cluster_gap: int) -> Joint:
    """Return what the deviations of a history teach, (n_series, n_learned) in standard deviations.

    `cluster_gap` is how many of these slots part two clusters.
    """
    blocks = _blocks(groups.n_members, noise.shape[1])
    parts = [_learned(groups.select(block), noise, cluster_gap) for block in blocks]
    forests = Forests(*_joined([part[0].arrays() for part in parts]))
    tails = _joined([dict(zip(_TAIL, part[1], strict=True)) for part in parts])
    return Joint(np.concatenate(blocks), forests, *tails)


def _blocks(n_members: IntegerArray, n_learned: int) -> list[IntegerArray]:
    """Return groups to learn together: equally large ones, so that none sees another's padding."""
    blocks = [np.empty(0, np.int64)]
    for size in np.unique(n_members).tolist():
        if _FEWEST_MEMBERS <= size <= _MOST_MEMBERS:
            alike = np.flatnonzero(n_members == size)
            most = max(1, _CELLS // max(1, size * n_learned))
            blocks += [alike[first : first + most] for first in range(0, len(alike), most)]
    return blocks


def _learned(
    groups: Groups, noise: AnyArray, cluster_gap: int
) -> tuple[Forests, tuple[FloatArray, FloatArray, FloatArray]]:
    """Return the forests of some groups; where their tails start, their scales, their crowding."""
    features = _features(groups, noise)
    forests = grow(features, n_trees=_TREES, sample_size=_SAMPLES, seed=_SEED)
    start, scale, crowding = (np.full(len(features), np.nan) for _ in _TAIL)
    for row, isolations in enumerate(isolation(forests, features)):
        known = isolations[np.isfinite(isolations)]
        if len(known) < _FEWEST_LEARNED:
            continue
        start[row] = np.quantile(known, _BODY)
        is_above = isolations > start[row]
        if is_above.any():
            scale[row] = np.mean(isolations[is_above] - start[row])
            crowding[row] = _crowding(is_above, cluster_gap)
    return forests, (start, scale, crowding)


def _joined(parts: list[dict[str, AnyArray]]) -> list[AnyArray]:
    return [np.concatenate([part[name] for part in parts]) for name in parts[0]]


def joint_decades(groups: Groups, joint: Joint, noise: AnyArray, step_decades: float) -> FloatArray:
    """Return the decades of seconds of each group of `joint`, (n_rows, n_times), discounted.

    `noise` is (n_series, n_times). NaN where nothing is rare, or where too few members say
    anything.
    """
    isolations = isolation(joint.forests, _features(groups.select(joint.place), noise))
    with np.errstate(invalid="ignore"):
        beyond = (isolations - joint.start[:, None]) / joint.scale[:, None]
        decades = beyond / np.log(10.0) - np.log10(1.0 - _BODY) + step_decades
        out: FloatArray = np.where(beyond > 0.0, decades + joint.crowding[:, None], np.nan)
    return out - DISCOUNT


def _features(groups: Groups, noise: AnyArray) -> FloatArray:
    """Return (n_groups, n_times, n_members) features; NaN where less than half of a group speaks.

    A member that says nothing counts as ordinary.
    """
    gathered = groups.gathered(np.asarray(noise, dtype=np.float64))
    speaking = np.isfinite(gathered).sum(axis=1)
    features = np.arcsinh(np.nan_to_num(gathered, nan=0.0)).transpose(0, 2, 1)
    features[2 * speaking < groups.n_members[:, None]] = np.nan
    return features


def _crowding(is_above: BooleanArray, cluster_gap: int) -> float:
    """Return the decades of slots above the start of the tail to a cluster of them."""
    at = np.flatnonzero(is_above)
    clusters = 1 + np.count_nonzero(np.diff(at) > cluster_gap)
    return float(np.log10(len(at) / clusters))
