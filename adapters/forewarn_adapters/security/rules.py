"""Sigma rules ready to be held against lines: what each is about, when it holds, what to count."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from forewarn_adapters.security.conditions import Condition, condition_of, either
from forewarn_adapters.security.linear import NotLinear
from forewarn_adapters.security.literals import Literals, also_in_hexadecimal
from forewarn_adapters.security.loading import collection_of, rule_files
from forewarn_adapters.security.log_sources import About, about
from forewarn_adapters.security.values import NotSupported
from forewarn_models.errors import ConfigError
from forewarn_models.security.windows import MOST_THRESHOLD, How, WindowRule

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What people and series call a rule.

    Args:
        rule_id: its UUID; its name where it has none.
        name: as a label of series: its Sigma name, or its title.
        title: what people read.
        level: informational, low, medium, high or critical.
        is_told: its matches are events of their own; not so where only other rules count them.
    """

    rule_id: str
    name: str
    title: str
    level: str
    is_told: bool


@dataclass(frozen=True, slots=True)
class LineRule:
    """A rule that a single line can match."""

    facts: RuleFacts
    about: About
    condition: Condition

    @property
    def literals(self) -> Literals:
        """What a line has that matches; None where all lines that it is about must be asked."""
        return self.condition.literals or self.about.literals

    @property
    def is_slow(self) -> bool:
        """Whether it names no word by which its lines could be found."""
        return self.condition.literals is None


@dataclass(frozen=True, slots=True)
class CorrelationRule:
    """A rule over matches of others.

    Args:
        facts: what it is called.
        window: what must come together.
        of: the ids of the rules whose matches it counts, in their order.
        group_by: fields that its matches must share.
        names: for each group field, what it is called in matches of which rule.
        value_fields: for `value_count`, the fields whose values are counted.
    """

    facts: RuleFacts
    window: WindowRule
    of: tuple[str, ...]
    group_by: tuple[str, ...]
    names: dict[tuple[str, str], str]
    value_fields: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class SecurityRules:
    """Rules for lines, and rules over those, each after the ones that it counts.

    `source` is pySigma's collection, for its back ends.
    """

    lines: tuple[LineRule, ...]
    correlations: tuple[CorrelationRule, ...]
    source: Any = None

    @classmethod
    def load(cls, *, shipped: bool, paths: Sequence[Path] = ()) -> "SecurityRules":
        """Return the rules that come with Forewarn, if wanted, and those of files and folders.

        Raises ConfigError with every problem: files that cannot be read, what is no Sigma rule,
        and what cannot be evaluated on lines.
        """
        source = collection_of(rule_files(paths, shipped=shipped))
        return rules_of(source)

    @cached_property
    def slow(self) -> tuple[LineRule, ...]:
        """The rules that are held against every line of their log source."""
        return tuple(rule for rule in self.lines if rule.is_slow)

    def facts(self) -> tuple[RuleFacts, ...]:
        """Return what all rules are called."""
        return (*(rule.facts for rule in self.lines), *(rule.facts for rule in self.correlations))


def rules_of(source: Any) -> SecurityRules:
    """Return the rules of a collection of pySigma. Raises ConfigError with every problem."""
    from sigma.correlations import SigmaCorrelationRule
    from sigma.exceptions import SigmaError

    lines, correlations, problems = [], [], []
    for rule in source.rules:
        try:
            if isinstance(rule, SigmaCorrelationRule):
                correlations.append(_correlation_rule(rule))
            else:
                lines.append(_line_rule(rule))
        except (NotSupported, NotLinear) as refused:
            problems.append(_refused(rule, f"cannot be evaluated on lines: {refused}"))
        except SigmaError as refused:
            problems.append(_refused(rule, " ".join(str(refused.args[0]).split())))
    if problems:
        raise ConfigError(*problems)
    return SecurityRules(tuple(lines), tuple(_sorted(correlations)), source)


def id_of(rule: Any) -> str:
    """Return what identifies a rule of pySigma."""
    return str(rule.id or rule.name or rule.title)


def _refused(rule: Any, what: str) -> str:
    return f"{rule.source.path}: rule {rule.title!r}: {what}"


def _facts(rule: Any) -> RuleFacts:
    level = rule.level.name.lower() if rule.level else "medium"
    name = rule.name or rule.title
    return RuleFacts(id_of(rule), name[:200], rule.title, level, is_told=rule._output)  # noqa: SLF001  the only way


def _line_rule(rule: Any) -> LineRule:
    conditions = [condition_of(each.parsed) for each in rule.detection.parsed_condition]
    whole = conditions[0] if len(conditions) == 1 else either(conditions)
    if rule.logsource.service == "auditd":
        whole = Condition(whole.holds, also_in_hexadecimal(whole.literals))
    return LineRule(_facts(rule), about(rule.logsource), whole)


def _correlation_rule(rule: Any) -> CorrelationRule:
    how = rule.type.name.lower()
    if how not in {"event_count", "value_count", "temporal", "temporal_ordered"}:
        raise NotSupported(f"correlations of type {how}")
    of = tuple(id_of(reference.rule) for reference in rule.referenced_rules)
    names = _names(rule)
    fields = getattr(rule.condition, "fieldref", None) or ()
    window = WindowRule(how, _threshold(rule, how, len(of)), rule.timespan.seconds * _NANOSECONDS)
    value_fields = (fields,) if isinstance(fields, str) else tuple(fields)
    group_by = tuple(rule.group_by or ())
    return CorrelationRule(_facts(rule), window, of, group_by, names, value_fields)


def _names(rule: Any) -> dict[tuple[str, str], str]:
    """Return what each alias is called in matches of which rule."""
    ids: dict[str, str] = {}
    for reference in rule.referenced_rules:
        counted = reference.rule
        ids.update(
            dict.fromkeys((reference.reference, counted.name, str(counted.id)), id_of(counted))
        )
    names = {}
    for alias in rule.aliases:
        for reference, field in alias.mapping.items():
            if reference.reference not in ids:
                raise NotSupported(f"an alias for {reference.reference!r}, which it does not count")
            names[alias.alias, ids[reference.reference]] = field
    return names


def _threshold(rule: Any, how: How, n_rules: int) -> int:
    from sigma.correlations import SigmaCorrelationCondition

    condition = rule.condition
    if not isinstance(condition, SigmaCorrelationCondition):
        raise NotSupported("conditions of correlations in words (extended ones)")
    operator = condition.op.name.lower()
    if operator not in {"gte", "gt"}:
        raise NotSupported(
            f"a correlation's condition {operator}: only gte and gt can be told while lines come"
        )
    count = condition.count + (operator == "gt")
    if how.startswith("temporal") and count != n_rules:
        raise NotSupported(f"a temporal correlation of {count} out of {n_rules} rules")
    if not 1 <= count <= MOST_THRESHOLD:
        raise NotSupported(f"a correlation's condition must be 1 to {MOST_THRESHOLD}, got {count}")
    return int(count)


def _sorted(rules: list[CorrelationRule]) -> list[CorrelationRule]:
    """Return correlations after those whose matches they count. Raises ConfigError for circles."""
    known = {rule.facts.rule_id for rule in rules}
    done: set[str] = set()
    ordered: list[CorrelationRule] = []
    while len(ordered) < len(rules):
        ready = [
            rule
            for rule in rules
            if rule.facts.rule_id not in done and not (known & set(rule.of)) - done
        ]
        if not ready:
            raise ConfigError("correlations must not count one another in a circle")
        ordered.extend(ready)
        done |= {rule.facts.rule_id for rule in ready}
    return ordered
