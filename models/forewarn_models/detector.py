"""The rarity detector: views of a robust seasonal baseline, and how rare their extremes are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np

from forewarn_models.arrays import AnyArray, BooleanArray, FloatArray, IntegerArray
from forewarn_models.baseline import gains_of, joined
from forewarn_models.contract import Carry, Scores, State
from forewarn_models.durations import milliseconds_of
from forewarn_models.errors import ConfigError, ModelError, NotEnoughHistory, UnknownFormat
from forewarn_models.forest import Forests, forests_of, isolation, stacked
from forewarn_models.groups import GroupModel, Groups, fit_groups, groups_of
from forewarn_models.kernels import N_CARRY, RESIDUAL, Tables, follow
from forewarn_models.labels import Labels
from forewarn_models.learning import Learned, Recipe, learn, windows
from forewarn_models.panel import Panel
from forewarn_models.rarity import Tails, fit_tails, tails_of, together
from forewarn_models.seasons import Season, candidates, clock_of
from forewarn_models.views import (
    Direction,
    Standards,
    direction_of,
    series_channels,
    standards_of,
)

KIND = "rarity_detector"
FORMAT_VERSION = 1
_CELLS = 400_000  # scored at a time, to bound memory
_DIRECTIONS = ("both", "up", "down")


@dataclass(frozen=True, slots=True)
class RarityDetector:
    """How often a deviation this large starts on this series when nothing is wrong.

    Residuals against a seasonal baseline, changes against the last minutes and an isolation
    forest of both are combined, and the tail of the combination gives the return period. Good at
    spikes, steps, changed noise and frozen values; a drift slower than hours is followed. The
    statistic does not change when a series is shifted or scaled. Its card is
    docs/models/rarity_detector.md.

    Args:
        direction: the side that can be an anomaly.
        seasons: cycles to look for, or "auto": hour, day, weekend and week where they help.
        group_by: labels; series with equal values of them also form a group.
        n_trees: of each isolation forest; 0 grows none.
        min_history: samples that a series needs, at least 60.
        seed: of the forests.
    """

    direction: Direction = "both"
    seasons: Literal["auto"] | tuple[timedelta, ...] = "auto"
    group_by: tuple[str, ...] = ()
    n_trees: int = 25
    min_history: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        if self.direction not in _DIRECTIONS:
            raise ConfigError(f"direction must be one of {_DIRECTIONS}, got {self.direction!r}")
        if self.min_history < 60:
            raise ConfigError(f"min_history must be at least 60 samples, got {self.min_history}")
        if not 0 <= self.n_trees <= 1000:
            raise ConfigError(f"n_trees must be from 0 to 1000, got {self.n_trees}")

    def fit(self, history: Panel) -> "FittedRarityDetector":
        """Return what `history` teaches; rows with too little of it will say so, not guess.

        Raises NotEnoughHistory when no row has `min_history` values.
        """
        values, counts = self._usable(history)
        recipe = self._recipe(history)
        parts = [
            part
            for rows, first in windows(values)
            for part in learn(
                values[rows, first:], history.times_milliseconds[first:], rows, recipe
            )
        ]
        return _assembled(self, history, parts, recipe, counts >= self.min_history)

    def _usable(self, history: Panel) -> tuple[FloatArray, IntegerArray]:
        values = np.where(np.isfinite(history.values), history.values, np.nan)
        counts = np.isfinite(values).sum(axis=1)
        most = int(counts.max(initial=0))
        if most < self.min_history:
            raise NotEnoughHistory("a detector", needed=self.min_history, got=most)
        values[counts < self.min_history] = np.nan
        return values, counts

    def _recipe(self, history: Panel) -> Recipe:
        step = history.step_milliseconds
        periods = None if self.seasons == "auto" else tuple(map(milliseconds_of, self.seasons))
        seasons = candidates(
            periods, step_milliseconds=step, span_milliseconds=history.n_times * step
        )
        return Recipe(seasons, self.direction, self.n_trees, self.seed, step)


@dataclass(frozen=True, eq=False, repr=False)
class FittedRarityDetector:
    """Learned state of a RarityDetector: arrays, one row a series.

    Args:
        series: the rows.
        groups: which of them belong together.
        step_milliseconds: of the grid.
        end_milliseconds: of the history: the first slot to score.
        direction: the side that can be an anomaly.
        seasons: the kinds that `tables` refers to.
        tables: the baseline.
        edges: (n_series, 2) of the band, in spreads.
        is_positive: (n_series,) rows that were never negative: their band is not either.
        forests: of the series.
        standards: of the series' channels.
        tails: of the series' combined statistic.
        group_model: None without groups.
        carry: (n_series, N_CARRY) at the end of the history.
    """

    series: tuple[Labels, ...]
    groups: Groups
    step_milliseconds: int
    end_milliseconds: int
    direction: Direction
    seasons: tuple[Season, ...]
    tables: Tables
    edges: FloatArray
    is_positive: BooleanArray
    forests: Forests
    standards: Standards
    tails: Tails
    group_model: GroupModel | None
    carry: FloatArray

    @property
    def output_series(self) -> tuple[Labels, ...]:
        return (*self.series, *self.groups.labels)

    @property
    def is_trained(self) -> BooleanArray:
        """(n_output_rows,) which rows can say anything."""
        own = ~np.isnan(self.tails.power)
        if self.group_model is None:
            return own
        return np.concatenate([own, ~np.isnan(self.group_model.tails.power)])

    def initial_carry(self) -> Carry:
        """Return the carry at the end of the history that the model was fitted on."""
        return Carry({"baseline": self.carry}, self.end_milliseconds)

    def score(self, recent: Panel, carry: Carry) -> tuple[Scores, Carry]:
        """Return the scores of `recent`, which starts where `carry` ends, and the next carry.

        Raises ModelError when series, step or start do not fit.
        """
        self._check(recent, carry)
        state = np.array(carry.arrays["baseline"], dtype=np.float64)
        wide = max(1, len(self.series), self.groups.members.size)
        chunk = max(1, _CELLS // wide)
        parts = [
            self._score_columns(recent.columns(first, first + chunk), state)
            for first in range(0, max(recent.n_times, 1), chunk)
        ]
        expected, lower, upper, period, direction = (
            column[0] if len(column) == 1 else np.concatenate(column, axis=1)
            for column in zip(*parts, strict=True)
        )
        scores = Scores(self.output_series, expected, lower, upper, period, direction)
        return scores, Carry({"baseline": state}, recent.end_milliseconds)

    def state(self) -> State:
        """Return everything that is learned, as data."""
        manifest = {
            "series": self.series,
            "groups": self.groups.labels,
            "step_milliseconds": self.step_milliseconds,
            "end_milliseconds": self.end_milliseconds,
            "direction": self.direction,
            "seasons": [
                [s.period_milliseconds, s.n_bins, s.n_spread_bins, s.weekend_apart]
                for s in self.seasons
            ],
        }
        arrays: dict[str, AnyArray] = {
            "members": self.groups.members,
            "edges": self.edges,
            "is_positive": self.is_positive,
            "carry": self.carry,
            **_prefixed("tables/", self.tables._asdict()),
            **_prefixed("forests/", self.forests.arrays()),
            **_prefixed("standards/", self.standards.arrays()),
            **_prefixed("tails/", self.tails.arrays()),
        }
        if self.group_model is not None:
            arrays |= _prefixed("group_forests/", self.group_model.forests.arrays())
            arrays |= _prefixed("group_standards/", self.group_model.standards.arrays())
            arrays |= _prefixed("group_tails/", self.group_model.tails.arrays())
        return State(KIND, FORMAT_VERSION, manifest, arrays)

    def _check(self, recent: Panel, carry: Carry) -> None:
        if recent.series != self.series:
            raise ModelError(
                f"a panel must have the model's {len(self.series)} series in its order, got "
                f"{recent.n_series} others: use `panel.rows(model.series)`"
            )
        if recent.step_milliseconds != self.step_milliseconds:
            raise ModelError(
                f"a panel must have the model's step of {self.step_milliseconds} ms, "
                f"got {recent.step_milliseconds} ms"
            )
        if recent.start_milliseconds != carry.next_milliseconds:
            raise ModelError(
                f"a panel must start where its carry ends, at {carry.next_milliseconds}, "
                f"got {recent.start_milliseconds}"
            )

    def _score_columns(self, recent: Panel, state: FloatArray) -> list[AnyArray]:
        """Return the arrays of Scores for some columns; `state` moves on in place."""
        clock = clock_of(self.seasons, recent.times_milliseconds, self.step_milliseconds)
        gains = gains_of(self.step_milliseconds)
        values = np.array(recent.values)  # writable and whole: one compiled form serves all
        expected, scale, features = follow(values, self.tables, clock, gains, state)
        isolated = isolation(self.forests, features)
        channels = series_channels(features, isolated, self.direction)
        statistic, which = self.standards.combine(channels)
        period = self.tails.return_period_seconds(statistic)
        lower = expected + scale * self.edges[:, :1]
        lower[self.is_positive] = np.maximum(lower[self.is_positive], 0.0)
        upper = expected + scale * self.edges[:, 1:]
        sign = direction_of(which, features)
        sign[np.isnan(period)] = 0
        own: list[AnyArray] = [expected, np.minimum(lower, upper), upper, period, sign]
        if self.group_model is None:
            return own
        together = self.group_model.return_period_seconds(
            self.groups, features[..., RESIDUAL], statistic
        )
        nothing = np.full(together.shape, np.nan)
        neither = np.zeros(together.shape, np.int8)
        theirs: list[AnyArray] = [nothing, nothing, nothing, together, neither]
        return [np.concatenate(pair) for pair in zip(own, theirs, strict=True)]


def fitted_from_state(state: State) -> FittedRarityDetector:
    """Return the detector whose `state` this is; UnknownFormat when this version cannot read it."""
    if state.kind != KIND or state.format_version != FORMAT_VERSION:
        raise UnknownFormat(
            f"a {KIND} of format {FORMAT_VERSION} is needed, "
            f"got {state.kind!r} of format {state.format_version}"
        )
    manifest, arrays = state.manifest, state.arrays
    groups = Groups(_labels(manifest["groups"]), arrays["members"])
    group_model = None
    if groups.labels:
        group_model = GroupModel(
            forests_of(_part("group_forests/", arrays)),
            standards_of(_part("group_standards/", arrays)),
            tails_of(_part("group_tails/", arrays)),
        )
    tables = _part("tables/", arrays)
    return FittedRarityDetector(
        series=_labels(manifest["series"]),
        groups=groups,
        step_milliseconds=int(manifest["step_milliseconds"]),
        end_milliseconds=int(manifest["end_milliseconds"]),
        direction=manifest["direction"],
        seasons=tuple(Season(*season) for season in manifest["seasons"]),
        tables=Tables(*(tables[name] for name in Tables._fields)),
        edges=arrays["edges"],
        is_positive=arrays["is_positive"],
        forests=forests_of(_part("forests/", arrays)),
        standards=standards_of(_part("standards/", arrays)),
        tails=tails_of(_part("tails/", arrays)),
        group_model=group_model,
        carry=arrays["carry"],
    )


def _labels(stored: object) -> tuple[Labels, ...]:
    if not isinstance(stored, list | tuple):
        raise ModelError(f"stored labels must be a list, got {type(stored).__name__}")
    return tuple(tuple((str(name), str(value)) for name, value in labels) for labels in stored)


def _prefixed(prefix: str, arrays: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    return {prefix + name: array for name, array in arrays.items()}


def _part(prefix: str, arrays: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _assembled(
    detector: RarityDetector,
    history: Panel,
    parts: list[Learned],
    recipe: Recipe,
    is_usable: BooleanArray,
) -> FittedRarityDetector:
    """Return the parts put together, their rows back in the order of the panel."""
    order = np.argsort(np.concatenate([part.rows for part in parts]))
    tails = fit_tails(together([part.healthy for part in parts]))
    forests = stacked([part.forests for part in parts])
    carry = np.zeros((history.n_series, N_CARRY))
    for part in parts:
        carry[part.rows] = part.profile.carry
    groups = groups_of(history.series, detector.group_by)
    lowest = np.min(history.values, axis=1, initial=np.inf, where=np.isfinite(history.values))
    return FittedRarityDetector(
        series=history.series,
        groups=groups,
        step_milliseconds=history.step_milliseconds,
        end_milliseconds=history.end_milliseconds,
        direction=detector.direction,
        seasons=recipe.seasons,
        tables=joined([(part.rows, part.profile) for part in parts], recipe.seasons),
        edges=np.concatenate([part.edges for part in parts])[order],
        is_positive=is_usable & (lowest >= 0),
        forests=Forests(forests.roots[order], forests.size[order], forests.nodes),
        standards=Standards(
            np.concatenate([part.standards.knots for part in parts])[order],
            np.concatenate([part.standards.slopes for part in parts])[order],
        ),
        tails=Tails(tails.knots[order], tails.log_seconds[order], tails.power[order]),
        group_model=_group_model(detector, history, parts, groups),
        carry=carry,
    )


def _group_model(
    detector: RarityDetector, history: Panel, parts: list[Learned], groups: Groups
) -> GroupModel | None:
    if not groups.labels:
        return None
    width = max(part.statistic.shape[1] for part in parts)
    residual, statistic = (np.full((history.n_series, width), np.nan) for _ in range(2))
    for part in parts:
        first = width - part.statistic.shape[1]
        residual[part.rows, first:] = part.residual
        statistic[part.rows, first:] = part.statistic
    return fit_groups(
        groups,
        residual,
        statistic,
        n_trees=detector.n_trees,
        seed=detector.seed,
        step_seconds=history.step_seconds,
    )
