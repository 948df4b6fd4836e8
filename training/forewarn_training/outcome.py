"""What came of a training: for people, for machines, and for the metrics on ourselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from forewarn_adapters.registry import Kind

Status: TypeAlias = Literal["promoted", "kept", "failed"]


@dataclass(frozen=True, eq=False)
class ModelOutcome:
    """What came of one model of a signal.

    Args:
        kind: which model.
        status: promoted; kept (the champion stays, the candidate is registered); failed.
        why: one sentence.
        reason: the error's slug when it failed, else empty.
        version: the registered version; None when it failed.
        n_series: series that it was fitted on.
        history_seconds: how long a history they have.
        metrics: what the back-test measured.
        warnings: what it went on without.
    """

    kind: Kind
    status: Status
    why: str
    reason: str = ""
    version: int | None = None
    n_series: int = 0
    history_seconds: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class TrainingOutcome:
    """What came of training one signal: its detector, and its forecaster where it has one."""

    signal: str
    models: tuple[ModelOutcome, ...]

    @property
    def has_failed(self) -> bool:
        """Whether any model of the signal could not be trained."""
        return any(model.status == "failed" for model in self.models)

    def as_mapping(self) -> dict[str, object]:
        """Return what `--json` prints."""
        models = {
            model.kind: {
                "status": model.status,
                "why": model.why,
                "reason": model.reason,
                "version": model.version,
                "series": model.n_series,
                "history_seconds": model.history_seconds,
                "metrics": dict(model.metrics),
                "warnings": list(model.warnings),
            }
            for model in self.models
        }
        return {"signal": self.signal, "failed": self.has_failed, "models": models}
