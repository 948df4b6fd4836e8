import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_models.rarity import (
    Tails,
    cluster_gap,
    exceedances,
    fit_tails,
    tails_of,
    together,
)

MINUTE = 60.0


def decades(n, *, seed=0, rows=1):
    """A healthy statistic: exponential, in decades, as the standards make it."""
    return np.random.default_rng(seed).exponential(1 / np.log(10), size=(rows, n))


def tails(statistic, step=MINUTE):
    return fit_tails(exceedances(statistic, step_seconds=step, least=20))


statistics = st.builds(
    lambda n, seed, power, zeros: (
        np.where(
            np.random.default_rng(seed).random((2, n)) < zeros, 0.0, decades(n, seed=seed, rows=2)
        )
        ** power
    ),
    st.integers(20, 400),
    st.integers(0, 99),
    st.floats(0.2, 4.0),
    st.sampled_from([0.0, 0.5, 0.99, 1.0]),
)


@settings(max_examples=40, deadline=None)
@given(statistics, st.lists(st.floats(0, 1e9), min_size=2, max_size=20))
def test_a_larger_deviation_is_never_less_rare_and_always_finite(statistic, at):
    levels = np.sort(np.array(at))
    periods = tails(statistic).return_period_seconds(np.vstack([levels, levels]))
    assert np.isfinite(periods).all()
    assert (periods > 0).all()
    assert (np.diff(periods, axis=1) >= 0).all()


@settings(max_examples=40, deadline=None)
@given(statistics)
def test_beyond_the_threshold_rarer_is_strict_even_past_any_end_point(statistic):
    fitted = tails(statistic)
    above = fitted.knots[:, 5:6] + np.geomspace(0.1, 1e8, 60)
    assert (np.diff(fitted.return_period_seconds(above), axis=1) > 0).all()


def test_what_is_ordinary_comes_with_every_sample():
    assert tails(decades(5_000)).return_period_seconds(np.array([[0.0]]))[0, 0] == pytest.approx(
        MINUTE
    )


def test_the_return_period_is_the_one_of_the_process():
    fitted = tails(decades(40_000, rows=6))
    fresh = decades(2_000_000, seed=9)
    for days in (1.0, 3.0, 10.0):
        seconds = days * 86_400
        level = [
            np.interp(np.log(seconds), fitted.log_seconds[row], fitted.knots[row])
            for row in range(6)
        ]
        counts = [np.sum(np.diff(np.flatnonzero(fresh[0] > x)) > 30) + 1 for x in level]
        expected = fresh.shape[1] * MINUTE / seconds
        assert 0.5 < np.mean(counts) / expected < 2.0


def test_with_little_history_the_same_deviation_is_less_rare():
    level = np.array([[6.0]])
    short, long = (tails(decades(n)).return_period_seconds(level) for n in (100, 20_000))
    assert short < long


def test_incidents_of_the_past_do_not_hide_the_next_one():
    clean = decades(20_000)
    hurt = clean.copy()
    for start in (3_000, 9_000, 15_000):
        hurt[0, start : start + 60] = 60.0
    level = np.array([[12.0]])
    ratio = tails(clean).return_period_seconds(level) / tails(hurt).return_period_seconds(level)
    assert ratio < 100
    assert tails(hurt).return_period_seconds(level) > 90 * 86_400


def test_rows_with_too_few_values_cannot_say():
    statistic = decades(50, rows=2)
    statistic[1, 19:] = np.nan
    fitted = tails(statistic)
    periods = fitted.return_period_seconds(np.full((2, 1), 3.0))
    assert np.isnan(periods).tolist() == [[False], [True]]


def test_a_gap_is_not_rare():
    assert np.isnan(tails(decades(100)).return_period_seconds(np.array([[np.nan]])))


def test_a_row_that_never_moved_finds_any_move_rarer_than_its_history():
    fitted = tails(np.full((1, 1_000), -np.log10(0.5)))
    ordinary, moved = fitted.return_period_seconds(np.array([[0.31, 5.0]]))[0]
    assert ordinary < 2 * MINUTE
    assert moved > 1_000 * MINUTE


def test_rows_of_a_signal_share_what_they_know_of_the_shape():
    heavy = decades(20_000, rows=9) ** 2.5
    short = decades(150, seed=4)
    alone = exceedances(short, step_seconds=MINUTE, least=20)
    company = together([alone, exceedances(heavy, step_seconds=MINUTE, least=20)])
    level = np.array([[8.0]])
    helped = fit_tails(company)
    first = Tails(helped.knots[:1], helped.log_seconds[:1], helped.power[:1])
    assert first.return_period_seconds(level) < fit_tails(alone).return_period_seconds(level)


def test_arrays_are_all_there_is():
    fitted, level = tails(decades(500)), np.array([[4.0]])
    again = tails_of(fitted.arrays())
    assert again.return_period_seconds(level) == fitted.return_period_seconds(level)


@pytest.mark.parametrize(("step", "gap"), [(1.0, 1_800), (60.0, 30), (300.0, 6), (3_600.0, 6)])
def test_episodes_are_half_an_hour_or_six_steps_apart(step, gap):
    assert cluster_gap(step) == gap
