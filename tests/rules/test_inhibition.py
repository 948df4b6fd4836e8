"""The Alertmanager example on a real Alertmanager: what it holds back and what it lets through."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import urllib3

from forewarn_adapters.local_servers import start_configured_alertmanager

EXAMPLE = Path(__file__).parents[2] / "deploy" / "alertmanager.example.yml"


@pytest.fixture
def example(tmp_path: Path) -> Iterator[str]:
    server = start_configured_alertmanager(tmp_path, EXAMPLE)
    yield server.url
    server.stop()


def states(url: str, *alerts: dict[str, str], suppressed: int) -> list[str]:
    """The state of each alert when all have fired and `suppressed` of them are held back."""
    now = datetime.now(tz=UTC).isoformat()
    body = [{"labels": labels, "startsAt": now} for labels in alerts]
    assert urllib3.request("POST", f"{url}/api/v2/alerts", json=body).status == 200
    listed: list[str] = []
    deadline = time.monotonic() + 10.0
    # What holds back is taken in a moment after it was posted.
    while listed.count("suppressed") != suppressed and time.monotonic() < deadline:
        shown = urllib3.request("GET", f"{url}/api/v2/alerts").json()
        found = {frozenset(one["labels"].items()): one["status"]["state"] for one in shown}
        listed = [found.get(frozenset(labels.items()), "missing") for labels in alerts]
    return listed


def episode(severity: str, service: str) -> dict[str, str]:
    labels = {"signal": "latency", "direction": "up", "team": "shop"}
    return {"alertname": "ForewarnEpisode", "severity": severity, "service": service, **labels}


def test_a_warning_is_held_back_by_a_critical_episode_of_the_same_series_only(
    example: str,
) -> None:
    critical, same, other = (
        episode("critical", "checkout"),
        episode("warning", "checkout"),
        episode("warning", "search"),
    )
    assert states(example, critical, same, other, suppressed=1) == [
        "active",
        "suppressed",
        "active",
    ]


def test_a_limit_that_is_near_holds_back_that_it_is_within_the_horizon(example: str) -> None:
    series = {"signal": "disk_free", "mountpoint": "/data"}
    soon = {"alertname": "ForewarnLimitSoon", "severity": "critical", **series}
    breach = {"alertname": "ForewarnLimitBreach", "severity": "warning", **series}
    other = {**breach, "mountpoint": "/"}
    assert states(example, soon, breach, other, suppressed=1) == ["active", "suppressed", "active"]


def test_a_failing_source_holds_back_what_follows_from_it_and_no_page(example: str) -> None:
    failing = {"alertname": "ForewarnSourceFailing", "signal": "latency", "severity": "critical"}
    blind = {"alertname": "ForewarnCannotSay", "signal": "latency", "severity": "warning"}
    other = {"alertname": "ForewarnCannotSay", "signal": "requests", "severity": "warning"}
    page = episode("critical", "checkout")
    assert states(example, failing, blind, other, page, suppressed=1) == [
        "active",
        "suppressed",
        "active",
        "active",
    ]


def test_a_forewarn_that_is_gone_is_one_alert(example: str) -> None:
    gone = {"alertname": "ForewarnAbsent", "severity": "critical"}
    late = {"alertname": "ForewarnTicksLate", "signal": "latency", "severity": "critical"}
    assert states(example, gone, late, suppressed=1) == ["active", "suppressed"]


def test_new_lines_of_a_service_are_held_back_while_it_says_a_new_error(example: str) -> None:
    error = {"alertname": "ForewarnNewLogPattern", "source": "cluster", "service": "checkout"}
    error |= {"level": "error", "pattern": "00ff", "severity": "critical"}
    same = {**error, "level": "info", "pattern": "00aa", "severity": "warning"}
    other = {**same, "service": "search"}
    assert states(example, error, same, other, suppressed=1) == ["active", "suppressed", "active"]
