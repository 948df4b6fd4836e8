import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from forewarn_adapters.local_servers import PROMTOOL, find_program
from forewarn_rules import SignalRules, rules_for

LATENCY = SignalRules(
    "latency", step=timedelta(seconds=10), train_every=timedelta(hours=6), team="shop"
)
DISK = SignalRules(
    "disk_free",
    step=timedelta(minutes=5),
    train_every=timedelta(days=1),
    has_forecast=True,
    has_limit=True,
)


def rules_of(*signals: SignalRules) -> dict[tuple[str, str], dict[str, Any]]:
    groups = yaml.safe_load(rules_for(signals))["groups"]
    return {
        (group["name"], rule["alert"]): rule
        for group in groups
        for rule in group["rules"]
        if "alert" in rule
    }


def test_promtool_accepts_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(rules_for([LATENCY, DISK]))
    command = [find_program(PROMTOOL) or "promtool", "check", "rules", "--lint-fatal", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_team_may_have_any_name(tmp_path: Path) -> None:
    team = 'a {{ .x }} {{"b"}}'
    step, day = timedelta(minutes=1), timedelta(days=1)
    (tmp_path / "rules.yml").write_text(rules_for([SignalRules("cpu", step, day, team=team)]))
    series = 'forewarn_last_success_timestamp_seconds{job="score",signal="cpu"}'
    alert = {
        "exp_labels": {"severity": "critical", "signal": "cpu", "team": team},
        "exp_annotations": {"summary": "cpu was last scored 20m 0s ago"},
    }
    test = {
        "interval": "1m",
        "input_series": [{"series": series, "values": "0x30"}],
        "alert_rule_test": [
            {"eval_time": "20m", "alertname": "ForewarnTicksLate", "exp_alerts": [alert]}
        ],
    }
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": [test]}))
    command = [find_program(PROMTOOL) or "promtool", "test", "rules", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_expression_can_be_read_as_it_is_written() -> None:
    assert "\\n" not in rules_for([LATENCY, DISK])


def test_the_same_signals_give_the_same_text() -> None:
    assert rules_for([LATENCY, DISK]) == rules_for([LATENCY, DISK])


def test_each_signal_pages_its_own_team_and_a_signal_without_one_has_no_such_label() -> None:
    rules = rules_of(LATENCY, DISK)
    page = rules["forewarn-latency", "ForewarnEpisode"]
    assert page["expr"] == 'forewarn_episode_active{signal="latency"} == 1'
    assert page["labels"] == {"team": "shop"}
    assert "labels" not in rules["forewarn-disk_free", "ForewarnEpisode"]


def test_no_rule_of_a_signal_looks_at_another_one() -> None:
    rules = rules_of(LATENCY, DISK)
    assert [
        rule["expr"]
        for (group, _), rule in rules.items()
        if group == "forewarn-latency" and 'signal="latency"' not in rule["expr"]
    ] == []
    assert [alert for (_, alert), rule in rules.items() if "signal=~" in rule["expr"]] == []


def test_only_a_signal_with_a_limit_has_the_rules_of_the_limit() -> None:
    found = [names for names in rules_of(LATENCY, DISK) if "Limit" in names[1]]
    assert found == [
        ("forewarn-disk_free", "ForewarnLimitSoon"),
        ("forewarn-disk_free", "ForewarnLimitBreach"),
    ]


def test_only_a_signal_that_is_forecast_has_the_rule_of_its_skill() -> None:
    walk = SignalRules("walk", DISK.step, DISK.train_every, has_forecast=True)
    found = {group for group, alert in rules_of(LATENCY, DISK, walk) if "Unskilled" in alert}
    assert found == {"forewarn-disk_free", "forewarn-walk"}


def test_lateness_is_counted_in_the_steps_and_trainings_of_the_signal() -> None:
    rules = rules_of(LATENCY, DISK)
    late = {
        key: rule["expr"].split("> ")[1] for key, rule in rules.items() if "time()" in rule["expr"]
    }
    assert late == {
        ("forewarn-latency", "ForewarnTicksLate"): "300",
        ("forewarn-latency", "ForewarnTrainingLate"): "43200",
        ("forewarn-disk_free", "ForewarnTicksLate"): "900",
        ("forewarn-disk_free", "ForewarnTrainingLate"): "172800",
    }


def test_rules_on_forewarn_itself_are_written_once() -> None:
    assert [alert for group, alert in rules_of(LATENCY, DISK) if group == "forewarn-itself"] == [
        "ForewarnAbsent",
        "ForewarnSourceFailing",
        "ForewarnFailing",
        "ForewarnNobodyWrites",
        "ForewarnTicksSkipped",
        "ForewarnSamplesDropped",
    ]
