import os
import signal as signals
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from forewarn_adapters.clock import now_milliseconds
from forewarn_adapters.registry import TrainingRecord
from forewarn_models.contract import State
from forewarn_models.errors import RegistryError, StoreError
from forewarn_training import schedule as module
from forewarn_training.outcome import ModelOutcome, TrainingOutcome
from forewarn_training.schedule import TrainingSchedule, run_scheduled, start_training_schedule
from forewarn_training.telemetry import TrainingTelemetry

WAIT_SECONDS = 30.0


class Recorder:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.errors = []
        self.successes = []

    def failed(self, reason, *, signal=""):
        self.errors.append((reason, signal))

    def succeeded(self, job, *, signal, now_milliseconds):
        self.successes.append((job, signal, now_milliseconds))


class Trainer:
    """Stands where a process would be started: notes each training and waits to be let go."""

    def __init__(self) -> None:
        self.began = []
        self.free = threading.Event()
        self.free.set()
        self.status = "promoted"
        self.most_at_once = self._now = 0

    def __call__(self, _config, name, **_more) -> TrainingOutcome:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        self.began.append(name)
        assert self.free.wait(WAIT_SECONDS)
        self._now -= 1
        reason = "source" if self.status == "failed" else ""
        return TrainingOutcome(name, (ModelOutcome("detector", self.status, "so", reason=reason),))


@pytest.fixture
def trainer(monkeypatch):
    trainer = Trainer()
    monkeypatch.setattr(module, "train_apart", trainer)
    yield trainer
    trainer.free.set()


@pytest.fixture
def start(directory, registry):
    """Return a function that starts a schedule; all are shut down at the end."""
    started = []

    def run(config, *, clock=now_milliseconds, finished=lambda: None) -> TrainingSchedule:
        run.recorder = Recorder()
        run.collectors = CollectorRegistry()
        schedule = start_training_schedule(
            directory / "forewarn.yaml",
            config,
            registry=registry,
            telemetry=TrainingTelemetry(run.collectors, run.recorder),
            clock=clock,
            finished=finished,
        )
        started.append(schedule)
        return schedule

    yield run
    for schedule in started:
        schedule.shutdown()


def a_champion(registry, name: str = "load", *, at: int | None = None) -> None:
    """Register a champion that was trained at `at`, now by default."""
    at = now_milliseconds() if at is None else at
    record = TrainingRecord(name, "detector", State("x", 1), at)
    registry.promote(name, "detector", registry.log_training(record))


def wait_until(is_true) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_signal_without_champion_is_trained_at_once(start, trainer, config_of):
    heard = threading.Event()
    start(config_of("load"), finished=heard.set)
    assert heard.wait(WAIT_SECONDS)
    assert trainer.began == ["load"]
    ((job, name, at),) = start.recorder.successes
    assert (job, name) == ("training", "load")
    assert abs(at - now_milliseconds()) < 60_000
    sample = start.collectors.get_sample_value
    labels = {"signal": "load", "kind": "detector", "status": "promoted"}
    assert sample("forewarn_trainings_total", labels) == 1.0
    assert sample("forewarn_training_duration_seconds", {"signal": "load"}) >= 0.0


def test_a_signal_with_a_champion_waits_for_a_period_after_its_training(
    start, trainer, config_of, registry
):
    at = now_milliseconds() - 3_600_000
    a_champion(registry, at=at)
    schedule = start(config_of("load"))
    expected = datetime.fromtimestamp(at / 1000, tz=UTC) + timedelta(days=1)
    assert schedule.next_runs() == {"load": expected}
    assert trainer.began == []


def test_a_signal_whose_forecaster_is_missing_is_trained_at_once(
    start, trainer, config_of, registry
):
    a_champion(registry)
    start(config_of("load", more=", forecast: {}"))
    wait_until(lambda: trainer.began == ["load"])


def test_an_overdue_signal_is_trained_at_once(start, trainer, config_of, registry):
    a_champion(registry, at=now_milliseconds() - 3 * 86_400_000)
    start(config_of("load"))
    wait_until(lambda: trainer.began == ["load"])


def test_when_the_registry_cannot_say_training_is_tried_at_once(
    start, trainer, config_of, registry, monkeypatch
):
    def fails(*_arguments):
        raise RegistryError("is down")

    monkeypatch.setattr(registry, "champion_trained_milliseconds", fails)
    start(config_of("load"))
    wait_until(lambda: trainer.began == ["load"])


def test_a_training_that_is_asked_for_runs_now_and_once(start, trainer, config_of, registry):
    a_champion(registry)
    schedule = start(config_of("load"))
    trainer.free.clear()
    assert schedule.train_now("load")
    wait_until(lambda: trainer.began == ["load"])
    assert not schedule.train_now("load")
    trainer.free.set()
    wait_until(lambda: len(start.recorder.successes) == 1)
    assert schedule.train_now("load")
    wait_until(lambda: trainer.began == ["load", "load"])


def test_asking_for_an_unknown_signal_is_an_error_each_time(start, trainer, config_of, registry):
    a_champion(registry)
    schedule = start(config_of("load"))
    for _ in range(2):
        with pytest.raises(StoreError, match="must be usable"):
            schedule.train_now("other")


def test_signals_are_trained_one_after_the_other(start, trainer, config_of):
    start(config_of("load", "disk", "queue"))
    wait_until(lambda: len(start.recorder.successes) == 3)
    assert sorted(trainer.began) == ["disk", "load", "queue"]
    assert trainer.most_at_once == 1


