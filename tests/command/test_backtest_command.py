"""forewarn.commands.backtest"""

import csv
import time
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

N, STEP = 900, 600
CONFIG = """
files: [load.csv]
signals:
  - {name: load, query: '{}', step: 10m, history: 4d, budget: 1/10d}
  - {name: nothing, query: absent, step: 10m, history: 4d}
"""
COLUMNS = "name,series,start,end,direction,rarity,return_period_seconds,score,view"


@pytest.fixture
def folder(clean_directory: Path, empty_registry: None) -> Path:
    """Six days of two series that end now; something happens to `a` an hour before the end."""
    times = time.time() // STEP * STEP - STEP * np.arange(N, 0, -1)
    rng = np.random.default_rng(0)
    values = 10 + np.sin(times / 86_400 * 2 * np.pi)[:, None] + 0.1 * rng.normal(size=(N, 2))
    values[-7:-1, 0] += 5
    table = np.column_stack([times, values])
    np.savetxt("load.csv", table, "%.4f", ",", header="timestamp,a,b", comments="")
    Path("forewarn.yaml").write_text(CONFIG)
    Path("incidents.csv").write_text(
        f"start,end,series\n{times[-8]:.0f},{times[-2]:.0f},\n"
        f"{times[-90]:.0f},{times[-80]:.0f},b\n1,2,who\n"
    )
    return clean_directory


@pytest.fixture
def backtest(run_forewarn, monkeypatch):
    """Return a function that runs `forewarn backtest` and gives its exit code and output."""
    monkeypatch.setenv("COLUMNS", "160")
    return partial(run_forewarn, "backtest")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_signal_is_judged_told_drawn_and_kept(backtest, folder):
    code, out, _ = backtest("load", "--days", "2", "--out", "out")
    assert code == 0
    heading, summary, _, title, *lines = out.splitlines()
    assert heading.split() == [
        "name",
        "series",
        "days",
        "alarms",
        "a",
        "week",
        "allowed",
        "noisiest",
    ]
    assert summary.split()[:3] == ["load", "2", "2.0"]
    assert title.startswith("load: ")
    assert any('{series="a"}  up' in line and "once in" in line for line in lines)
    alarms = rows_of(folder / "out" / "alarms.csv")
    assert ",".join(alarms[0]) == COLUMNS
    assert len(alarms) == len(lines) == int(summary.split()[3])
    pictures = sorted(path.name for path in (folder / "out").glob("*.png"))
    assert pictures == ["load-01-series=_a.png", "load-02-series=_b.png"]
    client = Registry("sqlite:///mlruns/mlflow.db", directory=folder)._opened()
    experiment = client.get_experiment_by_name("forewarn/load")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.metrics["alarms"] == len(alarms)
    assert run.data.params["days"] == "2"
    assert client.search_registered_models() == []  # no champion changes


def test_labels_say_what_was_found(backtest, folder):
    code, out, err = backtest("load", "--days", "2", "--labels", "incidents.csv", "--json")
    assert code == 0
    (answer,) = orjson.loads(out)
    assert (answer["events"], answer["events_found"]) == (1, 1)
    assert answer["median_delay_seconds"] >= 600
    assert [point["times_budget"] for point in answer["thresholds"]] == [1, 3, 10]
    assert answer["rarest_alarms"][0]["verdict"] == "true"
    assert "warning: labels name series that are not here: b, who\n" in err


def test_files_are_judged_without_a_configuration(backtest, folder):
    Path("forewarn.yaml").unlink()
    code, out, _ = backtest("load.csv", "--days", "2", "--labels", "incidents.csv", "--out", "out")
    assert code == 0
    assert "events found: 1 of 2 (recall 50%)" in out
    assert "recall with the threshold" in out
    alarms = rows_of(folder / "out" / "alarms.csv")
    assert {alarm["series"] for alarm in alarms} >= {"a"}
    assert ",".join(alarms[0]) == f"{COLUMNS},verdict"
    assert sorted(path.name for path in Path("mlruns").iterdir()) == ["mlflow.db"]


@pytest.mark.parametrize("column", ["requests [/s]", "latency [ms]", "heat :fire:"])
def test_a_column_that_is_called_like_markup_is_told_as_it_is(backtest, folder, column):
    text = Path("load.csv").read_text()
    Path("load[red].csv").write_text(text.replace("timestamp,a,b", f"timestamp,{column},b"))
    code, out, _ = backtest("load[red].csv", "--days", "2")
    assert code == 0
    summary = out.splitlines()[1]
    assert summary.startswith("load[red] ")
    assert f" {column} (" in summary


def test_a_file_that_is_too_short_does_not_stop_the_others(backtest, folder):
    Path("short.csv").write_text("timestamp,value\n1,2\n61,2\n")
    code, out, err = backtest("short.csv", "load.csv", "--out", "out")
    assert code == 1
    assert "load: " in out
    assert err.endswith(
        "forewarn: short: nothing can be said: a detector needs at least 60 samples of history, "
        "got 2\n"
    )
    assert {row["name"] for row in rows_of(folder / "out" / "alarms.csv")} == {"load"}


