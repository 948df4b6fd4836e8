"""The condition of a Sigma rule as a function of a record, and the words that it needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import SigmaExists, SigmaExpansion, SigmaFieldReference, SigmaNull

from forewarn_adapters.security.json_fields import ITEMS
from forewarn_adapters.security.literals import Literals, all_of, any_of
from forewarn_adapters.security.record import HOST_NAMES, PROGRAM_NAMES, Record
from forewarn_adapters.security.values import NotSupported, value_test

# Fields that are not written in the line as they are.
_CONCLUDED = {"action", *HOST_NAMES, *PROGRAM_NAMES}

Holds = Callable[[Record], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether a record meets it, and what must occur in the line of one that does."""

    holds: Holds
    literals: Literals = None


def condition_of(node: Any) -> Condition:
    """Return what a condition tree of pySigma says. Raises NotSupported."""
    if isinstance(node, ConditionAND):
        return _every([condition_of(each) for each in node.args])
    if isinstance(node, ConditionOR):
        return either([condition_of(each) for each in node.args])
    if isinstance(node, ConditionNOT):
        inner = condition_of(node.args[0])
        return Condition(lambda record: not inner.holds(record))
    if isinstance(node, ConditionFieldEqualsValueExpression):
        return _field(node.field, node.value)
    if isinstance(node, ConditionValueExpression):
        return _keyword(node.value)
    raise NotSupported("a condition that selects nothing")


def either(conditions: list[Condition]) -> Condition:
    """Return the condition that one of several holds."""
    tests = [condition.holds for condition in conditions]
    return Condition(
        lambda record: any(test(record) for test in tests),
        any_of(condition.literals for condition in conditions),
    )


def _every(conditions: list[Condition]) -> Condition:
    tests = [condition.holds for condition in conditions]
    return Condition(
        lambda record: all(test(record) for test in tests),
        all_of(condition.literals for condition in conditions),
    )


def _keyword(value: Any) -> Condition:
    """A word anywhere: in the line as it is, or in one of its fields, where JSON escapes."""
    if isinstance(value, SigmaExpansion):
        return either([_keyword(each) for each in value.values])
    test = value_test(value, anywhere=True)

    def holds(record: Record) -> bool:
        return test.matches(record.text) or (
            "\\" in record.text and any(map(test.matches, record.fields.values()))
        )

    return Condition(holds, test.literals)


def _field(name: str, value: Any) -> Condition:
    if isinstance(value, SigmaExpansion):
        return either([_field(name, each) for each in value.values])
    if isinstance(value, SigmaNull):
        return Condition(lambda record: not record.value(name))
    if isinstance(value, SigmaExists):
        wanted = value.exists
        return Condition(lambda record: (record.value(name) is not None) == wanted)
    if isinstance(value, SigmaFieldReference):
        return _reference(name, value)
    test = value_test(value)

    def holds(record: Record) -> bool:
        text = record.value(name)
        if text is None:
            return False
        # Of a list, one item is enough.
        return test.matches(text) or (ITEMS in text and any(map(test.matches, text.split(ITEMS))))

    return Condition(holds, None if name in _CONCLUDED else test.literals)


def _reference(name: str, value: SigmaFieldReference) -> Condition:
    def holds(record: Record) -> bool:
        text, other = record.value(name), record.value(value.field)
        if text is None or other is None:
            return False
        text, other = text.lower(), other.lower()
        if value.starts_with and value.ends_with:
            return other in text
        if value.starts_with:
            return text.startswith(other)
        return text.endswith(other) if value.ends_with else text == other

    return Condition(holds)
