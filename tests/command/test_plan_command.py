"""forewarn.commands.plan"""

import time
from functools import partial
from pathlib import Path

import numpy as np
import orjson
import pytest

from forewarn import measuring
from forewarn.measuring import Cost, cost_of
from forewarn.planning import plan_of
from forewarn_adapters.config.reading import parse_config
from forewarn_adapters.config.servers import RemoteWrite
from forewarn_adapters.local_servers import LocalServer
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_models.labels import labels_of
from forewarn_models.layout import N_EXACT, N_ROUGH

CONFIG = """
prometheus: {{url: "{url}", retries: 0, timeout: 5s}}
budgets: {{checkout: 1/week}}
signals:
  - name: load
    query: plan_load_ratio  # a comment
    step: 30s
    history: 1h
    team: checkout
    group_by: [zone]
    budget: 1/week
  - {{name: sum_of_load, query: sum(plan_load_ratio), step: 30s, history: 1h, budget: 1/14d}}
"""


@pytest.fixture
def plan(run_forewarn, clean_directory, monkeypatch):
    """Return a function that runs `forewarn plan` and gives its exit code and output.

    It measures on fewer series and samples than users do: of what that costs, `cost` tells.
    """
    monkeypatch.setattr(measuring, "_MANY", 64)
    monkeypatch.setattr(measuring, "_LEARNED_SAMPLES", 20_000)
    monkeypatch.setattr(measuring, "_WARMING_SAMPLES", 5_000)
    return partial(run_forewarn, "plan")


