import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles_walk as oracle
from forewarn_models.tails import (
    _INNER,
    _LARGEST_SHAPE,
    _LEAST_SHAPE,
    _NEVER_MOVED,
    _NEVER_MOVED_SHARE,
    _OUTER,
    _SHAPE_PRIOR,
    BODY,
    FROM,
    N_BINS,
    N_TAIL,
    OUTER,
    REACH,
    SCALE,
    SHAPE,
    SHARE,
    bin_of,
    edge_of,
    fit_tail,
    size_decades,
)
from oracles_walk import patient

SIZES_AT, TAIL_AT = 2, 3
COLUMNS = [FROM, OUTER, SCALE, SHAPE, SHARE, BODY, REACH]
COUNTS = st.lists(
    st.one_of(st.just(0.0), st.integers(1, 50).map(float)), min_size=N_BINS, max_size=N_BINS
)
N = 60_000


def counted(sizes):
    places = np.array([bin_of(size) for size in sizes])
    return np.bincount(places[places >= 0], minlength=N_BINS).astype(float)


def tail_from(counts, n):
    row, exact = np.full(N_BINS + 5, 7.0), np.full(N_TAIL + 5, np.nan)
    row[SIZES_AT : SIZES_AT + N_BINS] = counts
    fit_tail(row, SIZES_AT, float(n), exact, TAIL_AT)
    assert np.isnan(np.delete(exact, TAIL_AT + np.arange(N_TAIL))).all()
    return exact


def tail_of(sizes):
    return tail_from(counted(sizes), len(sizes))


def decades(size, tail, moving=0.0):
    return size_decades(float(size), tail, TAIL_AT, float(moving))


def drawn(kind):
    generator = np.random.default_rng(0)
    return {
        "gaussian": lambda: np.abs(generator.normal(size=N)),
        "exponential": lambda: generator.exponential(size=N),
        "pareto": lambda: (generator.random(N) ** -0.4 - 1) / 0.4,
        "student": lambda: np.abs(generator.standard_t(5, size=N)),
    }[kind]()


def rare(kind, one_in):
    """The size that one of so many exceeds."""
    from scipy import stats

    return {
        "gaussian": lambda: stats.norm.isf(0.5 / one_in),
        "exponential": lambda: math.log(one_in),
        "pareto": lambda: (one_in**0.4 - 1) / 0.4,
        "student": lambda: stats.t.isf(0.5 / one_in, 5),
    }[kind]()


@patient
@given(st.floats(0, 1e5))
def test_a_size_falls_in_the_bin_whose_edges_hold_it(size):
    place = bin_of(size)
    assert place == oracle.bin_of(size)
    if 0 <= place < N_BINS - 1:
        assert edge_of(place) <= size < edge_of(place + 1)


def test_edges_are_four_to_an_octave_from_a_sixteenth_on():
    assert [edge_of(place) for place in range(5)] == [0.0625, 0.078125, 0.09375, 0.109375, 0.125]
    assert [edge_of(place) for place in range(N_BINS + 1)] == oracle.EDGES.tolist()
    assert [bin_of(edge_of(place)) for place in range(N_BINS)] == list(range(N_BINS))


def test_next_to_nothing_has_no_bin_and_the_largest_share_the_last():
    assert [bin_of(size) for size in (0.0, 0.0624, -1.0, math.nan)] == [-1] * 4
    assert [bin_of(size) for size in (4_095.0, 4_096.0, 1e9)] == [N_BINS - 1] * 3


@patient
@given(COUNTS, st.sampled_from([1.0, 1.3, 2.0, 2.1, 30.0]))
def test_a_tail_is_fitted_as_the_oracle_fits_it(counts, times):
    counts = np.array(counts)
    n = math.ceil(counts.sum() * times)
    tail = tail_from(counts, n)[TAIL_AT : TAIL_AT + N_TAIL][COLUMNS]
    np.testing.assert_allclose(tail, oracle.tail_of(counts, n), rtol=1e-9)


@patient
@given(COUNTS, st.floats(0, 1e9), st.floats(0, 1))
def test_a_size_is_as_rare_as_the_oracle_says(counts, size, moving):
    counts = np.array(counts)
    n = 3 * counts.sum()
    wanted = oracle.size_decades(size, oracle.tail_of(counts, n), moving)
    assert decades(size, tail_from(counts, n), moving) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("kind", ["gaussian", "exponential", "pareto", "student"])
def test_in_the_body_a_size_is_as_rare_as_it_is(kind):
    tail = tail_of(drawn(kind))
    body = [decades(rare(kind, 10.0**d), tail) for d in (0.5, 1.0, 1.35, 1.5)]
    assert body == pytest.approx([0.5, 1.0, 1.35, 1.5], abs=0.3)


