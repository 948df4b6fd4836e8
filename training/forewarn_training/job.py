"""Training one signal: its detector, and its forecaster where it has one."""

import logging
from collections.abc import Callable

from forewarn_adapters.config.signals import Signal
from forewarn_adapters.registry import Kind, Registry
from forewarn_adapters.source import Source
from forewarn_models.errors import ForewarnError
from forewarn_training.detector_job import train_detector
from forewarn_training.forecaster_job import train_forecaster
from forewarn_training.outcome import ModelOutcome, TrainingOutcome
from forewarn_training.task import Progress, Task

_LOG = logging.getLogger(__name__)


def train_signal(
    signal: Signal,
    *,
    source: Source,
    registry: Registry,
    now_milliseconds: int,
    progress: Progress = lambda _what: None,
) -> TrainingOutcome:
    """Return what came of training `signal` on what `source` holds up to now.

    Reads, fits, judges on samples that were kept from the model, compares with the champion, logs
    one run for each model, and promotes what is not worse. It never raises on account of one
    signal: a failure is an outcome, and the champion stays.
    """
    task = Task(source, registry, now_milliseconds, progress)
    models = [_guarded(signal, "detector", lambda: train_detector(signal, task))]
    policy = signal.forecast
    if policy is not None:
        models.append(
            _guarded(signal, "forecaster", lambda: train_forecaster(signal, policy, task))
        )
    return TrainingOutcome(signal.name, tuple(models))


def _guarded(signal: Signal, kind: Kind, train: Callable[[], ModelOutcome]) -> ModelOutcome:
    """Return what `train` returns, or its failure: one signal never stops the others."""
    try:
        return train()
    except ForewarnError as failed:
        return ModelOutcome(kind=kind, status="failed", why=str(failed), reason=failed.reason)
    except Exception as failed:  # noqa: BLE001  the guard of a signal: its defect stops no other
        _LOG.exception("signal %s: its %s was not trained", signal.name, kind)
        why = f"{type(failed).__name__}: {failed}"
        return ModelOutcome(kind=kind, status="failed", why=why, reason="internal")
