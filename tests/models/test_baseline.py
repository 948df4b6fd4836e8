import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles_walk as oracle
from forewarn_models.baseline import (
    _CLIP,
    _CYCLES_SEEN,
    _FELT,
    _FEWEST_JUDGED,
    _WORTH,
    FIRST_EDGE,
    KIND_JUDGED,
    KIND_LEVEL,
    KIND_LOSS,
    KIND_RUN,
    N_KIND,
    Cycles,
    LevelGains,
    Tried,
    at_phase,
    best_kind,
    edge_after,
    follow_kind,
    follow_phase,
    judge_kind,
    moved,
    try_kinds,
)
from forewarn_models.calendar import Calendar
from forewarn_models.seasons import NO_SEASON, candidates, first_bins
from oracles_walk import SINGLE, Walk, patient
from strategies import START, noise

HOUR, DAY = 3_600, 24
WEEKS = 5
N = WEEKS * 7 * DAY
SHAPE = 10 * np.sin(2 * np.pi * np.arange(N) / DAY)
SEASONS = candidates(None, step_milliseconds=1_000 * HOUR, span_milliseconds=1_000 * HOUR * N)
GAINS = LevelGains(level=0.05, run=0.1, loss=0.02)
ERRORS = st.floats(-1e3, 1e3)
SPREADS = st.one_of(st.just(0.0), st.floats(1e-3, 1e3))


def row_of(level=0.0, run=0.0, loss=0.0, judged=0.0):
    row = np.zeros(N_KIND)
    row[[KIND_LEVEL, KIND_RUN, KIND_LOSS, KIND_JUDGED]] = level, run, loss, judged
    return row


def cycles_of(lower, upper, weight, lead):
    """One cycle, of as many samples as it has columns."""
    columns = (np.array([row]) for row in (lower, upper, weight))
    n = float(len(lower))
    return Cycles(*columns, np.array([0.1]), np.array([n]), lead)


# One value


def test_a_profile_is_read_between_the_middles_of_its_bins():
    center = np.array([99.0, 10.0, 20.0, 40.0], dtype=SINGLE)
    cycles = cycles_of([0, 0, 1, 2], [1, 1, 2, 0], [0.0, 0.25, 0.5, 0.75], lead=1)
    read = [at_phase(center, 1, cycles, 0, t) for t in range(-1, 3)]
    assert read == [10.0, 12.5, 30.0, 17.5]


@patient
@given(ERRORS, SPREADS, st.floats(-1, 1))
def test_a_level_moves_as_the_oracle_moves_it(error, spread, run):
    wanted = oracle.moved(error, spread, run, GAINS)
    assert moved(error, spread, run, GAINS) == pytest.approx(wanted, rel=1e-9)


def test_a_small_error_moves_the_level_by_its_share_and_a_large_one_by_no_more_than_the_bend():
    assert moved(2.0, 1.0, 0.0, GAINS)[0] == pytest.approx(0.05 * 2.0)
    moves = [moved(side * 1e6, 1.0, 0.0, GAINS)[0] for side in (1, -1)]
    assert moves == pytest.approx([0.05 * _CLIP / 0.9, -0.05 * _CLIP / 0.9])


def test_errors_that_stay_on_one_side_open_the_bend():
    runs, run = [], 0.0
    for _ in range(60):
        move, run = moved(-100.0, 1.0, run, GAINS)
        runs.append((move, run))
    assert runs[0][0] > -0.2
    assert runs[-1] == (pytest.approx(-0.05 * 100), pytest.approx(-1, abs=0.01))
    move, run = moved(100.0, 1.0, runs[-1][1], GAINS)
    assert run > -0.9


@patient
@given(st.floats(0.1, 10), st.floats(-10, 10))
def test_an_edge_moves_as_the_oracle_moves_it(edge, size):
    assert edge_after(edge, size) == pytest.approx(oracle.edge_after(edge, size), rel=1e-12)


def test_an_incident_of_an_hour_does_not_open_the_band():
    edge = FIRST_EDGE
    for _ in range(60):
        edge = edge_after(edge, 30.0)
    assert edge < 1.4 * FIRST_EDGE


@pytest.mark.parametrize("kind", ["normal", "laplace", "uniform"])
def test_one_value_in_two_hundred_lies_beyond_an_edge(kind):
    edge, missed = FIRST_EDGE, []
    for size in getattr(np.random.default_rng(0), kind)(size=20_000):
        missed.append(size > edge)
        edge = edge_after(edge, size)
    assert np.mean(missed) == pytest.approx(0.005, abs=0.001)


