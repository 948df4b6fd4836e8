from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.budget import DEFAULT_BUDGET, Budget, parse_budget, score_of
from forewarn_models.errors import ConfigError

periods = st.floats(1e-3, 1e12)


def test_units_stand_for_themselves():
    assert parse_budget("1/30d") == DEFAULT_BUDGET
    assert parse_budget("2/week") == Budget(2, timedelta(weeks=1))
    assert parse_budget("3/hour") == Budget(3, timedelta(hours=1))


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_what_is_written_is_read_back(count, minutes):
    budget = Budget(count, timedelta(minutes=minutes))
    assert parse_budget(str(budget)) == budget


@pytest.mark.parametrize("text", ["", "1", "0/30d", "1/", "-1/30d", "one/30d"])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(ConfigError):
        parse_budget(text)


@given(periods, periods)
def test_a_rarer_deviation_never_scores_less(one, other):
    low, high = score_of(np.sort([one, other]), 2.592e6)
    assert 0 <= low <= high


@given(periods)
def test_one_is_the_budget_and_each_thousandfold_adds_one(budget):
    scores = score_of(budget * np.array([1e-6, 1e-3, 1.0, 1e3, np.nan, 0.0]), budget)
    np.testing.assert_allclose(scores, [0, 0, 1, 2, np.nan, 0], atol=1e-12)
