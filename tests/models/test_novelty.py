import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles_walk as oracle
from forewarn_models.novelty import (
    _ALIKE,
    _MOST_DAYS,
    _WIDEST,
    FIRST,
    KNOWN,
    MAIN,
    N_INTERVALS,
    N_PARTS,
    SECOND,
    WAITING,
    add,
    first_of,
    gap_share,
    novelty_decades,
    pass_block,
)
from oracles_walk import patient

PLACES = 1, 6, 30  # of the counts and of both ends, with cells between that nobody may touch
NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.integers(-40, 40).map(float))
PART = {"known": MAIN, "older": FIRST, "newer": SECOND}


class Watched:
    """Intervals in a row of numbers."""

    def __init__(self):
        self.row = np.full(55, np.nan)
        self.row[PLACES[0] : PLACES[0] + N_PARTS] = 0.0

    def add(self, low, high=None, part=MAIN):
        add(self.row, PLACES, part, float(low), float(low if high is None else high))

    def pass_block(self):
        pass_block(self.row, PLACES)

    def share(self, value):
        return gap_share(self.row, PLACES, float(value))

    def intervals(self, part=MAIN):
        counts, below, above = PLACES
        ends = oracle.intervals_of(
            self.row[counts : counts + N_PARTS], self.row[below:], self.row[above:], part
        )
        return [tuple(pair) for pair in ends.reshape(-1, 2).tolist()]


def seen(*intervals):
    watched = Watched()
    for low, high in intervals:
        watched.add(low, high)
    return watched


def test_the_parts_lie_side_by_side():
    assert [first_of(part) for part in (MAIN, FIRST, SECOND)] == [0, KNOWN, KNOWN + WAITING]
    assert first_of(SECOND) + WAITING == N_INTERVALS


@patient
@given(
    st.lists(
        st.tuples(st.sampled_from(list(PART)), NUMBERS, st.sampled_from([0.0, 0.1, 1.0, 5.0])),
        max_size=60,
    ),
    st.lists(NUMBERS, min_size=5, max_size=5),
)
def test_intervals_are_held_as_the_oracle_holds_them(added, asked):
    watched, slow = Watched(), oracle.Intervals()
    for name, low, width in added:
        watched.add(low, low + width, PART[name])
        most = KNOWN if name == "known" else WAITING
        setattr(slow, name, slow.added(getattr(slow, name), low, low + width, most))
        for other, part in PART.items():
            assert watched.intervals(part) == getattr(slow, other)
    for value in (*asked, *(end + side for i in slow.known for end in i for side in (-0.5, 0, 2))):
        assert watched.share(value) == pytest.approx(slow.gap_share(value), rel=1e-12)


@patient
@given(st.lists(NUMBERS, max_size=60), st.integers(1, 5))
def test_blocks_pass_as_the_oracle_passes_them(values, block):
    watched, slow = Watched(), oracle.Intervals()
    for place, value in enumerate(values, start=1):
        watched.add(value, part=SECOND)
        slow.newer = slow.added(slow.newer, value, value, WAITING)
        if place % block == 0:
            watched.pass_block()
            slow.pass_block()
        for name, part in PART.items():
            assert watched.intervals(part) == getattr(slow, name)


def test_nothing_is_written_outside_of_the_intervals():
    watched = Watched()
    for value in np.random.default_rng(0).permutation(200):
        watched.add(value, part=SECOND)
        watched.pass_block()
    used = [first + np.arange(N_INTERVALS) for first in PLACES[1:]]
    counts = PLACES[0] + np.arange(N_PARTS)
    assert np.isnan(np.delete(watched.row, np.concatenate([counts, *used]))).all()


def test_nothing_is_new_before_something_is_known():
    assert Watched().share(5.0) == 0.0


def test_inside_of_what_is_known_nothing_is_new():
    watched = seen((0, 4), (8, 10))
    assert [watched.share(value) for value in (0, 2, 4, 8, 9, 10)] == [0] * 6


def test_a_gap_is_as_wide_as_the_way_to_the_nearest_known_value():
    watched = seen((0, 4), (8, 10))
    shares = [watched.share(value) for value in (5, 6, 7.5, -1, 12, 20)]
    assert shares == pytest.approx([0.1, 0.2, 0.05, 0.1, 0.2, 1.0])


