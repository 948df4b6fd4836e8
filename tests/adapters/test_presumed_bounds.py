"""What a query's words and its metrics' names and types say of its values."""

import time
from math import inf

import numpy as np
import pytest

from forewarn_adapters.config.servers import Prometheus, RemoteWrite
from forewarn_adapters.presumed_bounds import presumed_bounds
from forewarn_adapters.prometheus import PrometheusSource
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_models.bounds import UNKNOWN, Bounds
from forewarn_models.labels import labels_of

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


STEP, POINTS = 30_000, 90
GAUGES = ["load_ratio", "a_ratio", "b_ratio", "full_percent", "free_bytes", "a_bytes", "b_bytes"]
COUNTERS = ["odd", "x", "wait_count", "a_total", "busy_seconds_total", "wait_seconds_sum"]
LARGER = {"a_total": "b_total", "busy_seconds_total": "all_seconds_total"}


@pytest.fixture(scope="module")
def measured(prometheus):
    """A real Prometheus with metrics that are what their names promise; the end of their time."""
    end = int(time.time() * 1000) // STEP * STEP
    generator = np.random.default_rng(8)
    names = {}
    for name in GAUGES:
        names[name] = generator.random(POINTS) * (100 if name == "full_percent" else 1)
    names["size_bytes"] = names["free_bytes"] + generator.random(POINTS)
    for name in COUNTERS:
        steps = generator.random(POINTS)
        names[name] = np.cumsum(steps) % 20  # with resets
        if name in LARGER:
            names[name] = np.cumsum(steps)
            names[LARGER[name]] = np.cumsum(steps + generator.random(POINTS))
    labels = [labels_of({"__name__": name, "a": "b"}) for name in names]
    for bound, share in (("1", 0.5), ("2", 0.9), ("+Inf", 1.0)):
        labels.append(labels_of({"__name__": "t_seconds_bucket", "le": bound}))
        names[f"t_seconds_bucket {bound}"] = share * np.arange(float(POINTS))
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write"))
    times = np.tile(end - STEP * np.arange(POINTS)[::-1], len(names))
    values = np.concatenate(list(names.values()))
    accepted = writer.send(labels, np.repeat(np.arange(len(names)), POINTS), times, values)
    writer.close()
    assert accepted.accepted == len(values)
    source = PrometheusSource(Prometheus(url=prometheus.url))
    yield source, end
    source.close()


BOUNDED = [query for query, (bounds, _) in KNOWN.items() if bounds != UNKNOWN]


@pytest.mark.parametrize("query", [*BOUNDED, *SHARES])
def test_what_a_real_prometheus_answers_stays_within_what_is_presumed(measured, query):
    source, end = measured
    samples = source.read_range(
        query,
        start_milliseconds=end - 60 * STEP,
        end_milliseconds=end,
        step_milliseconds=STEP,
    )
    bounds = presumed_bounds(query, TYPES).bounds
    assert len(samples) >= 50
    assert samples.value.min() >= bounds.low
    assert samples.value.max() <= bounds.high
    assert bounds != SIGNED or samples.value.min() < 0
