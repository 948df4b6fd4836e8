"""What Forewarn measures of itself, on a registry that is passed in."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_TICK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Telemetry:
    """The metrics on ourselves; each is documented in `docs/metrics.md`.

    Args:
        registry: what they are registered on.
        version: of Forewarn.
        scores: whether this process scores; who does not is no writer that could be missed.
    """

    def __init__(self, registry: CollectorRegistry, *, version: str, scores: bool = True) -> None:
        self.registry = registry
        self._scores = scores
        info = Gauge("forewarn_build_info", "1, with the version.", ["version"], registry=registry)
        info.labels(version=version).set(1)
        self.errors = Counter(
            "forewarn_errors", "Errors by reason.", ["reason", "signal"], registry=registry
        )
        self.last_success = Gauge(
            "forewarn_last_success_timestamp_seconds",
            "When a job last succeeded.",
            ["job", "signal"],
            registry=registry,
        )
        self._add_scoring()
        self._add_quality()
        self._add_forecast_score()
        self._add_output()

    def failed(self, reason: str, *, signal: str = "") -> None:
        """Count an error."""
        self.errors.labels(reason=reason, signal=signal).inc()

    def succeeded(self, job: str, *, signal: str, now_milliseconds: int) -> None:
        """Note that a job of a signal succeeded now."""
        self.last_success.labels(job=job, signal=signal).set(now_milliseconds / 1000)

    def _add_scoring(self) -> None:
        self.tick_duration = Histogram(
            "forewarn_tick_duration_seconds",
            "From the start of a tick to its published verdicts.",
            ["signal"],
            buckets=_TICK_BUCKETS,
            registry=self.registry,
        )
        self.skipped_ticks = Counter(
            "forewarn_skipped_ticks",
            "Ticks left out because the one before took too long.",
            ["signal"],
            registry=self.registry,
        )
        self.samples = Counter(
            "forewarn_scored_samples", "Samples scored.", ["signal"], registry=self.registry
        )
        self.late_samples = Counter(
            "forewarn_late_samples",
            "Samples that came too late to be scored.",
            ["signal"],
            registry=self.registry,
        )
        self.checkpoint_timestamp = Gauge(
            "forewarn_checkpoint_timestamp_seconds",
            "When the newest checkpoint was written.",
            ["signal"],
            registry=self.registry,
        )

    def _add_quality(self) -> None:
        self.champion_version = Gauge(
            "forewarn_champion_version",
            "The version of the model that scores.",
            ["signal", "kind"],
            registry=self.registry,
        )
        self.alarm_budget_ratio = Gauge(
            "forewarn_alarm_budget_ratio",
            "Episodes over those that the alert budget allows; an upper bound of false alarms.",
            ["signal"],
            registry=self.registry,
        )
        self.band_coverage_ratio = Gauge(
            "forewarn_band_coverage_ratio",
            "Share of samples inside the expected band; 0.99 is right.",
            ["signal"],
            registry=self.registry,
        )

    def _add_forecast_score(self) -> None:
        self.forecast_error_ratio = Gauge(
            "forewarn_forecast_error_ratio",
            "Error of the forecasts over that of the seasonal naive forecast; below 1 is better.",
            ["signal", "horizon"],
            registry=self.registry,
        )
        self.forecast_coverage_ratio = Gauge(
            "forewarn_forecast_coverage_ratio",
            "Share of what came that was inside a band of the forecast; the band's is right.",
            ["signal", "horizon", "band"],
            registry=self.registry,
        )
        self.forecast_bias_ratio = Gauge(
            "forewarn_forecast_bias_ratio",
            "Error with its sign over error without: 1 is always too high, -1 always too low.",
            ["signal", "horizon"],
            registry=self.registry,
        )
        self.forecast_outcomes = Gauge(
            "forewarn_forecast_outcomes",
            "How many outcomes of a series stand behind these figures; old ones count less.",
            ["signal", "horizon"],
            registry=self.registry,
        )

    def _add_output(self) -> None:
        self.queue_samples = Gauge(
            "forewarn_queue_samples", "Samples waiting for remote write.", registry=self.registry
        )
        self.written_samples = Counter(
            "forewarn_written_samples", "Samples that remote write stored.", registry=self.registry
        )
        self.dropped_samples = Counter(
            "forewarn_dropped_samples",
            "Samples that were not written, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self.is_leader = Gauge(
            "forewarn_leader",
            "1 when this replica writes.",
            registry=self.registry if self._scores else None,
        )
