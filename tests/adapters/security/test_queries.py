"""forewarn_adapters.security.queries"""

from pathlib import Path

import pytest

from forewarn_adapters.security.queries import BACKENDS, Backend, queries_of
from forewarn_adapters.security.rules import SecurityRules
from security_parts import rule, rules_in


@pytest.fixture(scope="module")
def shipped() -> SecurityRules:
    return SecurityRules.load(shipped=True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_rule_for_lines_has_a_query(shipped: SecurityRules, backend: Backend) -> None:
    made = {each.name: each for each in queries_of(shipped, backend)}
    assert set(made) == {facts.name for facts in shipped.facts()}
    for each in shipped.lines:
        facts = made[each.facts.name]
        assert facts.queries
        assert not facts.problem
        assert (facts.rule_id, facts.level) == (each.facts.rule_id, each.facts.level)


def test_loki_counts_by_fields_that_its_queries_find(shipped: SecurityRules) -> None:
    made = {each.name: each for each in queries_of(shipped, "loki")}
    (brute,) = made["ssh_brute_force_by_source"].queries
    assert brute.startswith("sum by (src_ip) (count_over_time({")
    assert "| regexp `" in brute
    assert brute.endswith(" [10m])) >= 5")
    (burst,) = made["web_error_burst"].queries
    assert burst.count("| pattern `<c_ip> ") == 1


def test_what_a_server_cannot_say_is_told(shipped: SecurityRules) -> None:
    ordered = {each.name: each for each in queries_of(shipped, "loki")}
    assert ordered["ssh_login_after_brute_force"].queries == ()
    assert "order" in ordered["ssh_login_after_brute_force"].problem
    counts = {each.name: each for each in queries_of(shipped, "elasticsearch")}
    assert counts["port_scan"].queries == ()
    assert "correlation" in counts["port_scan"].problem


def test_streams_may_be_said(shipped: SecurityRules) -> None:
    for each in queries_of(shipped, "loki", selector='{namespace="prod"}'):
        assert all('{namespace="prod"}' in query for query in each.queries)


def test_asking_changes_nothing(shipped: SecurityRules) -> None:
    assert queries_of(shipped, "loki") == queries_of(shipped, "loki")


def test_alternatives_that_loki_would_join_wrongly_have_no_query(tmp_path: Path) -> None:
    lists = "  a1: [alpha, ada]\n  a2: [beta, bea]\n  c: [gamma]\n"
    detection = lists + "  condition: 1 of a* and not c"
    (made,) = queries_of(rules_in(tmp_path, rule(detection)), "loki")
    assert made.queries == ()
    assert made.problem == "the back end cannot join alternatives of keywords"


def test_a_correlation_of_lines_without_known_fields_is_left_as_it_is(tmp_path: Path) -> None:
    counted = (
        "title: C\nname: c\ncorrelation:\n  type: event_count\n  rules: [under_test]\n"
        "  group-by: [a]\n  timespan: 5m\n  condition: {gte: 3}\n"
    )
    text = rule("  a: [alpha]\n  condition: a", logsource="{product: windows}")
    made = queries_of(rules_in(tmp_path, text, counted), "loki")
    assert [len(each.queries) for each in made] == [1, 1]
    assert "regexp" not in made[1].queries[0]