def test_a_quiet_file_has_a_table_without_rows(backtest, folder):
    times = np.arange(400) * 60
    values = np.random.default_rng(0).normal(10, 1, 400)
    np.savetxt(
        "calm.csv",
        np.column_stack([times, values]),
        "%.4f",
        ",",
        comments="",
        header="timestamp,value",
    )
    code, out, _ = backtest("calm.csv", "--budget", "1/10y", "--out", "out")
    assert code == 0
    assert "calm: 0 alarms" in out
    assert (folder / "out" / "alarms.csv").read_text() == COLUMNS + "\n"


def test_a_looser_budget_gives_no_fewer_alarms(backtest, folder):
    counts = [
        orjson.loads(backtest("load.csv", "--json", "--budget", budget)[1])[0]["alarms"]
        for budget in ("1/1y", "4/day")
    ]
    assert counts[0] <= counts[1]
    assert counts[1] > 0


def test_a_signal_that_fails_does_not_stop_the_others(backtest, folder):
    code, out, err = backtest("--json")
    assert code == 1
    load, nothing = orjson.loads(out)
    assert (load["name"], load["failed"]) == ("load", False)
    assert (nothing["name"], nothing["failed"]) == ("nothing", True)
    assert "forewarn: nothing: a detector needs at least 60 samples of history, got 0" in err


def test_a_mask_that_cannot_be_read_is_a_warning(backtest, folder):
    text = CONFIG.replace("budget: 1/10d", "budget: 1/10d, masks: [{ical: absent.ics}]")
    Path("forewarn.yaml").write_text(text)
    code, out, err = backtest("load", "--json")
    assert code == 0
    assert "forewarn: load: warning: nothing is hidden by the calendar" in err
    assert len(orjson.loads(out)[0]["warnings"]) == 1


def test_where_mlflow_fails_what_came_of_it_is_still_told(backtest, folder):
    Path("mlruns/mlflow.db").write_bytes(b"no database")
    code, out, err = backtest("load")
    assert code == 1
    assert "load: " in out
    assert "forewarn: load: the model registry" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["laod"], "did you mean 'load'?"),
        (["load", "load.csv"], "one call takes signals or files, got the signal 'load'"),
        (["load", "--days", "0"], "--days must be more than 0 and at most 3650, got 0"),
        (["load", "--budget", "often"], "a budget must be a count of at least 1"),
        (
            ["load", "--labels", "incidents.csv", "--labels-from-alerts", "ALERTS"],
            "--labels and --labels-from-alerts exclude each other",
        ),
        (["load", "--labels-from-alerts", "up"], "must be a selector of ALERTS"),
        (["load", "--labels-from-alerts", "ALERTS"], "needs `prometheus` in the file"),
        (["load.csv", "--labels-from-alerts", "ALERTS"], "asks Prometheus"),
    ],
)
def test_what_cannot_be_is_refused(backtest, folder, arguments, said):
    code, out, err = backtest(*arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_a_signal_of_a_real_prometheus_is_held_against_its_alerts(
    backtest, folder, prometheus: LocalServer
):
    now = time.time_ns() // 15_000_000_000 * 15_000
    times = now - 15_000 * np.arange(200)[::-1]
    values = np.random.default_rng(1).normal(10, 1, len(times))
    values[-40:-30] += 30
    series = [
        labels_of({"__name__": "backtest_load", "instance": "a"}),
        labels_of({"__name__": "ALERTS", "alertname": "BacktestTest", "alertstate": "firing"}),
    ]
    firing = times[-44:-28]
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write"))
    row = np.repeat([0, 1], [len(times), len(firing)])
    every = np.concatenate([values, np.ones(len(firing))])
    assert writer.send(series, row, np.concatenate([times, firing]), every).accepted == len(row)
    writer.close()
    Path("forewarn.yaml").write_text(
        f'prometheus: {{url: "{prometheus.url}", retries: 0}}\n'
        "signals: [{name: load, query: backtest_load, step: 15s, history: 40m}]\n"
    )
    alerts = 'ALERTS{alertname="BacktestTest"}'
    code, out, _ = backtest("load", "--labels-from-alerts", alerts, "--json")
    assert code == 0
    (answer,) = orjson.loads(out)
    assert (answer["series"], answer["events"], answer["events_found"]) == (1, 1, 1)


def test_a_prometheus_that_is_down_is_told_and_exits_1(backtest, folder):
    Path("forewarn.yaml").write_text(
        'prometheus: {url: "http://127.0.0.1:1", retries: 0}\nsignals: [{name: up, query: up}]\n'
    )
    code, out, err = backtest()
    assert (code, out) == (1, "")
    assert "forewarn: up: http://127.0.0.1:1 must be reachable" in err