def test_further_out_than_ten_ranges_is_no_newer():
    watched = seen((0, 1))
    assert watched.share(10.0) == 9.0
    assert watched.share(-12.0) == watched.share(1e30) == _WIDEST


def test_another_value_than_the_only_one_is_new():
    watched = seen((3, 3))
    assert [watched.share(value) for value in (3, 3.001, -50)] == [0, 1, 1]


def test_a_gap_as_wide_as_the_range_has_a_return_period_of_a_year_and_a_half_at_ten_days():
    assert novelty_decades(1.0, 10.0) == 7.65
    assert pytest.approx(1.4, rel=0.02) == 10**7.65 / 86_400 / 365


def test_a_gap_ten_times_as_wide_is_ten_times_as_rare():
    assert novelty_decades(10.0, 10.0) == pytest.approx(8.65)
    assert novelty_decades(0.01, 10.0) == pytest.approx(5.65)


def test_what_was_watched_for_longer_is_believed_more_but_for_a_month_at_most():
    at = [novelty_decades(1.0, days) for days in (1.0, 10.0, 30.0, 300.0)]
    assert at == pytest.approx([6.95, 7.65, 7.65 + 0.7 * math.log10(3), at[2]])
    assert _MOST_DAYS == 30.0


@pytest.mark.parametrize(("share", "days"), [(0.0, 10.0), (1.0, 0.0), (1.0, -1.0), (1e-9, 10.0)])
def test_no_gap_or_nothing_watched_is_not_rare(share, days):
    assert novelty_decades(share, days) == 0.0


@patient
@given(st.floats(0, 10), st.floats(-5, 100))
def test_a_gap_is_as_rare_as_the_oracle_says(share, days):
    wanted = oracle.novelty_decades(share, days)
    assert novelty_decades(share, days) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_a_value_is_known_only_after_one_to_two_blocks():
    watched = seen((0, 1))
    watched.add(9, part=SECOND)
    shares = []
    for _ in range(3):
        shares.append(watched.share(9))
        watched.pass_block()
    assert shares == [8, 8, 0]


def test_values_closer_than_a_share_of_the_range_are_one():
    watched = seen((0, 0), (1_000, 1_000))
    watched.add(500)
    watched.add(500 + 0.9 * _ALIKE * 1_000)
    assert watched.intervals() == [(0, 0), (500, 501.8), (1_000, 1_000)]
    watched.add(505)
    watched.add(503.5)
    assert watched.intervals() == [(0, 0), (500, 505), (1_000, 1_000)]


def test_an_interval_swallows_those_that_it_covers():
    watched = seen((0, 1), (10, 11), (20, 21), (30, 31))
    watched.add(9, 25)
    assert watched.intervals() == [(0, 1), (9, 25), (30, 31)]


def test_the_widest_gaps_are_kept():
    middles = 100.0 * np.arange(1, KNOWN + 1)
    watched = Watched()
    for value in np.random.default_rng(0).permutation(
        np.concatenate([middles + side for side in (-9, -3, 0, 4, 10)])
    ):
        watched.add(value)
    assert watched.intervals() == [(middle - 9, middle + 10) for middle in middles]


@pytest.mark.parametrize("part", list(PART.values()))
def test_a_full_part_joins_what_lies_closest(part):
    most = KNOWN if part == MAIN else WAITING
    corners = np.cumsum([0, *(50 + np.arange(most - 1))])  # gaps of 50, 51, ...
    watched = Watched()
    for value in corners:
        watched.add(value, part=part)
    watched.add(corners[-1] + 7, part=part)  # joins the last
    assert watched.intervals(part)[-1] == (corners[-1], corners[-1] + 7)
    watched.add(-7, part=part)  # joins the first
    assert watched.intervals(part)[0] == (-7, 0)
    watched.add(-100, part=part)  # the first gap, of 50, is closed instead
    assert watched.intervals(part)[:2] == [(-100, -100), (-7, 50)]
    gaps = [b[0] - a[1] for a, b in pairwise(watched.intervals(part))]
    assert len(gaps) == most - 1
