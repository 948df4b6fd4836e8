"""forewarn_service.logs.security_events: what is remembered of events, and for how long."""

from dataclasses import replace

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.security.events import SecurityEvent
from forewarn_adapters.security.rules import SecurityRules
from forewarn_service.logs import security_events
from forewarn_service.logs.security import SecurityCounting
from forewarn_service.logs.security_events import MOST_ENDED, EventBook
from log_parts import NOW, batch_of

FAILED = "Failed password for root from 203.0.113.7 port 4022 ssh2"


def counting() -> SecurityCounting:
    settings = [LogSourceConfig(name="app", files=("/x.log",))]
    return SecurityCounting(SecurityRules.load(shipped=True), settings)


def say(watching: SecurityCounting, line: str, *, at: int) -> None:
    batch = batch_of([line], services=("sshd",), milliseconds=at)
    watching.take("app", batch, now_milliseconds=at)


def an_event() -> SecurityEvent:
    watching = counting()
    say(watching, FAILED, at=NOW)
    return watching.events()[0]


def test_an_event_is_there_once_as_it_grows_and_after_it_ended() -> None:
    watching = counting()
    assert watching.events() == ()
    say(watching, FAILED, at=NOW)
    (first,) = [each for each in watching.events() if each.rule_name == "ssh_failed_login"]
    say(watching, FAILED, at=NOW + 60_000)
    (grown,) = [each for each in watching.events() if each.rule_name == "ssh_failed_login"]
    assert (grown.event_id, grown.count) == (first.event_id, first.count + 1)
    say(watching, "nothing of the kind", at=NOW + 2 * 86_400_000)
    (ended,) = [each for each in watching.events() if each.rule_name == "ssh_failed_login"]
    assert (ended.event_id, ended.is_ended) == (first.event_id, True)
    again = counting()
    again.absorb(watching.state(changed_only=False))
    assert again.events() == ()


def test_what_goes_on_is_there_after_a_restart() -> None:
    watching, again = counting(), counting()
    say(watching, FAILED, at=NOW)
    again.absorb(watching.state(changed_only=False))
    assert again.events() == watching.events() != ()


def test_the_same_is_returned_while_nothing_changes() -> None:
    watching = counting()
    say(watching, FAILED, at=NOW)
    assert watching.events() is watching.events()


def test_memory_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(security_events, "MOST_OPEN", 5)
    event, book = an_event(), EventBook()
    many = [replace(event, event_id=str(number)) for number in range(2_000)]
    book.take([replace(each, is_ended=True) for each in many], still_open=list)
    assert [each.event_id for each in book.events()] == [
        each.event_id for each in many[-MOST_ENDED:]
    ]
    book = EventBook()
    book.take(many[:5], still_open=list)
    assert len(book.events()) == 5
    book.take(many[5:6], still_open=lambda: many[3:6])
    assert book.events() == tuple(many[3:6])
