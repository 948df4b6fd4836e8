"""Series as PromQL writes them, and selectors that choose among them without a server."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import BooleanArray
from forewarn_models.errors import SourceRejected
from forewarn_models.labels import Labels, labels_of

_NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*(?:\{(.*)\}\s*)?", re.ASCII | re.DOTALL)
_MATCHER = re.compile(
    r"""\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')\s*""",
    re.ASCII,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_NAME_LABEL = "__name__"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; a label that is absent counts as empty, as in PromQL."""

    label: str
    operator: str
    value: str

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a series with these labels is meant."""
        return self.accept([labels.get(self.label, "")])[0]

    def accept(self, values: Sequence[str]) -> list[bool]:
        """Tell which values of the label are meant: many take hardly longer than one."""
        if self.operator in {"=", "!="}:
            is_equal = [value == self.value for value in values]
        else:
            is_equal = _matches(self.value, values)
        return is_equal if self.operator in {"=", "=~"} else [not each for each in is_equal]


def parse_selector(query: str) -> tuple[Matcher, ...]:
    """Return the conditions of a selector; `*` and `{}` have none.

    Raises SourceRejected for any other PromQL: there is no server that could compute it.
    """
    if query.strip() == "*":
        return ()
    matchers = _parse(query)
    if matchers is None:
        raise SourceRejected(
            'files answer only selectors such as name{label="x"}, {} or *, '
            f"got {query[:200]!r}: use a Prometheus for other queries"
        )
    for matcher in matchers:
        check_pattern(matcher)
    return matchers


def chosen(matchers: Sequence[Matcher], series: Sequence[Labels]) -> BooleanArray:
    """Return which of many series all the matchers accept, (n_series,).

    Each different value of a label is asked about once.
    """
    is_chosen: BooleanArray = np.ones(len(series), np.bool_)
    held = [dict(labels) for labels in series]
    for matcher in matchers:
        values = [labels.get(matcher.label, "") for labels in held]
        different = list(dict.fromkeys(values))
        accepted = dict(zip(different, matcher.accept(different), strict=True))
        is_chosen &= np.array([accepted[value] for value in values], np.bool_)
    return is_chosen


def check_pattern(matcher: Matcher) -> None:
    """Raise SourceRejected when a matcher's regular expression is none."""
    if matcher.operator not in {"=~", "!~"}:
        return
    try:
        _matches(matcher.value, [""])
    except ValueError as broken:
        raise SourceRejected(
            f"a matcher needs a regular expression of RE2, got {matcher.value[:200]!r}: {broken}"
        ) from broken


def _matches(pattern: str, texts: Sequence[str]) -> list[bool]:
    """Tell which whole texts a pattern matches, by the engine that Prometheus' own follows.

    It takes linear time: with `re`, a stranger's pattern could hold the process for ever.
    """
    import pyarrow as pa
    import pyarrow.compute

    array = pa.array(texts, pa.string())
    found: list[bool] = pyarrow.compute.match_substring_regex(
        array, f"^(?s:{pattern})$"
    ).to_pylist()
    return found


def labels_of_text(text: str) -> Labels:
    """Return the labels that a series' text names, `__name__` included.

    Text that is not a series as PromQL writes it is the value of the one label `series`.

    >>> labels_of_text('up{job="node"}'), labels_of_text("CPU load %")
    ((('__name__', 'up'), ('job', 'node')), (('series', 'CPU load %'),))
    """
    matchers = _parse(text)
    if not matchers or any(matcher.operator != "=" for matcher in matchers):
        return (("series", text),)
    return labels_of({matcher.label: matcher.value for matcher in matchers})


def _parse(text: str) -> tuple[Matcher, ...] | None:
    whole = _NAME.fullmatch(text)
    if not whole or not text.strip():
        return None
    matchers = [Matcher(_NAME_LABEL, "=", whole[1])] if whole[1] else []
    rest = (whole[2] or "").strip()
    while rest:
        found = _MATCHER.match(rest)
        if not found:
            return None
        matchers.append(Matcher(found[1], found[2], _unquoted(found[3])))
        rest = rest[found.end() :]
        if rest and not rest.startswith(","):
            return None
        rest = rest[1:].strip()
    return tuple(matchers)


def _unquoted(quoted: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), quoted[1:-1])