# One cycle


@patient
@given(st.lists(st.tuples(ERRORS, SPREADS), max_size=40), st.integers(0, 30))
def test_a_cycle_follows_and_is_judged_as_the_oracle_does(errors, total):
    row, slow = row_of(), oracle.Kind(0.0)
    for error, spread in errors:
        judge_kind(error, spread, row, GAINS)
        follow_kind(error, spread, float(total), row, GAINS)
        slow.judge(error, spread, GAINS)
        slow.follow(error, spread, total, GAINS)
        total += 1
    wanted = row_of(slow.level, slow.run, slow.loss, slow.judged)
    np.testing.assert_allclose(row, wanted, rtol=1e-9, atol=1e-9)


def test_at_first_a_level_is_the_mean_of_what_it_saw():
    row = row_of()
    for total, value in enumerate([4.0, 8.0, 0.0, 2.0]):
        follow_kind(value - row[KIND_LEVEL], 1e9, float(total), row, GAINS)
    assert row[KIND_LEVEL] == pytest.approx(3.5)
    follow_kind(1e9, 1.0, 9.0, row, GAINS)
    assert row[KIND_LEVEL] == pytest.approx(3.5 + _FELT / 10)


def test_one_error_is_judged_as_no_more_than_a_few_spreads():
    row = row_of()
    judge_kind(-1e9, 1.0, row, GAINS)
    assert row[KIND_LOSS] == 2 * _FELT
    judge_kind(2.0, 1.0, row, GAINS)
    assert row[KIND_LOSS] == pytest.approx((2 * _FELT + 2) / 2)
    assert row[KIND_JUDGED] == 2


@patient
@given(st.lists(st.tuples(ERRORS, SPREADS, st.integers(1, 2)), max_size=60))
def test_a_profile_learns_as_the_oracle_teaches_it(heights):
    tried = Tried(np.zeros(4, SINGLE), np.zeros(4, SINGLE), np.zeros((1, N_KIND)))
    centers, counts = np.zeros(4, SINGLE), np.zeros(4, SINGLE)
    for height, spread, place in heights:
        follow_phase(height, spread, tried, place, 0.1)
        oracle.follow_phase(centers, counts, place, height, spread, 0.1)
    np.testing.assert_allclose(tried.centers, centers, rtol=1e-4)
    np.testing.assert_array_equal(tried.counts, counts)


def test_the_first_height_of_a_bin_is_believed_and_later_ones_move_it_by_a_few_spreads():
    tried = Tried(np.zeros(2, SINGLE), np.zeros(2, SINGLE), np.zeros((1, N_KIND)))
    follow_phase(50.0, 1.0, tried, 0, 0.1)
    assert tried.centers.tolist() == [50.0, 0.0]
    follow_phase(-1e6, 1.0, tried, 0, 0.1)
    assert tried.centers[0] == pytest.approx(50 - _FELT / 2)
    tried.counts[0] = 99
    follow_phase(1e6, 1.0, tried, 0, 0.1)
    assert tried.centers[0] == pytest.approx(50 - _FELT / 2 + 0.1 * _FELT)


@patient
@given(
    st.lists(st.tuples(st.floats(0.5, 1.5), st.sampled_from([59, 60, 90])), min_size=1, max_size=5)
)
def test_the_cycle_that_is_chosen_is_the_oracles(judged):
    kinds = np.array([row_of(loss=loss, judged=float(n)) for loss, n in judged])
    assert best_kind(kinds) == oracle.best_kind(judged)


def test_a_richer_cycle_must_be_clearly_better_and_well_known():
    def chosen(loss, judged):
        return best_kind(np.array([row_of(loss=1.0), row_of(loss=loss, judged=judged)]))

    assert chosen(0.99 * _WORTH, _FEWEST_JUDGED) == 1
    assert chosen(0.99 * _WORTH, _FEWEST_JUDGED - 1) == 0
    assert chosen(_WORTH, _FEWEST_JUDGED) == 0


def test_one_sample_in_four_is_judged_once_a_cycle_and_a_half_is_over():
    cycles = cycles_of(range(8), range(8), [0.0] * 8, lead=0)
    tried = Tried(np.zeros(8, SINGLE), np.zeros(8, SINGLE), np.zeros((1, N_KIND)))
    judged = []
    for total in range(24):
        before = tried.kinds[0, KIND_JUDGED]
        try_kinds(1.0, total % 8, (1.0, float(total)), cycles, tried, GAINS)
        judged.append(tried.kinds[0, KIND_JUDGED] > before)
    first = int(_CYCLES_SEEN * 8) + 1
    assert np.flatnonzero(judged).tolist() == [t for t in range(first, 24) if t % 4 == 0]


