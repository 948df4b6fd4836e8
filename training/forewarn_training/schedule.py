"""When signals are trained: a schedule that survives restarts.

One job a signal lies in an SQLite file of the state directory. A job is the name of a function
and plain data; what it works with is found in `_RUNNING` by the configuration's path.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from forewarn_adapters.clock import Clock
from forewarn_adapters.config.schema import Config
from forewarn_adapters.registry import Kind, Registry
from forewarn_models.durations import milliseconds_of
from forewarn_models.errors import RegistryError, StoreError
from forewarn_training.isolated import train_apart
from forewarn_training.outcome import TrainingOutcome
from forewarn_training.telemetry import TrainingTelemetry

_LOG = logging.getLogger(__name__)
_FILE = "training-schedule.db"
_LONGEST_RETRY = timedelta(minutes=10)

# What the jobs of this process work with, by the path of the configuration they were made for.
_RUNNING: dict[str, "TrainingSchedule"] = {}


class TrainingSchedule:
    """A running schedule; `start_training_schedule` makes it.

    Args:
        config_path: of the configuration: it names this schedule in the stored jobs.
        config: what is trained; it stays as it is until the process restarts.
        registry: of the models.
        telemetry: told what came of each training.
        clock: milliseconds since the epoch.
        finished: called after each training: there may be a new champion.
    """

    def __init__(
        self,
        config_path: Path,
        config: Config,
        *,
        registry: Registry,
        telemetry: TrainingTelemetry,
        clock: Clock,
        finished: Callable[[], None] = lambda: None,
    ) -> None:
        self._finished = finished
        self._key = str(config_path.absolute())
        self._directory = config_path.absolute().parent
        self._config = config
        self._registry = registry
        self._telemetry = telemetry
        self._clock = clock
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._process: BaseProcess | None = None
        self._is_stopping = False
        self._scheduler = _scheduler(config.state_directory)

    def start(self) -> None:
        """Take up the stored schedule and begin; StoreError when its file cannot be used."""
        if self._key in _RUNNING:
            raise StoreError(f"the trainings of {self._key} must be scheduled once, got a second")
        with _store_errors(self._config.state_directory):
            self._scheduler.start(paused=True)
            self._adopt_jobs()
            _RUNNING[self._key] = self
            self._scheduler.resume()

    def train_now(self, signal: str) -> bool:
        """Queue a training; False when one of that signal is queued or under way already."""
        with self._lock:
            if signal in self._busy:
                return False
            self._busy.add(signal)
        try:
            with _store_errors(self._config.state_directory):
                self._scheduler.modify_job(signal, next_run_time=self._now())
        except StoreError:
            self._busy.discard(signal)
            raise
        return True

    def next_runs(self) -> Mapping[str, datetime]:
        """Return when each signal is trained next."""
        with _store_errors(self._config.state_directory):
            return {job.id: job.next_run_time for job in self._scheduler.get_jobs()}

    def shutdown(self) -> None:
        """Stop; a training under way is broken off, and its signal's champion stays."""
        self._is_stopping = True
        _RUNNING.pop(self._key, None)
        process = self._process
        if process is not None:
            process.terminate()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def run(self, signal: str) -> TrainingOutcome:
        """Train one signal now, in a process of its own, and tell the telemetry."""
        with self._lock:
            self._busy.add(signal)
        began = self._clock()
        try:
            outcome = train_apart(
                self._config,
                signal,
                directory=self._directory,
                now_milliseconds=began,
                started=self._keep,
            )
        finally:
            with self._lock:
                self._busy.discard(signal)
            self._process = None
        if not self._is_stopping:
            self._report(outcome, began_milliseconds=began)
            self._finished()
        return outcome

    def _keep(self, process: BaseProcess) -> None:
        self._process = process
        if self._is_stopping:
            process.terminate()

    def _report(self, outcome: TrainingOutcome, *, began_milliseconds: int) -> None:
        now = self._clock()
        seconds = (now - began_milliseconds) / 1000.0
        self._telemetry.finished(outcome, duration_seconds=seconds, now_milliseconds=now)
        for model in outcome.models:
            level = logging.WARNING if model.status == "failed" else logging.INFO
            _LOG.log(
                level, "signal %s: %s %s: %s", outcome.signal, model.kind, model.status, model.why
            )
            for warning in model.warnings:
                _LOG.warning("signal %s: %s: %s", outcome.signal, model.kind, warning)
        if outcome.has_failed:
            soon = self._now() + min(_LONGEST_RETRY, self._config.training.every)
            self._scheduler.modify_job(outcome.signal, next_run_time=soon)

    def _adopt_jobs(self) -> None:
        """Make the stored jobs those of the configuration; what fits keeps its next time."""
        names = {signal.name for signal in self._config.signals}
        stored = {job.id: job for job in self._scheduler.get_jobs()}
        for name in stored.keys() - names:
            self._scheduler.remove_job(name)
        for name in sorted(names):
            if name not in stored or not self._fits(stored[name]):
                self._add(name)
            elif self._first_run(name) <= self._now():
                self._scheduler.modify_job(name, next_run_time=self._now())

    def _add(self, name: str) -> None:
        self._scheduler.add_job(
            run_scheduled,
            self._trigger(),
            id=name,
            args=[self._key, name],
            replace_existing=True,
            next_run_time=self._first_run(name),
        )

    def _fits(self, job: Any) -> bool:
        training = self._config.training
        return bool(
            tuple(job.args) == (self._key, job.id)
            and job.trigger.interval == training.every
            and job.trigger.jitter == training.jitter.total_seconds()
        )

    def _trigger(self) -> Any:
        from apscheduler.triggers.interval import IntervalTrigger

        training = self._config.training
        return IntervalTrigger(
            seconds=training.every.total_seconds(),
            jitter=training.jitter.total_seconds(),
            timezone=UTC,
        )

    def _first_run(self, name: str) -> datetime:
        """Return when a signal is due: at once without a champion, else a period after it."""
        signal = next(signal for signal in self._config.signals if signal.name == name)
        kinds: tuple[Kind, ...] = ("detector", "forecaster") if signal.forecast else ("detector",)
        every = milliseconds_of(self._config.training.every)
        try:
            trained = [self._registry.champion_trained_milliseconds(name, kind) for kind in kinds]
        except RegistryError as failed:
            _LOG.warning("signal %s: training is tried at once: %s", name, failed)
            return self._now()
        known = [each for each in trained if each is not None]
        if len(known) < len(kinds):
            return self._now()
        return max(self._now(), _instant(min(known) + every))

    def _now(self) -> datetime:
        return _instant(self._clock())


