"""The work of `forewarn backtest`: signals or files one after the other, and what is written."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from forewarn.file_scores import detector_of_files, grouped, name_in_file, schedule_of_files
from forewarn.progress import with_progress
from forewarn_adapters.clock import now_milliseconds
from forewarn_adapters.config.learning import CivilTime
from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.files import read_series_file
from forewarn_adapters.labelled import LabelledEvents, firing_alerts
from forewarn_adapters.outputs import make_directory, write_bytes, write_columns
from forewarn_adapters.registry import Registry
from forewarn_adapters.source import Source, open_source
from forewarn_models.arrays import AnyArray
from forewarn_models.budget import DEFAULT_BUDGET, Budget
from forewarn_models.durations import format_duration
from forewarn_models.errors import ConfigError, ForewarnError, NotEnoughHistory
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

_UNSAFE = re.compile(r"[^\w.=-]+")
_LONGEST_NAME = 100


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


@dataclass(frozen=True, eq=False)
class Tested:
    """What came of one signal or file.

    Args:
        name: of it.
        backtest: what would have alerted; None when that could not be found out.
        errors: what failed.
        warnings: what it went on without.
        pictures: PNGs by the names of their series.
    """

    name: str
    backtest: Backtest | None = None
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def check_days(days: float) -> None:
    """Raise ConfigError when so many days cannot be judged."""
    if not 0 < days <= 3_650:
        raise ConfigError(f"--days must be more than 0 and at most 3650, got {days:g}")


def backtest_signals(
    config: Config, signals: Sequence[Signal], order: Order, *, folder: Path
) -> list[Tested]:
    """Return what came of some signals of a configuration, and log each to MLflow."""
    source = open_source(config)
    registry = Registry(config.training.tracking_url, directory=folder)
    now = now_milliseconds()

    def tested(signal: Signal, tell: Progress) -> Tested:
        tell("reading")
        recording = signal_recording(
            signal,
            source,
            now_milliseconds=now,
            days=order.days,
            every=config.training.every,
        )
        labels = _labels(order, source, recording)
        outcome = _tested(recording, order.budget or signal.budget, order, labels, tell)
        tell("storing")
        return _logged(outcome, registry, now=now, params=_params(config, signal, order))

    try:
        return [
            _attempt(signal.name, partial(tested, signal, tell))
            for signal, tell in with_progress(signals, what="back-test", name_of=lambda s: s.name)
        ]
    finally:
        source.close()


def backtest_files(paths: Sequence[Path], order: Order) -> list[Tested]:
    """Return what came of some files, each judged by the samples before."""

    def tested(path: Path, tell: Progress) -> Tested:
        tell("reading")
        try:
            recording = file_recording(path, days=order.days)
            return _tested(recording, order.budget or DEFAULT_BUDGET, order, order.labels, tell)
        except NotEnoughHistory as too_little:  # whose advice is for a configuration
            return Tested(path.stem, errors=(f"nothing can be said: {too_little.fact}",))

    return [
        _attempt(path.stem, partial(tested, path, tell))
        for path, tell in with_progress(paths, what="back-test", name_of=lambda p: p.name)
    ]


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


def write_out(out: Path, tests: Sequence[Tested]) -> None:
    """Write all alarms and the pictures; WriteError when that cannot be done."""
    make_directory(out)
    tables = [alarm_columns(test.backtest) for test in tests if test.backtest]
    if tables:
        names = tables[0].keys()
        columns = {name: joined([table[name] for table in tables]) for name in names}
        write_columns(out / "alarms.csv", columns)
    for test in tests:
        for number, (series, image) in enumerate(test.pictures.items(), start=1):
            write_bytes(out / picture_name(test.name, number, series), image)


def _labels(order: Order, source: Source, recording: Recording) -> LabelledEvents | None:
    if order.alerts is None:
        return order.labels
    return firing_alerts(
        source,
        order.alerts,
        start_milliseconds=recording.schedule.train_until_milliseconds,
        end_milliseconds=recording.end_milliseconds,
    )


def _tested(
    recording: Recording,
    budget: Budget,
    order: Order,
    labels: LabelledEvents | None,
    tell: Progress,
) -> Tested:
    most_shown = 0 if order.out is None else MOST_PICTURES
    backtest = run_backtest(recording, budget, labels=labels, progress=tell, most_shown=most_shown)
    tell("drawing")
    pictures = pictures_of(backtest)
    # courses are large, and drawn now
    return Tested(
        recording.name,
        replace(backtest, shown=()),
        warnings=recording.warnings,
        pictures=pictures,
    )


def _logged(tested: Tested, registry: Registry, *, now: int, params: Mapping[str, str]) -> Tested:
    """Log a back-test; where that fails, what came of it is still told."""
    if tested.backtest is None:
        return tested
    record = record_of(
        tested.backtest, at_milliseconds=now, params=params, plots=list(tested.pictures.values())
    )
    try:
        registry.log_backtest(record)
    except ForewarnError as failed:
        return replace(tested, errors=(str(failed),))
    return tested


def _params(config: Config, signal: Signal, order: Order) -> dict[str, str]:
    return {
        "query": signal.query,
        "step": format_duration(signal.step),
        "history": format_duration(signal.history),
        "days": f"{order.days:g}",
        "trained_every": format_duration(config.training.every),
        "labels": order.alerts or ("a file" if order.labels is not None else "none"),
    }


def _attempt(name: str, work: Callable[[], Tested]) -> Tested:
    try:
        return work()
    except ForewarnError as failed:
        return Tested(name, errors=(str(failed),))


def joined(parts: Sequence[list[str] | AnyArray]) -> list[str] | AnyArray:
    """Return columns of several tables as one."""
    whole: AnyArray = np.concatenate([np.asarray(part) for part in parts])
    return [str(cell) for cell in whole] if isinstance(parts[0], list) else whole


def picture_name(name: str, number: int, series: str) -> str:
    """Return a name of letters that any file system takes; the number keeps names apart."""
    return f"{name}-{number:02d}-{_UNSAFE.sub('_', series).strip('_')}"[:_LONGEST_NAME] + ".png"
