"""A history without the times that must not be learned from."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from forewarn_adapters.config.signals import Signal
from forewarn_adapters.masks import MaskReading, Window, read_masks
from forewarn_adapters.registry import Champion
from forewarn_adapters.selectors import Matcher
from forewarn_models.contract import FittedDetector, State
from forewarn_models.masks import Interval, hidden_by, masked, merged
from forewarn_models.panel import Panel
from forewarn_training.task import Task

_KEY = "masked"


@dataclass(frozen=True, eq=False)
class CleanHistory:
    """What is learned from.

    Args:
        panel: the history with gaps where a mask hides it.
        whole: the history as it was read.
        hidden: what each mask hides, by its name.
        warnings: masks that could not be read, and why.
    """

    panel: Panel
    whole: Panel
    hidden: dict[str, tuple[Interval, ...]]
    warnings: tuple[str, ...] = ()

    @property
    def intervals(self) -> tuple[Interval, ...]:
        return tuple(each for intervals in self.hidden.values() for each in intervals)

    @property
    def n_masked(self) -> int:
        """How many samples are hidden."""
        n_all, n_left = (np.isfinite(each.values).sum() for each in (self.whole, self.panel))
        return int(n_all - n_left)


def clean_history(
    history: Panel, signal: Signal, task: Task, champion: Champion | None
) -> CleanHistory:
    """Return the history without what the masks of the signal hide.

    A mask that cannot be read is a warning. What one hid from the champion stays hidden where its
    source forgets what is past, as an Alertmanager does.
    """
    if not signal.masks:
        return CleanHistory(history, history, {})
    task.progress("reading masks")
    window = Window(history.start_milliseconds, history.end_milliseconds, history.step_milliseconds)
    readings = read_masks(signal, task.source, window)
    before = {} if champion is None else _told(champion.state)
    hidden = {each.name: _with_forgotten(each, before.get(each.name, ())) for each in readings}
    warnings = tuple(
        f"nothing is hidden by {each.name}: {each.problem}" for each in readings if each.problem
    )
    intervals = [each for those in hidden.values() for each in those]
    return CleanHistory(masked(history, intervals), history, hidden, warnings)


def with_hidden(state: State, history: CleanHistory) -> State:
    """Return a model's state that tells what was hidden from it."""
    if not history.hidden:
        return state
    told = [[name, *_plain(each)] for name, those in history.hidden.items() for each in those]
    return replace(state, manifest={**state.manifest, _KEY: told})


def teacher(
    model: FittedDetector | None, champion: Champion | None, history: CleanHistory
) -> FittedDetector | None:
    """Return the model whose memory may be handed down; None when it saw what is hidden by now."""
    if model is None or champion is None or not history.hidden:
        return model
    seen = model.initial_carry().next_milliseconds - history.whole.start_milliseconds
    whole = history.whole.columns(0, seen // history.whole.step_milliseconds)
    before = [each for those in _told(champion.state).values() for each in those]
    newly = hidden_by(whole, history.intervals) & ~hidden_by(whole, before)
    return None if (newly & np.isfinite(whole.values)).any() else model


def _with_forgotten(reading: MaskReading, before: Iterable[Interval]) -> tuple[Interval, ...]:
    return merged((*reading.intervals, *(before if reading.is_forgetful else ())))


def _plain(interval: Interval) -> tuple[object, ...]:
    matchers = [
        (each.label, each.operator, each.value)
        for each in interval.matchers
        if isinstance(each, Matcher)
    ]
    return interval.start_milliseconds, interval.end_milliseconds, matchers


def _told(state: State) -> dict[str, tuple[Interval, ...]]:
    """Return what a model says was hidden from it, by the names of the masks."""
    hidden: dict[str, tuple[Interval, ...]] = {}
    for name, start, end, matchers in state.manifest.get(_KEY, ()):
        each = Interval(int(start), int(end), tuple(Matcher(*words) for words in matchers))
        hidden[name] = (*hidden.get(name, ()), each)
    return hidden
