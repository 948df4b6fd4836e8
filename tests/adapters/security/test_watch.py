"""forewarn_adapters.security.watch: matches become events and counts"""

import json
from pathlib import Path

import pytest

from forewarn_adapters.logs.batch import LogStream
from forewarn_adapters.logs.fields import fields_of
from forewarn_adapters.security.events import SecurityEvent
from forewarn_adapters.security.rules import SecurityRules
from forewarn_adapters.security.watch import OTHER, SecurityWatch, Series
from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.contract import State
from forewarn_models.errors import UnknownFormat
from security_parts import SECOND, SETTINGS, START, batch_of, newest, rule, rules_in

FAILED = "Nov 27 10:00:00 web1 sshd[8]: Failed password for {user} from {address} port 22 ssh2"


@pytest.fixture(scope="module")
def shipped() -> SecurityRules:
    return SecurityRules.load(shipped=True)


@pytest.fixture
def watch(shipped: SecurityRules) -> SecurityWatch:
    return SecurityWatch(shipped)


def tries(n: int, *, user: str = "root", address: str = "203.0.113.9") -> list[str]:
    return [FAILED.format(user=user, address=address)] * n


def only(events: list[SecurityEvent], name: str) -> SecurityEvent:
    (event,) = [event for event in events if event.rule_name == name]
    return event


def test_an_event_is_what_goes_on_and_not_a_line(watch: SecurityWatch) -> None:
    events = watch.take(batch_of(tries(50)), SETTINGS)
    event = only(events, "ssh_brute_force_by_source")
    assert event.rule_title == "SSH brute force from one address"
    assert (event.rule_level, event.source, event.service) == ("high", "hosts", "sshd")
    assert (event.host, event.source_address, event.account) == ("web1", "203.0.113.9", "")
    assert event.fields == {"src_ip": "203.0.113.9"}
    assert event.count == 50
    assert (event.began_nanoseconds, event.timestamp_nanoseconds) == (
        START + 4 * SECOND,
        START + 49 * SECOND,
    )
    assert event.evidence == tuple(tries(1))
    assert not event.is_ended


def test_it_grows_from_batch_to_batch_and_ends_when_it_is_quiet(watch: SecurityWatch) -> None:
    first = only(watch.take(batch_of(tries(5)), SETTINGS), "ssh_brute_force_by_source")
    again = batch_of(tries(7), seconds=range(100, 107))
    second = only(watch.take(again, SETTINGS), "ssh_brute_force_by_source")
    assert (first.event_id, first.count, second.count) == (second.event_id, 5, 12)
    ended = watch.take(batch_of(["x"], seconds=[1_007]), SETTINGS)
    last = only(ended, "ssh_brute_force_by_source")
    assert (last.event_id, last.count, last.is_ended) == (first.event_id, 12, True)
    later = batch_of(tries(5), seconds=range(5_000, 5_005))
    new = only(watch.take(later, SETTINGS), "ssh_brute_force_by_source")
    assert new.event_id != first.event_id
    assert new.count == 5


def test_it_ends_when_its_log_is_silent(watch: SecurityWatch) -> None:
    now = 2 * START  # an old log is being caught up with
    first = only(
        watch.take(batch_of(tries(5)), SETTINGS, now_nanoseconds=now), "ssh_brute_force_by_source"
    )
    again = batch_of(tries(5), seconds=range(5, 10))
    later = watch.take(again, SETTINGS, now_nanoseconds=now + 9 * SECOND)
    assert only(later, "ssh_brute_force_by_source").count == 10
    assert not any(event.is_ended for event in later)
    other = SETTINGS.model_copy(update={"name": "other"})
    assert watch.take(batch_of(["x"]), other, now_nanoseconds=now + 900 * SECOND) == []
    ended = watch.take(batch_of(["x"]), other, now_nanoseconds=now + 910 * SECOND)
    last = only(ended, "ssh_brute_force_by_source")
    assert (last.event_id, last.count, last.is_ended) == (first.event_id, 10, True)


