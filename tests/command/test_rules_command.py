from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from forewarn.__main__ import app
from forewarn_models.errors import ConfigError, WriteError

CONFIG = """
prometheus: {url: "http://127.0.0.1:9090"}
training: {every: 6h}
budgets: {shop: 2/week}
signals:
  - {name: latency, query: demo_latency_seconds, step: 10s, team: shop}
  - name: disk_free
    query: demo_disk_free_bytes
    step: 5m
    forecast: {horizon: 3d, limit: {below: 0}}
"""


@pytest.fixture
def config(clean_directory: Path) -> Path:
    path = clean_directory / "forewarn.yaml"
    path.write_text(CONFIG)
    return path


def test_the_rules_of_forewarn_yaml_go_to_standard_output(config: Path) -> None:
    done = CliRunner().invoke(app, ["rules"])
    names = [group["name"] for group in yaml.safe_load(done.stdout)["groups"]]
    assert (done.exit_code, done.stderr) == (0, "")
    assert names == [
        "forewarn-recording",
        "forewarn-latency",
        "forewarn-disk_free",
        "forewarn-itself",
        "forewarn-logs",
    ]


def test_a_file_gets_the_same_text_and_standard_output_none(config: Path) -> None:
    shown = CliRunner().invoke(app, ["rules", "--config", str(config), "--out", "-"])
    written = CliRunner().invoke(app, ["rules", "--out", "rules.yml"])
    assert shown.stdout == (config.parent / "rules.yml").read_text()
    assert (written.exit_code, written.stdout, written.stderr) == (0, "", "wrote rules.yml\n")


def test_team_and_times_and_limit_come_from_the_configuration(config: Path) -> None:
    text = CliRunner().invoke(app, ["rules"]).stdout
    rules = {
        (group["name"], rule["alert"]): rule
        for group in yaml.safe_load(text)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert rules["forewarn-latency", "ForewarnEpisode"]["labels"] == {"team": "shop"}
    assert rules["forewarn-latency", "ForewarnTrainingLate"]["expr"].endswith("> 43200")
    assert ("forewarn-latency", "ForewarnLimitBreach") not in rules
    assert ("forewarn-disk_free", "ForewarnLimitBreach") in rules
    assert ("forewarn-latency", "ForewarnForecastUnskilled") not in rules
    assert ("forewarn-disk_free", "ForewarnForecastUnskilled") in rules


def test_a_refused_configuration_writes_nothing(config: Path) -> None:
    config.write_text("signals: []\n")
    done = CliRunner().invoke(app, ["rules", "--out", "rules.yml"])
    assert isinstance(done.exception, ConfigError)
    assert not (config.parent / "rules.yml").exists()


def test_a_file_that_cannot_be_written_is_named(config: Path) -> None:
    done = CliRunner().invoke(app, ["rules", "--out", "missing/rules.yml"])
    assert isinstance(done.exception, WriteError)
    assert str(done.exception) == (
        "--out must name a file that can be written, got missing/rules.yml: "
        "No such file or directory"
    )
