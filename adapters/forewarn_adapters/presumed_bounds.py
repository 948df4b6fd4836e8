"""The range that a query's values should not leave, by its words and its metrics' names and types.

It is presumed, no more: a name may promise what a metric does not keep. So bounds hold only where
the history bears them out, which is for the caller to see.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from forewarn_adapters.promql_selections import (
    Expression,
    Selection,
    on_one_line,
    read_expression,
)
from forewarn_models.bounds import UNKNOWN, Bounds

_SHARE = Bounds(0.0, 1.0)
_NOT_NEGATIVE = Bounds(0.0)
_SIGNED = Bounds(-inf)
# Suffixes of names by the conventions of Prometheus, https://prometheus.io/docs/practices/naming.
_BOUNDS_OF_SUFFIX: Mapping[str, Bounds] = {
    "_ratio": _SHARE,
    "_percent": Bounds(0.0, 100.0),
    "_bytes": _NOT_NEGATIVE,
    "_seconds": _NOT_NEGATIVE,
    "_bytes_sum": _NOT_NEGATIVE,
    "_seconds_sum": _NOT_NEGATIVE,
    "_total": _NOT_NEGATIVE,
    "_count": _NOT_NEGATIVE,
    "_bucket": _NOT_NEGATIVE,
}
_UNIT = re.compile(r"_(bytes|seconds)(?:_total|_sum|_bucket)?\Z")
_COUNT = re.compile(r"_(?:total|count|bucket)\Z")
_NEVER_NEGATIVE = frozenset(
    {"rate", "irate", "increase", "resets", "changes", "abs", "sqrt", "exp", "group", "absent"}
    | {"count", "count_over_time", "absent_over_time", "present_over_time", "histogram_count"}
    | {"stddev", "stdvar", "stddev_over_time", "stdvar_over_time", "mad_over_time"}
)
_EITHER_SIGN = frozenset({"delta", "idelta", "deriv", "predict_linear"})
_SUMS = frozenset({"sum", "sum_over_time"})
_KEEPS_RANGE = frozenset(
    {"", "avg", "min", "max", "quantile", "topk", "bottomk", "limitk", "limit_ratio"}
    | {"sort", "sort_desc", "sort_by_label", "sort_by_label_desc", "label_replace", "label_join"}
    | {"avg_over_time", "min_over_time", "max_over_time", "quantile_over_time"}
    | {"first_over_time", "last_over_time"}
)
_FILTERS = frozenset({"and", "unless"})
_CHOOSES = _FILTERS | {"or", "offset", "@"}
_STAYS_POSITIVE = _CHOOSES | {"+", "*", "/"}
_ONE_LESS = re.compile(r"1\s*-\s*(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Presumption:
    """What a query's values should not leave, and by which sign; empty words where there is none.

    >>> presumed_bounds("sum(rate(requests_total[5m]))", {}).why
    'rate is never negative'
    """

    bounds: Bounds
    why: str


_NOTHING = Presumption(UNKNOWN, "")


def presumed_bounds(query: str, metric_types: Mapping[str, str]) -> Presumption:
    """Return the range that a query's values should not leave.

    `metric_types` are those that the server knows, by the names of the metrics.

    >>> presumed_bounds("1 - free_bytes / size_bytes", {}).bounds
    Bounds(low=0.0, high=1.0)
    """
    query = on_one_line(query)
    less = _ONE_LESS.fullmatch(query)
    found = _presumed(less[1] if less else query, metric_types)
    # What a share leaves of the whole is one as well.
    return found if not less or found.bounds == _SHARE else _NOTHING


def _presumed(query: str, metric_types: Mapping[str, str]) -> Presumption:
    expression = read_expression(query)
    if expression is None or not expression.selections:
        return _NOTHING
    parts = [_of_selection(each, metric_types) for each in expression.selections]
    return _share(expression, parts) or _together(expression, parts)


def _of_selection(selection: Selection, metric_types: Mapping[str, str]) -> Presumption:
    """Return what holds of a selection after the functions around it, the innermost first."""
    name = selection.name or ""
    found = _of_metric(name, metric_types.get(name, ""))
    for function in reversed(selection.functions):
        found = _after(function, name, found)
    return found


def _of_metric(name: str, metric_type: str) -> Presumption:
    if metric_type == "counter":
        return Presumption(_NOT_NEGATIVE, f"{name} is a counter")
    if metric_type in {"histogram", "summary"} and name.endswith(("_count", "_bucket")):
        return Presumption(_NOT_NEGATIVE, f"{name} counts what a {metric_type} has seen")
    for suffix, bounds in _BOUNDS_OF_SUFFIX.items():
        if name.endswith(suffix):
            return Presumption(bounds, f"{name} ends in {suffix}")
    return _NOTHING


def _after(function: str, name: str, found: Presumption) -> Presumption:
    if function in _NEVER_NEGATIVE:
        return Presumption(_NOT_NEGATIVE, f"{function} is never negative")
    if function in _EITHER_SIGN:
        return Presumption(_SIGNED, f"{function} may be negative")
    if function == "histogram_quantile":
        unit = _UNIT.search(name)
        return (
            Presumption(_NOT_NEGATIVE, f"it is a quantile of {unit[1]}, by the name {name}")
            if unit
            else _NOTHING
        )
    if function in _SUMS and found.bounds.low == 0:
        return Presumption(_NOT_NEGATIVE, found.why)
    is_kept = function in _KEEPS_RANGE or (function in _SUMS and found.bounds == _SIGNED)
    return found if is_kept else _NOTHING


def _share(expression: Expression, parts: Sequence[Presumption]) -> Presumption | None:
    """Return that one selection is a share of another: both count the same, in the same way."""
    is_division = expression.operators == {"/"} and expression.outer_operators == ("/",)
    if not is_division or len(parts) != 2 or any(part.bounds.low != 0 for part in parts):
        return None
    above, below = expression.selections
    is_alike = [*filter(None, above.functions)] == [*filter(None, below.functions)]
    unit = _unit(above.name or "")
    if not is_alike or unit is None or unit != _unit(below.name or ""):
        return None
    return Presumption(_SHARE, f"{above.name} is divided by {below.name}, both {unit}")


def _unit(name: str) -> str | None:
    """Return what a metric counts, by its name."""
    unit = _UNIT.search(name)
    if unit:
        return unit[1]
    return "counts" if _COUNT.search(name) else None


def _together(expression: Expression, parts: Sequence[Presumption]) -> Presumption:
    if expression.operators <= _CHOOSES and len({part.bounds for part in parts}) == 1:
        return Presumption(parts[0].bounds, _reasons(parts))
    signed = [part for part in parts if part.bounds == _SIGNED]
    if signed and not expression.operators & _FILTERS:
        return signed[0]
    is_positive = expression.operators <= _STAYS_POSITIVE
    if is_positive and all(part.bounds.low == 0 for part in parts):
        return Presumption(_NOT_NEGATIVE, _reasons(parts))
    return _NOTHING


def _reasons(parts: Sequence[Presumption]) -> str:
    return ", ".join(dict.fromkeys(part.why for part in parts))
