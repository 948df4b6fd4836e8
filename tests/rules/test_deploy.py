import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from forewarn_adapters.local_servers import PROMTOOL, find_program
from forewarn_rules import read_rules
from forewarn_service import worker
from forewarn_service.families import FAMILIES
from forewarn_service.logs import families as log_families
from forewarn_service.logs.families import LogFamily
from forewarn_service.telemetry import Telemetry
from forewarn_training.telemetry import JOB, TrainingTelemetry

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "forewarn.json").read_text())
ALERTMANAGER = DEPLOY / "alertmanager.example.yml"


def run(names: tuple[str, ...], *arguments: str | Path) -> str:
    command = [find_program(names) or names[0], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def expressions() -> Iterator[str]:
    """Every expression of the dashboard, with its variables filled in."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield filled_in(target["expr"])
    for annotation in DASHBOARD["annotations"]["list"]:
        yield filled_in(annotation["expr"])


def filled_in(expression: str) -> str:
    filled = expression.replace("${series:raw}", 'service="a",signal="s"')
    return filled.replace("$__rate_interval", "1m").replace("$signal", "s")


def written_names() -> set[str]:
    """Every metric name that Forewarn or its recording rules write."""
    registry = CollectorRegistry()
    TrainingTelemetry(registry, Telemetry(registry, version="0"))
    endings = {"counter": "_total", "histogram": "_bucket"}
    own = {family.name + endings.get(family.type, "") for family in registry.collect()}
    recorded = yaml.safe_load(read_rules("recording"))["groups"][0]["rules"]
    of_logs = [each for each in vars(log_families).values() if isinstance(each, LogFamily)]
    families = {family.name for family in (*FAMILIES, *of_logs)}
    return own | families | {rule["record"] for rule in recorded}


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"[a-z_]+:forewarn_\w+:\w+|(?<![:\w])forewarn_\w+", expression))


def test_promtool_accepts_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"e:{n}", "expr": text} for n, text in enumerate(expressions())]
    path = tmp_path / "dashboard.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run(PROMTOOL, "check", "rules", path)
    assert len(rules) >= 25


def test_the_dashboard_asks_only_for_names_that_are_written() -> None:
    asked = set().union(*map(names_in, expressions()))
    assert asked - written_names() == set()


def test_the_rules_ask_only_for_names_that_are_written() -> None:
    groups = [
        group
        for name in ("alerts", "recording")
        for group in yaml.safe_load(read_rules(name))["groups"]
    ]
    rules = [rule for group in groups for rule in group["rules"]]
    texts = [
        text for rule in rules for text in (rule["expr"], *rule.get("annotations", {}).values())
    ]
    asked = set().union(*map(names_in, texts))
    assert asked - written_names() == set()


def test_the_dashboard_shows_every_metric_of_a_signal() -> None:
    asked = set().union(*map(names_in, expressions()))
    assert {family.name for family in FAMILIES} - asked == set()


def test_panels_have_distinct_ids_and_do_not_overlap() -> None:
    panels: list[dict[str, Any]] = DASHBOARD["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_series_variable_reads_the_labels_out_of_a_query_result() -> None:
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    pattern = variables["series"]["regex"].strip("/")
    shown = 'forewarn_value{service="a",signal="s"} 0.1 1790000000000'
    found = re.match(pattern, shown)
    assert list(variables) == ["datasource", "signal", "series"]
    assert found is not None
    assert found[1] == 'service="a",signal="s"'


def test_promtool_accepts_the_prometheus_example_with_our_rules(tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text((DEPLOY / "prometheus.example.yml").read_text())
    (tmp_path / "forewarn-rules.yml").write_text(read_rules("recording"))
    run(PROMTOOL, "check", "config", config)
    jobs = {job["job_name"]: job for job in yaml.safe_load(config.read_text())["scrape_configs"]}
    assert jobs["forewarn"]["honor_labels"] is True


def test_amtool_accepts_the_alertmanager_example() -> None:
    assert "SUCCESS" in run(("amtool",), "check-config", ALERTMANAGER)


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("alertname=ForewarnEpisode", "severity=warning"), "everybody"),
        (("alertname=ForewarnEpisode", "severity=critical"), "pager"),
        (("alertname=ForewarnEpisode", "severity=warning", "team=shop"), "shop-chat"),
        (("alertname=ForewarnEpisode", "severity=critical", "team=shop"), "shop-pager"),
        (("alertname=ForewarnLimitBreach", "severity=warning", "team=shop"), "shop-chat"),
        (("alertname=ForewarnTicksLate", "severity=critical", "team=shop"), "monitoring"),
        (("alertname=ForewarnAbsent", "severity=critical"), "monitoring"),
        (("alertname=ForewarnLogSourceDown", "severity=critical"), "monitoring"),
        (("alertname=ForewarnNewLogPattern", "severity=critical"), "pager"),
        (("alertname=ForewarnNewLogPattern", "severity=warning"), "everybody"),
    ],
)
def test_alerts_reach_their_receiver(labels: tuple[str, ...], receiver: str) -> None:
    where = f"--config.file={ALERTMANAGER}"
    assert run(("amtool",), "config", "routes", "test", where, *labels).strip() == receiver


def test_every_alert_name_in_the_alertmanager_example_is_one_of_ours() -> None:
    text = ALERTMANAGER.read_text()
    named = set(re.findall(r"Forewarn[A-Z]\w+", text))
    for inside in re.findall(r"Forewarn\(([\w|]+)\)", text):
        named |= {f"Forewarn{ending}" for ending in inside.split("|")}
    ours = set(re.findall(r"alert: (\w+)", read_rules("alerts")))
    assert named - ours == set()


def test_lateness_is_read_of_the_jobs_that_training_and_scoring_note_their_success_under() -> None:
    asked = set(re.findall(r'job="(\w+)"', read_rules("alerts")))
    noted = set(re.findall(r'succeeded\("(\w+)"', Path(worker.__file__).read_text()))
    assert asked == {JOB} | noted
