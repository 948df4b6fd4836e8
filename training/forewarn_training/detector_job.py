"""One detector: read, fit, judge on what it has not seen, compare, log, promote."""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np

from forewarn_adapters.civil_time import calendar_of
from forewarn_adapters.config.effective import plain
from forewarn_adapters.config.learning import CivilTime
from forewarn_adapters.config.schema import Signal
from forewarn_adapters.registry import Champion, TrainingRecord
from forewarn_models.catalogue import detector_from_state
from forewarn_models.contract import Detector, FittedDetector
from forewarn_models.detector import RarityDetector
from forewarn_models.durations import format_duration
from forewarn_models.errors import ModelError, NotEnoughHistory
from forewarn_models.fold import FoldPolicy
from forewarn_models.panel import Panel
from forewarn_training.gate import (
    LEAST_COMMON_SLOTS,
    Decision,
    compare_detectors,
    compare_logged,
)
from forewarn_training.history import Span, history_span, read_history
from forewarn_training.judging import Quality, judge
from forewarn_training.outcome import ModelOutcome
from forewarn_training.pictures import detector_pictures
from forewarn_training.tables import detector_table
from forewarn_training.task import Task, comparable_champion, history_metrics, recipe_of, store

# The last quarter is kept from the model that is judged: a week of the default four.
_TRAINED_SHARE = 0.75


def train_detector(signal: Signal, task: Task) -> ModelOutcome:
    """Return what came of training the detector of `signal`; any ForewarnError may be raised."""
    task.progress("reading")
    span = history_span(
        now_milliseconds=task.now_milliseconds, history=signal.history, step=signal.step
    )
    history = read_history(task.source, signal.query, span=span)
    detector = detector_of(signal, span)
    task.progress(f"fitting {history.n_series} series")
    fitted = detector.fit(history)
    task.progress("back-testing")
    policy = FoldPolicy(budget=signal.budget)
    twin = _twin(detector, history)
    quality = None if twin is None else judge(twin, policy, history, from_milliseconds=0)
    decision = _decide(signal, task, history, twin=twin, quality=quality)
    return _stored(signal, task, history, fitted, quality=quality, decision=decision)


def detector_of(signal: Signal, span: Span) -> RarityDetector:
    """Return the unfitted detector of a signal, for a history that lies in `span`."""
    return RarityDetector(
        direction=signal.direction,
        seasons=signal.seasons,
        calendar=calendar_of(
            signal.calendar or CivilTime(),
            first_milliseconds=span.start_milliseconds,
            last_milliseconds=span.end_milliseconds,
        ),
        group_by=signal.group_by,
    )


def _twin(detector: Detector, history: Panel) -> FittedDetector | None:
    """Return the same detector fitted without the last quarter; None when that is too little.

    The quarter is one of samples, not of time: a recording may have ended long ago.
    """
    samples = np.cumsum(np.isfinite(history.values).sum(axis=0))
    split = int(np.searchsorted(samples, _TRAINED_SHARE * samples[-1])) if len(samples) else 0
    try:
        return detector.fit(history.columns(0, split))
    except NotEnoughHistory:
        return None


def _decide(
    signal: Signal,
    task: Task,
    history: Panel,
    *,
    twin: FittedDetector | None,
    quality: Quality | None,
) -> Decision:
    """Return whether the candidate is promoted.

    The champion has seen most of the judged window, the candidate's twin has not. So the two are
    compared on the samples after the end of the champion's own history alone; where those are
    too few, each stands by its own back-test.
    """
    recipe = recipe_of(_recipe(signal))
    champion, why = comparable_champion(task.registry, signal.name, "detector", recipe=recipe)
    if champion is None:
        return Decision(True, why)
    model = _loaded(champion)
    if model is None:
        return Decision(True, "the champion cannot be read by this version")
    if twin is None or quality is None:
        return compare_logged({}, champion.metrics)
    start = model.initial_carry().next_milliseconds
    fresh = (history.end_milliseconds - start) // history.step_milliseconds
    if start < history.start_milliseconds:
        return Decision(True, "the champion ended before this history began")
    if fresh < LEAST_COMMON_SLOTS:
        return compare_logged(quality.metrics(signal.budget), champion.metrics)
    task.progress("comparing with the champion")
    policy = FoldPolicy(budget=signal.budget)
    split = max(start, twin.initial_carry().next_milliseconds)
    return compare_detectors(
        judge(twin, policy, history, from_milliseconds=split),
        judge(model, policy, history, from_milliseconds=split),
        budget=signal.budget,
    )


def _loaded(champion: Champion) -> FittedDetector | None:
    try:
        return detector_from_state(champion.state)
    except ModelError:
        return None


def _stored(
    signal: Signal,
    task: Task,
    history: Panel,
    fitted: FittedDetector,
    *,
    quality: Quality | None,
    decision: Decision,
) -> ModelOutcome:
    task.progress("storing")
    metrics = history_metrics(history)
    metrics |= {} if quality is None else quality.metrics(signal.budget)
    record = TrainingRecord(
        signal=signal.name,
        kind="detector",
        state=fitted.state(),
        trained_milliseconds=task.now_milliseconds,
        recipe=recipe_of(_recipe(signal)),
        params=_params(signal, decision),
        metrics=metrics,
        tables={} if quality is None else {"series": detector_table(quality, signal.budget)},
        plots={} if quality is None else detector_pictures(signal.name, quality),
    )
    return store(task, record, decision)


def _recipe(signal: Signal) -> dict[str, object]:
    return {
        "query": signal.query,
        "step": format_duration(signal.step),
        "direction": signal.direction,
        "seasons": _seasons_text(signal.seasons),
        "group_by": list(signal.group_by),
        "calendar": plain(signal.calendar or CivilTime()),
    }


def _params(signal: Signal, decision: Decision) -> Mapping[str, str]:
    return {
        **{name: str(value) for name, value in _recipe(signal).items()},
        "history": format_duration(signal.history),
        "budget": str(signal.budget),
        "promoted": str(decision.is_promoted),
        "why": decision.why,
    }


def _seasons_text(seasons: str | tuple[timedelta, ...]) -> str:
    return seasons if isinstance(seasons, str) else ",".join(map(format_duration, seasons))