def start_training_schedule(
    config_path: Path,
    config: Config,
    *,
    registry: Registry,
    telemetry: TrainingTelemetry,
    clock: Clock,
    finished: Callable[[], None] = lambda: None,
) -> TrainingSchedule:
    """Return the running schedule of a configuration; call its `shutdown` at the end."""
    schedule = TrainingSchedule(
        config_path,
        config,
        registry=registry,
        telemetry=telemetry,
        clock=clock,
        finished=finished,
    )
    schedule.start()
    return schedule


def run_scheduled(config_path: str, signal: str) -> None:
    """Train one signal of the schedule that runs in this process: what stored jobs call."""
    schedule = _RUNNING.get(config_path)
    if schedule is not None:
        schedule.run(signal)


def _scheduler(state_directory: Path) -> Any:
    """Return a scheduler that keeps its jobs in the state directory; nothing runs yet.

    One worker: signals are trained one after the other, so that memory is that of one training.
    """
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    path = state_directory.absolute() / _FILE
    with _store_errors(state_directory):
        path.parent.mkdir(parents=True, exist_ok=True)
        store = SQLAlchemyJobStore(url=f"sqlite:///{path}")
    return BackgroundScheduler(
        jobstores={"default": store},
        executors={"default": ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone=UTC,
    )


@contextlib.contextmanager
def _store_errors(state_directory: Path) -> Iterator[None]:
    """Turn what the scheduler, its database or the disk raise into StoreError."""
    from apscheduler.jobstores.base import JobLookupError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, JobLookupError, OSError) as failed:
        said = next(iter(str(failed).splitlines()), type(failed).__name__)
        raise StoreError(
            f"the training schedule {state_directory / _FILE} must be usable: {said}"
        ) from failed


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000.0, tz=UTC)