def test_a_period_shorter_than_a_training_never_overlaps_and_misses_coalesce(
    start, trainer, config_of
):
    trainer.free.clear()
    start(config_of("load", training="every: 50ms, jitter: 1ms"))
    wait_until(lambda: trainer.began == ["load"])
    time.sleep(0.5)  # ten periods pass
    assert trainer.began == ["load"]
    trainer.free.set()
    wait_until(lambda: len(trainer.began) > 1)
    assert trainer.most_at_once == 1


def test_a_failed_training_is_counted_and_tried_again_soon(start, trainer, config_of):
    trainer.status = "failed"
    schedule = start(config_of("load"))
    wait_until(lambda: start.recorder.errors == [("source", "load")])
    soon = datetime.now(UTC) + timedelta(minutes=10)
    wait_until(lambda: schedule.next_runs()["load"] <= soon)
    assert start.recorder.successes == []


def test_the_schedule_of_a_removed_signal_is_removed(start, trainer, config_of, registry):
    a_champion(registry, "load")
    a_champion(registry, "disk")
    start(config_of("load", "disk")).shutdown()
    assert start(config_of("disk")).next_runs().keys() == {"disk"}


def test_a_changed_period_takes_effect(start, trainer, config_of, registry):
    at = now_milliseconds()
    a_champion(registry, at=at)
    start(config_of("load")).shutdown()
    schedule = start(config_of("load", training="every: 2d, jitter: 1s"))
    expected = datetime.fromtimestamp(at / 1000, tz=UTC) + timedelta(days=2)
    assert schedule.next_runs()["load"] == expected


def test_one_process_schedules_a_configuration_once(start, trainer, config_of, registry):
    a_champion(registry)
    config = config_of("load")
    start(config)
    with pytest.raises(StoreError, match="must be scheduled once"):
        start(config)


def test_a_stored_job_whose_schedule_is_gone_does_nothing(trainer):
    run_scheduled("/nowhere/forewarn.yaml", "load")
    assert trainer.began == []


def test_a_state_directory_that_cannot_be_used_is_a_store_error(start, config_of, directory):
    config = config_of("load")
    (directory / "forewarn-state").write_text("a file")
    with pytest.raises(StoreError, match=r"training schedule .* must be usable"):
        start(config)


def test_a_schedule_that_is_no_database_is_a_store_error(start, config_of, directory):
    config = config_of("load")
    (directory / "forewarn-state").mkdir()
    (directory / "forewarn-state" / "training-schedule.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match=r"training schedule .* must be usable"):
        start(config)


def test_shutting_down_breaks_a_training_off_and_reports_nothing(start, config_of):
    schedule = start(config_of("load"))
    wait_until(lambda: schedule._process is not None)
    began = time.monotonic()
    schedule.shutdown()
    assert time.monotonic() - began < WAIT_SECONDS
    assert start.recorder.errors == start.recorder.successes == []


def test_a_training_whose_process_starts_during_the_stop_is_broken_off(start, config_of, registry):
    a_champion(registry)
    schedule = start(config_of("load"))
    schedule.shutdown()
    outcome = schedule.run("load")
    assert [model.reason for model in outcome.models] == ["killed"]


PROGRAM = """
    import json, sys, time
    from pathlib import Path
    from prometheus_client import CollectorRegistry
    from forewarn_adapters.clock import now_milliseconds
    from forewarn_adapters.config.reading import read_config
    from forewarn_adapters.registry import Registry
    from forewarn_training.schedule import start_training_schedule
    from forewarn_training.telemetry import TrainingTelemetry

    class Recorder:
        def failed(self, reason, *, signal=""):
            print(json.dumps({"failed": reason}), flush=True)
        def succeeded(self, job, *, signal, now_milliseconds):
            print(json.dumps({"succeeded": signal}), flush=True)

    if __name__ == "__main__":
        path = Path(sys.argv[1])
        config = read_config(path, environment={})
        schedule = start_training_schedule(
            path, config,
            registry=Registry(config.training.tracking_url, directory=path.parent),
            telemetry=TrainingTelemetry(CollectorRegistry(), Recorder()),
            clock=now_milliseconds,
        )
        runs = {name: at.isoformat() for name, at in schedule.next_runs().items()}
        print(json.dumps(runs), flush=True)
        time.sleep(600)
"""


def scheduled_by_a_process(directory: Path) -> str:
    """Return the line that a process prints of its next runs, and kill it as a crash would."""
    path = directory / "program.py"
    path.write_text(textwrap.dedent(PROGRAM))
    command = [sys.executable, path, directory / "forewarn.yaml"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    os.kill(process.pid, signals.SIGKILL)
    process.wait()
    process.stdout.close()
    return line


def test_a_restart_after_a_crash_keeps_the_next_runs(directory, config_of, registry):
    a_champion(registry)
    config_of("load", training="every: 1d, jitter: 10m")
    before = scheduled_by_a_process(directory)
    # another training in between moves the champion's time, not the stored schedule
    a_champion(registry)
    assert before.startswith('{"load": "')
    assert scheduled_by_a_process(directory) == before


def test_runs_missed_while_nothing_ran_are_made_up_for_once(start, trainer, config_of, registry):
    a_champion(registry)
    config = config_of("load")
    start(config).shutdown()
    stored = module._scheduler(config.state_directory)
    stored.start(paused=True)
    stored.modify_job("load", next_run_time=datetime.now(UTC) - timedelta(days=5))
    stored.shutdown()
    schedule = start(config)
    wait_until(lambda: len(start.recorder.successes) == 1)
    assert trainer.began == ["load"]
    assert schedule.next_runs()["load"] > datetime.now(UTC) + timedelta(hours=1)
