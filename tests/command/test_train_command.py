import json
import re
import signal as signals
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import orjson
import pytest

from forewarn_adapters.registry import Registry

CONFIG = """
files: [load.csv]
signals:
  - {name: load, query: '{}', step: 10m, history: 4d,
     forecast: {step: 1h, history: 4d, horizon: 6h}}
  - {name: nothing, query: absent, step: 10m, history: 4d}
"""


@pytest.fixture
def folder(clean_directory: Path, empty_registry: None) -> Path:
    """A folder with a configuration, an empty registry and four days that end now."""
    times = time.time() // 600 * 600 - 600 * np.arange(600, 0, -1)
    rng = np.random.default_rng(0)
    values = 10 + np.sin(times / 86_400 * 2 * np.pi)[:, None] + 0.1 * rng.normal(size=(600, 2))
    table = np.column_stack([times, values])
    np.savetxt("load.csv", table, "%.4f", ",", header="timestamp,a,b", comments="")
    Path("forewarn.yaml").write_text(CONFIG)
    return clean_directory


@pytest.fixture
def train(run_forewarn, monkeypatch):
    """Return a function that runs `forewarn train` and gives its exit code and output."""
    monkeypatch.setenv("COLUMNS", "160")
    return partial(run_forewarn, "train")


def test_training_all_promotes_what_it_can_and_fails_for_the_rest(train, folder):
    code, out, err = train()
    assert code == 1
    heading, *rows = [re.split(r"\s{2,}", line.strip()) for line in out.splitlines()]
    assert heading[0] == "signal"
    cells = [row for row in rows if len(row) > 2]  # a narrow terminal breaks long ones
    assert [(*row[:2], row[-1]) for row in cells] == [
        ("load", "detector", "promoted"),
        ("load", "forecaster", "promoted"),
        ("nothing", "detector", "failed"),
    ]
    assert [row[2:4] for row in cells[:2]] == [["2", "4d"]] * 2
    assert "x budget" in cells[0][4]
    assert "x naive" in cells[1][4]
    assert "nothing: detector failed: a detector needs at least 60 samples" in err
    assert Registry("sqlite:///mlruns/mlflow.db").champion_version("load", "detector") == 1


def test_a_mask_that_cannot_be_read_is_told_and_stops_nothing(train, folder):
    text = Path("forewarn.yaml").read_text()
    Path("forewarn.yaml").write_text(f"masks: [{{ical: missing.ics}}]\n{text}")
    code, _, err = train("load")
    assert code == 0
    warning = "load: detector: warning: nothing is hidden by the calendar missing.ics: "
    assert warning in err
    assert json.loads(train("load", "--json")[1])[0]["models"]["detector"]["warnings"]


def test_a_named_signal_alone_is_trained_and_its_outcome_printed_for_machines(train, folder):
    code, out, _ = train("load", "--json", "--config", str(folder / "forewarn.yaml"))
    assert code == 0
    (outcome,) = orjson.loads(out)
    assert outcome["signal"] == "load"
    assert outcome["models"]["forecaster"]["status"] == "promoted"
    assert outcome["models"]["detector"]["metrics"]["series"] == 2.0


def test_a_short_history_is_shown_as_it_is(train, folder):
    Path("forewarn.yaml").write_text(
        "files: [load.csv]\nsignals:\n- {name: load, query: '{}', step: 10m, history: 11h}\n"
    )
    code, out, _ = train()
    assert code == 0
    assert " 11h " in out
    assert "nothing unseen to judge on" in out


def test_an_unknown_signal_is_refused_with_the_nearest_name(train, folder):
    code, out, err = train("laod", "xyz")
    assert (code, out) == (2, "")
    assert err == (
        "forewarn: SIGNAL must be a signal of the configuration, got 'laod': "
        "did you mean 'load'?\n"
        "forewarn: SIGNAL must be a signal of the configuration, got 'xyz': "
        "there are load, nothing\n"
    )


def test_a_missing_configuration_is_refused(train, clean_directory):
    code, _, err = train()
    assert code == 2
    assert err.startswith("forewarn: forewarn.yaml: the file must be readable")


def test_an_interrupt_ends_with_130_and_no_traceback(folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "forewarn", "train"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    database = folder / "mlruns" / "mlflow.lock"
    while not database.exists():  # it has begun to work
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signals.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
