"""forewarn_models.patterns.changes: which patterns changed most."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies
from scipy.stats import nbinom

from forewarn_models.errors import DataError
from forewarn_models.patterns import changes
from forewarn_models.patterns.changes import Changes, rank_changes

pytestmark = pytest.mark.compiled

COUNTS = st.integers(0, 10**6).map(float) | st.integers(0, 5).map(float)
TABLES = st.integers(1, 40).flatmap(
    lambda n: numpy_strategies.arrays(np.float64, (3, n), elements=COUNTS)
)


def ranked(before: Any, during: Any, **options: Any) -> Changes:
    seconds = {"before_seconds": 3_600.0, "during_seconds": 600.0, **options}
    return rank_changes(np.asarray(before, float), np.asarray(during, float), **seconds)


def fleet(
    rng: np.random.Generator, *, load: float, bursts: float = 0.05
) -> tuple[np.ndarray, np.ndarray]:
    """Return counts of 500 patterns in six windows before and in one; none changed by itself."""
    rate = 2 * np.exp(rng.normal(0, 2, 500))
    swing = rng.gamma(1 / bursts, bursts, (500, 7))
    lines = rng.poisson(rate[:, None] * swing * np.array([1.0] * 6 + [load]))
    return lines[:, :6].astype(float), lines[:, 6].astype(float)


@given(TABLES)
def test_scores_are_finite_and_the_order_holds_each_pattern_once(table: np.ndarray) -> None:
    found = ranked(table[0], table[1])
    assert (np.isfinite(found.score) & (found.score >= 0)).all()
    assert (np.isfinite(found.ratio) & (found.ratio >= 0)).all()
    assert sorted(found.order.tolist()) == list(range(len(table[0])))
    keys = [(not found.is_new[k], -found.score[k], -table[1][k], k) for k in found.order.tolist()]
    assert keys == sorted(keys)


@given(TABLES, st.randoms(use_true_random=False))
def test_the_order_of_the_patterns_does_not_matter(table: np.ndarray, random: Any) -> None:
    places = list(range(table.shape[1]))
    random.shuffle(places)
    found, shuffled = ranked(table[0], table[1]), ranked(table[0][places], table[1][places])
    np.testing.assert_allclose(shuffled.score, found.score[places], rtol=1e-9, atol=1e-9)


@given(TABLES, st.floats(1e-3, 1e6))
def test_the_unit_of_time_does_not_matter(table: np.ndarray, unit: float) -> None:
    found = ranked(table[0], table[1])
    other = ranked(table[0], table[1], before_seconds=3_600 * unit, during_seconds=600 * unit)
    np.testing.assert_allclose(other.score, found.score, rtol=1e-6, atol=1e-6)


@given(TABLES)
def test_groups_are_ranked_as_if_each_were_alone(table: np.ndarray) -> None:
    group = (table[2] % 2).astype(np.int64)
    together = ranked(table[0], table[1], group=group)
    for number in range(2):
        rows = group == number
        alone = ranked(table[0][rows], table[1][rows])
        np.testing.assert_allclose(together.score[rows], alone.score, rtol=1e-9, atol=1e-9)


@given(st.floats(0, 1e6), st.integers(0, 10**5))
def test_more_lines_than_expected_are_rarer_the_more_they_are(before: float, extra: int) -> None:
    most = before / 6 + 10 + extra
    score = ranked([before] * 2, [most, most * 1.1]).score
    assert score[1] > score[0]


def test_the_score_is_the_tail_of_a_negative_binomial_distribution() -> None:
    (score,) = ranked([60.0], [25.0]).score
    shape = 1 / (1 / 60.5 + 0.1)
    tail = nbinom(shape, shape / (shape + 60.5 / 6)).sf(24)
    assert score == pytest.approx(-np.log10(2 * tail))


def test_patterns_that_no_probability_can_tell_apart_are_told_apart() -> None:
    during = np.array([1e4, 1e5, 1e6, 1e7, 1e8] + [1.0] * 20)
    found = ranked(np.full(25, 6.0), during)
    assert found.order[:5].tolist() == [4, 3, 2, 1, 0]
    assert (np.diff(found.score[:5]) > 1).all()


def test_the_logarithm_goes_on_where_the_probability_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    before, during = np.full(50, 600.0), np.linspace(400, 2_000, 50)
    exact = ranked(before, during).score
    monkeypatch.setattr(changes, "_LEAST", 1.0)
    np.testing.assert_allclose(ranked(before, during).score, exact, atol=0.5)


def test_nothing_before_and_nothing_now_is_no_change() -> None:
    found = ranked([0.0, 0.0], [0.0, 0.0])
    assert found.score.tolist() == [0.0, 0.0]
    assert not found.is_new.any()


def test_no_patterns_are_ranked_without_complaint() -> None:
    found = ranked([], [])
    assert (len(found.score), len(found.order)) == (0, 0)


def test_new_patterns_stand_first_and_one_line_alone_does_not_make_a_pattern_new() -> None:
    found = ranked([60.0, 0.0, 0.0, 60.0], [900.0, 5.0, 1.0, 10.0])
    assert found.is_new.tolist() == [False, True, False, False]
    assert found.order[:2].tolist() == [1, 0]


def test_who_knows_which_patterns_are_new_says_so() -> None:
    new = np.array([False, False, True])
    found = ranked([60.0, 0.0, 0.0], [900.0, 5.0, 1.0], is_new=new)
    assert found.is_new.tolist() == new.tolist()
    assert found.order[0] == 2


def test_equals_stand_by_their_lines_and_then_as_they_came() -> None:
    found = ranked([0.0] * 3 + [60.0], [0.0, 0.0, 0.0, 10.0])
    assert found.score.tolist() == [0.0] * 4
    assert found.order.tolist() == [3, 0, 1, 2]


def test_a_pattern_that_vanished_is_a_change() -> None:
    found = ranked([600.0] * 9, [100.0] * 8 + [0.0])
    assert found.order[0] == 8
    assert (found.score[8] > 3, found.score[:8].max() < 0.1, found.ratio[8]) == (True, True, 0.0)


def test_a_load_that_doubles_makes_no_pattern_a_culprit() -> None:
    before, during = fleet(np.random.default_rng(1), load=2.0)
    found = ranked(before, during)
    assert np.quantile(found.score, 0.99) < 3.0
    assert np.median(found.ratio[before.sum(axis=1) > 100]) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("load", [1.0, 2.0])
def test_the_culprit_is_among_the_first_three_of_500(load: float) -> None:
    rng = np.random.default_rng(2)
    ranks = []
    for _ in range(20):
        before, during = fleet(rng, load=load)
        culprit = int(rng.choice(np.flatnonzero(before.sum(axis=1) >= 12)))
        during[culprit] *= 10
        during[culprit] += 10
        ranks.append(ranked(before, during).order.tolist().index(culprit))
    assert np.mean(np.array(ranks) < 3) >= 0.9


def test_one_pattern_that_floods_does_not_make_the_others_vanish() -> None:
    found = ranked([600.0] * 10, [1e6] + [100.0] * 9)
    assert found.order[0] == 0
    assert found.score[1:].max() < 0.5


def test_a_pattern_that_was_bursting_before_bursts_without_being_blamed() -> None:
    steady, wild = [100.0] * 6, [0.0, 300.0, 0.0, 250.0, 10.0, 40.0]
    found = ranked([steady, wild, *[steady] * 8], [260.0, 260.0, *[100.0] * 8])
    assert found.order[0] == 0
    assert found.score[1] < 1 < found.score[0]


@pytest.mark.parametrize(
    ("before", "during", "options", "complaint"),
    [
        ([1.0], [1.0, 2.0], {}, "for each pattern, got 1 and 2"),
        ([-1.0], [1.0], {}, "finite and not below 0"),
        ([1.0], [np.nan], {}, "finite and not below 0"),
        ([1.0], [1.0], {"before_seconds": 0.0}, "before_seconds must be longer than zero"),
        ([1.0], [1.0], {"during_seconds": np.inf}, "during_seconds must be longer than zero"),
    ],
)
def test_what_cannot_be_ranked_is_refused(
    before: Any, during: Any, options: Any, complaint: str
) -> None:
    with pytest.raises(DataError, match=complaint):
        ranked(before, during, **options)
