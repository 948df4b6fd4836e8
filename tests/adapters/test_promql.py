"""What is known of a PromQL expression before it is sent."""

import pytest

from forewarn_adapters.promql import is_plain_selector, metric_name, without_strings

PLAIN = [
    "up",
    "  up  ",
    "job:up:sum",
    "up{}",
    'up{job="node"}',
    'up { job = "node" , instance!~"a|b", } ',
    '{__name__="up"}',
    '{__name__=~"up|down",job!="x"}',
    "up{job='no[5m]de'}",
    'up{job="a\\"} offset 5m"}',
    'up{job="}"}',
    "up{path=`C:\\temp{}`}",
    '{"http.requests", job="x"}',
    '{"http.requests", "service.name"="x"}',
    'up{\n  job="node"\n}',
    "sum",
]
OTHER = [
    "",
    "1",
    "NaN",
    "inf",
    "Inf",
    "up[5m]",
    "up offset 5m",
    "up @ 1000",
    "-up",
    "(up)",
    "up + up",
    "up{job='a'} or up{job='b'}",
    "rate(up[5m])",
    "sum(up)",
    "sum by (job) (up)",
    'up{job="node"',
    'up{job="no\nde"}',
    'up{job="node",,}',
    "up{job=node}",
    "up # a comment",
    "5m",
    "über",
]


@pytest.mark.parametrize("query", PLAIN)
def test_a_selector_is_plain(query):
    assert is_plain_selector(query)


@pytest.mark.parametrize("query", OTHER)
def test_everything_else_is_not(query):
    assert not is_plain_selector(query)


def test_a_long_hostile_query_is_judged_at_once():
    assert not is_plain_selector("up{" + 'a="' * 3_000)
    assert not is_plain_selector("up{" + 'a="b" ' * 1_500)


@pytest.mark.parametrize(
    ("selector", "name"), [("up", "up"), ('up{a="b"}', "up"), ('{a="b"}', None), ("a+b", None)]
)
def test_the_name_stands_in_front(selector, name):
    assert metric_name(selector) == name


def test_strings_are_emptied():
    assert without_strings("""a{b="rate(c)", d='e\\'f', g=`h"i`}""") == 'a{b="", d="", g=""}'
