"""The fold that turns samples into verdicts: the service, training and the file twins call it.

It is pure: the same samples from the same state give the same verdicts, in one call or in many.
"""

from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import BooleanArray, IntegerArray
from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.budget import DEFAULT_BUDGET, Budget, score_of
from forewarn_models.contract import Carry, FittedDetector, Scores, State
from forewarn_models.episodes import (
    EpisodeColumns,
    episode_policy,
    fold_episodes,
    no_episodes,
    with_views,
)
from forewarn_models.errors import UnknownFormat
from forewarn_models.labels import Labels
from forewarn_models.panel import Panel
from forewarn_models.samples import Gridded, Samples, grid
from forewarn_models.verdicts import Verdicts

_KIND = "fold"
_CARRY, _EPISODES = "carry/", "episodes/"


@dataclass(frozen=True, slots=True)
class FoldPolicy:
    """What a signal's owner decides about alarms."""

    budget: Budget = DEFAULT_BUDGET


@dataclass(frozen=True, eq=False)
class FoldState:
    """What the fold remembers: the model's carry and the episodes' own."""

    carry: Carry
    episodes: Carry


def start_fold(model: FittedDetector, policy: FoldPolicy) -> FoldState:  # noqa: ARG001  part of the contract
    """Return the state at the end of the history that the model was fitted on."""
    carry = model.initial_carry()
    return FoldState(carry, no_episodes(len(model.output_series), carry.next_milliseconds))


def welcome(
    model: FittedDetector, state: FoldState, first_values: dict[Labels, float]
) -> tuple[FittedDetector, FoldState]:
    """Return a model that also scores the unknown series that it can, and where it goes on.

    `first_values` are the values of unknown series; those without a sibling stay unknown.
    """
    wider, carry = model.welcome(first_values, state.carry)
    rows = common_rows(model, wider)
    blank = no_episodes(len(wider.output_series), carry.next_milliseconds)
    for name, array in state.episodes.arrays.items():
        blank.arrays[name][rows] = array
    return wider, FoldState(carry, blank)


def without_newcomers(model: FittedDetector, wider: FittedDetector, state: FoldState) -> FoldState:
    """Return the part of a state of `wider`, which welcomed series, that belongs to `model`."""
    rows, n_series = common_rows(model, wider), len(model.series)
    carry = {name: array[:n_series] for name, array in state.carry.arrays.items()}
    episodes = {name: array[rows] for name, array in state.episodes.arrays.items()}
    following = state.carry.next_milliseconds
    return FoldState(Carry(carry, following), Carry(episodes, following))


def common_rows(model: FittedDetector, wider: FittedDetector) -> IntegerArray:
    """Return where the rows of `model` are among those of `wider`."""
    n_series = len(model.series)
    n_groups = len(model.output_series) - n_series
    return np.append(np.arange(n_series), len(wider.series) + np.arange(n_groups))


def fold_state_to_bytes(state: FoldState) -> bytes:
    """Return the stored form of a state."""
    arrays = {_CARRY + name: array for name, array in state.carry.arrays.items()}
    arrays |= {_EPISODES + name: array for name, array in state.episodes.arrays.items()}
    manifest = {"next_milliseconds": state.carry.next_milliseconds}
    return to_bytes(State(_KIND, 1, manifest, arrays))


def fold_state_from_bytes(data: bytes) -> FoldState:
    """Return the state that `data` stores; UnknownFormat when it stores something else."""
    state = from_bytes(data)
    if state.kind != _KIND or state.format_version != 1:
        raise UnknownFormat(
            f"a fold's state of format 1 is needed, got {state.kind!r} {state.format_version}"
        )
    try:
        following = int(state.manifest["next_milliseconds"])
        episodes = with_views(_part(state, _EPISODES, following))
    except (KeyError, TypeError, ValueError) as wrong:
        raise UnknownFormat(f"a fold's state must be whole, got no usable {wrong}") from wrong
    return FoldState(_part(state, _CARRY, following), episodes)


def _part(state: State, prefix: str, following: int) -> Carry:
    names = [name for name in state.arrays if name.startswith(prefix)]
    return Carry({n.removeprefix(prefix): state.arrays[n] for n in names}, following)


def fits(model: FittedDetector, state: FoldState) -> bool:
    """Return whether a state that was stored has the arrays, by name and shape, of this model.

    A state of another release need not: a carry may have been laid out in another way.
    """
    start = start_fold(model, FoldPolicy())
    return _shapes(start.carry) == _shapes(state.carry) and (
        _shapes(start.episodes) == _shapes(state.episodes)
    )


def _shapes(carry: Carry) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in carry.arrays.items()}


def unknown_series(model: FittedDetector, samples: Samples) -> tuple[Labels, ...]:
    """Return the series of `samples` that the model was not fitted on."""
    known = set(model.series)
    return tuple(labels for labels in samples.series if labels not in known)


