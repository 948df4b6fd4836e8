"""Groups: what the members of one group show together, one row a group."""

from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import AnyArray, BooleanArray, FloatArray, IntegerArray
from forewarn_models.forest import Forests, grow, isolation
from forewarn_models.labels import Labels, group_of
from forewarn_models.learning import forest_samples
from forewarn_models.rarity import Tails, exceedances, fit_tails
from forewarn_models.views import Standards, fit_standards, group_channels

_SHOWN = 16  # members that a forest sees one by one; of larger groups it sees a summary
_FELT = 10.0
_GROWN_FROM = 0.4  # of the unseen part; the tail is learned from the rest
_LEAST = 40


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

    def gathered(self, rows: FloatArray) -> FloatArray:
        """Return (n_groups, n_members, n_times) of `rows`, NaN where there is no member."""
        out = rows[self.members]
        out[self.members < 0] = np.nan
        return out


@dataclass(frozen=True, eq=False)
class GroupModel:
    """What was learned of groups."""

    forests: Forests
    standards: Standards
    tails: Tails

    def return_period_seconds(
        self, groups: Groups, residual: FloatArray, statistic: FloatArray
    ) -> FloatArray:
        """Return (n_groups, n_times) from the members' residuals and statistics."""
        shown = group_features(groups.gathered(residual), groups.n_members)
        channels = group_channels(groups.gathered(statistic), isolation(self.forests, shown))
        combined, _ = self.standards.combine(channels)
        return self.tails.return_period_seconds(combined)


def groups_of(series: tuple[Labels, ...], names: tuple[str, ...]) -> Groups:
    """Return the groups of `series` by the values of the labels `names`; none without names."""
    held: dict[Labels, list[int]] = {}
    for row, labels in enumerate(series):
        if names:
            held.setdefault(group_of(labels, names), []).append(row)
    width = max((len(rows) for rows in held.values()), default=0)
    members = np.full((len(held), width), -1, dtype=np.int64)
    for place, rows in enumerate(held.values()):
        members[place, : len(rows)] = rows
    return Groups(tuple(held), members)


def fit_groups(
    groups: Groups,
    residual: FloatArray,
    statistic: FloatArray,
    *,
    n_trees: int,
    seed: int,
    step_seconds: float,
) -> GroupModel:
    """Return what unseen residuals and statistics (n_series, n_times) of members teach."""
    cut = int(residual.shape[1] * _GROWN_FROM)
    shown = group_features(groups.gathered(residual), groups.n_members)
    forests = grow(forest_samples(shown[:, :cut]), n_trees=n_trees, seed=seed)
    isolated = isolation(forests, shown[:, cut:])
    channels = group_channels(groups.gathered(statistic[:, cut:]), isolated)
    standards = fit_standards(channels)
    combined, _ = standards.combine(channels)
    return GroupModel(
        forests,
        standards,
        fit_tails(exceedances(combined, step_seconds=step_seconds, least=_LEAST)),
    )


def group_features(residual: FloatArray, n_members: IntegerArray) -> FloatArray:
    """Return (n_groups, n_times, 16) of members' residuals (n_groups, n_members, n_times).

    Up to 16 members stand for themselves, a missing value as an ordinary one; larger groups are
    summed up. NaN where no member has a value.
    """
    known = ~np.isnan(residual)
    felt = np.clip(np.nan_to_num(residual), -_FELT, _FELT)
    if residual.shape[1] > _SHOWN:
        is_large = np.greater(n_members, _SHOWN)[:, None, None]
        shown = np.where(is_large, _summary(felt, known), felt[:, :_SHOWN])
    else:
        shown = np.pad(felt, ((0, 0), (0, _SHOWN - felt.shape[1]), (0, 0)))
    out: FloatArray = np.where(np.any(known, axis=1)[:, :, None], np.moveaxis(shown, 1, 2), np.nan)
    return out


def _summary(felt: FloatArray, known: BooleanArray) -> FloatArray:
    n: IntegerArray = np.maximum(known.sum(axis=1), 1)
    size = np.abs(felt)
    mean = felt.sum(axis=1) / n
    second = np.partition(size, -2, axis=1)[:, -2]
    rows: list[AnyArray] = [
        mean,
        np.sqrt(np.maximum((felt**2).sum(axis=1) / n - mean**2, 0.0)),
        felt.max(axis=1),
        felt.min(axis=1),
        size.sum(axis=1) / n,
        (size > 1.5).sum(axis=1) / n,
        (size > 3.0).sum(axis=1) / n,
        second,
    ]
    rows += [np.zeros_like(mean)] * (_SHOWN - len(rows))
    return np.stack(rows, axis=1)
