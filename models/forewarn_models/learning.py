"""What the rarity detector learns of single series: baseline, forest, standards and exceedances.

All statistics are rolling-origin ones: fitted on what lies before an origin, computed on what
follows up to the next; none is in-sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.baseline import Profile, choose_season, fit_profile, outlook
from forewarn_models.forest import Forests, grow, isolation
from forewarn_models.kernels import N_FEATURES, RESIDUAL
from forewarn_models.rarity import Exceedances, exceedances
from forewarn_models.seasons import Season
from forewarn_models.views import (
    SERIES_CALMEST,
    Direction,
    Standards,
    fit_standards,
    series_channels,
)

_ORIGINS = (0.45, 0.62, 0.8)
_LEAST_UNSEEN = 20  # out-of-sample values without which nothing can be said
_LEAST_FOREST = 64
_MOST_FOREST = 2_048
_SHRINK = 0.8  # between the history lengths at which rows are fitted together
_CELLS = 500_000  # that a block of rows holds, to bound memory
_EDGES = np.array([0.005, 0.995])
_GAUSSIAN_EDGE = 2.576
_EDGE_TRUST = 100.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """The hyperparameters that learning needs."""

    seasons: tuple[Season, ...]
    direction: Direction
    n_trees: int
    seed: int
    step_milliseconds: int


@dataclass(frozen=True, eq=False)
class Learned:
    """What was learned of some rows of a panel, one row each, in the order of `rows`.

    Args:
        rows: which rows of the panel.
        profile: of the season that suits them.
        edges: (n, 2) the residuals, in spreads, between which 99 % of values lie.
        forests: one for each row that moves.
        standards: of the channels.
        healthy: exceedances of the combined statistic.
        statistic: (n, n_unseen) the combined statistic of the latest, unseen part.
        residual: (n, n_unseen) the residuals there.
    """

    rows: IntegerArray
    profile: Profile
    edges: FloatArray
    forests: Forests
    standards: Standards
    healthy: Exceedances
    statistic: FloatArray
    residual: FloatArray


def windows(values: FloatArray) -> Iterator[tuple[IntegerArray, int]]:
    """Yield blocks of rows and the first column that they are fitted from.

    Young rows are fitted on their own latest part, together with rows about as old; rows without
    any value come with the whole.
    """
    n_times = values.shape[1]
    is_known = np.isfinite(values)
    age = np.where(is_known.any(axis=1), n_times - is_known.argmax(axis=1), n_times)
    class_of = np.ceil(np.log(age / n_times) / np.log(_SHRINK) - 1e-9).astype(np.int64)
    for number in np.unique(class_of):
        rows = np.flatnonzero(class_of == number)
        length = min(n_times, max(1, int(n_times * _SHRINK**number)))
        per_block = max(1, _CELLS // length)
        for first in range(0, len(rows), per_block):
            yield rows[first : first + per_block], n_times - length


def learn(
    values: FloatArray, times: IntegerArray, rows: IntegerArray, recipe: Recipe
) -> list[Learned]:
    """Return what `values` (the block's rows, its window's columns) teach, season by season."""
    kind = choose_season(values, times, recipe.seasons, step_milliseconds=recipe.step_milliseconds)
    return [
        _learn_one(values[kind == k], times, rows[kind == k], recipe, season=recipe.seasons[k])
        for k in np.unique(kind)
    ]


def _learn_one(
    values: FloatArray, times: IntegerArray, rows: IntegerArray, recipe: Recipe, *, season: Season
) -> Learned:
    step = recipe.step_milliseconds
    features, early = _unseen(values, times, season, step)
    forests = grow(forest_samples(early), n_trees=recipe.n_trees, seed=recipe.seed)
    channels = series_channels(features, isolation(forests, features), recipe.direction)
    standards = fit_standards(channels, calmest=SERIES_CALMEST)
    statistic, _ = standards.combine(channels)
    return Learned(
        rows=rows,
        profile=fit_profile(values, times, season, step_milliseconds=step),
        edges=_edges(features[..., RESIDUAL]),
        forests=forests,
        standards=standards,
        healthy=exceedances(statistic, step_seconds=step / 1000.0, least=_LEAST_UNSEEN),
        statistic=statistic,
        residual=features[..., RESIDUAL],
    )


def _unseen(
    values: FloatArray, times: IntegerArray, season: Season, step: int
) -> tuple[FloatArray, FloatArray]:
    """Return the features of all that follows the first origin, and those before it."""
    n = values.shape[1]
    cuts = [*(int(np.ceil(share * n)) for share in _ORIGINS), n]
    parts: list[FloatArray] = []
    early = np.empty((len(values), 0, N_FEATURES))
    for origin, end in pairwise(cuts):
        past, seen = values[:, :origin], times[:origin]
        profile = fit_profile(past, seen, season, step_milliseconds=step)
        if not parts:
            _, early = outlook(profile, past, seen, profile.first, step_milliseconds=step)
        _, features = outlook(
            profile,
            values[:, origin:end],
            times[origin:end],
            profile.carry,
            step_milliseconds=step,
        )
        parts.append(features)
    return np.concatenate(parts, axis=1), early


def forest_samples(features: FloatArray) -> list[FloatArray | None]:
    """Return what each row's forest grows from; None where there is little or nothing moves."""
    return [_thinned(table[np.isfinite(table).all(axis=1)]) for table in features]


def _thinned(table: FloatArray) -> FloatArray | None:
    if len(table) < _LEAST_FOREST or not np.ptp(table, axis=0).any():
        return None
    chosen = np.linspace(0, len(table) - 1, min(len(table), _MOST_FOREST)).astype(np.int64)
    return table[chosen]


def _edges(residual: FloatArray) -> FloatArray:
    """Return the central 99 % of residuals, drawn to a Gaussian's where there are few."""
    ordered = np.sort(residual, axis=1)
    n = np.isfinite(residual).sum(axis=1)
    place = np.floor(_EDGES * np.maximum(n[:, None] - 1, 0) + np.array([0.0, 1.0])).astype(np.int64)
    place = np.minimum(place, np.maximum(n[:, None] - 1, 0))
    seen = np.take_along_axis(ordered, place, axis=1)
    moves = np.ptp(np.nan_to_num(residual), axis=1, keepdims=True) > 0
    least = np.where(moves, _GAUSSIAN_EDGE, 0.5)
    wide = np.array([-1.0, 1.0]) * np.maximum(np.abs(seen), least)
    seen = np.where(moves, seen, wide)
    trust = (n / (n + _EDGE_TRUST))[:, None]
    out: FloatArray = trust * seen + (1.0 - trust) * wide
    return out
