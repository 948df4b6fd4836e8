"""The rarity detector: many views of each series, and how rare the rarest of them is."""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Literal

import numpy as np

from forewarn_models.absence import absence_of, kin_of
from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.bounds import UNKNOWN, Bounds, floors
from forewarn_models.calendar import UTC, Calendar
from forewarn_models.contract import Absence, Carry, FittedDetector, Scores, State
from forewarn_models.durations import milliseconds_of
from forewarn_models.errors import ConfigError, ModelError, NotEnoughHistory
from forewarn_models.groups import Groups, group_decades, groups_of
from forewarn_models.handed_down import go_on, meets
from forewarn_models.joint import Joint, joint_decades, learn_joint, stride_of
from forewarn_models.labels import Labels
from forewarn_models.layout import SEEN
from forewarn_models.learning import clock_of, learned, usable
from forewarn_models.newcomers import (
    extended_groups,
    extended_known,
    extended_memory,
    most_inherited,
    with_inheritance,
    with_siblings,
)
from forewarn_models.panel import Panel
from forewarn_models.peers import (
    Peers,
    hear_peers,
    judge_peers,
    learn_peers,
    memory_in,
    prefixed,
)
from forewarn_models.rules import Rules, cluster_gap, rules_of
from forewarn_models.seasons import Season, candidates, first_bins
from forewarn_models.tails import seconds_of
from forewarn_models.views import Direction
from forewarn_models.walk import Known, Memory, Said, room_for, score_walk

KIND = "rarity_detector"
FORMAT_VERSION = 4
_CELLS = 2_000_000  # scored at a time, to bound memory
_DIRECTIONS = ("both", "up", "down")


@dataclass(frozen=True, slots=True)
class RarityDetector:
    """How often a deviation this large starts on this series when nothing is wrong.

    Nine views look at each sample: its change against the last minutes and the last hour, in its
    own units and in logarithms; whether its value, the level of the last hours, the deviation from
    the season, the unrest or the drift of days were ever seen; whether it stands still; how far it
    lies from its siblings. Each says how rare that is, and the rarest is the answer. Nothing is
    fitted to labels, and nothing has to be tuned. A series may be scaled, and one that is ever
    negative shifted: return periods stay. Its card is docs/models/rarity_detector.md.

    Args:
        direction: the side that can be an anomaly.
        seasons: cycles to look for, or "auto": day, days off apart, week where they help.
        calendar: the civil time that people keep there.
        group_by: labels; series with equal values of them also form a group.
        siblings: labels; a series of too little history begins with what one with equal values of
            them remembers. Without any it says nothing until it has its own.
        min_history: samples that a series needs, at least 60.
        bounds: what is expected, and the band, stay inside; they change no return period.
    """

    direction: Direction = "both"
    seasons: Literal["auto"] | tuple[timedelta, ...] = "auto"
    calendar: Calendar = UTC
    group_by: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()
    min_history: int = 60
    bounds: Bounds = UNKNOWN

    def __post_init__(self) -> None:
        if self.direction not in _DIRECTIONS:
            raise ConfigError(f"direction must be one of {_DIRECTIONS}, got {self.direction!r}")
        if self.min_history < 60:
            raise ConfigError(f"min_history must be at least 60 samples, got {self.min_history}")

    def fit(self, history: Panel, earlier: FittedDetector | None = None) -> "FittedRarityDetector":
        """Return what `history` teaches; rows with too little of it say so until they have it.

        What `earlier`, a model that ended within this history, had seen of a series stays known;
        one that ended elsewhere, or has another step, is passed over.
        Raises NotEnoughHistory when no row has `min_history` values.
        """
        values = usable(history.values)
        most = int(np.isfinite(values).sum(axis=1).max(initial=0))
        if most < self.min_history:
            raise NotEnoughHistory("a detector", needed=self.min_history, got=most)
        seasons = self._seasons(history)
        groups = groups_of(history.series, self.group_by)
        rules = rules_of(history.step_seconds, self.direction)
        clock = clock_of(history, seasons, self.calendar, rules)
        learned_seconds = rules.step_seconds * stride_of(history.n_times)
        n_bins = first_bins(seasons)
        known, memory, noise = learned(values, clock, n_bins, rules, with_noise=bool(groups.labels))
        if isinstance(earlier, FittedRarityDetector) and meets(earlier, history):
            go_on(memory, history, earlier)
        known, memory = with_inheritance(
            known,
            memory,
            history.series,
            self.siblings,
            min_history=self.min_history,
            step_seconds=rules.step_seconds,
        )
        return FittedRarityDetector(
            series=history.series,
            groups=groups,
            joint=learn_joint(groups, noise, cluster_gap=cluster_gap(learned_seconds)),
            peers=learn_peers(history.series, self.siblings, values, clock, n_bins, rules),
            step_milliseconds=history.step_milliseconds,
            end_milliseconds=history.end_milliseconds,
            direction=self.direction,
            seasons=seasons,
            calendar=self.calendar,
            group_by=self.group_by,
            siblings=self.siblings,
            min_history=self.min_history,
            bounds=self.bounds,
            known=known,
            memory=memory,
        )

    def _seasons(self, history: Panel) -> tuple[Season, ...]:
        periods = None if self.seasons == "auto" else tuple(map(milliseconds_of, self.seasons))
        step = history.step_milliseconds
        span = history.n_times * step
        return candidates(periods, step_milliseconds=step, span_milliseconds=span)


