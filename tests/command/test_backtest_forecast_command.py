"""forewarn backtest --forecast"""

import csv
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import orjson
import pytest

from forewarn_adapters.config.servers import RemoteWrite
from forewarn_adapters.local_servers import LocalServer
from forewarn_adapters.registry import Registry
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_models.labels import labels_of

N, STEP = 28 * 24, 3_600
CONFIG = """
files: [load.csv]
signals:
  - {name: load, query: '{}', step: 1h, forecast: {step: 1h, history: 28d, horizon: 2d}}
  - {name: plain, query: '{}', step: 1h}
  - {name: nothing, query: absent, step: 1h, forecast: {step: 1h, history: 28d, horizon: 2d}}
"""
URL = "sqlite:///mlruns/mlflow.db"


@pytest.fixture
def folder(clean_directory: Path, empty_registry: None) -> Path:
    """Four weeks that end now: a daily wave, noisy enough that its mean beats the day before."""
    times = time.time() // STEP * STEP - STEP * np.arange(N, 0, -1)
    rng = np.random.default_rng(0)
    wave = 10 + 3 * np.sin(times / 86_400 * 2 * np.pi)
    table = np.column_stack([times, wave + rng.normal(0, 1, N), wave + rng.normal(0, 0.5, N)])
    np.savetxt("load.csv", table, "%.4f", ",", header="timestamp,a,b", comments="")
    Path("forewarn.yaml").write_text(CONFIG)
    return clean_directory


@pytest.fixture
def backtest(run_forewarn, monkeypatch):
    """Return a function that runs `forewarn backtest --forecast` and gives code and output."""
    monkeypatch.setenv("COLUMNS", "160")
    return partial(run_forewarn, "backtest", "--forecast")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_signal_is_forecast_from_earlier_instants_told_drawn_and_kept(backtest, folder):
    code, out, _ = backtest("load", "--out", "out")
    assert code == 0
    heading, first, second, third, together = out.splitlines()
    assert " ".join(heading.split()) == "name series instants ahead error in 80 % in 95 % bias"
    assert first.split()[:4] == ["load", "2", "8", "12h"]
    assert [line.split()[0] for line in (second, third, together)] == ["1d", "2d", "all"]
    assert float(together.split()[1]) < 0.85
    rows = rows_of(folder / "out" / "forecasts.csv")
    assert [(row["series"], row["ahead"]) for row in rows] == [
        (f'{{series="{name}"}}', ahead) for name in "ab" for ahead in ("12h", "1d", "2d")
    ]
    assert all(0.3 < float(row["error_ratio"]) < 1 for row in rows)
    assert float(rows[0]["error"]) == pytest.approx(0.8, abs=0.3)  # mean |normal noise|
    pictures = sorted(path.name for path in (folder / "out").glob("*.png"))
    assert pictures == ["load-01-series=_a.png", "load-02-series=_b.png"]
    client = Registry(URL, directory=folder)._opened()
    experiment = client.get_experiment_by_name("forewarn/load")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.metrics["forecast_error_ratio"] == pytest.approx(
        float(together.split()[1]), abs=0.006
    )
    assert 0.5 < run.data.metrics["forecast_coverage_80_ratio_2d"] <= 1
    assert (run.data.params["what"], run.data.params["horizon"]) == ("forecast", "2d")
    assert client.search_registered_models() == []  # no champion changes


def test_the_answer_in_json_has_figures_by_distance(backtest, folder):
    code, out, _ = backtest("load", "--json", "--days", "4")
    assert code == 0
    (answer,) = orjson.loads(out)
    assert [each["ahead_seconds"] for each in answer["horizons"]] == [43_200, 86_400, 172_800]
    assert answer["overall"]["error_ratio"] < 0.9
    assert -1 <= answer["overall"]["bias_ratio"] <= 1
    began = datetime.fromisoformat(answer["instants"][0])
    assert timedelta(days=3.9) <= datetime.now(UTC) - began <= timedelta(days=4.1)
    assert {each["series"] for each in answer["worst_series"]} == {'{series="a"}', '{series="b"}'}


def test_the_seasonal_naive_forecast_is_no_better_than_itself(backtest, folder):
    code, out, _ = backtest("load.csv", "--model", "seasonal_naive", "--horizon", "24")
    assert code == 0
    assert [line.split()[-4] for line in out.splitlines()[1:5]] == ["1.00"] * 4
    assert "load: no better than seasonal naive: a (1.00), b (1.00)" in out
    assert sorted(path.name for path in Path("mlruns").iterdir()) == ["mlflow.db"]


