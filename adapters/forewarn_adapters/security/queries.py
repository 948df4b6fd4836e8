"""Sigma rules as queries of Loki and Elasticsearch, by the back ends of pySigma."""

import copy
import warnings
from dataclasses import dataclass
from typing import Any, Literal

from forewarn_adapters.security.rules import SecurityRules, id_of

Backend = Literal["loki", "elasticsearch"]
BACKENDS: tuple[Backend, ...] = ("loki", "elasticsearch")

# How Loki finds the fields that rules ask for or count by.
_SSH = r"regexp `(?:user|for)(?: invalid user)? (?P<user>.*?) from (?P<src_ip>[^ ]+)(?: port|$)`"
_PAM = r"regexp `rhost=(?P<src_ip>[^ ]*)(?: +user=(?P<user>[^ ]+))?`"
_PACKET = r"regexp `SRC=(?P<src_ip>[^ ]+) DST=(?P<dst_ip>[^ ]+)(?:.* DPT=(?P<dst_port>[0-9]+))?`"
_WEB = (
    'pattern `<c_ip> <_> <_> [<_>] "<cs_method> <cs_uri> <_>" <sc_status> <_> "<cs_referer>" '
    '"<cs_user_agent>"`'
)


@dataclass(frozen=True, slots=True)
class RuleQueries:
    """The queries of one rule, or why there are none.

    Args:
        rule_id: the UUID of the rule.
        name: its name.
        title: its title.
        level: how bad it is.
        queries: mostly one; a long rule may need several.
        problem: why the back end has none; empty where it has.
    """

    rule_id: str
    name: str
    title: str
    level: str
    queries: tuple[str, ...]
    problem: str = ""


def queries_of(rules: SecurityRules, backend: Backend, *, selector: str = "") -> list[RuleQueries]:
    """Return the queries of all rules, those that others count first.

    Args:
        rules: which.
        backend: for which server.
        selector: of streams of Loki, such as `{namespace="prod"}`. Without it: all.
    """
    source = copy.deepcopy(rules.source)  # conversion changes it
    facts = {each.rule_id: each for each in rules.facts()}
    converter = _converter(backend)
    converter.init_processing_pipeline()
    converted = []
    for rule in source.rules:
        _say_how_fields_are_found(rule)
        if selector:
            rule.custom_attributes["logsource_loki_selection"] = selector
        queries, problem = _converted(converter, rule)
        if backend == "loki" and hasattr(rule, "timespan"):
            queries = _with_fields(queries, rule)
        named = facts[id_of(rule)]
        converted.append(
            RuleQueries(named.rule_id, named.name, named.title, named.level, queries, problem)
        )
    return converted


def _converter(backend: Backend) -> Any:
    if backend == "loki":
        from sigma.backends.loki import LogQLBackend

        return LogQLBackend()
    from sigma.backends.elasticsearch.elasticsearch_lucene import LuceneBackend

    return LuceneBackend()


def _converted(converter: Any, rule: Any) -> tuple[tuple[str, ...], str]:
    """Return what a back end makes of a rule. Each says in its own way what it cannot do."""
    from sigma.correlations import SigmaCorrelationRule
    from sigma.exceptions import SigmaError

    is_correlation = isinstance(rule, SigmaCorrelationRule)
    convert = converter.convert_correlation_rule if is_correlation else converter.convert_rule
    rule._output = True  # noqa: SLF001  queries are wanted also of rules that only others count
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of queries that are long
            queries = convert(rule)
    except (SigmaError, NotImplementedError, AttributeError, TypeError, ValueError) as refused:
        said = str(refused.args[0]) if refused.args else type(refused).__name__
        return (), said.partition(" (while")[0]
    if any(query.endswith("| ()") for query in map(str, queries)):
        return (), "the back end cannot join alternatives of keywords"
    return tuple(str(query) for query in queries), ""


def _with_fields(queries: tuple[str, ...], rule: Any) -> tuple[str, ...]:
    """Return queries of Loki that count by fields, which those of keywords alone do not find."""
    spans = f" [{rule.timespan.spec}]"
    parsers = [
        each.custom_attributes["loki_parser"]
        for each in rule.flatten_rules()
        if "loki_parser" in each.custom_attributes
    ]
    if not parsers:
        return queries
    found = f" | {parsers[0]}"
    return tuple(
        query if found in query else query.replace(spans, found + spans) for query in queries
    )


def _say_how_fields_are_found(rule: Any) -> None:
    source = getattr(rule, "logsource", None)
    if source is None:
        return
    parser = {
        "sshd": _SSH,
        "auth": _PAM,
        "firewall": _PACKET,
        "webserver": _WEB,
        "kubernetes": "json",
    }
    for kind in (source.service, source.category, source.product):
        if kind in parser:
            rule.custom_attributes["loki_parser"] = parser[kind]
            return