def test_a_line_of_the_future_ends_nothing(watch: SecurityWatch) -> None:
    lines = [*tries(5), "x"]
    now = START + 10 * SECOND
    batch = batch_of(lines, seconds=[0, 1, 2, 3, 4, 10**8])
    events = watch.take(batch, SETTINGS, now_nanoseconds=now)
    assert not any(event.is_ended for event in events)


def test_what_takes_a_day_is_not_over_in_a_quarter_of_an_hour(watch: SecurityWatch) -> None:
    lines = [line.replace("for root", "for invalid user x") for line in tries(6)]
    hours = [hour * 3_600 for hour in range(6)]
    events = watch.take(batch_of(lines, seconds=hours), SETTINGS)
    slow = only(events, "ssh_slow_brute_force")
    assert (slow.count, slow.is_ended) == (6, False)


def test_a_line_is_in_the_window_of_its_own_time_however_it_comes(watch: SecurityWatch) -> None:
    batch = batch_of(tries(5), seconds=[40, 0, 30, 10, 20])
    assert only(watch.take(batch, SETTINGS), "ssh_brute_force_by_source").count == 5


def test_hosts_of_a_source_are_counted_together(watch: SecurityWatch) -> None:
    lines = [line.replace("web1", f"web{n}") for n, line in enumerate(tries(5))]
    assert only(watch.take(batch_of(lines), SETTINGS), "ssh_brute_force_by_source").host == "web4"


def test_an_ordinary_user_is_not_named(watch: SecurityWatch) -> None:
    spraying = [line for n in range(9) for line in tries(1, user=f"user{n}")]
    events = watch.take(batch_of(spraying), SETTINGS)
    told = [event for event in events if event.rule_level in {"medium", "high", "critical"}]
    assert {event.rule_name for event in told} >= {"ssh_password_spraying"}
    assert {event.account for event in told} == {""}


def test_lines_that_syslog_folded_together_count_as_many(watch: SecurityWatch) -> None:
    line = tries(1)[0].replace("Failed", "message repeated 6 times: [ Failed") + "]"
    event = only(watch.take(batch_of([line]), SETTINGS), "ssh_brute_force_by_source")
    assert event.count == 6
    assert watch.counts[Series("ssh_failed_login", "low", "hosts", "sshd")].lines == 6


def test_counts_are_of_events_and_of_lines(watch: SecurityWatch) -> None:
    watch.take(batch_of([*tries(20), *tries(3, address="203.0.113.7")]), SETTINGS)
    failed = watch.counts[Series("ssh_failed_login", "low", "hosts", "sshd")]
    brute = watch.counts[Series("ssh_brute_force_by_source", "high", "hosts", "sshd")]
    assert (failed.events, failed.lines) == (2, 23)
    assert (brute.events, brute.lines) == (1, 20)


def test_services_without_end_are_other(shipped: SecurityRules) -> None:
    watch = SecurityWatch(shipped, most_services=3)
    for number in range(10):
        stream = LogStream(service=f"sshd{number}")
        watch.take(batch_of(["bash: history -c"], stream=stream), SETTINGS)
    services = {series.service for series in watch.counts}
    assert services == {"sshd0", "sshd1", "sshd2", OTHER}
    other = watch.counts[Series("history_cleared", "medium", "hosts", OTHER)]
    assert other.events == 7


def test_evidence_is_bounded_readable_and_without_secrets(watch: SecurityWatch) -> None:
    line = "bash[1]: bob: history -c \x1b[31m password=hunter2 " + "x" * 2_000
    event = only(watch.take(batch_of([line] * 3), SETTINGS), "history_cleared")
    assert len(event.evidence) == 1
    assert "hunter2" not in event.evidence[0]
    assert "\x1b" not in event.evidence[0]
    assert len(event.evidence[0]) <= 512
    lines = [f"bash[1]: bob: history -c {number}" for number in range(20)]
    grown = only(watch.take(batch_of(lines), SETTINGS), "history_cleared")
    assert grown.event_id == event.event_id
    assert len(grown.evidence) == 5


