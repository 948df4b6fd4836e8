"""Scoring a recording as the service would have: train, fold, and train again as time passes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.contract import Carry, Detector, FittedDetector
from forewarn_models.errors import DataError, NotEnoughHistory
from forewarn_models.fold import FoldPolicy, FoldState, fold, start_fold
from forewarn_models.panel import Panel
from forewarn_models.rulers import Ruler, ruler_of
from forewarn_models.samples import Samples, grid
from forewarn_models.verdicts import Verdicts

_MOST_SLOTS = 50_000_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """When models of a recording are fitted.

    Args:
        train_until_milliseconds: the first model sees the samples before this instant.
        refit_every_milliseconds: how long a model is used before the next one, which sees all
            samples before its own beginning.
        history_milliseconds: how far back a model may look.
    """

    train_until_milliseconds: int
    refit_every_milliseconds: int
    history_milliseconds: int


@dataclass(frozen=True, eq=False)
class ScoredRecording:
    """What was said of a recording; arrays of equal length, an entry for each verdict.

    Args:
        verdicts: of samples at their own timestamps, of groups at those of their slots.
        sample: (n,) the index of the sample that it is of; -1 for groups.
        slot_milliseconds: (n,) the time of the slot that it belongs to.
    """

    verdicts: Verdicts
    sample: IntegerArray
    slot_milliseconds: IntegerArray


def score_recording(
    detector: Detector,
    policy: FoldPolicy,
    samples: Samples,
    schedule: Schedule,
    *,
    ruler: Ruler | None = None,
) -> ScoredRecording:
    """Return verdicts as the service would have given them.

    The first model is fitted on the samples before `train_until`; while no series has enough
    history nothing can be said, and the next refit tries again. A verdict depends on no sample
    after its slot. Samples before `train_until` get no verdict. Without a `ruler` the grid is that
    of the samples before `train_until`.

    Raises NotEnoughHistory when no refit had enough, DataError when the grid would be too long.
    """
    is_training = samples.timestamp_milliseconds < schedule.train_until_milliseconds
    ruler = ruler or ruler_of(samples.select(is_training))
    _check_size(samples, ruler)
    laid = ruler.laid(samples)
    parts = list(_folded(detector, policy, laid, ruler, schedule))
    if not parts:
        # Says what is missing, since the longest history was not enough either.
        *_, (_, end) = _spans(laid, ruler, schedule)
        detector.fit(_history(laid, ruler, schedule, end))
        raise NotEnoughHistory("scoring", needed=2, got=int(is_training.sum()))
    index = np.concatenate([part for _, part in parts])
    verdicts = _joined([part for part, _ in parts])
    slots = ruler.floor(verdicts.timestamp_milliseconds)
    times = np.where(index >= 0, samples.timestamp_milliseconds[index], slots)
    return ScoredRecording(replace(verdicts, timestamp_milliseconds=times), index, slots)


def _folded(
    detector: Detector, policy: FoldPolicy, samples: Samples, ruler: Ruler, schedule: Schedule
) -> Iterator[tuple[Verdicts, IntegerArray]]:
    """Return the verdicts of each span that has samples and a model, and the samples' indexes."""
    times = samples.timestamp_milliseconds
    model: FittedDetector | None = None
    state: FoldState | None = None
    for start, end in _spans(samples, ruler, schedule):
        chosen = np.flatnonzero((times >= start) & (times < end))
        if not len(chosen):
            continue
        fitted = _fitted(detector, _history(samples, ruler, schedule, start), model)
        if fitted:
            model, state = fitted, _continued(start_fold(fitted, policy), state)
        if model and state:
            known = samples.select(chosen)
            verdicts, state = fold(model, policy, known, state, until_milliseconds=end)
            groups = np.full(len(verdicts) - len(chosen), -1)
            yield verdicts, np.concatenate([chosen, groups])


def _fitted(
    detector: Detector, history: Panel, earlier: FittedDetector | None
) -> FittedDetector | None:
    try:
        return detector.fit(history, earlier)
    except NotEnoughHistory:
        return None


def _spans(samples: Samples, ruler: Ruler, schedule: Schedule) -> Iterator[tuple[int, int]]:
    """Return the spans between refits, up to the end of the samples, which are laid."""
    step = ruler.step_milliseconds
    every = -(-schedule.refit_every_milliseconds // step) * step
    start = ruler.nearest(schedule.train_until_milliseconds)
    end = int(ruler.floor(samples.timestamp_milliseconds).max()) + step
    while start < end:
        yield start, min(start + every, end)
        start += every


def _history(samples: Samples, ruler: Ruler, schedule: Schedule, end_milliseconds: int) -> Panel:
    step = ruler.step_milliseconds
    n_slots = (end_milliseconds - ruler.start_milliseconds) // step
    n_kept = min(n_slots, max(1, schedule.history_milliseconds // step))
    start = ruler.start_milliseconds + (n_slots - n_kept) * step
    times = samples.timestamp_milliseconds
    held = samples.select((times >= start) & (times < end_milliseconds))
    laid = grid(held, step_milliseconds=step, start_milliseconds=start, n_times=n_kept)
    return laid.panel


def _continued(new: FoldState, old: FoldState | None) -> FoldState:
    """Return the new model's state with the episodes that are going on."""
    if old is None:
        return new
    return replace(new, episodes=Carry(old.episodes.arrays, new.carry.next_milliseconds))


def _check_size(samples: Samples, ruler: Ruler) -> None:
    times = samples.timestamp_milliseconds
    n_slots = (int(times.max()) - int(times.min())) // ruler.step_milliseconds + 1
    if n_slots * max(1, len(samples.series)) > _MOST_SLOTS:
        raise DataError(
            f"a recording must fit {_MOST_SLOTS} slots of its median step, got {n_slots} slots "
            f"for {len(samples.series)} series: cut it at its long gaps"
        )


def _joined(parts: list[Verdicts]) -> Verdicts:
    def column(name: str) -> AnyArray:
        joined: AnyArray = np.concatenate([getattr(part, name) for part in parts])
        return joined

    names = [name for name in Verdicts.__dataclass_fields__ if name != "series"]
    return Verdicts(parts[0].series, **{name: column(name) for name in names})
