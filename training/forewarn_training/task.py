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


@dataclass(frozen=True, eq=False)
class Standing:
    """The champion that a candidate finds.

    Args:
        champion: None when there is none, or none that can be loaded.
        why_not: why the candidate is not compared with it; empty when it is.
    """

    champion: Champion | None
    why_not: str = ""

    @property
    def rival(self) -> Champion | None:
        """The champion, where another query or other hyperparameters have not made it."""
        return None if self.why_not else self.champion


def standing_champion(registry: Registry, signal: str, kind: Kind, *, recipe: str) -> Standing:
    """Return the champion of a signal, and whether a candidate of `recipe` is compared with it.

    One that cannot be loaded, or that another query or other hyperparameters made, is replaced
    by any candidate.
    """
    try:
        champion = registry.champion(signal, kind)
    except (RegistryError, ModelError) as broken:
        return Standing(None, f"the champion cannot be loaded ({broken})")
    if champion is None:
        return Standing(None, "the first model of its kind")
    if champion.recipe != recipe:
        why = "the signal's configuration changed since the champion was trained"
        return Standing(champion, why)
    return Standing(champion)


def history_metrics(history: Panel, *, n_masked: int) -> dict[str, float]:
    """Return what is said of any history: how many series, how long, how much is hidden of it."""
    return {
        "series": float(history.n_series),
        "history_seconds": history.n_times * history.step_seconds,
        "masked_samples": float(n_masked),
    }


def store(
    task: Task, record: TrainingRecord, decision: Decision, *, warnings: tuple[str, ...] = ()
) -> ModelOutcome:
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
        warnings=warnings,
    )


def _tidy_up(registry: Registry, signal: str, kind: Kind) -> None:
    """Delete what nobody will look at again; a failure is told and stops nothing."""
    try:
        registry.delete_old_versions(signal, kind)
    except RegistryError as failed:
        _LOG.warning("%s", failed)