def test_what_lines_name_is_readable_too(watch: SecurityWatch) -> None:
    line = FAILED.format(user="\x1b[31mpassword=hunter2", address="203.0.113.9")
    event = only(watch.take(batch_of([line]), SETTINGS), "ssh_failed_login")
    assert event.account == "password=***"


def test_correlations_show_the_lines_that_led_to_them(watch: SecurityWatch) -> None:
    lines = [line.replace("port 22", f"port {n}") for n, line in enumerate(tries(12))]
    event = only(watch.take(batch_of(lines), SETTINGS), "ssh_brute_force_by_source")
    assert event.evidence == tuple(lines[n] for n in (0, 1, 2, 4, 5))


def test_a_line_without_a_time_is_of_now(watch: SecurityWatch) -> None:
    now = START + 7 * SECOND
    batch = batch_of(tries(5), seconds=[-START / SECOND] * 5)
    assert not batch.timestamp_nanoseconds.any()
    event = only(watch.take(batch, SETTINGS, now_nanoseconds=now), "ssh_brute_force_by_source")
    assert event.timestamp_nanoseconds == now


@pytest.mark.parametrize("cut", [1, 4, 6, 11])
def test_what_was_stored_goes_on_as_if_nothing_had_been(shipped: SecurityRules, cut: int) -> None:
    accepted = tries(1)[0].replace("Failed", "Accepted")
    lines = [*tries(8), *(tries(1, user=f"u{n}")[0] for n in range(7)), accepted]
    whole, first, second = (SecurityWatch(shipped) for _ in range(3))
    expected = newest(whole.take(batch_of(lines), SETTINGS))
    got = newest(first.take(batch_of(lines[:cut]), SETTINGS))
    stored = {name: to_bytes(state) for name, state in first.state().items()}
    json.dumps({name: dict(state.manifest) for name, state in first.state().items()})
    second.absorb({name: from_bytes(content) for name, content in stored.items()})
    rest = batch_of(lines[cut:], seconds=range(cut, len(lines)))
    got |= newest(second.take(rest, SETTINGS))
    assert got == expected
    assert second.counts == whole.counts
    assert {event.rule_name for event in got.values()} >= {"ssh_login_after_brute_force"}
    assert newest(second.open()) == newest(whole.open())


def test_what_was_stored_of_rules_that_are_gone_is_left_out(
    shipped: SecurityRules, tmp_path: Path
) -> None:
    watch = SecurityWatch(shipped)
    watch.take(batch_of(tries(9)), SETTINGS)
    other = SecurityWatch(rules_in(tmp_path, rule("  a: [alpha]\n  condition: a")))
    other.absorb(watch.state())
    assert other.open() == []
    assert other.counts == watch.counts


@pytest.mark.parametrize(("kind", "version"), [("other", 1), ("security_watch", 9)])
def test_a_state_of_something_else_is_refused(
    watch: SecurityWatch, kind: str, version: int
) -> None:
    with pytest.raises(UnknownFormat, match="a stored watch must be security_watch 1"):
        watch.absorb({"watch": State(kind, version)})


def test_a_flood_of_addresses_cannot_grow_memory(shipped: SecurityRules) -> None:
    watch = SecurityWatch(shipped, most_keys=100, most_events=200)
    sizes = []
    for first in range(0, 2_000, 500):
        lines = [
            FAILED.format(user=f"user{n % 500:03}", address=f"10.1.{n >> 8}.{n & 255:03}")
            for n in range(first, first + 500)
        ]
        events = watch.take(batch_of(lines, seconds=[first / 100] * 500), SETTINGS)
        assert events
        sizes.append(sum(len(to_bytes(state)) for state in watch.state().values()))
    assert len(watch.open()) == 200
    assert max(sizes[1:]) < 1.1 * min(sizes[1:])


