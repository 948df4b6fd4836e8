import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles_walk as oracle
from forewarn_models.noise import (
    _CALMEST,
    _FELT,
    _LARGEST,
    COUNT,
    DAYS,
    HOURS,
    MEAN,
    MOVING_MEAN,
    N_CARRIED,
    N_LEARNED,
    N_MOVING,
    RECENT,
    RESTING,
    SUM,
    TOTAL,
    WAITING,
    NoiseGains,
    begin_hour,
    feel,
    hour_after,
    hour_gain,
    in_noise,
    learn_size,
    note_peak,
    recurring,
    trust_in,
    usual_size,
)
from oracles_walk import patient

PLACE = 3  # of a channel in its row
GAINS = NoiseGains(usual=0.01, hour=0.2, recent=0.3, block=3.0)
SIZES = st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), max_size=40)
LEARNED = [MEAN, RESTING, MOVING_MEAN, N_MOVING, TOTAL]
CARRIED = [RECENT, WAITING, SUM, COUNT]


def row_of(width, **cells):
    row = np.full(PLACE + width + 2, np.nan)
    row[PLACE : PLACE + width] = 0.0
    for name, value in cells.items():
        row[PLACE + {"mean": MEAN, "resting": RESTING, "moving": MOVING_MEAN}[name]] = value
    return row


def learned(sizes, *, gain=0.05, usual=0.01):
    row = row_of(N_LEARNED)
    for size in sizes:
        learn_size(size, row, PLACE, gain, usual)
    return row[PLACE : PLACE + N_LEARNED][LEARNED]


def felt(sizes, *, usual=1.0):
    row, out = row_of(N_CARRIED), []
    for size in sizes:
        feel(size, usual, row, PLACE, GAINS)
        out.append(row[PLACE + RECENT])
    return out, row[PLACE : PLACE + N_CARRIED][CARRIED]


def exponential(n, *, seed=0):
    return np.random.default_rng(seed).exponential(size=n)


def test_a_size_is_read_in_standard_deviations_of_gaussian_noise():
    values = np.random.default_rng(0).normal(size=100_000)
    assert in_noise(3.0, float(np.abs(values).mean())) == pytest.approx(3.0, rel=0.01)
    assert in_noise(1e300, 1e-300) == in_noise(1.0, 0.0) == _LARGEST
    assert in_noise(0.0, 0.0) == in_noise(0.0, 1.0) == 0.0


@patient
@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_size_is_read_as_the_oracle_reads_it(size, usual):
    assert in_noise(size, usual) == pytest.approx(oracle.in_noise(size, usual), rel=1e-12)


def test_an_hour_speaks_for_itself_once_it_is_known():
    row = row_of(N_LEARNED, mean=10.0)
    assert usual_size(50.0, trust_in(0.0), row, PLACE) == 10.0
    assert usual_size(50.0, trust_in(20.0), row, PLACE) == pytest.approx(30.0)
    assert usual_size(50.0, trust_in(1e6), row, PLACE) == pytest.approx(50.0, rel=1e-4)


def test_an_hour_that_was_still_is_not_believed_to_stay_so():
    row = row_of(N_LEARNED, mean=10.0)
    assert usual_size(0.0, trust_in(1e6), row, PLACE) == pytest.approx(10.0 * _CALMEST)


def test_a_series_that_rests_is_judged_by_the_times_when_it_moves():
    rests = row_of(N_LEARNED, mean=0.1, resting=0.9, moving=7.0)
    moves = row_of(N_LEARNED, mean=0.1, resting=0.5, moving=7.0)
    assert usual_size(0.1, 0.5, rests, PLACE) == 7.0
    assert usual_size(0.1, 0.5, moves, PLACE) == pytest.approx(0.1)
    assert usual_size(9.0, 1.0, rests, PLACE) == pytest.approx(9.0)


@patient
@given(SIZES, st.floats(0.01, 1.0), st.floats(0.001, 0.3))
def test_sizes_are_learned_as_the_oracle_learns_them(sizes, gain, usual):
    slow = oracle.Sizes()
    for size in sizes:
        slow.learn(size, gain, usual)
    wanted = slow.mean, slow.resting, slow.moving_mean, slow.n_moving, slow.total
    np.testing.assert_allclose(learned(sizes, gain=gain, usual=usual), wanted, rtol=1e-9)


def test_what_is_usual_is_the_mean_size():
    mean, resting, moving, n_moving, total = learned(exponential(3_000), gain=0.005, usual=0.001)
    assert [mean, moving] == pytest.approx([1.0, 1.0], rel=0.15)
    assert resting < 0.02
    assert total == 3_000
    assert n_moving == pytest.approx(3_000, abs=10)


def test_an_incident_hardly_moves_what_is_usual():
    calm = exponential(500)
    before, after = learned(calm), learned([*calm, 1e9])
    assert after[0] / before[0] == pytest.approx(1 + 0.05 * (_FELT - 1))
    assert after[2] / before[2] == pytest.approx(1 + 0.05 * (_FELT - 1))


def test_what_moves_one_time_in_ten_rests_and_its_movements_are_known():
    sizes = np.where(np.arange(600) % 10 == 0, 5.0, 0.0)
    _, resting, moving, n_moving, _ = learned(sizes)
    assert resting == pytest.approx(0.9, abs=0.06)
    assert (moving, n_moving) == (pytest.approx(5.0), 60)


