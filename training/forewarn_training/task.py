"""What every training needs from outside: where samples come from and where models go."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

import orjson

from forewarn_adapters.registry import Champion, Kind, Registry, TrainingRecord
from forewarn_adapters.source import Source
from forewarn_models.errors import ModelError, RegistryError
from forewarn_models.panel import Panel
from forewarn_training.gate import Decision
from forewarn_training.outcome import ModelOutcome

Progress: TypeAlias = Callable[[str], None]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Task:
    """The surroundings of one training.

    Args:
        source: of the samples.
        registry: of the models.
        now_milliseconds: since the epoch; what lies after it is not read.
        progress: told what is being done, a few words at a time.
    """

    source: Source
    registry: Registry
    now_milliseconds: int
    progress: Progress


def recipe_of(facts: Mapping[str, object]) -> str:
    """Return a short mark of what makes two trainings comparable.

    >>> recipe_of({"query": "up"}) == recipe_of({"query": "up"})
    True
    """
    return sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()[:16]


def comparable_champion(
    registry: Registry, signal: str, kind: Kind, *, recipe: str
) -> tuple[Champion | None, str]:
    """Return the champion that a candidate is compared with, or None and why there is none.

    One that cannot be loaded, or that another query or other hyperparameters made, is replaced
    by any candidate.
    """
    try:
        champion = registry.champion(signal, kind)
    except (RegistryError, ModelError) as broken:
        return None, f"the champion cannot be loaded ({broken})"
    if champion is None:
        return None, "the first model of its kind"
    if champion.recipe != recipe:
        return None, "the signal's configuration changed since the champion was trained"
    return champion, ""


def history_metrics(history: Panel) -> dict[str, float]:
    """Return what is said of any history: how many series and how long."""
    seconds = history.n_times * history.step_seconds
    return {"series": float(history.n_series), "history_seconds": seconds}


def store(task: Task, record: TrainingRecord, decision: Decision) -> ModelOutcome:
    """Log and register a trained model, make it champion if it may be, and say what came of it."""
    version = task.registry.log_training(record)
    if decision.is_promoted:
        task.registry.promote(record.signal, record.kind, version)
    _tidy_up(task.registry, record.signal, record.kind)
    return ModelOutcome(
        kind=record.kind,
        status="promoted" if decision.is_promoted else "kept",
        why=decision.why,
        version=version,
        n_series=int(record.metrics["series"]),
        history_seconds=record.metrics["history_seconds"],
        metrics=record.metrics,
    )


def _tidy_up(registry: Registry, signal: str, kind: Kind) -> None:
    """Delete what nobody will look at again; a failure is told and stops nothing."""
    try:
        registry.delete_old_versions(signal, kind)
    except RegistryError as failed:
        _LOG.warning("%s", failed)