def test_without_names_the_signals_that_are_forecast_are_tried(backtest, folder):
    code, out, err = backtest("--json")
    assert code == 1
    load, nothing = orjson.loads(out)
    assert (load["name"], load["failed"]) == ("load", False)
    assert (nothing["name"], nothing["failed"]) == ("nothing", True)
    assert "forewarn: nothing: a forecast needs at least 4 samples of history, got 0" in err


def test_a_signal_without_a_forecast_is_tried_with_the_defaults_when_it_is_named(backtest, folder):
    code, out, _ = backtest("plain", "--json")
    assert code == 0
    assert orjson.loads(out)[0]["horizons"][-1]["ahead"] == "7d"
    text = "".join(line for line in CONFIG.splitlines(keepends=True) if "forecast" not in line)
    Path("forewarn.yaml").write_text(text)
    code, out, err = backtest()
    assert (code, out) == (2, "")
    assert "a signal must have `forecast`, got 1 without: name those to try" in err


def test_a_file_that_is_too_short_does_not_stop_the_others(backtest, folder):
    Path("short.csv").write_text("timestamp,value\n1,2\n61,2\n")
    Path("one.csv").write_text("timestamp,value\n1,2\n")
    code, out, err = backtest("short.csv", "load.csv", "one.csv", "--out", "out")
    assert code == 1
    assert out.splitlines()[1].startswith("load ")
    assert "forewarn: short: nothing can be said: a back-test of forecasts needs at least 4" in err
    assert "forewarn: one: nothing can be said: a forecast needs at least 2" in err
    assert {row["name"] for row in rows_of(folder / "out" / "forecasts.csv")} == {"load"}


def test_a_constant_has_no_error_to_speak_of(backtest, folder):
    times = STEP * np.arange(100)
    table = np.column_stack([times, np.full(100, 7)])
    np.savetxt("flat.csv", table, "%d", ",", header="timestamp,value", comments="")
    code, out, _ = backtest("flat.csv", "--horizon", "6h")
    assert code == 0
    assert out.splitlines()[-1].split() == ["all", "-", "100%", "100%", "-"]
    (answer,) = orjson.loads(backtest("flat.csv", "--json")[1])
    assert answer["overall"]["error_ratio"] is None


def test_a_mask_that_cannot_be_read_is_a_warning(backtest, folder):
    masks = "masks: [{ical: absent.ics}], forecast: {step"
    Path("forewarn.yaml").write_text(CONFIG.replace("forecast: {step", masks, 1))
    code, out, err = backtest("load", "--json")
    assert code == 0
    assert "forewarn: load: warning: nothing is hidden by the calendar" in err
    assert len(orjson.loads(out)[0]["warnings"]) == 1


def test_where_mlflow_fails_what_came_of_it_is_still_told(backtest, folder):
    Path("mlruns/mlflow.db").write_bytes(b"no database")
    code, out, err = backtest("load")
    assert code == 1
    assert "load " in out
    assert "forewarn: load: the model registry" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["laod"], "did you mean 'load'?"),
        (["load", "--days", "0"], "--days must be more than 0"),
        (["load.csv", "--horizon", "soon"], "a duration must be whole numbers with units"),
        (["load", "--model", "best"], "a forecaster must be one of auto, hybrid"),
        (["load", "--budget", "1/1d"], "--budget is for alarms: leave it out, or leave out"),
        (["load", "--labels-from-alerts", "ALERTS"], "--labels-from-alerts is for alarms"),
    ],
)
def test_what_cannot_be_is_refused(backtest, folder, arguments, said):
    code, out, err = backtest(*arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_options_of_forecasts_are_refused_for_alarms(run_forewarn, folder):
    code, _, err = run_forewarn("backtest", "load", "--horizon", "1d")
    assert code == 2
    assert "--horizon is for forecasts: leave it out, or add --forecast" in err


def test_a_signal_of_a_real_prometheus_is_back_tested(backtest, folder, prometheus: LocalServer):
    now = time.time_ns() // 15_000_000_000 * 15_000
    times = now - 15_000 * np.arange(200)[::-1]
    noise = np.random.default_rng(1).normal(0, 0.2, 200)
    values = 10 + 3 * np.sin(np.arange(200) * 2 * np.pi / 20) + noise
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write"))
    series = [labels_of({"__name__": "backtest_wave", "instance": "a"})]
    writer.send(series, np.zeros(200, np.int64), times, values)
    writer.close()
    Path("forewarn.yaml").write_text(
        f'prometheus: {{url: "{prometheus.url}", retries: 0}}\n'
        "signals: [{name: wave, query: backtest_wave, step: 15s,"
        " forecast: {step: 15s, history: 45m, horizon: 5m}}]\n"
    )
    code, out, _ = backtest("wave", "--json")
    assert code == 0
    (answer,) = orjson.loads(out)
    assert answer["series"] == 1
    assert answer["overall"]["mase"] < 1
