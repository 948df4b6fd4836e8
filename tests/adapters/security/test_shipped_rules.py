"""The rules that come with Forewarn: each finds what it is for, and passes over what is like it."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from forewarn_adapters.security.events import SecurityEvent
from forewarn_adapters.security.loading import SHIPPED, collection_of, rule_files
from forewarn_adapters.security.rules import SecurityRules
from forewarn_adapters.security.watch import SecurityWatch
from security_parts import SETTINGS, batch_of

FOLDER = Path(__file__).parent / "examples"
Example = dict[str, Any]


@cache
def shipped() -> SecurityRules:
    return SecurityRules.load(shipped=True)


@cache
def examples() -> dict[str, dict[str, list[Example]]]:
    whole: dict[str, dict[str, list[Example]]] = {}
    for file in sorted(FOLDER.glob("*.yaml")):
        whole.update(yaml.safe_load(file.read_text()))
    return whole


def cases(kind: str) -> list[Any]:
    return [
        pytest.param(name, example, id=f"{name}-{number}")
        for name, both in examples().items()
        for number, example in enumerate(both.get(kind, []))
    ]


def events_of(example: Example) -> list[SecurityEvent]:
    times, every = example.get("times", 1), example.get("every", 1)
    lines = [
        line.replace("{n}", f"{number:02}") for number in range(times) for line in example["lines"]
    ]
    seconds = [number * every for number in range(times) for _ in example["lines"]]
    lines += example.get("then", [])
    seconds += [seconds[-1] + 60] * (len(lines) - len(seconds))
    return SecurityWatch(shipped()).take(batch_of(lines, seconds=seconds), SETTINGS)


@pytest.mark.parametrize(("name", "example"), cases("positive"))
def test_it_finds_what_it_is_for(name: str, example: Example) -> None:
    events = [event for event in events_of(example) if event.rule_name == name]
    assert len(events) == 1
    for fact in ("source_address", "account"):
        assert getattr(events[0], fact) == example.get(fact, getattr(events[0], fact))
    assert events[0].evidence


@pytest.mark.parametrize(("name", "example"), cases("negative"))
def test_it_passes_over_what_is_like_it(name: str, example: Example) -> None:
    assert name not in {event.rule_name for event in events_of(example)}


def test_each_rule_that_is_told_has_both_examples() -> None:
    told = {facts.name for facts in shipped().facts() if facts.is_told}
    has_both = {
        name for name, both in examples().items() if both.get("positive") and both.get("negative")
    }
    assert told == has_both
    assert {facts.name for facts in shipped().facts()} == set(examples())


def test_each_rule_says_what_people_need() -> None:
    for each in collection_of(rule_files([], shipped=True)):
        assert re.fullmatch(r"[a-z][a-z0-9_]+", each.name)
        assert each.id.version == 4
        assert each.level is not None
        assert each.status is not None
        assert each.description
        assert each.falsepositives
        assert any(tag.namespace == "attack" and re.match(r"t\d{4}", tag.name) for tag in each.tags)


def test_each_names_words_by_which_its_lines_are_found() -> None:
    assert shipped().slow == ()


def test_there_are_rules_in_the_package() -> None:
    assert len(list(SHIPPED.glob("*.yml"))) == len(list(FOLDER.glob("*.yaml"))) == 9


def test_healthy_logs_are_passed_over() -> None:
    healthy = [
        "Nov 27 10:00:00 web1 systemd[1]: Started Session 5 of user ana.",
        "Nov 27 10:00:00 web1 kernel: [ 12.1] eth0: link becomes ready",
        ("Nov 27 10:00:00 web1 CRON[77]: pam_unix(cron:session): session opened "
        "for user root(uid=0)"),
        ('10.0.0.5 - ana [27/Nov/2026:10:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 '
        '401 "-" "Mozilla/5.0"'),
        '{"time":"2026-11-27T10:00:00Z","level":"info","msg":"token refreshed","user":"ana"}',
        '{"level":"error","msg":"select failed: union of types","status":500}',
        'time=2026-11-27T10:00:00Z level=info msg="password changed" user=ana',
        "java.lang.IllegalStateException: Failed to read password file",
        "", "\x00\x01\x02", "{", "Nov 27", '{"auditID": 1, "verb": []}', "type=EXECVE msg=audit(",
    ]  # fmt: skip
    assert SecurityWatch(shipped()).take(batch_of(healthy), SETTINGS) == []


def test_the_filter_of_the_documents_silences_whom_it_names(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "security.md").read_text()
    (text,) = [
        part for part in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "filter:" in part
    ]
    (tmp_path / "filter.yml").write_text(text)
    rules = SecurityRules.load(shipped=True, paths=[tmp_path])
    line = (
        "Nov 27 10:00:00 web1 sudo: {} : TTY=pts/0 ; PWD=/ ; USER=root ; "
        "COMMAND=/usr/bin/tee /root/.ssh/authorized_keys"
    )
    events = SecurityWatch(rules).take(
        batch_of([line.format("deploy"), line.format("bob")]), SETTINGS
    )
    assert [event.account for event in events] == ["bob"]
