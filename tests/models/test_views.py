import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles_walk as oracle
from forewarn_models.judging import rarest
from forewarn_models.layout import DECADES, N_WORK, SIGNS
from forewarn_models.rules import rules_of
from forewarn_models.views import (
    CHANGE,
    DISCOUNTS,
    DRIFT,
    LEVEL_VIEW,
    N_VIEWS,
    PEERS,
    SEASON,
    STUCK,
    UNREST,
    VALUE,
    VIEWS,
    WORDS,
    view_name,
    view_words,
)
from oracles_walk import patient

ORDINARY = np.log10(60.0)


def told(decades, signs, direction="both"):
    work = np.zeros(N_WORK)
    work[DECADES : DECADES + N_VIEWS], work[SIGNS : SIGNS + N_VIEWS] = decades, signs
    return rarest(work, rules_of(60.0, direction))


def only(view, decades):
    return np.where(np.arange(N_VIEWS) == view, decades, 0.0)


def test_each_view_has_a_name_a_place_and_a_discount():
    places = CHANGE, CHANGE + 1, VALUE, LEVEL_VIEW, SEASON, UNREST, DRIFT, STUCK, PEERS
    assert places == tuple(range(N_VIEWS))
    names = "change slower_change value level season unrest drift stuck peers"
    assert tuple(names.split()) == VIEWS
    assert len(DISCOUNTS) == N_VIEWS
    assert min(DISCOUNTS) >= 0


def test_each_view_has_words_for_people_and_groups_have_their_own():
    assert tuple(WORDS) == VIEWS
    assert tuple(map(view_name, range(N_VIEWS))) == VIEWS
    assert tuple(map(view_words, range(N_VIEWS))) == tuple(WORDS.values())
    assert view_name(-1) is None
    assert view_words(STUCK) == "stuck at one value for longer than ever before"
    assert view_words(-1) == "several series strange together"


@pytest.mark.parametrize("view", range(N_VIEWS))
def test_the_rarest_view_is_told_less_its_discount(view):
    best, which = told(only(view, 9.0), np.ones(N_VIEWS))
    assert (best, which) == (pytest.approx(9.0 - DISCOUNTS[view]), view)


@pytest.mark.parametrize(("more", "which"), [(-0.1, CHANGE), (0.1, STUCK)])
def test_between_two_views_the_discounts_decide(more, which):
    even = 6.0 + DISCOUNTS[STUCK] - DISCOUNTS[CHANGE]
    assert told(only(CHANGE, 6.0) + only(STUCK, even + more), np.ones(N_VIEWS))[1] == which


def test_nothing_is_rarer_than_once_a_step_unless_a_view_says_so():
    assert told(np.zeros(N_VIEWS), np.ones(N_VIEWS)) == (pytest.approx(ORDINARY), CHANGE)


@pytest.mark.parametrize(("direction", "sign"), [("up", 1.0), ("down", -1.0)])
def test_a_view_of_the_other_side_is_not_heard(direction, sign):
    decades = only(VALUE, 9.0) + only(SEASON, 7.0)
    other = np.where(np.arange(N_VIEWS) == VALUE, -sign, sign)
    assert told(decades, other, direction)[1] == SEASON
    assert told(decades, other)[1] == VALUE
    assert told(decades, -other, direction)[1] == VALUE


def test_a_view_without_a_side_is_heard_on_both():
    for direction in ("up", "down"):
        assert told(only(UNREST, 9.0), np.zeros(N_VIEWS), direction)[1] == UNREST


@patient
@given(
    st.lists(st.floats(0, 20), min_size=N_VIEWS, max_size=N_VIEWS),
    st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=N_VIEWS, max_size=N_VIEWS),
    st.sampled_from(["both", "up", "down"]),
)
def test_what_is_told_is_what_the_oracle_tells(decades, signs, direction):
    wanted = oracle.rarest(list(zip(decades, signs, strict=True)), rules_of(60.0, direction))
    assert told(decades, signs, direction) == (pytest.approx(wanted[0]), wanted[1])
