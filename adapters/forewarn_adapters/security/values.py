"""One value of a Sigma rule: whether a text is it, and what must then be in the line."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from forewarn_adapters.security.linear import NotLinear, linear
from forewarn_adapters.security.literals import Literals, literals_of

_MOST_CHARACTERS = 16_384
_COMPARED: dict[CompareOperators, Callable[[float, float], bool]] = {
    CompareOperators.LT: lambda value, number: value < number,
    CompareOperators.LTE: lambda value, number: value <= number,
    CompareOperators.GT: lambda value, number: value > number,
    CompareOperators.GTE: lambda value, number: value >= number,
    CompareOperators.NEQ: lambda value, number: value != number,
}


class NotSupported(Exception):  # noqa: N818  it says what is not, and becomes a ConfigError
    """Something in a rule that cannot be evaluated on lines."""


@dataclass(frozen=True, slots=True)
class ValueTest:
    """Whether a text matches, and what must occur in its line when it does."""

    matches: Callable[[str], bool]
    literals: Literals = None


def value_test(value: Any, *, anywhere: bool = False) -> ValueTest:
    """Return the test of a value: of a whole field, or `anywhere` in a text.

    Raises NotSupported.
    """
    if isinstance(value, SigmaString):
        return _string(value, anywhere=anywhere)
    if isinstance(value, SigmaTimestampPart):
        raise NotSupported("modifiers of time (minute, hour, day, week, month, year)")
    if isinstance(value, SigmaNumber):
        text = str(value.number)
        return _contains(text) if anywhere else _number(text)
    if isinstance(value, SigmaBool):
        word = "true" if value.boolean else "false"
        return ValueTest(lambda text: text.lower() == word, literals_of([word]))
    if isinstance(value, SigmaRegularExpression):
        return _expression(value)
    if isinstance(value, SigmaCIDRExpression):
        return ValueTest(lambda text: _lies_in(text, value.network))
    if isinstance(value, SigmaCompareExpression):
        compared, number = _COMPARED[value.op], value.number.number
        return ValueTest(lambda text: _compares(text, compared, number))
    raise NotSupported(f"values of type {type(value).__name__}")


def _string(value: SigmaString, *, anywhere: bool) -> ValueTest:
    parts = list(value.s)
    if any(not isinstance(part, str | SpecialChars) for part in parts):
        raise NotSupported("placeholders (the modifier expand): write the values out")
    many = SpecialChars.WILDCARD_MULTI
    if anywhere:
        parts = [many, *parts, many]
    is_cased = isinstance(value, SigmaCasedString)
    while len(parts) > 1 and parts[0] == parts[1] == many:
        del parts[0]
    while len(parts) > 1 and parts[-1] == parts[-2] == many:
        del parts[-1]
    literals = literals_of([part for part in parts if isinstance(part, str)])
    simple = _simple(parts, is_cased=is_cased)
    return ValueTest(simple or _wildcards(parts, is_cased=is_cased), literals)


def _simple(parts: list[Any], *, is_cased: bool) -> Callable[[str], bool] | None:
    """Return a test without an expression, where there is one."""
    many = SpecialChars.WILDCARD_MULTI
    words = [part if is_cased else part.lower() for part in parts if isinstance(part, str)]
    folded: Callable[[str], str] = str if is_cased else str.lower
    if parts == [many]:
        return bool
    if len(words) > 1 or SpecialChars.WILDCARD_SINGLE in parts:
        return None
    word = words[0] if words else ""
    begins, ends = parts[:1] != [many], parts[-1:] != [many]
    if begins and ends:
        return lambda text: folded(text) == word
    if begins:
        return lambda text: folded(text).startswith(word)
    if ends:
        return lambda text: folded(text).endswith(word)
    return lambda text: word in folded(text)


def _wildcards(parts: list[Any], *, is_cased: bool) -> Callable[[str], bool]:
    import re2

    written = [
        re2.escape(part)
        if isinstance(part, str)
        else (".*" if part == SpecialChars.WILDCARD_MULTI else ".")
        for part in parts
    ]
    compiled = linear("".join(written), ignore_case=not is_cased, dot_all=True)
    return lambda text: compiled.fullmatch(text[:_MOST_CHARACTERS]) is not None


def _contains(word: str) -> ValueTest:
    return ValueTest(lambda text: word in text, literals_of([word]))


def _number(word: str) -> ValueTest:
    return ValueTest(lambda text: text == word or _is_number(text, word), literals_of([word]))


def _is_number(text: str, word: str) -> bool:
    """Whether a text such as 404.0 is the number as well."""
    return text.startswith(word) and text[len(word) :].strip("0") == "."


def _expression(value: SigmaRegularExpression) -> ValueTest:
    flags = value.flags
    try:
        compiled = linear(
            str(value.regexp.to_plain_regex()),
            ignore_case=SigmaRegularExpressionFlag.IGNORECASE in flags,
            all_lines=SigmaRegularExpressionFlag.MULTILINE in flags,
            dot_all=SigmaRegularExpressionFlag.DOTALL in flags,
        )
    except NotLinear as refused:
        raise NotSupported(
            f"the regular expression {value.regexp.to_plain_regex()!r}, which must be one of RE2, "
            f"without look-around and back-references ({refused})"
        ) from refused
    return ValueTest(lambda text: compiled.search(text[:_MOST_CHARACTERS]) is not None)


def _lies_in(text: str, network: Any) -> bool:
    try:
        return ip_address(text) in network
    except ValueError:
        return False


def _compares(text: str, compared: Callable[[float, float], bool], number: float) -> bool:
    try:
        return compared(float(text), number)
    except ValueError:
        return False
