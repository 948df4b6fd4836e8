"""Counters that a query reads as they are, and the query that reads how fast they grow."""

import re
from collections.abc import Mapping

from forewarn_adapters.promql import is_plain_selector, without_strings
from forewarn_adapters.promql_selections import Expression, Selection, on_one_line, read_expression

# Each question for a metric's type is a request.
_MOST_METRICS = 20
# Series that a metric of a type consists of: their names are the metric's and one of these.
_GROWING_SUFFIXES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("_count", "_sum"),
}
_SUFFIX = re.compile(r"_(?:total|bucket|count|sum)\Z")
# What grows still grows in these, and its rate may stand in its place.
_KEEPS_GROWTH = frozenset(
    {"", "sum", "avg", "min", "max", "topk", "bottomk", "quantile", "histogram_quantile"}
    | {"abs", "sqrt", "ln", "log2", "log10", "sort", "sort_desc", "label_replace", "label_join"}
)
# A difference of counters may be a gauge, such as what was begun less what was ended; a threshold
# for a counter is none for its rate.
_KEEPS_GROWTH_OPERATORS = frozenset({"+", "*", "/", "or"})
_ONE_BUCKET = re.compile(r"[{,]\s*le\s*=", re.ASCII)


def metric_names(query: str) -> tuple[str, ...]:
    """Return the names of the metrics that a query selects, each once; none where it is unclear.

    >>> metric_names("sum(rate(a_total[5m])) / sum(b)")
    ('a_total', 'b')
    """
    expression = read_expression(query)
    if expression is None:
        return ()
    names = (selection.name for selection in expression.selections if selection.name)
    return tuple(dict.fromkeys(names))[:_MOST_METRICS]


def family_name(name: str) -> str | None:
    """Return the name of the metric that a series would be a part of, None where it is a whole.

    >>> family_name("latency_seconds_bucket"), family_name("up")
    ('latency_seconds', None)
    """
    family = _SUFFIX.sub("", name)
    return family if family not in {name, ""} else None


def is_part_of(name: str, family_type: str) -> bool:
    """Tell whether a metric of this type has series with a name like that.

    >>> is_part_of("latency_seconds_bucket", "histogram"), is_part_of("disk_total", "gauge")
    (True, False)
    """
    return name.endswith(_GROWING_SUFFIXES.get(family_type, ()))


def counter_problem(query: str, metric_types: Mapping[str, str]) -> str | None:
    """Return what is wrong with a query that reads counters as they are, None where nothing is.

    >>> counter_problem("sum(a_total)", {"a_total": "counter"})
    'a_total is a counter, which only grows: write sum(rate(a_total[5m])) in its place'
    """
    query = on_one_line(query)
    growing = _growing(query, metric_types)
    if not growing:
        return None
    for selection in growing:
        if _needs_quantile(query, selection):
            return _quantile_advice(query, selection)
    names = list(dict.fromkeys(str(selection.name) for selection in growing))
    told = (
        f"{names[0]} is a counter, which only grows"
        if len(names) == 1
        else f"{', '.join(names[:-1])} and {names[-1]} are counters, which only grow"
    )
    return f"{told}: write {_with_rates(query, growing)} in its place"


def _growing(query: str, metric_types: Mapping[str, str]) -> list[Selection]:
    """Return the selections of counters whose growth the query passes on."""
    expression = read_expression(query)
    if expression is None or not _is_certain(expression):
        return []
    return [
        selection
        for selection in expression.selections
        if selection.is_instant
        and _KEEPS_GROWTH.issuperset(selection.functions)
        and _grows(selection.name or "", metric_types)
    ]


def _is_certain(expression: Expression) -> bool:
    return _KEEPS_GROWTH_OPERATORS.issuperset(expression.operators)


def _grows(name: str, metric_types: Mapping[str, str]) -> bool:
    metric_type = metric_types.get(name, "")
    return metric_type == "counter" or is_part_of(name, metric_type)


def _needs_quantile(query: str, selection: Selection) -> bool:
    """Tell whether a selection is all buckets of a histogram: one alone counts like a counter."""
    text = without_strings(query[selection.start : selection.end])
    return (
        str(selection.name).endswith("_bucket")
        and "histogram_quantile" not in selection.functions
        and not _ONE_BUCKET.search(text)
    )


def _quantile_advice(query: str, selection: Selection) -> str:
    rate = _rate(query, selection)
    inner = rate if is_plain_selector(query) else f"sum by (le) ({rate})"
    return (
        f"{selection.name} holds the buckets of a histogram, which only grow: write "
        f"histogram_quantile(0.99, {inner}) in its place"
    )


def _with_rates(query: str, selections: list[Selection]) -> str:
    for selection in reversed(selections):
        query = query[: selection.start] + _rate(query, selection) + query[selection.end :]
    return query


def _rate(query: str, selection: Selection) -> str:
    return f"rate({query[selection.start : selection.end]}[5m])"
