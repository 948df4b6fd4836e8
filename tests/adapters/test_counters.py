"""Counters that a query reads as they are, and the query that is right."""

import pytest
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_adapters.counters import counter_problem, family_name, is_part_of, metric_names
from forewarn_adapters.promql_selections import on_one_line, read_expression

TYPES = {
    "a_total": "counter",
    "job:b": "counter",
    "up": "gauge",
    "pages_total": "gauge",
    "latency_bucket": "histogram",
    "latency_count": "histogram",
    "latency_sum": "histogram",
    "size": "summary",
    "size_count": "summary",
}
ADVICE = {
    "a_total": "rate(a_total[5m])",
    'a_total { job = "x", host!~"c|d" }': 'rate(a_total { job = "x", host!~"c|d" }[5m])',
    "sum(a_total) by (job)": "sum(rate(a_total[5m])) by (job)",
    "SUM BY (job:b) (a_total)": "SUM BY (job:b) (rate(a_total[5m]))",
    "a_total # raw\n  or up": "rate(a_total[5m]) or up",
    "1e-3 * a_total": "1e-3 * rate(a_total[5m])",
    "a_total * on (job) group_left (a_total) up": (
        "rate(a_total[5m]) * on (job) group_left (a_total) up"
    ),
    "a_total * on (job) group_left up": "rate(a_total[5m]) * on (job) group_left up",
    'label_replace(a_total, "a", "b", "c", "job:b")': (
        'label_replace(rate(a_total[5m]), "a", "b", "c", "job:b")'
    ),
    "rate(a_total[1m]) + a_total": "rate(a_total[1m]) + rate(a_total[5m])",
    "size_count": "rate(size_count[5m])",
    'latency_bucket{le="0.5"}': 'rate(latency_bucket{le="0.5"}[5m])',
    "histogram_quantile(0.9, latency_bucket)": "histogram_quantile(0.9, rate(latency_bucket[5m]))",
}
OF_BUCKETS = {
    "latency_bucket": "histogram_quantile(0.99, rate(latency_bucket[5m]))",
    'sum by (job) (latency_bucket{job="x"})': (
        'histogram_quantile(0.99, sum by (le) (rate(latency_bucket{job="x"}[5m])))'
    ),
}
SILENT = [
    "up",
    "pages_total",
    "size",
    "unheard_of_total",
    '{__name__="a_total"}',
    "rate(a_total[5m])",
    "sum(irate(a_total[5m]))",
    "increase(sum(a_total)[1h:5m])",
    "a_total - a_total offset 5m",
    "a_total offset 1d",
    "a_total @ 1000",
    "a_total - job:b",
    "up and a_total",
    "a_total > 100",
    "a_total == bool 1",
    "a_total ^ 2",
    "count(a_total)",
    "absent(a_total)",
    "timestamp(a_total)",
    "avg_over_time(a_total[1h])",
    "deriv(a_total[1h])",
    "max_over_time(a_total[1h:])",
    'up{job="a_total"}',
    "up # not a_total",
    "sum by (a_total) (up)",
]
NOT_READ = ["", "sum(", "a_total)", "a_total up", "a_total smoothed", "a_total ~ 1", "(a)(b)"]


@pytest.mark.parametrize(("query", "right"), ADVICE.items(), ids=ADVICE.keys())
def test_the_right_query_is_told_literally(query, right):
    problem = counter_problem(query, TYPES)
    assert problem is not None
    assert "is a counter, which only grows: write " in problem
    assert problem.endswith(f": write {right} in its place")


@pytest.mark.parametrize(("query", "right"), OF_BUCKETS.items(), ids=OF_BUCKETS.keys())
def test_all_buckets_of_a_histogram_belong_in_a_quantile(query, right):
    assert counter_problem(query, TYPES) == (
        "latency_bucket holds the buckets of a histogram, which only grow: "
        f"write {right} in its place"
    )


def test_several_counters_are_named_together():
    assert counter_problem("latency_sum / latency_count + latency_sum", TYPES) == (
        "latency_sum and latency_count are counters, which only grow: write "
        "rate(latency_sum[5m]) / rate(latency_count[5m]) + rate(latency_sum[5m]) in its place"
    )


@pytest.mark.parametrize("query", SILENT)
def test_where_nothing_grows_or_it_is_not_certain_nothing_is_said(query):
    assert counter_problem(query, TYPES) is None


