"""The past folded again up to an instant, by the fold that judged it live.

Nothing is computed anew for an explanation: the verdicts are the fold's own, and equal to the last
bit to those of a service that had the same samples, however they were cut into ticks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.contract import FittedDetector
from forewarn_models.errors import DataError
from forewarn_models.fold import FoldPolicy, FoldState, fold, start_fold
from forewarn_models.labels import Labels
from forewarn_models.samples import Samples
from forewarn_models.verdicts import Verdicts

# A sample answers for an instant up to one step after it, so it lies in one of two slots.
_SLOTS_KEPT = 2


@dataclass(frozen=True, eq=False)
class Slot:
    """One slot near the instant.

    Args:
        before: the state that its samples were judged from.
        verdicts: of its samples, then of its groups.
    """

    before: FoldState
    verdicts: Verdicts


@dataclass(frozen=True, eq=False)
class Replay:
    """What a fold up to the slot of an instant said.

    Args:
        model: that judged.
        at_milliseconds: the instant.
        slots: the last ones, the newest with the instant in it.
        alarms: the verdicts of all samples that lay in an episode.
        newest_milliseconds: (n_rows,) the newest sample up to the instant; 0 = none.
    """

    model: FittedDetector
    at_milliseconds: int
    slots: tuple[Slot, ...]
    alarms: Verdicts
    newest_milliseconds: IntegerArray

    @property
    def series(self) -> tuple[Labels, ...]:
        """The rows: the model's series, then its groups."""
        return self.model.output_series


def end_of_slot(model: FittedDetector, milliseconds: int) -> int:
    """Return where the slot of an instant ends: that much must be folded to explain it.

    Raises DataError when the model has learned from this instant, and so cannot judge it.
    """
    end = model.initial_carry().next_milliseconds
    if milliseconds < end:
        raise DataError(
            f"the instant must lie after the model's history, {end}, got {milliseconds}"
        )
    return milliseconds - (milliseconds - end) % model.step_milliseconds + model.step_milliseconds


def replay(
    model: FittedDetector,
    policy: FoldPolicy,
    portions: Iterable[tuple[Samples, int]],
    *,
    at_milliseconds: int,
) -> Replay:
    """Return the fold from the end of the model's history to the slot of an instant.

    Args:
        model: the version that judges.
        policy: the signal's.
        portions: of all samples from the end of the history on: samples, and how far they go. The
            last goes to the millisecond before `end_of_slot`, each other to one before a slot.
        at_milliseconds: the instant.
    """
    stop = end_of_slot(model, at_milliseconds)
    state = start_fold(model, policy)
    newest = np.zeros(len(model.output_series), np.int64)
    slots: list[Slot] = []
    alarms: list[Verdicts] = []
    for samples, until in portions:
        for part, end in _cut(samples, state, until + 1, stop=stop, step=model.step_milliseconds):
            verdicts, following = fold(model, policy, part, state, until_milliseconds=end)
            is_past = verdicts.timestamp_milliseconds <= at_milliseconds
            times = verdicts.timestamp_milliseconds[is_past]
            np.maximum.at(newest, verdicts.row[is_past], times)
            alarms.append(select(verdicts, verdicts.severity > 0))
            slots = [*slots[1 - _SLOTS_KEPT :], Slot(state, verdicts)]
            state = following
    return Replay(model, at_milliseconds, tuple(slots), _joined(alarms), newest)


def select(verdicts: Verdicts, chosen: AnyArray) -> Verdicts:
    """Return the chosen entries of the same rows."""
    return replace(verdicts, **{n: getattr(verdicts, n)[chosen] for n in _COLUMNS})


_COLUMNS = tuple(name for name in Verdicts.__dataclass_fields__ if name != "series")


def _joined(parts: list[Verdicts]) -> Verdicts:
    columns = {n: np.concatenate([getattr(part, n) for part in parts]) for n in _COLUMNS}
    return Verdicts(parts[0].series, **columns)


def _cut(
    samples: Samples, state: FoldState, end: int, *, stop: int, step: int
) -> Iterator[tuple[Samples, int]]:
    """Yield a portion whole, or, at the end of the fold, its last slots on their own."""
    start = state.carry.next_milliseconds
    inner = [stop - k * step for k in range(_SLOTS_KEPT, 0, -1)]
    times = samples.timestamp_milliseconds
    for cut in [*(each for each in inner if start < each < end), end]:
        yield samples.select((times >= start) & (times < cut)), cut
        start = cut
