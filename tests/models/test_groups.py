import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.groups import (
    _DISCOUNT,
    _LEAST,
    _MOST,
    _MOST_DISCOUNT,
    _PREMIUM,
    Groups,
    group_decades,
    groups_of,
)
from forewarn_models.labels import labels_of
from oracles_walk import patient

SERIES = tuple(labels_of({"host": host, "disk": disk}) for host, disk in ("ax", "ay", "bx"))
NAN = float("nan")
DECADES = st.one_of(st.floats(0, 12), st.just(NAN))


def together(*columns):
    """The decades of one group at each of some instants."""
    decades = np.array(columns, dtype=float).T
    members = np.arange(len(decades))[None]
    return group_decades(Groups((), members), decades)[0].tolist()


def slow_decades(decades):
    """As `group_decades`, of one group at one instant."""
    if len(decades) == 1 or np.isnan(decades).all():
        return decades[0]
    felt = sorted(_LEAST if np.isnan(x) else min(max(x, _LEAST), _MOST) for x in decades)[::-1]
    agreeing = [n for n in (2, 3, 5) if n <= len(felt)]
    best = max(sum(felt[:n]) / n + _PREMIUM * math.log10(n) for n in agreeing)
    return best - min(_DISCOUNT * math.log10(len(felt)), _MOST_DISCOUNT)


def test_series_with_equal_labels_form_a_group():
    groups = groups_of(SERIES, ("host",))
    assert groups.labels == ((("host", "a"), ("series", "*")), (("host", "b"), ("series", "*")))
    assert groups.members.tolist() == [[0, 1], [2, -1]]
    assert groups.n_members.tolist() == [2, 1]
    gathered = groups.gathered(np.array([[1.0], [2.0], [3.0]]))[..., 0]
    np.testing.assert_array_equal(gathered, [[1, 2], [3, np.nan]])


def test_members_need_not_stand_side_by_side():
    groups = groups_of(SERIES, ("disk",))
    assert [dict(labels)["disk"] for labels in groups.labels] == ["x", "y"]
    assert groups.members.tolist() == [[0, 2], [1, -1]]


def test_without_labels_there_are_no_groups():
    groups = groups_of(SERIES, ())
    assert (groups.labels, groups.members.shape) == ((), (0, 0))
    assert group_decades(groups, np.ones((3, 5))).shape == (0, 5)


def test_chosen_groups_have_no_more_columns_than_the_largest_of_them_needs():
    labels = tuple(labels_of({"host": host}) for host in "abc")
    groups = Groups(labels, np.array([[0, 1, 2], [3, -1, -1], [4, 5, -1]]))
    chosen = groups.select(np.array([2, 1]))
    assert chosen.labels == (labels[2], labels[1])
    assert chosen.members.tolist() == [[4, 5], [3, -1]]
    assert groups.select(np.array([0])).members.tolist() == [[0, 1, 2]]
    assert groups.select(np.array([], dtype=int)).members.shape == (0, 0)


@patient
@given(st.lists(st.lists(DECADES, min_size=1, max_size=9), min_size=1, max_size=4), st.data())
def test_groups_are_as_rare_as_the_slow_formula_says(rows, data):
    width = max(map(len, rows))
    places = iter(data.draw(st.permutations(range(sum(map(len, rows))))))
    members = np.array([[next(places) for _ in row] + [-1] * (width - len(row)) for row in rows])
    decades = np.zeros((members.max() + 1, 1))
    for row, group in zip(rows, members, strict=True):
        decades[group[: len(row)], 0] = row
    before = decades.copy()
    found = group_decades(Groups((), members), decades)
    np.testing.assert_array_equal(decades, before)
    np.testing.assert_allclose(found[:, 0], [slow_decades(row) for row in rows], rtol=1e-12)


def test_a_group_of_one_is_as_rare_as_its_member():
    assert together([0.5], [4.0], [30.0]) == [0.5, 4.0, 30.0]
    assert math.isnan(together([NAN])[0])


@pytest.mark.parametrize("n", [2, 3, 4, 10])
def test_two_that_agree_are_rarer_than_one_alone(n):
    rest = [2.0] * (n - 2)
    alone, agreeing = together([8.0, 2.0, *rest], [5.5, 5.5, *rest])
    assert agreeing > alone


def test_the_more_agree_the_rarer():
    rising = together(*([6.0] * n + [1.0] * (10 - n) for n in (0, 1, 2, 3, 5)))
    assert rising == sorted(rising)
    assert len(set(rising)) == 5


def test_one_member_alone_counts_for_no_more_than_the_most():
    assert len(set(together([_MOST, 3.0], [30.0, 3.0], [300.0, 3.0]))) == 1


def test_members_that_are_quiet_or_silent_count_alike():
    assert len(set(together([6.0, 6.0, 2.0], [6.0, 6.0, 0.1], [6.0, 6.0, NAN]))) == 1


def test_two_of_two_give_up_little_and_two_of_many_more_but_not_without_bound():
    sizes = 2, 4, 10, 30, 3_000
    found = [together([7.0, 7.0, *[0.0] * (n - 2)])[0] for n in sizes]
    premium = _PREMIUM * math.log10(2)
    given_up = [min(_DISCOUNT * math.log10(n), _MOST_DISCOUNT) for n in sizes]
    assert found == pytest.approx([7.0 + premium - less for less in given_up])
    assert given_up[-1] == given_up[-2] == _MOST_DISCOUNT > given_up[-3]


def test_a_group_of_which_nobody_says_anything_says_nothing():
    silent, one = together([NAN, NAN, NAN], [NAN, 3.0, NAN])
    assert math.isnan(silent)
    assert math.isfinite(one)


def test_a_small_group_is_not_judged_by_the_size_of_a_large_one_beside_it():
    decades = np.array([[6.0]] * 2 + [[6.0]] * 7)
    members = np.array([[0, 1, -1, -1, -1, -1, -1], np.arange(2, 9)])
    small, large = group_decades(Groups((), members), decades)[:, 0]
    assert small == together([6.0, 6.0])[0]
    assert large == together([6.0] * 7)[0]