@dataclass(frozen=True, eq=False, repr=False)
class FittedRarityDetector:
    """Learned state of a RarityDetector: arrays, one row a series.

    Args:
        series: the rows.
        groups: which of them belong together.
        joint: how their members deviate together.
        peers: how far siblings lie apart.
        step_milliseconds: of the grid.
        end_milliseconds: of the history: the first slot to score.
        direction: the side that can be an anomaly.
        seasons: the kinds that `known` refers to.
        calendar: the civil time they stand in.
        group_by: labels whose values make a group.
        siblings: labels whose values make a sibling.
        min_history: samples that a series needs before it says anything.
        bounds: the range that no series can leave.
        known: profiles and offsets.
        memory: at the end of the history.
    """

    series: tuple[Labels, ...]
    groups: Groups
    joint: Joint
    peers: Peers
    step_milliseconds: int
    end_milliseconds: int
    direction: Direction
    seasons: tuple[Season, ...]
    calendar: Calendar
    group_by: tuple[str, ...]
    siblings: tuple[str, ...]
    min_history: int
    bounds: Bounds
    known: Known
    memory: Memory

    @property
    def output_series(self) -> tuple[Labels, ...]:
        return (*self.series, *self.groups.labels)

    def initial_carry(self) -> Carry:
        """Return the carry at the end of the history that the model was fitted on."""
        return _carry(self.memory, self.peers.memory, self.end_milliseconds)

    def score(self, recent: Panel, carry: Carry) -> tuple[Scores, Carry]:
        """Return the scores of `recent`, which starts where `carry` ends, and the next carry.

        Raises ModelError when series, step or start do not fit.
        """
        scores, following, _ = self._scored(recent, carry, with_views=False)
        return scores, following

    def welcome(
        self, first_values: dict[Labels, float], carry: Carry
    ) -> tuple["FittedRarityDetector", Carry]:
        """Return a model that also knows the unknown series that have a sibling, and its carry.

        `first_values` are those of unknown series. They come below the series that there are;
        what is said of these stays the same.
        """
        memory = _memory_of(carry)
        newcomers = with_siblings(
            self.series, memory.exact, first_values, self.siblings, min_history=self.min_history
        )
        series = (*self.series, *newcomers.series)
        most = most_inherited(self._rules.step_seconds, self.min_history)
        groups = extended_groups(self.groups, newcomers, self.group_by, first_row=len(self.series))
        wider = replace(
            self,
            series=series,
            groups=groups,
            known=extended_known(self.known, newcomers.sibling),
            memory=extended_memory(self.memory, newcomers, most),
        )
        memory = extended_memory(memory, newcomers, most)
        return wider, _carry(memory, memory_in(carry.arrays), carry.next_milliseconds)

    def absence(self, carry: Carry, now_milliseconds: int) -> Absence:
        """Return how rare the silence of each series is at a time that was read up to."""
        return absence_of(
            carry,
            now_milliseconds,
            kin=self._kin,
            step_milliseconds=self.step_milliseconds,
            min_history=self.min_history,
        )

    @cached_property
    def _rules(self) -> Rules:
        return rules_of(self.step_milliseconds / 1000.0, self.direction)

    @cached_property
    def _kin(self) -> IntegerArray:
        return kin_of(self.series, self.siblings)

    def views(self, recent: Panel, carry: Carry) -> FloatArray:
        """Return what each view says of `recent`, (n_series, n_times, N_VIEWS).

        Decades of the return period in seconds, before discounts; NaN where there is no sample.
        """
        _, _, views = self._scored(recent, carry, with_views=True)
        return views

    def _scored(
        self, recent: Panel, carry: Carry, *, with_views: bool
    ) -> tuple[Scores, Carry, FloatArray]:
        self._check(recent, carry)
        memory, of_peers = _memory_of(carry), _copy(memory_in(carry.arrays))
        chunk = max(1, _CELLS // max(1, len(self.output_series), self.groups.members.size))
        said = [
            self._said(
                recent.columns(first, first + chunk), memory, of_peers, with_views=with_views
            )
            for first in range(0, max(recent.n_times, 1), chunk)
        ]
        whole = said[0] if len(said) == 1 else _joined(said)
        following = _carry(memory, of_peers, recent.end_milliseconds)
        return self._scores(whole), following, whole.views

    def _said(self, recent: Panel, memory: Memory, of_peers: Memory, *, with_views: bool) -> Said:
        """Return what is said of some columns; the memories move on in place."""
        said = room_for(recent.n_series, recent.n_times, with_views=with_views)
        before = np.array(memory.exact[:, SEEN])
        clock = clock_of(recent, self.seasons, self.calendar, self._rules)
        values = usable(recent.values)
        score_walk(values, clock, self.known, memory, said, self._rules)
        is_sample = np.isfinite(values)
        is_young = before[:, None] + np.cumsum(is_sample, axis=1) - is_sample < self.min_history
        for part in (said.expected, said.lower, said.upper, said.decades):
            part[is_young] = np.nan
        if len(self.peers.members):
            judged = judge_peers(
                self.peers, of_peers, values, clock, self._rules, min_history=self.min_history
            )
            hear_peers(said, self.peers, *judged)
        floor = floors(self.bounds, is_never_negative=np.isfinite(self.known.offset))
        for part in (said.expected, said.lower, said.upper):
            np.clip(part, floor[:, None], self.bounds.high, out=part)
        return said

    def _scores(self, said: Said) -> Scores:
        is_silent = np.isnan(said.decades)
        sign = np.where(is_silent, 0, said.sign).astype(np.int8)
        view = np.where(is_silent, -1, said.which).astype(np.int8)
        together = self._together(said)
        nothing = np.full(together.shape, np.nan)
        neither = np.zeros(together.shape, np.int8)
        return Scores(
            self.output_series,
            np.concatenate([said.expected, nothing]),
            np.concatenate([np.minimum(said.lower, said.upper), nothing]),
            np.concatenate([said.upper, nothing]),
            seconds_of(np.concatenate([said.decades, together])),
            np.concatenate([sign, neither]),
            np.concatenate([view, neither - 1]),
        )

    def _together(self, said: Said) -> FloatArray:
        """Return the decades of seconds of each group, (n_groups, n_times)."""
        together = group_decades(self.groups, said.decades)
        joint = joint_decades(self.groups, self.joint, said.noise, self._rules.step_decades)
        own = together[self.joint.place]
        together[self.joint.place] = np.where(joint > own, joint, own)
        return together

    def state(self) -> State:
        """Return everything that is learned, as data."""
        manifest = {
            "series": self.series,
            "groups": self.groups.labels,
            "step_milliseconds": self.step_milliseconds,
            "end_milliseconds": self.end_milliseconds,
            "direction": self.direction,
            "seasons": [[s.period_milliseconds, s.n_bins, s.days_off_apart] for s in self.seasons],
            "calendar": {"offsets": self.calendar.offsets, "days_off": self.calendar.days_off},
            "group_by": self.group_by,
            "siblings": self.siblings,
            "min_history": self.min_history,
            "bounds": self.bounds.plain(),
        }
        arrays = {"members": self.groups.members, **self.joint.arrays(), **self.peers.arrays()}
        arrays |= {**self.known._asdict(), **self.memory._asdict()}
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
        own = self.initial_carry().arrays
        if {n: a.shape for n, a in carry.arrays.items()} != {n: a.shape for n, a in own.items()}:
            raise ModelError("a carry must be of this model: begin with `initial_carry()`")
        if recent.start_milliseconds != carry.next_milliseconds:
            raise ModelError(
                f"a panel must start where its carry ends, at {carry.next_milliseconds}, "
                f"got {recent.start_milliseconds}"
            )


def _memory_of(carry: Carry) -> Memory:
    return _copy(Memory(*(carry.arrays[name] for name in Memory._fields)))


def _copy(memory: Memory) -> Memory:
    return Memory(*(np.array(part) for part in memory))


def _carry(memory: Memory, of_peers: Memory, next_milliseconds: int) -> Carry:
    return Carry({**memory._asdict(), **prefixed(of_peers)}, next_milliseconds)


def _joined(said: list[Said]) -> Said:
    return Said(*(np.concatenate(column, axis=1) for column in zip(*said, strict=True)))
