from forewarn_adapters.config.implied import TeamLoad, team_loads
from forewarn_adapters.config.reading import parse_config

TEXT = """
prometheus: {url: "http://localhost:9090"}
budgets: {checkout: 2/week, idle: 1/week}
signals:
  - {name: a, query: a, team: checkout, budget: 1/week}
  - {name: b, query: b, team: checkout, budget: 1/14d}
  - {name: c, query: c, budget: 1/day}
"""


def test_the_pages_of_a_team_are_the_sum_over_its_series():
    config = parse_config(TEXT, environment={})
    assert team_loads(config, {}) == (
        TeamLoad("checkout", 1.5, 2.0),
        TeamLoad("idle", 0.0, 1.0),
        TeamLoad(None, 7.0, None),
    )
    assert team_loads(config, {"b": 10})[0] == TeamLoad("checkout", 6.0, 2.0)


def test_a_team_is_over_only_where_it_says_what_it_accepts():
    config = parse_config(TEXT, environment={})
    assert [load.is_over for load in team_loads(config, {"b": 3})] == [True, False, False]