# Lighter tails than `_LEAST_SHAPE` are taken for that: of Gaussian noise much is left unsaid.
@pytest.mark.parametrize(
    ("kind", "said"), [("pareto", 6.0), ("exponential", 4.7), ("gaussian", 2.9)]
)
def test_a_size_that_one_in_a_million_exceeds_is_that_rare_or_less_so(kind, said):
    assert decades(rare(kind, 1e6), tail_of(drawn(kind))) == pytest.approx(said, rel=0.1)


@pytest.mark.parametrize("kind", ["exponential", "pareto"])
def test_the_quantiles_that_a_tail_is_drawn_through_are_as_rare_as_they_are(kind):
    sizes = drawn(kind)
    tail = tail_of(sizes)
    for column, share in ((FROM, _INNER), (OUTER, _OUTER)):
        found = tail[TAIL_AT + column]
        assert np.mean(sizes > found) == pytest.approx(share, rel=0.05)
        assert decades(found, tail) == pytest.approx(-math.log10(share), abs=0.05)


def test_a_heavier_tail_has_a_larger_shape():
    gaussian, exponential, pareto = (
        tail_of(drawn(kind))[TAIL_AT + SHAPE] for kind in ("gaussian", "exponential", "pareto")
    )
    assert gaussian == _LEAST_SHAPE
    assert exponential == pytest.approx(0.05, abs=0.06)
    assert pareto == pytest.approx(0.4, abs=0.07)


def test_no_end_point_and_no_tail_without_a_mean_for_long_is_believed():
    uniform = tail_of(np.random.default_rng(0).random(N))
    assert uniform[TAIL_AT + SHAPE] == _LEAST_SHAPE
    assert decades(1.5, uniform) < decades(3.0, uniform) < decades(1e9, uniform) < math.inf
    wildest = tail_of(np.random.default_rng(0).random(2_000) ** -4.0 / 10)
    assert wildest[TAIL_AT + SHAPE] == _LARGEST_SHAPE


def test_of_few_samples_the_shape_is_the_prior():
    wild = (np.random.default_rng(0).random(20) ** -1.0 - 1) * 2
    assert tail_of(wild)[TAIL_AT + SHAPE] == pytest.approx(_SHAPE_PRIOR, abs=0.3)
    assert tail_of(np.tile(wild, 300))[TAIL_AT + SHAPE] > 1


@patient
@given(COUNTS.filter(any), st.lists(st.floats(0, 1e5), min_size=2, max_size=2))
def test_a_larger_size_is_rarer(counts, sizes):
    tail = tail_from(counts, sum(counts))
    low, high = sorted(sizes)
    assert 0 <= decades(low, tail) <= decades(high, tail) + 1e-9


@pytest.mark.parametrize("column", [FROM, OUTER])
def test_rarity_does_not_jump_where_one_part_of_a_tail_meets_the_next(column):
    tail = tail_of(drawn("exponential"))
    knot = tail[TAIL_AT + column]
    around = [decades(knot * (1 + side), tail) for side in (-1e-9, 1e-9)]
    assert around[0] == pytest.approx(around[1], abs=1e-6)


def test_the_sizes_of_what_mostly_rests_are_those_of_its_movements():
    moves = drawn("exponential")[:3_000]
    tail = tail_of([*moves, *[0.0] * 27_000])
    assert tail[TAIL_AT + SHARE] == pytest.approx(0.1, abs=0.01)
    assert decades(3.0, tail) == pytest.approx(3.0 / math.log(10) + 1.0, abs=0.15)


def test_what_moves_half_of_the_time_does_not_rest():
    assert tail_from(counted([1.0] * 50), 100)[TAIL_AT + SHARE] == 1.0
    assert tail_from(counted([1.0] * 49), 100)[TAIL_AT + SHARE] == 0.49


def test_a_movement_counts_for_less_while_there_are_more_of_them():
    tail = tail_of([*drawn("exponential")[:300], *[0.0] * 29_700])
    assert decades(2.0, tail, moving=1.0) == pytest.approx(decades(2.0, tail) - 2.0, abs=0.05)
    assert decades(2.0, tail, moving=0.001) == decades(2.0, tail)


@pytest.mark.parametrize("n", [0, 1, 1_000])
def test_where_nothing_ever_moved_any_movement_is_rare(n):
    tail = tail_from(np.zeros(N_BINS), n)
    start, scale, shape = _NEVER_MOVED
    assert tail[TAIL_AT + np.array([FROM, SCALE, SHAPE])].tolist() == [start, scale, shape]
    assert tail[TAIL_AT + SHARE] == _NEVER_MOVED_SHARE
    assert decades(start, tail) == pytest.approx(-math.log10(_NEVER_MOVED_SHARE * _INNER))
    assert decades(3.0, tail) > 4
    assert decades(0.0, tail) == 0


def test_sizes_that_are_all_alike_have_a_tail():
    tail = tail_of([1.0] * 1_000)
    assert decades(1.0, tail) < 1
    assert decades(1.3, tail) > 1.3
    assert decades(100.0, tail) > 5
