"""One detector: read, fit, judge on what it has not seen, compare, log, promote."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from forewarn_adapters.config.effective import plain
from forewarn_adapters.config.learning import CivilTime
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.registry import Champion, TrainingRecord
from forewarn_adapters.signal_bounds import FoundBounds
from forewarn_models.bounds import Bounds
from forewarn_models.catalogue import detector_from_state
from forewarn_models.contract import Detector, FittedDetector
from forewarn_models.detector import RarityDetector
from forewarn_models.durations import format_duration
from forewarn_models.errors import ModelError, NotEnoughHistory
from forewarn_models.fold import FoldPolicy
from forewarn_models.panel import Panel
from forewarn_training.bounding import found_bounds
from forewarn_training.civil import calendar_for
from forewarn_training.gate import (
    LEAST_COMMON_SLOTS,
    Decision,
    compare_detectors,
    compare_logged,
)
from forewarn_training.history import Span, history_span, read_history
from forewarn_training.judging import Quality, judge
from forewarn_training.masking import CleanHistory, clean_history, teacher, with_hidden
from forewarn_training.outcome import ModelOutcome
from forewarn_training.pictures import detector_pictures
from forewarn_training.tables import detector_table
from forewarn_training.task import (
    Standing,
    Task,
    history_metrics,
    recipe_of,
    standing_champion,
    store,
)

# The last quarter is kept from the model that is judged: a week of the default four.
TRAINED_SHARE = 0.75


@dataclass(frozen=True, eq=False)
class Trial:
    """The candidate without the last quarter of its history, and how it did there."""

    twin: FittedDetector
    quality: Quality


@dataclass(frozen=True, eq=False)
class Candidate:
    """The fitted detector, how its twin did where it could be judged, and its bounds."""

    fitted: FittedDetector
    quality: Quality | None
    bounds: FoundBounds


def train_detector(signal: Signal, task: Task) -> ModelOutcome:
    """Return what came of training the detector of `signal`; any ForewarnError may be raised."""
    task.progress("reading")
    span = history_span(
        now_milliseconds=task.now_milliseconds, history=signal.history, step=signal.step
    )
    whole = read_history(task.source, signal.query, span=span)
    recipe = recipe_of(_recipe(signal))
    standing = standing_champion(task.registry, signal.name, "detector", recipe=recipe)
    history = clean_history(whole, signal, task, standing.champion)
    bounds = found_bounds(signal, task.source, whole)
    detector = detector_of(signal, span, bounds.bounds)
    task.progress(f"fitting {whole.n_series} series")
    fitted = detector.fit(history.panel, teacher(_loaded(standing.rival), standing.rival, history))
    task.progress("back-testing")
    policy = FoldPolicy(budget=signal.budget)
    judged = _twin(detector, history.panel)
    quality = None if judged is None else judge(judged, policy, history.panel, from_milliseconds=0)
    trial = None if judged is None or quality is None else Trial(judged, quality)
    decision = _decide(signal, task, history.panel, standing=standing, trial=trial)
    candidate = Candidate(fitted, quality, bounds)
    return _stored(signal, task, history, candidate, decision=decision)


def detector_of(signal: Signal, span: Span, bounds: Bounds) -> RarityDetector:
    """Return the unfitted detector of a signal, for a history that lies in `span`."""
    return RarityDetector(
        direction=signal.direction,
        seasons=signal.seasons,
        calendar=calendar_for(signal, span),
        group_by=signal.group_by,
        siblings=siblings_of(signal),
        bounds=bounds,
    )


def siblings_of(signal: Signal) -> tuple[str, ...]:
    """Return the labels that make series siblings."""
    return signal.group_by if signal.siblings is None else signal.siblings


def _twin(detector: Detector, history: Panel) -> FittedDetector | None:
    """Return the same detector fitted without the last quarter; None when that is too little.

    The quarter is one of samples, not of time: a recording may have ended long ago.
    """
    samples = np.cumsum(np.isfinite(history.values).sum(axis=0))
    split = int(np.searchsorted(samples, TRAINED_SHARE * samples[-1])) if len(samples) else 0
    try:
        return detector.fit(history.columns(0, split))
    except NotEnoughHistory:
        return None


def _decide(
    signal: Signal,
    task: Task,
    history: Panel,
    *,
    standing: Standing,
    trial: Trial | None,
) -> Decision:
    """Return whether the candidate is promoted.

    The champion has seen most of the judged window, the candidate's twin has not. So the two are
    compared on the samples after the end of the champion's own history alone; where those are
    too few, each stands by its own back-test.
    """
    champion = standing.rival
    if champion is None:
        return Decision(True, standing.why_not)
    model = _loaded(champion)
    if model is None:
        return Decision(True, "the champion cannot be read by this version")
    if trial is None:
        return compare_logged({}, champion.metrics)
    start = model.initial_carry().next_milliseconds
    fresh = (history.end_milliseconds - start) // history.step_milliseconds
    if start < history.start_milliseconds:
        return Decision(True, "the champion ended before this history began")
    if fresh < LEAST_COMMON_SLOTS:
        return compare_logged(trial.quality.metrics(signal.budget), champion.metrics)
    task.progress("comparing with the champion")
    policy = FoldPolicy(budget=signal.budget)
    split = max(start, trial.twin.initial_carry().next_milliseconds)
    return compare_detectors(
        judge(trial.twin, policy, history, from_milliseconds=split),
        judge(model, policy, history, from_milliseconds=split),
        budget=signal.budget,
    )


def _loaded(champion: Champion | None) -> FittedDetector | None:
    try:
        return None if champion is None else detector_from_state(champion.state)
    except ModelError:
        return None


def _stored(
    signal: Signal,
    task: Task,
    history: CleanHistory,
    candidate: Candidate,
    *,
    decision: Decision,
) -> ModelOutcome:
    task.progress("storing")
    quality = candidate.quality
    metrics = history_metrics(history.panel, n_masked=history.n_masked)
    metrics |= {} if quality is None else quality.metrics(signal.budget)
    record = TrainingRecord(
        signal=signal.name,
        kind="detector",
        state=with_hidden(candidate.fitted.state(), history),
        trained_milliseconds=task.now_milliseconds,
        recipe=recipe_of(_recipe(signal)),
        params=_params(signal, candidate.bounds, decision),
        metrics=metrics,
        tables={} if quality is None else {"series": detector_table(quality, signal.budget)},
        plots={} if quality is None else detector_pictures(signal.name, quality),
    )
    warnings = (*history.warnings, *candidate.bounds.warnings)
    return store(task, record, decision, warnings=warnings)


def _recipe(signal: Signal) -> dict[str, object]:
    return {
        "query": signal.query,
        "step": format_duration(signal.step),
        "direction": signal.direction,
        "seasons": _seasons_text(signal.seasons),
        "group_by": list(signal.group_by),
        "siblings": list(siblings_of(signal)),
        "calendar": plain(signal.calendar or CivilTime()),
    }


def _params(signal: Signal, bounds: FoundBounds, decision: Decision) -> Mapping[str, str]:
    return {
        **{name: str(value) for name, value in _recipe(signal).items()},
        "history": format_duration(signal.history),
        "budget": str(signal.budget),
        "bounds": str(bounds),
        "promoted": str(decision.is_promoted),
        "why": decision.why,
    }


def _seasons_text(seasons: str | tuple[timedelta, ...]) -> str:
    return seasons if isinstance(seasons, str) else ",".join(map(format_duration, seasons))