@pytest.fixture(scope="module")
def four_series(prometheus: LocalServer) -> str:
    """Four series in two zones in a real Prometheus; the answer is its url."""
    series = [
        labels_of({"__name__": "plan_load_ratio", "instance": name, "zone": name[0]})
        for name in ("a1", "a2", "b1", "b2")
    ]
    now = np.full(4, time.time_ns() // 1_000_000)
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write"))
    assert writer.send(series, np.arange(4), now, np.ones(4)).accepted == 4
    writer.close()
    return prometheus.url


@pytest.fixture(scope="module")
def cost() -> Cost:
    text = "files: [x.csv]\nsignals: [{name: load, query: x, step: 1m, history: 1d}]\n"
    return cost_of(parse_config(text, environment={}).signals[0])


def test_series_are_counted_in_a_real_prometheus_and_their_cost_is_told(plan, four_series):
    Path("forewarn.yaml").write_text(CONFIG.format(url=four_series))
    code, out, _ = plan()
    assert code == 0
    heading, load, total_of_one, total, *rest = out.splitlines()
    assert heading.split()[:4] == ["SIGNAL", "SERIES", "WRITTEN", "READ/S"]
    # seven families a series, three a group; and the pages of four series and two groups
    assert load.split()[:3] == ["load", "4", str(4 * 7 + 2 * 3)]
    assert load.split()[-1] == "6"
    assert total_of_one.split()[:3] == ["sum_of_load", "1", "7"]
    assert total.split()[:3] == ["total", "5", "41"]
    assert sum("measured here for" in line for line in rest) == 2  # groups are not alike
    assert "team checkout: 6.00 false pages a week; accepts 1.00" in rest
    assert any(line.startswith("warning: team checkout: its signals allow 6.00") for line in rest)


def test_machines_read_the_same(plan, four_series):
    Path("forewarn.yaml").write_text(CONFIG.format(url=four_series))
    code, out, _ = plan("--json")
    assert code == 0
    report = orjson.loads(out)
    load = report["signals"][0]["planned"]
    assert (load["series"], load["groups"], load["series_written"]) == (4, 2, 34)
    assert load["queries_per_minute"] == 2.0
    assert load["samples_a_query"] == pytest.approx(4 * 6.6)
    assert load["samples_read_per_second"] == pytest.approx(4 * 6.6 * 2 / 60)
    assert load["samples_written_per_second"] == pytest.approx(34 / 30)
    assert report["totals"]["series"] == 5
    assert report["complete"] is True
    assert (len(report["warnings"]), report["errors"]) == (1, [])


def test_a_prometheus_that_is_down_leaves_numbers_unknown_and_exits_1(plan):
    Path("forewarn.yaml").write_text(CONFIG.format(url="http://127.0.0.1:1"))
    code, out, _ = plan()
    assert code == 1
    lines = out.splitlines()
    assert set(lines[1].split()[1:]) == {"unknown"}
    assert lines[3].startswith("total of those known")
    assert lines[-1].startswith(
        "error: signals load, sum_of_load: http://127.0.0.1:1 must be reachable: "
    )
    report = orjson.loads(plan("--json")[1])
    assert report["signals"][0]["planned"] is None
    assert report["signals"][0]["measured"]["families"] == 7
    assert report["complete"] is False


def test_a_query_that_is_refused_leaves_the_others_known(plan, four_series):
    text = CONFIG.format(url=four_series).replace("sum(plan_load_ratio)", '"sum(("')
    Path("forewarn.yaml").write_text(text)
    code, out, _ = plan()
    assert code == 1
    assert out.splitlines()[1].split()[:2] == ["load", "4"]
    assert "error: signal sum_of_load: the query is refused (HTTP 400)" in out
    assert "its signals allow at least 6.00 false pages" in out


def test_files_are_counted_too_and_an_empty_signal_is_a_warning(plan):
    Path("load.csv").write_text("timestamp,a,b\n1700000000,1,2\n1700000060,1,2\n")
    Path("forewarn.yaml").write_text(
        "files: [load.csv]\nsignals:\n"
        "  - {name: load, query: '{}', step: 1m, history: 2h, forecast: {horizon: 1d}}\n"
        "  - {name: nothing, query: absent, step: 1m, history: 2h}\n"
    )
    code, out, _ = plan()
    assert code == 0
    assert out.splitlines()[1].split()[:3] == ["load", "2", str(2 * 7 + 2 * 15)]
    assert "measured here for load, nothing: " in out
    assert "warning: signal nothing: no series in the files" in out


def test_a_refused_configuration_exits_2(plan):
    assert plan()[0] == 2


def test_a_series_takes_at_most_32_kilobytes(cost):
    # the model's memory, and two whole states of the fold
    assert 3 * (8 * N_EXACT + 4 * N_ROUGH) < cost.kept_bytes < 32_000


def test_a_fine_step_takes_the_memory_of_its_samples(cost):
    text = "files: [x.csv]\nsignals: [{name: load, query: x, step: 1s, history: 1d}]\n"
    fine = cost_of(parse_config(text, environment={}).signals[0])
    more_samples = 600 - 10  # in the ten minutes that are kept; each a key, a value and a mark
    assert 17 * more_samples < fine.kept_bytes - cost.kept_bytes < 1.5 * 17 * more_samples


def test_memory_is_what_is_kept_and_what_a_portion_takes_while_it_is_read(plan, four_series):
    Path("forewarn.yaml").write_text(CONFIG.format(url=four_series))
    load = orjson.loads(plan("--json")[1])["signals"][0]
    a_series = load["measured"]["kept_bytes"] + load["measured"]["working_bytes"]
    assert load["measured"]["working_bytes"] > 0
    assert load["planned"]["memory_bytes"] == pytest.approx(4 * a_series)


def test_what_a_series_costs_is_measured(cost):
    assert 8 < cost.learning_bytes < 1_000
    assert 0 < cost.learning_seconds < 1e-3
    assert 0 < cost.tick_seconds_a_series < 1e-2
    assert 0 <= cost.tick_seconds < 1.0
    assert (cost.families, cost.group_families) == (7, 0)


def test_signals_that_are_alike_are_measured_once(clean_directory):
    Path("load.csv").write_text("timestamp,a\n1700000000,1\n1700000060,1\n")
    signals = "".join(
        f"- {{name: s{step}{n}, query: '{{}}', step: {step}m, history: 2h}}\n"
        for n in range(3)
        for step in (1, 2)
    )
    said: list[str] = []
    config = parse_config(
        f"files: [load.csv]\nsignals:\n{signals}", environment={}, folder=Path.cwd()
    )
    plan_of(config, progress=said.append)
    assert said == [
        "counting series",
        "measuring series like those of s10",
        "measuring series like those of s20",
    ]