def test_the_mean_of_the_first_movements_is_that_of_all_of_them():
    assert learned([1.0, 9.0, 2.0, 4.0], usual=1e-3)[2] == pytest.approx(4.0)


def test_after_the_first_movements_one_counts_for_no_more_than_a_few():
    sixth = learned([1.0] * 5 + [1e6], usual=1e-3)[2]
    fifth = learned([1.0] * 4 + [1e6], usual=1e-3)[2]
    assert sixth == pytest.approx(1 + (_FELT - 1) / 6)
    assert fifth > 1e5


@patient
@given(SIZES, st.floats(0, 10))
def test_recent_noise_is_felt_as_the_oracle_feels_it(sizes, usual):
    slow = oracle.Sizes()
    for size in sizes:
        slow.feel(size, usual, GAINS)
    wanted = slow.recent, slow.waiting, sum(slow.block), len(slow.block)
    np.testing.assert_allclose(felt(sizes, usual=usual)[1], wanted, rtol=1e-9)


def test_recent_noise_takes_in_a_block_when_the_next_one_is_over():
    recent, _ = felt([3.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    assert recent == [0, 0, 0, 0, 0, pytest.approx(GAINS.recent * 2.0), pytest.approx(0.6)]


def test_a_wild_block_counts_for_a_few_times_what_is_usual():
    recent, _ = felt([1e9] * 3 + [0.0] * 3, usual=2.0)
    assert recent[-1] == pytest.approx(GAINS.recent * _FELT * 2.0)


def test_noise_that_stays_wilder_is_learned():
    recent, _ = felt([50.0] * 60)
    assert recent[-1] == pytest.approx(50.0, rel=0.1)


@patient
@given(st.floats(0, 1e4), st.floats(0, 1e4), st.integers(0, 50), st.floats(0, 1e4))
def test_an_hour_is_learned_as_the_oracle_learns_it(size, before, count, overall):
    share = hour_gain(float(count), GAINS)
    slow = oracle.Sizes()
    slow.mean, slow.hour_means = overall, np.array([before])
    slow.learn_hour(0, size, oracle.hour_share(count, GAINS))
    assert hour_after(size, before, share, overall) == pytest.approx(slow.hour_means[0], rel=1e-9)


def test_the_first_deviations_of_an_hour_count_alike_and_later_ones_fade():
    assert [hour_gain(float(n), GAINS) for n in (0, 1, 3, 4, 99)] == [1, 0.5, 0.25, 0.2, 0.2]
    quick = GAINS._replace(hour=0.9)
    assert hour_gain(9.0, quick) == 0.5


def test_an_hour_that_was_still_can_wake():
    assert hour_after(5.0, 0.0, 0.5, 10.0) == pytest.approx(0.5)
    assert hour_after(1e9, 10.0, 0.5, 10.0) == pytest.approx(10 + 0.5 * 31)
    assert hour_after(1e9, 0.0, 1.0, 10.0) == _FELT * 10.0


def walked_peaks(events):
    row, slow = np.zeros(PLACE + (DAYS + 1) * HOURS), oracle.Peaks()
    for hour, size in events:
        if hour != slow.last_hour:
            begin_hour(row, PLACE, hour)
        slow.begin(hour)
        note_peak(row, PLACE, size, hour)
        slow.note(size, hour)
    return row, slow


def days_of(sizes, hour=3):
    """An event a day about one hour, and another hour between them."""
    return walked_peaks([(h, s) for size in sizes for h, s in ((hour, size), ((hour + 9) % 24, 0))])


@patient
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 100)), max_size=60))
def test_peaks_are_those_of_the_oracle(events):
    row, slow = walked_peaks([(hour - 1) % 24, size] for hour, size in events)
    for hour in range(HOURS):
        assert recurring(row, PLACE, hour) == slow.recurring(hour)
    wanted = np.array(slow.days).T.ravel()
    np.testing.assert_array_equal(row[PLACE:], wanted)


@pytest.mark.parametrize("hour", [0, 3, 23])
def test_what_came_on_each_of_five_days_recurs_in_its_hour_and_the_one_after(hour):
    row, _ = days_of([5.0, 7.0, 6.0, 8.0, 9.0, 0.0], hour)
    near = [recurring(row, PLACE, (hour + h) % 24) for h in (-2, 0, 1, 2)]
    assert near == [0.0, 5.0, 5.0, 0.0]


def test_an_hour_early_it_recurs_too():
    row, _ = days_of([4.0, 5.0, 7.0, 6.0, 8.0, 9.0])
    assert recurring(row, PLACE, 2) == 5.0


def test_what_came_on_four_days_does_not_recur_and_today_does_not_count():
    assert recurring(days_of([5.0, 7.0, 6.0, 8.0, 0.0, 0.0])[0], PLACE, 3) == 0.0
    assert recurring(days_of([0.0, 7.0, 6.0, 8.0, 9.0, 5.0])[0], PLACE, 3) == 0.0


def test_the_largest_deviation_of_an_hour_is_kept():
    row, _ = walked_peaks([(0, 2.0), (0, 9.0), (0, 4.0)])
    assert row[PLACE] == 9.0
