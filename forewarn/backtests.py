"""The work of `forewarn backtest`: signals or files one after the other, and what is written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from forewarn.backtest_outcomes import (
    Tested,
    errors_of_logging,
    try_files,
    try_signals,
    write_tests,
)
from forewarn.file_scores import detector_of_files, grouped, name_in_file, schedule_of_files
from forewarn_adapters.clock import now_milliseconds
from forewarn_adapters.config.learning import CivilTime
from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.files import read_series_file
from forewarn_adapters.labelled import LabelledEvents, firing_alerts
from forewarn_adapters.registry import Registry
from forewarn_adapters.source import Source, open_source
from forewarn_models.budget import DEFAULT_BUDGET, Budget
from forewarn_models.durations import format_duration
from forewarn_models.errors import ConfigError
from forewarn_models.rulers import ruler_of
from forewarn_training.backtest import Backtest, run_backtest
from forewarn_training.backtest_report import (
    MOST_PICTURES,
    alarm_columns,
    pictures_of,
    record_of,
)
from forewarn_training.recording import Recording, judged_from, signal_recording
from forewarn_training.task import Progress


@dataclass(frozen=True, eq=False)
class Order:
    """What `forewarn backtest` was told.

    Args:
        days: how much is judged.
        budget: in place of each signal's own.
        labels: what is known to have gone wrong.
        alerts: a selector of the alerts that say so instead.
        out: the folder for pictures.
    """

    days: float
    budget: Budget | None = None
    labels: LabelledEvents | None = None
    alerts: str | None = None
    out: Path | None = None


def check_days(days: float) -> None:
    """Raise ConfigError when so many days cannot be judged."""
    if not 0 < days <= 3_650:
        raise ConfigError(f"--days must be more than 0 and at most 3650, got {days:g}")


def backtest_signals(
    config: Config, signals: Sequence[Signal], order: Order, *, folder: Path
) -> list[Tested[Backtest]]:
    """Return what came of some signals of a configuration, and log each to MLflow."""
    source = open_source(config)
    registry = Registry(config.training.tracking_url, directory=folder)
    now = now_milliseconds()

    def tested(signal: Signal, tell: Progress) -> Tested[Backtest]:
        recording = signal_recording(
            signal,
            source,
            now_milliseconds=now,
            days=order.days,
            every=config.training.every,
        )
        labels = _labels(order, source, recording)
        budget = order.budget or signal.budget
        backtest, pictures = _run(recording, budget, order, labels, tell)
        tell("storing")
        record = record_of(
            backtest,
            at_milliseconds=now,
            params=_params(config, signal, order),
            plots=list(pictures.values()),
        )
        errors = errors_of_logging(registry, record)
        return Tested(recording.name, backtest, errors, recording.warnings, pictures)

    try:
        return try_signals(signals, tested)
    finally:
        source.close()


def backtest_files(paths: Sequence[Path], order: Order) -> list[Tested[Backtest]]:
    """Return what came of some files, each judged by the samples before."""

    def tested(path: Path, tell: Progress) -> Tested[Backtest]:
        recording = file_recording(path, days=order.days)
        budget = order.budget or DEFAULT_BUDGET
        backtest, pictures = _run(recording, budget, order, order.labels, tell)
        return Tested(recording.name, backtest, (), recording.warnings, pictures)

    return try_files(paths, tested)


def file_recording(path: Path, *, days: float) -> Recording:
    """Return a file as a recording of which the last days are judged."""
    samples = grouped(read_series_file(path))
    ruler = ruler_of(samples)
    times = samples.timestamp_milliseconds
    end = int(times.max()) + ruler.step_milliseconds
    schedule = schedule_of_files(judged_from(int(times.min()), end, days=days))
    detector = detector_of_files(samples, CivilTime())
    return Recording(
        path.stem, (lambda: samples,), end, detector, schedule, ruler, name_of=name_in_file
    )


def write_out(out: Path, tests: Sequence[Tested[Backtest]]) -> None:
    """Write all alarms and the pictures; WriteError when that cannot be done."""
    write_tests(out, tests, "alarms.csv", alarm_columns)


def _labels(order: Order, source: Source, recording: Recording) -> LabelledEvents | None:
    if order.alerts is None:
        return order.labels
    return firing_alerts(
        source,
        order.alerts,
        start_milliseconds=recording.schedule.train_until_milliseconds,
        end_milliseconds=recording.end_milliseconds,
    )


def _run(
    recording: Recording,
    budget: Budget,
    order: Order,
    labels: LabelledEvents | None,
    tell: Progress,
) -> tuple[Backtest, dict[str, bytes]]:
    """Return a back-test and its pictures."""
    most_shown = 0 if order.out is None else MOST_PICTURES
    backtest = run_backtest(recording, budget, labels=labels, progress=tell, most_shown=most_shown)
    tell("drawing")
    # Courses are large, and drawn now.
    return replace(backtest, shown=()), pictures_of(backtest)


def _params(config: Config, signal: Signal, order: Order) -> dict[str, str]:
    return {
        "query": signal.query,
        "step": format_duration(signal.step),
        "history": format_duration(signal.history),
        "days": f"{order.days:g}",
        "trained_every": format_duration(config.training.every),
        "labels": order.alerts or ("a file" if order.labels is not None else "none"),
    }
