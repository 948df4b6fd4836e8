"""forewarn_service.logs.security: what security rules find in lines that are counted."""

import logging

import pytest

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.security.rules import SecurityRules
from forewarn_adapters.security.watch import SecurityCount, Series
from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_service.logs import security
from forewarn_service.logs.counting import LineCounting
from forewarn_service.logs.security import SecurityCounting, SecuritySeries
from forewarn_service.logs.stored import unpacked
from log_parts import NOW, batch_of, counting_of

FAILED = "Failed password for root from 203.0.113.{} port 4022 ssh2"


@pytest.fixture(scope="module")
def rules() -> SecurityRules:
    return SecurityRules.load(shipped=True)


def watching(rules: SecurityRules, *, sources: tuple[str, ...] = ("app",)) -> LineCounting:
    counting = counting_of(sources)
    settings = [LogSourceConfig(name=name, files=("/x.log",)) for name in sources]
    counting.security = SecurityCounting(rules, settings)
    return counting


def say(counting: LineCounting, *lines: str, at: int = NOW, service: str = "sshd") -> None:
    batch = batch_of(lines, services=(service,), milliseconds=at)
    counting.take("app", batch, now_milliseconds=at)


def found(counting: LineCounting) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Events and lines by source, service and rule."""
    series = counting.cut(now_milliseconds=NOW).snapshot.security
    return {(each.source, each.service, each.rule): (each.events, each.lines) for each in series}


def test_failed_passwords_are_counted_as_events_and_lines(rules: SecurityRules) -> None:
    counting = watching(rules)
    say(counting, *[FAILED.format(7)] * 3, "session opened for user ann")
    counts = found(counting)
    assert counts
    assert {(source, service) for source, service, _ in counts} == {("app", "sshd")}
    assert (1, 3) in counts.values()


def test_what_was_found_goes_on_after_a_restart(rules: SecurityRules) -> None:
    counting = watching(rules)
    say(counting, FAILED.format(7))
    whole = counting.cut(now_milliseconds=NOW)
    say(counting, "nothing of the kind")
    quiet = counting.cut(now_milliseconds=NOW)
    assert quiet.state is not None
    assert not any(name.startswith("security/") for name in quiet.state.manifest)
    states = [from_bytes(to_bytes(each.state)) for each in (whole, quiet) if each.state]
    again = watching(rules)
    again.restore(unpacked(states))
    assert found(again) == found(counting)
    say(again, FAILED.format(7))
    say(counting, FAILED.format(7))
    assert found(again) == found(counting)


def test_an_event_is_logged_once_with_its_evidence_masked(
    rules: SecurityRules, caplog: pytest.LogCaptureFixture
) -> None:
    counting = watching(rules)
    say(counting, FAILED.format(7))
    n_told = len(caplog.records)
    assert n_told >= 1
    assert all(record.levelno == logging.WARNING for record in caplog.records)
    assert "in log source app, service sshd: Failed password for root" in caplog.text
    say(counting, FAILED.format(7), at=NOW + 1_000)
    assert len(caplog.records) == n_told
    say(counting, "later", at=NOW + 100_000_000)
    say(counting, FAILED.format(7), at=NOW + 100_001_000)
    assert len(caplog.records) == 2 * n_told


def test_a_flood_of_events_fills_neither_log_nor_memory(
    rules: SecurityRules, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "_MOST_TOLD", 5)
    monkeypatch.setattr(security, "_MOST_REMEMBERED", 10)
    counting = watching(rules)
    say(counting, *(FAILED.format(number) for number in range(1, 200)))
    assert len(caplog.records) == 5
    assert counting.security is not None
    assert len(counting.security._told) <= 10
    say(counting, FAILED.format(250), at=NOW + 60_000)
    assert len(caplog.records) > 5


def test_names_that_look_alike_are_one_series_and_sources_that_are_gone_none(
    rules: SecurityRules,
) -> None:
    counted = SecurityCounting(rules, [LogSourceConfig(name="app", files=("/x.log",))])
    for source, service in (("app", "a\tb"), ("app", "a b"), ("app", ""), ("gone", "a b")):
        series = Series("rule", "low", source, service)
        counted._watch.counts[series] = SecurityCount(events=1, lines=2)
    assert counted.series() == (
        SecuritySeries("rule", "low", "app", "a b", 2, 4),
        SecuritySeries("rule", "low", "app", "unknown", 1, 2),
    )


def test_series_say_who_and_how_severe(rules: SecurityRules) -> None:
    counting = watching(rules)
    say(counting, FAILED.format(7), service="")
    series = counting.cut(now_milliseconds=NOW).snapshot.security
    assert all(isinstance(each, SecuritySeries) for each in series)
    assert {each.level for each in series} <= {"informational", "low", "medium", "high", "critical"}
    assert all(each.service for each in series)
