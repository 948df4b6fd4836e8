"""Groups: how rare it is that the members of one group are strange together, a row a group.

The strangest two, three or five members count together: the mean of their decades, and a premium
for how many agree. One member alone, however strange, has its own row to say so.
"""

from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.labels import Labels, group_of

_TOGETHER = (2, 3, 5)  # members whose decades are averaged
_PREMIUM = 1.5  # decades for ten times as many that agree
_LEAST, _MOST = 2.0, 8.5  # decades that one member counts for
# Decades that the choice among many members gives up: growing with their number, up to a bound.
_DISCOUNT, _MOST_DISCOUNT = 1.3, 1.7


@dataclass(frozen=True, eq=False)
class Groups:
    """Which rows belong together.

    Args:
        labels: of each group.
        members: (n_groups, n_members) rows of the panel; -1 fills up smaller groups.
    """

    labels: tuple[Labels, ...]
    members: IntegerArray

    @property
    def n_members(self) -> IntegerArray:
        """(n_groups,) how many rows each has."""
        return np.asarray((self.members >= 0).sum(axis=1), dtype=np.int64)

    def rows_of(self) -> dict[Labels, list[int]]:
        """Return the rows of each group."""
        rows = ([row for row in members if row >= 0] for members in self.members.tolist())
        return dict(zip(self.labels, rows, strict=True))

    def select(self, chosen: IntegerArray) -> "Groups":
        """Return some of the groups, and no more columns than the largest of them needs."""
        members = self.members[chosen]
        width = int((members >= 0).sum(axis=1).max(initial=0))
        return Groups(tuple(self.labels[group] for group in chosen.tolist()), members[:, :width])

    def gathered(self, rows: FloatArray) -> FloatArray:
        """Return (n_groups, n_members, n_times) of `rows`, NaN where there is no member."""
        out = rows[self.members]
        out[self.members < 0] = np.nan
        return out


def groups_of(series: tuple[Labels, ...], names: tuple[str, ...]) -> Groups:
    """Return the groups of `series` by the values of the labels `names`; none without names."""
    held: dict[Labels, list[int]] = {}
    for row, labels in enumerate(series):
        if names:
            held.setdefault(group_of(labels, names), []).append(row)
    return groups_from(held)


def groups_from(held: dict[Labels, list[int]]) -> Groups:
    """Return the groups of some rows each, in that order."""
    width = max((len(rows) for rows in held.values()), default=0)
    members = np.full((len(held), width), -1, dtype=np.int64)
    for place, rows in enumerate(held.values()):
        members[place, : len(rows)] = rows
    return Groups(tuple(held), members)


def group_decades(groups: Groups, decades: FloatArray) -> FloatArray:
    """Return the decades of seconds of each group, (n_groups, n_times), from its members'.

    `decades` is (n_series, n_times). A group with one member is as rare as that; NaN where no
    member says anything.
    """
    gathered = groups.gathered(decades)
    is_silent = np.isnan(gathered).all(axis=1)
    felt = np.clip(np.nan_to_num(gathered, nan=_LEAST), _LEAST, _MOST)
    felt[groups.members < 0] = _LEAST
    out = np.full(is_silent.shape, -np.inf)
    for together in _TOGETHER:
        if felt.shape[1] >= together:
            top = np.partition(felt, -together, axis=1)[:, -together:].mean(axis=1)
            is_large = groups.n_members >= together
            top = np.where(is_large[:, None], top + _PREMIUM * np.log10(together), -np.inf)
            out = np.maximum(out, top)
    discount = np.minimum(_DISCOUNT * np.log10(groups.n_members), _MOST_DISCOUNT)
    alone = groups.n_members == 1
    if alone.any():
        out[alone] = gathered[alone, 0]
    out -= discount[:, None]
    out[is_silent] = np.nan
    return out