# Whole lessons


def lesson_of(rows, **where):
    walk = Walk(HOUR, n=len(rows), seasons=SEASONS, **where)
    lesson, _ = walk.learn(np.array(rows))
    return lesson


def profile(lesson, row, kind):
    first = first_bins(SEASONS)
    return lesson.tried.centers[row, first[kind] : first[kind + 1]]


def off(calendar=Calendar()):  # noqa: B008
    return calendar.is_day_off(START + 1_000 * HOUR * np.arange(N, dtype=np.int64))


def test_each_series_gets_the_cycle_that_foretells_it():
    weekly = np.tile(10 * np.random.default_rng(3).normal(size=7 * DAY), WEEKS)
    shapes = [np.zeros(N), SHAPE, SHAPE * (1 - off()), weekly]
    rows = [noise(N, seed=row) + shape for row, shape in enumerate(shapes)]
    assert lesson_of(rows).kind.tolist() == [0, 1, 2, 3]


def test_a_profile_is_close_to_the_shape():
    lesson = lesson_of([noise(N) + SHAPE])
    found = profile(lesson, 0, 1)
    assert np.abs(found - found.mean() - SHAPE[:DAY]).max() < 1.5
    assert lesson.tried.kinds[0, 1, KIND_LEVEL] + found.mean() == pytest.approx(10, abs=0.5)


def test_a_holiday_is_a_day_off():
    holidays = Calendar(days_off=tuple(START // 86_400_000 + np.arange(0, N // DAY, 3)))
    row = noise(N) + 20 * off(holidays)
    assert lesson_of([row], calendar=holidays).kind.tolist() == [2]


def test_incidents_do_not_shape_the_profile():
    values = noise(N) + SHAPE
    hurt = values.copy()
    hurt[200:206] = 1e4
    hurt[500:506] = -1e4
    lesson = lesson_of([values, hurt])
    assert lesson.kind.tolist() == [1, 1]
    assert np.abs(profile(lesson, 0, 1) - profile(lesson, 1, 1)).max() < 1.5


def test_a_phase_that_stands_out_is_not_smoothed_away():
    values = noise(N, level=0.0)
    values[10::DAY] += 30
    lesson = lesson_of([values])
    rest = np.delete(profile(lesson, 0, 1), 10)
    assert lesson.kind.tolist() == [1]
    assert profile(lesson, 0, 1)[10] - np.median(rest) == pytest.approx(30, abs=2)
    assert np.ptp(rest) < 4


# What is said afterwards


def said_after(values, later, step=300):
    walk = Walk(step)
    walk.learn(values)
    return walk.score(later)[0]


@pytest.mark.parametrize("size", [-3.0, 30.0, 3_000.0])
def test_a_change_of_level_is_learned_in_hours_and_an_incident_is_not(size):
    day = 288
    said = said_after(noise(900, level=0.0), noise(day, seed=1, level=size))
    ordinary = said_after(noise(900, level=0.0), noise(day, seed=1, level=0.0))
    moved_so_far = (said.expected - ordinary.expected)[0] / size
    assert moved_so_far[3] < 0.1  # a quarter of an hour
    assert moved_so_far[-1] > 0.5
    assert (np.diff(moved_so_far) > -1e-3).all()


def test_what_is_expected_is_the_level_and_the_profile():
    values = noise(N) + SHAPE
    walk = Walk(HOUR, seasons=SEASONS)
    walk.learn(values[: N - 48])
    said, _ = walk.score(values[-48:])
    assert np.abs(said.expected[0] - 10 - SHAPE[-48:]).max() < 1.5


def test_the_band_holds_99_percent_of_values():
    later = noise(4_000, seed=2)
    said = said_after(noise(1_500), later)
    for side in (later < said.lower[0], later > said.upper[0]):
        assert np.mean(side) == pytest.approx(0.005, abs=0.003)


def test_without_a_season_there_is_one_kind():
    walk = Walk(HOUR)
    lesson, _ = walk.learn(noise(50))
    assert walk.seasons == (NO_SEASON,)
    assert lesson.kind.tolist() == [0]
    assert lesson.tried.centers.tolist() == [[0.0]]