def fold(
    model: FittedDetector,
    policy: FoldPolicy,
    samples: Samples,
    state: FoldState,
    *,
    until_milliseconds: int,
) -> tuple[Verdicts, FoldState]:
    """Return a verdict for each sample of a known series, and the state after `until`.

    Slots run from `state.carry.next_milliseconds` up to, but without, `until_milliseconds`, which
    is rounded down to the model's grid; DataError when a sample lies outside. A second sample in
    a slot is scored from the carry before that slot and is not folded. The verdicts of samples
    stand in the order of the samples; those of groups follow, one for each slot with a sample.
    """
    start, step = state.carry.next_milliseconds, model.step_milliseconds
    n_times = max(0, (until_milliseconds - start) // step)
    known = _known(model, samples)
    laid = grid(known, step_milliseconds=step, start_milliseconds=start, n_times=n_times)
    scores, carry, repeats = _scored(model, laid, known, state.carry)
    score = score_of(scores.return_period_seconds, policy.budget.return_period_seconds)
    active, episodes = fold_episodes(
        score,
        scores.direction,
        scores.view,
        carry=state.episodes,
        step_milliseconds=step,
        policy=episode_policy(step),
    )
    verdicts = _verdicts(policy, known, laid, scores, active)
    for index, alone in repeats:
        _overwrite(verdicts, index, alone, policy)
    return verdicts, FoldState(carry, episodes)


def _known(model: FittedDetector, samples: Samples) -> Samples:
    """Return the samples of the model's series, numbered as the model numbers them."""
    place = {labels: row for row, labels in enumerate(model.series)}
    rows = np.array([place.get(labels, -1) for labels in samples.series], dtype=np.int64)
    row = rows[samples.row] if len(rows) else samples.row
    is_known = row >= 0
    return Samples(
        model.series,
        row[is_known],
        samples.timestamp_milliseconds[is_known],
        samples.value[is_known],
    )


_Repeats = list[tuple[IntegerArray, Scores]]


def _scored(
    model: FittedDetector, laid: Gridded, samples: Samples, carry: Carry
) -> tuple[Scores, Carry, _Repeats]:
    """Return the scores of the panel, the next carry, and those of repeats, slot by slot."""
    parts: list[Scores] = []
    repeats: _Repeats = []
    done = 0
    for column in np.unique(laid.column[laid.is_repeat]):
        before, carry = model.score(laid.panel.columns(done, int(column)), carry)
        parts.append(before)
        done = int(column)
        in_slot = np.flatnonzero(laid.is_repeat & (laid.column == column))
        repeats += [
            (index, model.score(_alone(laid.panel, done, samples, index), carry)[0])
            for index in _ranks(samples, in_slot)
        ]
    rest, carry = model.score(laid.panel.columns(done, laid.panel.n_times), carry)
    return _joined([*parts, rest]), carry, repeats


def _ranks(samples: Samples, in_slot: IntegerArray) -> list[IntegerArray]:
    """Return the repeats of one slot as sets that hold each row at most once, earliest first."""
    order = in_slot[np.lexsort((samples.timestamp_milliseconds[in_slot], samples.row[in_slot]))]
    row = samples.row[order]
    first = np.searchsorted(row, row, side="left")
    rank = np.arange(len(row)) - first
    return [order[rank == number] for number in range(int(rank.max()) + 1)]


def _alone(panel: Panel, column: int, samples: Samples, index: IntegerArray) -> Panel:
    """Return the one-slot panel that holds the samples of `index` and nothing else."""
    values = np.full((panel.n_series, 1), np.nan)
    values[samples.row[index], 0] = samples.value[index]
    start = panel.start_milliseconds + column * panel.step_milliseconds
    return Panel(values, panel.series, start, panel.step_milliseconds)


def _joined(parts: list[Scores]) -> Scores:
    if len(parts) == 1:
        return parts[0]
    names = [name for name in Scores.__dataclass_fields__ if name != "series"]
    arrays = [np.concatenate([getattr(part, name) for part in parts], axis=1) for name in names]
    return Scores(parts[0].series, *arrays)


def _verdicts(
    policy: FoldPolicy, samples: Samples, laid: Gridded, scores: Scores, active: EpisodeColumns
) -> Verdicts:
    row, column, times = _places(samples, laid, scores)
    n_groups_entries = len(row) - len(samples)
    period = scores.return_period_seconds[row, column]
    return Verdicts(
        series=scores.series,
        row=row,
        timestamp_milliseconds=times,
        value=np.concatenate([samples.value, np.full(n_groups_entries, np.nan)]),
        expected=scores.expected[row, column],
        lower=scores.lower[row, column],
        upper=scores.upper[row, column],
        return_period_seconds=period,
        score=score_of(period, policy.budget.return_period_seconds),
        direction=scores.direction[row, column],
        view=scores.view[row, column],
        severity=active.severity[row, column],
        episode_direction=active.direction[row, column],
        episode_view=active.view[row, column],
        episode_start_milliseconds=active.start_milliseconds[row, column],
    )


def _places(
    samples: Samples, laid: Gridded, scores: Scores
) -> tuple[IntegerArray, IntegerArray, IntegerArray]:
    """Return row, column and time of each verdict: the samples', then the groups'."""
    n_series = laid.panel.n_series
    is_seen: BooleanArray = np.zeros(scores.direction.shape, dtype=np.bool_)
    is_seen[n_series:] = np.isin(np.arange(laid.panel.n_times), laid.column)
    group_row, group_column = np.nonzero(is_seen)
    times = laid.panel.times_milliseconds[group_column]
    return (
        np.concatenate([samples.row, group_row]),
        np.concatenate([laid.column, group_column]),
        np.concatenate([samples.timestamp_milliseconds, times]),
    )


def _overwrite(verdicts: Verdicts, index: IntegerArray, alone: Scores, policy: FoldPolicy) -> None:
    """Put the scores of repeats in the places that the first sample of their slot filled.

    The arrays are this module's own until `fold` returns them.
    """
    row = verdicts.row[index]
    for name in ("expected", "lower", "upper", "return_period_seconds", "direction", "view"):
        getattr(verdicts, name)[index] = getattr(alone, name)[row, 0]
    period = verdicts.return_period_seconds[index]
    verdicts.score[index] = score_of(period, policy.budget.return_period_seconds)
