"""`forewarn run` and `forewarn status` as a user types them."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from forewarn import serving
from forewarn.__main__ import app
from forewarn.serving import JsonLines
from forewarn_adapters.local_servers import LocalServer, free_port
from forewarn_models.errors import ConfigError, RegistryError
from forewarn_service.telemetry import Telemetry
from webhook import wait_until

TOKEN = "a-token-that-is-long-enough"


def service(folder: Path, prometheus: LocalServer, *roles: str, token: str = "") -> LocalServer:
    port = free_port()
    config = folder / "forewarn.yaml"
    tokens = f", tokens: [{{name: me, token: {token}, role: read}}]" if token else ""
    config.write_text(
        f"prometheus: {{url: '{prometheus.url}'}}\n"
        f"api: {{listen: '127.0.0.1:{port}'{tokens}}}\n"
        f"training: {{tracking_url: 'sqlite:///{folder}/mlflow.db'}}\n"
        f"state_directory: '{folder / 'state'}'\n"
        "signals:\n  - {name: load, query: nothing_has_this_name, step: 1s, history: 1h}\n"
    )
    command = [sys.executable, "-m", "forewarn", "run", "--config", str(config)]
    command += [word for role in roles for word in ("--role", role)]
    url = f"http://127.0.0.1:{port}"
    return LocalServer("forewarn", command, url, folder / "run.log", ready_path="/healthz")


@pytest.fixture
def running(tmp_path: Path, prometheus: LocalServer) -> Iterator[LocalServer]:
    started = service(tmp_path, prometheus).start()
    yield started
    started.stop()


def status(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["status", *words])
    return done.exit_code, done.output + (f" {done.exception}" if done.exception else "")


def log(server: LocalServer) -> list[dict[str, object]]:
    return [json.loads(line) for line in server.log_path.read_text().splitlines()]


def test_all_roles_run_in_one_process_and_a_signal_stops_them_cleanly(
    running: LocalServer,
) -> None:
    exit_code, text = status("--url", running.url)
    assert exit_code == 1
    assert "not ready" in text
    assert running.process is not None
    time.sleep(3)
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(10) == 0
    messages = [line["message"] for line in log(running)]
    assert "this replica is now the writer" in messages
    assert messages[-1] == "stopped"


def test_a_service_that_still_compiles_answers_and_stops_at_once(
    tmp_path: Path, prometheus: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "nothing-kept"))
    started = service(tmp_path, prometheus, "score", "api").start()
    try:
        exit_code, text = status("--url", started.url)
        assert exit_code == 1
        assert "not ready  the code is being compiled, once for each release" in text
        assert started.process is not None
        started.process.send_signal(signal.SIGTERM)
        assert started.process.wait(10) == 0
        assert log(started)[-1]["message"] == "stopped"
    finally:
        started.stop()


def test_status_in_json_is_what_the_service_says(tmp_path: Path, prometheus: LocalServer) -> None:
    started = service(tmp_path, prometheus, "score", "api", token=TOKEN).start()
    try:
        os.environ["FOREWARN_TOKEN"] = TOKEN
        exit_code, text = status("--json", "--url", started.url)
        found = json.loads(text[: text.rindex("}") + 1])
        assert exit_code == 1
        assert [each["name"] for each in found["signals"]] == ["load"]
        assert found["signals"][0]["cannot_say"] in ({}, {"no_model": 1})
        del os.environ["FOREWARN_TOKEN"]
        assert "needs a token with the role `read`" in status("--url", started.url)[1]
    finally:
        os.environ.pop("FOREWARN_TOKEN", None)
        started.stop()


def test_status_of_nothing_says_what_to_look_at() -> None:
    exit_code, text = status("--url", f"http://127.0.0.1:{free_port()}")
    assert exit_code == 1
    assert "is it running, and is --url right?" in text


def test_status_of_another_server_says_so(prometheus: LocalServer) -> None:
    assert "a Forewarn service must answer" in status("--url", prometheus.url)[1]


def test_a_training_schedule_that_cannot_be_kept_stops_the_process(
    tmp_path: Path, prometheus: LocalServer
) -> None:
    started = service(tmp_path, prometheus)
    (tmp_path / "state" / "training-schedule.db").mkdir(parents=True)
    done = subprocess.run(started.command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the training schedule" in done.stderr.splitlines()[-1]


def test_only_the_process_that_trains_is_asked_to_train() -> None:
    trainer = serving._Trainer(threading.Event())
    with pytest.raises(ConfigError, match="--role train"):
        trainer.queue("load")


def test_a_training_that_is_asked_for_too_early_is_put_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()

    class SlowSchedule(serving.TrainingSchedule):
        def __init__(self, *_: object, **__: object) -> None:
            """Nothing is opened."""

        def start(self) -> None:
            may_go_on.wait()

        def train_now(self, signal: str) -> bool:
            return signal == "load"

    monkeypatch.setattr(serving, "TrainingSchedule", SlowSchedule)
    trainer = serving._Trainer(threading.Event())
    collectors = CollectorRegistry()
    given = SimpleNamespace(config=None, collectors=collectors, clock=None)
    service = SimpleNamespace(telemetry=Telemetry(collectors, version="1"), champions_changed=None)
    trainer.start(tmp_path, None, given=given, service=service)
    with pytest.raises(RegistryError, match="try again in a moment"):
        trainer.queue("load")
    may_go_on.set()
    wait_until(lambda: trainer._schedule is not None)
    assert trainer.queue("load")


def test_an_unknown_role_is_a_wrong_usage(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["run", "--role", "cook"])
    assert done.exit_code == 2
    assert "must be one of train, score, logs, api, got 'cook'" in done.output


def test_a_missing_configuration_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "forewarn", "run", "--config", str(tmp_path / "none.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "none.yaml" in done.stderr


def test_a_log_line_holds_the_traceback() -> None:
    try:
        int("broken")
    except ValueError:
        record = logging.LogRecord(
            "forewarn", logging.ERROR, "x.py", 1, "it %s", ("failed",), sys.exc_info()
        )
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["message"]) == ("error", "it failed")
    assert "ValueError: invalid literal" in line["traceback"]


def test_the_role_of_logs_needs_logs_in_the_file(tmp_path: Path, prometheus: LocalServer) -> None:
    service(tmp_path, prometheus)
    words = ["run", "--config", str(tmp_path / "forewarn.yaml"), "--role", "logs"]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, ConfigError)
    assert "--role logs needs `logs` in" in str(done.exception)