@pytest.mark.parametrize("query", NOT_READ)
def test_of_what_is_no_expression_nothing_is_said(query):
    assert read_expression(query) is None
    assert metric_names(query) == ()
    assert counter_problem(query, TYPES) is None


def test_what_is_nested_without_end_is_not_read():
    assert read_expression("(" * 100 + "a_total" + ")" * 100) is not None
    assert read_expression("(" * 101 + "a_total" + ")" * 101) is None


def test_each_metric_is_named_once_and_a_bounded_number_of_them():
    assert metric_names("sum(rate(b[5m])) / sum(a) + b + {job='c'} + sum by (d) (NaN)") == (
        "b",
        "a",
    )
    assert len(metric_names(" + ".join(f"m{number}" for number in range(50)))) == 20


def test_a_part_of_a_metric_is_told_by_its_suffix_and_the_type():
    assert family_name("latency_bucket") == "latency"
    assert [family_name(name) for name in ("up", "_total", "sum_of_it")] == [None] * 3
    assert is_part_of("a_total", "counter")
    assert not is_part_of("size_bucket", "summary")
    assert not is_part_of("size_count", "gaugehistogram")


LABELS = st.sampled_from(["", '{job="x"}', '{a="rate(", b!~`c(")|d`}', "{ }"])
COUNTERS = st.builds("{}{}".format, st.sampled_from(["a_total", "job:b", "size_count"]), LABELS)
GAUGES = st.builds("{}{}".format, st.sampled_from(["up", "pages_total"]), LABELS)
OF_A_RANGE = st.sampled_from(["rate", "irate", "increase", "resets", "changes", "delta", "idelta"])
# What a query is, and what it ought to be.
LEAVES = st.one_of(
    COUNTERS.map(lambda text: (text, f"rate({text}[5m])")),
    st.one_of(
        GAUGES,
        st.builds("{}({}[3m])".format, OF_A_RANGE, COUNTERS),
        st.builds("{}(sum({})[1h:5m])".format, OF_A_RANGE, COUNTERS),
    ).map(lambda text: (text, text)),
)
AROUND = st.sampled_from(
    (
        "({})",
        "sum({})",
        "avg by (job, a_total) ({})",
        "max({}) without (up)",
        "topk(3, {})",
        "2.5e-1 * {}",
        "{} / 1e+3",
        "sort(abs({}))",
        "quantile(0.5, {})",
    )
)
BETWEEN = st.sampled_from(
    ["{} + {}", "{} or {}", "({}) / on (job) ({})", "sum({}) * ignoring (up) group_left sum({})"]
)


def larger(smaller):
    around = st.tuples(AROUND, smaller)
    between = st.tuples(BETWEEN, smaller, smaller)
    return st.one_of(
        around.map(lambda drawn: tuple(map(drawn[0].format, drawn[1]))),
        between.map(lambda drawn: tuple(map(drawn[0].format, *drawn[1:]))),
    )


QUERIES = st.recursive(LEAVES, larger, max_leaves=6)
UNCERTAIN = st.sampled_from(
    (
        "count({})",
        "absent({})",
        "round({})",
        "-({})",
        "({}) - 1",
        "({}) > 1",
        "({}) @ 5",
        "up and ({})",
        "({}) unless up",
        "deriv(({})[1h:])",
        "sum_over_time(({})[1h:1m])",
    )
)


@given(QUERIES)
def test_counters_outside_of_rates_are_found_and_only_these(pair):
    query, right = pair
    problem = counter_problem(query, TYPES)
    if query == right:
        assert problem is None
    else:
        assert problem is not None
        assert problem.endswith(f": write {right} in its place")
    assert counter_problem(right, TYPES) is None


@given(QUERIES, UNCERTAIN)
def test_inside_of_what_does_not_pass_growth_on_nothing_is_said(pair, around):
    assert counter_problem(around.format(pair[0]), TYPES) is None


@settings(max_examples=50, deadline=None)
@given(pair=QUERIES)
def test_prometheus_reads_each_right_query(prometheus, pair):
    url = f"{prometheus.url}/api/v1/format_query"
    for query in pair:
        answer = urllib3.request("GET", url, fields={"query": query})
        assert answer.status == 200, answer.data


@given(st.text("ab_(){}[]\"'`,#\n +-*/=~<>@5me.é"))
def test_any_text_is_read_or_not_and_then_left_alone(text):
    if read_expression(text) is None:
        assert counter_problem(text, TYPES) is None
    assert on_one_line(on_one_line(text)) == on_one_line(text)
