"""What a query's words and its metrics' names and types say of its values."""

from math import inf

import pytest

from forewarn_adapters.presumed_bounds import presumed_bounds
from forewarn_models.bounds import UNKNOWN, Bounds

SHARE, PERCENT = Bounds(0.0, 1.0), Bounds(0.0, 100.0)
NOT_NEGATIVE, SIGNED = Bounds(0.0), Bounds(-inf)
TYPES = {"odd": "counter", "wait": "histogram", "wait_count": "histogram", "wait_sum": "histogram"}

KNOWN = {
    "odd": (NOT_NEGATIVE, "odd is a counter"),
    "wait_count": (NOT_NEGATIVE, "wait_count counts what a histogram has seen"),
    "load_ratio": (SHARE, "load_ratio ends in _ratio"),
    "avg by (job) (load_ratio{a='b'} offset 5m) # mean": (SHARE, "load_ratio ends in _ratio"),
    "max_over_time(full_percent[1h])": (PERCENT, "full_percent ends in _percent"),
    "sum(load_ratio)": (NOT_NEGATIVE, "load_ratio ends in _ratio"),
    "free_bytes": (NOT_NEGATIVE, "free_bytes ends in _bytes"),
    "rate(x[5m])": (NOT_NEGATIVE, "rate is never negative"),
    "sum(rate(x[5m])) by (le)": (NOT_NEGATIVE, "rate is never negative"),
    "count(deriv(x[5m]) > 0)": (UNKNOWN, ""),
    "count(deriv(x[5m]))": (NOT_NEGATIVE, "count is never negative"),
    "histogram_quantile(0.9, sum by (le) (rate(t_seconds_bucket[5m])))": (
        NOT_NEGATIVE,
        "it is a quantile of seconds, by the name t_seconds_bucket",
    ),
    "histogram_quantile(0.9, rate(offset_celsius_bucket[5m]))": (UNKNOWN, ""),
    "deriv(free_bytes[1h])": (SIGNED, "deriv may be negative"),
    "sum(delta(free_bytes[1h]))": (SIGNED, "delta may be negative"),
    "deriv(free_bytes[1h]) - free_bytes": (SIGNED, "deriv may be negative"),
    "abs(idelta(x[1h]))": (NOT_NEGATIVE, "abs is never negative"),
    "a_bytes + b_bytes": (NOT_NEGATIVE, "a_bytes ends in _bytes, b_bytes ends in _bytes"),
    "a_bytes * 8": (NOT_NEGATIVE, "a_bytes ends in _bytes"),
    "a_ratio or b_ratio": (SHARE, "a_ratio ends in _ratio, b_ratio ends in _ratio"),
    "a_ratio and b_bytes": (NOT_NEGATIVE, "a_ratio ends in _ratio, b_bytes ends in _bytes"),
    "a_ratio and deriv(b[5m])": (UNKNOWN, ""),
    "a_ratio * 100": (NOT_NEGATIVE, "a_ratio ends in _ratio"),
    "1 - a_ratio": (SHARE, "a_ratio ends in _ratio"),
    "1 - 1 - a_ratio": (UNKNOWN, ""),
    "1 - a_bytes": (UNKNOWN, ""),
    "a_bytes - b_bytes": (UNKNOWN, ""),
    "-a_bytes": (UNKNOWN, ""),
    "a_bytes % 7": (UNKNOWN, ""),
    "a_bytes > 5": (UNKNOWN, ""),
    "clamp_min(a_ratio, -3)": (UNKNOWN, ""),
    "ln(a_bytes)": (UNKNOWN, ""),
    "wait_sum": (UNKNOWN, ""),
    "wait_seconds_sum": (NOT_NEGATIVE, "wait_seconds_sum ends in _seconds_sum"),
    "up": (UNKNOWN, ""),
    "{job='a'}": (UNKNOWN, ""),
    "vector(1)": (UNKNOWN, ""),
    "sum((": (UNKNOWN, ""),
}


@pytest.mark.parametrize(("query", "expected"), KNOWN.items(), ids=KNOWN.keys())
def test_what_is_presumed_of_a_query_and_why(query, expected):
    found = presumed_bounds(query, TYPES)
    assert (found.bounds, found.why) == expected


SHARES = {
    "a_total / b_total": "a_total is divided by b_total, both counts",
    "sum by (x) (rate(a_total[5m])) / on (x) group_left () sum by (x) (rate(b_total[5m]))": (
        "a_total is divided by b_total, both counts"
    ),
    "free_bytes / (size_bytes)": "free_bytes is divided by size_bytes, both bytes",
    "1 - (free_bytes / size_bytes)": "free_bytes is divided by size_bytes, both bytes",
    "rate(busy_seconds_total[5m]) / rate(all_seconds_total[5m])": (
        "busy_seconds_total is divided by all_seconds_total, both seconds"
    ),
}


@pytest.mark.parametrize(("query", "why"), SHARES.items(), ids=SHARES.keys())
def test_a_plain_division_of_like_by_like_is_a_share(query, why):
    found = presumed_bounds(query, {})
    assert (found.bounds, found.why) == (SHARE, why)


@pytest.mark.parametrize(
    "query",
    [
        "rate(wait_seconds_sum[5m]) / rate(wait_seconds_count[5m])",  # a mean
        "rate(a_total[5m]) / b_total",
        "sum(a_total) / avg(b_total)",
        "sum(a_total / b_total)",
        "a_total / b_total / 7",
        "7 / a_total / b_total",
        "100 * a_total / b_total",
        "a_total / b_total / c_total",
        "a_ratio / b_ratio",
        "rate(a[5m]) / rate(b[5m])",
    ],
)
def test_any_other_division_may_be_larger_than_1_and_is_never_negative(query):
    assert presumed_bounds(query, {}).bounds == NOT_NEGATIVE


@pytest.mark.parametrize("query", ["a_total / b", "a / b_bytes", "a_celsius / b_celsius"])
def test_of_a_division_of_what_is_not_known_nothing_is(query):
    assert presumed_bounds(query, {}).bounds == UNKNOWN


def test_types_tell_what_names_do_not():
    assert presumed_bounds("odd", {}).bounds == UNKNOWN
    assert presumed_bounds("odd", {"odd": "gauge"}).bounds == UNKNOWN
    assert presumed_bounds("odd", {"odd": "counter"}).bounds == NOT_NEGATIVE
