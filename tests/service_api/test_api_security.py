"""What security rules found, asked of the API."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from api_parts import CONFIG, TEAM_TOKEN, TOKENS, with_tokens
from api_server import Answer, Api, served
from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.security.events import SecurityEvent
from forewarn_adapters.security.rules import SecurityRules
from forewarn_service.logs.security import SecurityCounting
from log_parts import NOW, batch_of

SECOND = 10**9


def event(number: int, **changes: object) -> SecurityEvent:
    base = SecurityEvent(
        event_id=f"{number:016x}",
        rule_id="6d1d0a4c-0000-4000-8000-000000000000",
        rule_name="ssh_brute_force",
        rule_title="Guessed passwords",
        rule_level="high",
        source="auth",
        service="sshd",
        host="web-1",
        began_nanoseconds=number * SECOND,
        timestamp_nanoseconds=(number + 10) * SECOND,
        count=5,
        source_address="203.0.113.7",
        account="",
        fields={"port": "22"},
        evidence=("Failed password for root",),
        is_ended=False,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


EVENTS = (
    event(1),
    event(3, rule_level="low", is_ended=True),
    event(2, service="", source="web"),
    event(4, service="a\tb"),
)


def asked(api: Api, query: str = "", **headers: str) -> Answer:
    return api.get(f"/api/v1/security/events{query}", **headers)


def numbers(answer: Answer) -> list[int]:
    return [int(each["event_id"], 16) for each in answer.json["events"]]


@pytest.fixture
def api(make_parts):
    with served(make_parts(security_events=lambda: EVENTS)) as running:
        yield running


def test_an_event_says_what_when_where_and_why(api):
    answer = asked(api, "?service=sshd&level=high")
    assert answer.status == 200
    assert answer.json["events"] == [
        {
            "event_id": "0000000000000001",
            "rule": "ssh_brute_force",
            "rule_id": "6d1d0a4c-0000-4000-8000-000000000000",
            "title": "Guessed passwords",
            "level": "high",
            "source": "auth",
            "service": "sshd",
            "host": "web-1",
            "source_address": "203.0.113.7",
            "account": "",
            "fields": {"port": "22"},
            "began": 1.0,
            "newest": 11.0,
            "lines": 5,
            "is_ended": False,
            "evidence": ["Failed password for root"],
        }
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [4, 3, 2, 1]),
        ("?limit=2", [4, 3]),
        ("?since=12.5", [4, 3]),
        ("?since=13", [4, 3]),
        ("?level=low", [3]),
        ("?level=critical", []),
        ("?service=unknown", [2]),
        ("?service=a%20b", [4]),
    ],
)
def test_events_come_newest_first_and_can_be_chosen(api, query, expected):
    assert numbers(asked(api, query)) == expected


@pytest.mark.parametrize(
    "query",
    ["?since=-1", "?since=nan", "?level=worst", "?limit=0", "?limit=1001", "?service=", "?a=1"],
)
def test_what_cannot_be_asked_is_refused(api, query):
    assert asked(api, query).status == 422


def test_a_process_that_reads_no_logs_says_so(make_parts):
    with served(make_parts()) as api:
        answer = asked(api)
        assert (answer.status, answer.reason) == (409, "no_logs")


def test_readers_may_ask_and_tokens_of_a_team_may_not(make_parts):
    parts = make_parts(config=with_tokens(CONFIG), security_events=lambda: EVENTS)
    with served(parts) as api:
        assert asked(api).status == 401
        assert asked(api, authorization=f"Bearer {TOKENS['read']}").status == 200
        answer = asked(api, authorization=f"Bearer {TEAM_TOKEN}")
        assert (answer.status, answer.reason) == (403, "access_denied")


def found(*lines: str, at: int = NOW) -> Sequence[SecurityEvent]:
    settings = LogSourceConfig(name="app", files=("/x.log",))
    counting = SecurityCounting(SecurityRules.load(shipped=True), [settings])
    batch = batch_of(lines, services=("sshd",), milliseconds=at)
    counting.take("app", batch, now_milliseconds=at)
    return counting.events()


def test_evidence_of_real_lines_has_no_secrets(make_parts):
    said = "sudo: ann : TTY=pts/0 ; USER=root ; COMMAND=/usr/bin/mysql --password=hunter2secret"
    events = found(said, "Failed password for root from 203.0.113.7 port 4022 ssh2")
    with served(make_parts(security_events=lambda: tuple(events))) as api:
        answer = asked(api)
        assert answer.json["events"]
        assert b"hunter2secret" not in answer.body
        assert b"Failed password" in answer.body
