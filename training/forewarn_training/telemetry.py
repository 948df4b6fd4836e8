"""What training measures of itself."""

from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge

from forewarn_training.outcome import TrainingOutcome

JOB = "training"


class Recorder(Protocol):
    """Keeps `forewarn_errors_total` and `forewarn_last_success_timestamp_seconds`."""

    def failed(self, reason: str, *, signal: str = "") -> None:
        """Count an error."""
        ...

    def succeeded(self, job: str, *, signal: str, now_milliseconds: int) -> None:
        """Note that a job of a signal succeeded now."""
        ...


class TrainingTelemetry:
    """The metrics on training; each is documented in `docs/metrics.md`.

    Args:
        metrics: what they are registered on.
        recorder: of the metrics that all jobs share.
    """

    def __init__(self, metrics: CollectorRegistry, recorder: Recorder) -> None:
        self._recorder = recorder
        self._duration = Gauge(
            "forewarn_training_duration_seconds",
            "How long the newest training of a signal took.",
            ["signal"],
            registry=metrics,
        )
        self._trainings = Counter(
            "forewarn_trainings",
            "Models trained, by what came of them: promoted, kept or failed.",
            ["signal", "kind", "status"],
            registry=metrics,
        )

    def finished(
        self, outcome: TrainingOutcome, *, duration_seconds: float, now_milliseconds: int
    ) -> None:
        """Count what came of a training."""
        self._duration.labels(signal=outcome.signal).set(duration_seconds)
        for model in outcome.models:
            self._trainings.labels(
                signal=outcome.signal, kind=model.kind, status=model.status
            ).inc()
            if model.status == "failed":
                self._recorder.failed(model.reason, signal=outcome.signal)
        if not outcome.has_failed:
            self._recorder.succeeded(JOB, signal=outcome.signal, now_milliseconds=now_milliseconds)
