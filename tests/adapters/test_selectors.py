"""forewarn_adapters.selectors"""

import pytest

from forewarn_adapters.selectors import chosen, labels_of_text, parse_selector
from forewarn_models.errors import SourceRejected


@pytest.mark.parametrize("query", ["*", " * ", "{}", " { } "])
def test_everything_is_chosen_by_no_condition(query: str) -> None:
    assert parse_selector(query) == ()


@pytest.mark.parametrize(
    ("query", "labels", "accepted"),
    [
        ("up", {"__name__": "up", "a": "x"}, True),
        ("up", {"__name__": "down"}, False),
        ('up{a="x"}', {"__name__": "up", "a": "x"}, True),
        ('{a="x", b!="y",}', {"a": "x"}, True),
        ('{a="x", b!="y"}', {"a": "x", "b": "y"}, False),
        ('{a=~"x|y"}', {"a": "y"}, True),
        ('{a=~"x"}', {"a": "xx"}, False),
        ('{a!~"x.*"}', {"a": "xx"}, False),
        ('{a=~".+"}', {"a": "x\ny"}, True),
        ('{a=~"x|y"}', {"a": "xy"}, False),
        ('{a=""}', {}, True),
        ("{a='it\\'s \\\\ \\n'}", {"a": "it's \\ \n"}, True),
        ('{a="}, b=\\"c\\""}', {"a": '}, b="c"'}, True),
    ],
)
def test_a_selector_accepts_what_promql_would(query, labels, accepted) -> None:
    assert all(matcher.accepts(labels) for matcher in parse_selector(query)) == accepted


@pytest.mark.parametrize(
    "query", ["rate(up[5m])", "up > 1", "", "up{a}", 'up{a="x" b="y"}', 'up{a="x"', "up{a=x}"]
)
def test_other_promql_is_refused_with_a_way_out(query: str) -> None:
    with pytest.raises(SourceRejected, match="use a Prometheus for other queries"):
        parse_selector(query)


def test_a_pattern_that_would_explode_takes_linear_time() -> None:
    (matcher,) = parse_selector('{a=~"(a*)*(a*)*b"}')
    assert not matcher.accepts({"a": "a" * 10_000})


@pytest.mark.parametrize("query", ['{a=~"("}', '{a=~"(?=x)"}', '{a!~"(x)\\\\1"}'])
def test_a_broken_pattern_is_refused(query: str) -> None:
    with pytest.raises(SourceRejected, match="regular expression"):
        parse_selector(query)


def test_text_that_is_no_series_is_the_label_series() -> None:
    for text in ("CPU load %", 'up{a!="b"}', "7th"):
        assert labels_of_text(text) == (("series", text),)


def test_many_series_are_chosen_as_each_of_them_would_be() -> None:
    series = [(("a", f"{number % 3}"), ("b", f"{number % 2}")) for number in range(12)]
    series = [*series, (("a", "1"),)]
    matchers = parse_selector('{a=~"[01]",b!="1"}')
    expected = [all(matcher.accepts(dict(each)) for matcher in matchers) for each in series]
    assert chosen(matchers, series).tolist() == expected
    assert sum(expected) == 5
    assert chosen((), series).all()
