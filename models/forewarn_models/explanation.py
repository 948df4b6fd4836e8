"""Why a sample got its score: what was said of it, what each view said, and what came before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.contract import Carry
from forewarn_models.groups import Groups
from forewarn_models.labels import Labels
from forewarn_models.panel import Panel
from forewarn_models.replay import Replay, Slot
from forewarn_models.tails import seconds_of
from forewarn_models.verdicts import Verdicts
from forewarn_models.views import DISCOUNTS

_EARLIER_EPISODES = 3
_MEMBERS = 5  # as many as a group counts together at most


@dataclass(frozen=True, slots=True)
class Episode:
    """One alarm of a series, up to the instant.

    Args:
        start_milliseconds: its first sample.
        end_milliseconds: its newest sample.
        direction: +1 above, -1 below, 0 for groups.
        severity: index into `verdicts.SEVERITIES`, the highest that it reached.
        return_period_seconds: of its rarest sample.
        view: of its rarest sample.
    """

    start_milliseconds: int
    end_milliseconds: int
    direction: int
    severity: int
    return_period_seconds: float
    view: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was said of one sample, and why.

    Args:
        labels: of the series or the group.
        timestamp_milliseconds: of the sample; of a group, of its slot.
        value, expected, lower, upper: in the units of the signal; NaN for groups.
        return_period_seconds: NaN = cannot say.
        score: against the budget.
        direction: +1 above, -1 below, 0 neither.
        view: index into `views.VIEWS` of the view that spoke; -1 = groups, cannot say.
        views: the return period in seconds by each view, discounts given up, so that the longest
            is the answer; NaN = the view had nothing to say; empty for groups.
        episode: the one that is active at the sample.
        earlier: the newest episodes before, the newest first.
        members: of a group: what was said of its strangest, the strangest first.
    """

    labels: Labels
    timestamp_milliseconds: int
    value: float
    expected: float
    lower: float
    upper: float
    return_period_seconds: float
    score: float
    direction: int
    view: int
    views: tuple[float, ...]
    episode: Episode | None
    earlier: tuple[Episode, ...]
    members: tuple["Explanation", ...]


@runtime_checkable
class HasViews(Protocol):
    """A detector made of views and groups, which says what each of them thinks."""

    @property
    def groups(self) -> Groups: ...

    def views(self, recent: Panel, carry: Carry) -> FloatArray:
        """Return decades of seconds before discounts, (n_series, n_times, N_VIEWS)."""
        ...


def rows_at(replayed: Replay, chosen: Sequence[int]) -> list[int]:
    """Return those of the chosen rows that have a sample at the instant, the rarest first.

    A sample answers for an instant from its own time on, for less than a step.
    """
    rarities: dict[int, float] = {}
    for row in chosen:
        found = _newest(replayed, row)
        if found is not None:
            slot, entry = found
            rarities[row] = float(slot.verdicts.return_period_seconds[entry])
    return sorted(rarities, key=lambda row: (np.isnan(rarities[row]), -rarities[row], row))


def explain(replayed: Replay, row: int) -> Explanation | None:
    """Return why the sample of a row at the instant got its score; None when there is none."""
    found = _newest(replayed, row)
    if found is None:
        return None
    slot, entry = found
    return _explained(replayed, slot, entry, members=_members(replayed, slot, row))


def _newest(replayed: Replay, row: int) -> tuple[Slot, int] | None:
    """Return where the newest verdict of a row stands; None when it is too old."""
    newest = int(replayed.newest_milliseconds[row])
    if newest <= replayed.at_milliseconds - replayed.model.step_milliseconds:
        return None
    for slot in reversed(replayed.slots):
        said = slot.verdicts
        found = np.flatnonzero((said.row == row) & (said.timestamp_milliseconds == newest))
        if len(found):
            return slot, int(found[0])
    return None