@pytest.mark.parametrize("logsource", ["{product: linux}", "{product: application}"])
def test_fields_of_other_forms_may_be_given(tmp_path: Path, logsource: str) -> None:
    detection = "  a: {account: ana}\n  condition: a"
    watch = SecurityWatch(rules_in(tmp_path, rule(detection, logsource=logsource)))
    batch = batch_of([b"level=info account=ana", b"an account of ana"])
    assert watch.take(batch, SETTINGS) == []
    (event,) = watch.take(batch, SETTINGS, fields_of=fields_of)
    assert event.count == 1


COUNTED = (
    "title: Counted\nname: counted\nlevel: high\ncorrelation:\n  type: {type}\n"
    "  rules: [one, two]\n  timespan: 1m\n{more}"
)


def pair(folder: Path, **facts: str) -> SecurityWatch:
    one = rule("  a: [alpha]\n  condition: a", name="one", logsource="{product: application}")
    two = rule("  a: [beta]\n  condition: a", name="two", logsource="{product: application}")
    return SecurityWatch(rules_in(folder, one, two, COUNTED.format(**facts)))


def test_aliases_join_fields_that_rules_call_otherwise(tmp_path: Path) -> None:
    more = "  group-by: [who]\n  aliases:\n    who:\n      one: user\n      two: account\n"
    lines = ['{"text": "alpha", "user": "ana"}', '{"text": "beta", "account": "ana"}']
    events = pair(tmp_path, type="temporal", more=more).take(batch_of(lines), SETTINGS)
    assert [event.fields for event in events] == [{"who": "ana"}]
    other = ['{"text": "alpha", "user": "ana"}', '{"text": "beta", "account": "bo"}']
    assert pair(tmp_path, type="temporal", more=more).take(batch_of(other), SETTINGS) == []


def test_a_line_without_a_group_field_is_not_counted(tmp_path: Path) -> None:
    more = "  group-by: [user]\n  condition: {gte: 2}\n"
    watch = pair(tmp_path, type="event_count", more=more)
    assert watch.take(batch_of(['{"text": "alpha"}'] * 5), SETTINGS) == []


def test_without_groups_all_lines_are_counted_together(tmp_path: Path) -> None:
    watch = pair(tmp_path, type="event_count", more="  condition: {gt: 1}\n")
    (event,) = watch.take(batch_of(['{"a": "alpha"}', '{"a": "beta"}']), SETTINGS)
    assert (event.rule_name, event.fields, event.source_address) == ("counted", {}, "")


def test_values_that_are_not_there_do_not_count(tmp_path: Path) -> None:
    more = "  group-by: [host]\n  condition: {gte: 2, field: [user, port]}\n"
    line = '{{"t": "alpha", "host": "a", "user": "{}", "port": {}}}'
    lines = ['{"t": "alpha", "host": "a", "user": "x"}', line.format("x", 1), line.format("x", 1)]
    watch = pair(tmp_path, type="value_count", more=more)
    assert watch.take(batch_of(lines), SETTINGS) == []
    assert len(watch.take(batch_of([line.format("x", 2)]), SETTINGS)) == 1


def test_order_matters_where_it_is_asked_for(tmp_path: Path) -> None:
    alpha, beta = '{"a": "alpha"}', '{"a": "beta"}'
    for lines, n_events in (([alpha, beta], 1), ([beta, alpha], 0)):
        watch = pair(tmp_path, type="temporal_ordered", more="")
        assert len(watch.take(batch_of(lines), SETTINGS)) == n_events


def test_a_correlation_that_only_another_counts_is_no_event_of_its_own(tmp_path: Path) -> None:
    outer = (
        "title: Outer\nname: outer\nlevel: high\ncorrelation:\n  type: event_count\n"
        "  rules: [counted]\n  timespan: 1m\n  condition: {gte: 3}\n"
    )
    (tmp_path / "outer.yml").write_text(outer)
    watch = pair(tmp_path, type="event_count", more="  condition: {gte: 2}\n")
    events = watch.take(batch_of(['{"a": "alpha"}'] * 4), SETTINGS)
    assert {event.rule_name for event in events} == {"outer"}
