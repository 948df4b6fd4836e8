"""The little that must be known of a PromQL expression before it is sent."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
STRING = r"""(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)"""
_MATCHER = rf"(?:(?:[a-zA-Z_][a-zA-Z0-9_]*|{STRING})\s*(?:=~|!~|!=|=)\s*{STRING}|{STRING})"
BRACES = rf"\{{\s*(?:{_MATCHER}\s*(?:,\s*{_MATCHER}\s*)*,?\s*)?\}}"
_SELECTOR = re.compile(rf"\s*(?:({NAME})\s*(?:{BRACES})?|{BRACES})\s*", re.ASCII)
_STRINGS = re.compile(STRING)
# PromQL reads these words as numbers.
NUMBERS = frozenset({"nan", "inf"})


def is_plain_selector(query: str) -> bool:
    """Tell whether a query is a metric name or matchers and nothing else.

    Such a query stands for samples as they were taken; every other one computes values at times
    that the caller chooses.

    >>> is_plain_selector('up{job="node"}'), is_plain_selector("rate(up[5m])")
    (True, False)
    """
    match = _SELECTOR.fullmatch(query)
    return match is not None and (match[1] or "").lower() not in NUMBERS


def metric_name(selector: str) -> str | None:
    """Return the name in front of a plain selector, if it has one.

    >>> metric_name('up{job="node"}')
    'up'
    """
    match = _SELECTOR.fullmatch(selector)
    return match[1] if match else None


def without_strings(query: str) -> str:
    """Return a query with its strings emptied, so that words in them are not taken for names.

    >>> without_strings('up{job="rate("}')
    'up{job=""}'
    """
    return _STRINGS.sub('""', query)