def _explained(
    replayed: Replay, slot: Slot, entry: int, *, members: tuple[Explanation, ...] = ()
) -> Explanation:
    said = slot.verdicts
    row, time = int(said.row[entry]), int(said.timestamp_milliseconds[entry])
    episodes = _episodes(replayed.alarms, row, until_milliseconds=time)
    start = int(said.episode_start_milliseconds[entry])
    current = [each for each in episodes if start and each.start_milliseconds == start]
    earlier = [each for each in episodes if not start or each.start_milliseconds < start]
    return Explanation(
        labels=said.series[row],
        timestamp_milliseconds=time,
        value=float(said.value[entry]),
        expected=float(said.expected[entry]),
        lower=float(said.lower[entry]),
        upper=float(said.upper[entry]),
        return_period_seconds=float(said.return_period_seconds[entry]),
        score=float(said.score[entry]),
        direction=int(said.direction[entry]),
        view=int(said.view[entry]),
        views=_views(replayed, slot, entry),
        episode=current[0] if current else None,
        earlier=tuple(earlier[: -_EARLIER_EPISODES - 1 : -1]),
        members=members,
    )


def _views(replayed: Replay, slot: Slot, entry: int) -> tuple[float, ...]:
    """Return what each view said of a sample from the state before its slot."""
    model, row = replayed.model, int(slot.verdicts.row[entry])
    if row >= len(model.series) or not isinstance(model, HasViews):
        return ()
    carry = slot.before.carry
    values = _heard_together(slot.verdicts, entry, n_series=len(model.series))
    panel = Panel(values, model.series, carry.next_milliseconds, model.step_milliseconds)
    decades = model.views(panel, carry)[row, 0] - np.array(DISCOUNTS)
    return tuple(seconds_of(decades).tolist())


def _heard_together(said: Verdicts, entry: int, *, n_series: int) -> FloatArray:
    """Return (n_series, 1) the samples that the fold judged together with one, NaN elsewhere.

    These are the first samples of their series in the slot, or the second, or the third.
    """
    entries = np.flatnonzero(said.row < n_series)
    entries = entries[np.lexsort((said.timestamp_milliseconds[entries], said.row[entries]))]
    row = said.row[entries]
    rank = np.arange(len(row)) - np.searchsorted(row, row, side="left")
    chosen = entries[rank == rank[entries == entry]]
    values = np.full((n_series, 1), np.nan)
    values[said.row[chosen], 0] = said.value[chosen]
    return values


def _members(replayed: Replay, slot: Slot, row: int) -> tuple[Explanation, ...]:
    """Return what was said of the strangest members of a group in its slot."""
    model, said = replayed.model, slot.verdicts
    if row < len(model.series) or not isinstance(model, HasViews):
        return ()
    members = model.groups.members[row - len(model.series)]
    entries = np.flatnonzero(np.isin(said.row, members) & np.isfinite(said.return_period_seconds))
    _, first = np.unique(said.row[entries], return_index=True)  # a group hears the first of a slot
    entries = entries[first]
    order = np.argsort(-said.return_period_seconds[entries], kind="stable")[:_MEMBERS]
    return tuple(_explained(replayed, slot, int(entry)) for entry in entries[order])


def _episodes(alarms: Verdicts, row: int, *, until_milliseconds: int) -> list[Episode]:
    """Return the episodes of a row, the oldest first."""
    own = np.flatnonzero(
        (alarms.row == row) & (alarms.timestamp_milliseconds <= until_milliseconds)
    )
    starts = alarms.episode_start_milliseconds[own]
    return [_episode(alarms, own[starts == start]) for start in np.unique(starts)]


def _episode(alarms: Verdicts, own: IntegerArray) -> Episode:
    period = np.nan_to_num(alarms.return_period_seconds[own], nan=0.0)
    rarest = own[int(period.argmax())]
    return Episode(
        start_milliseconds=int(alarms.episode_start_milliseconds[rarest]),
        end_milliseconds=int(alarms.timestamp_milliseconds[own].max()),
        direction=int(alarms.episode_direction[rarest]),
        severity=int(alarms.severity[own].max()),
        return_period_seconds=float(alarms.return_period_seconds[rarest]),
        view=int(alarms.view[rarest]),
    )
