"""forewarn_models.forecasters.lookback"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import oracles_forecast as oracles
from forewarn_models.forecasters.lookback import (
    long_period,
    moving_mean,
    seasons_back,
    short_periods,
    weighted_mean,
)

HOUR = 3_600_000
numbers = st.floats(-1e6, 1e6) | st.just(float("nan"))


def test_the_weighted_mean_leaves_gaps_out() -> None:
    values = np.array([[1.0, np.nan, 4.0], [np.nan, np.nan, np.nan]])
    actual = weighted_mean(values, np.array([1.0, 5.0, 3.0]))
    np.testing.assert_allclose(actual, [13 / 4, np.nan])


@given(
    arrays(np.float64, st.integers(1, 40), elements=numbers),
    st.sampled_from([1.0, 2.0, 7.0, 24 / 7, 5.5]),
    st.integers(0, 6),
    st.integers(1, 15),
)
def test_seasons_back_equals_the_obvious_loop(row, period, n_back, n_steps) -> None:
    expected = oracles.seasons_back(row, period, n_back=n_back, n_steps=n_steps, count=3)
    actual = seasons_back(row[None], np.array([period]), n_back=n_back, n_steps=n_steps, count=3)
    np.testing.assert_array_equal(expected, actual[0])


def test_a_row_without_a_season_has_nothing_to_look_back_at() -> None:
    actual = seasons_back(np.ones((1, 9)), np.array([np.nan]), n_back=1, n_steps=2, count=2)
    assert np.isnan(actual).all()


@given(arrays(np.float64, st.integers(3, 30), elements=numbers), st.integers(1, 30))
def test_the_moving_mean_equals_the_obvious_loop(row: np.ndarray, width: int) -> None:
    expected = oracles.moving_mean(row, min(width, len(row)))
    actual = moving_mean(row[None], np.array([float(width)]))[0]
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-6)


def test_a_day_is_the_season_of_a_series_that_repeats_daily() -> None:
    row = np.sin(2 * np.pi * np.arange(96) / 24)
    assert short_periods(row[None], HOUR).tolist() == [24.0]


def test_another_lag_is_the_season_of_a_series_that_repeats_it() -> None:
    row = (np.arange(200) % 9 < 3) * 1.0
    assert short_periods(np.stack([row, row * 0]), HOUR).tolist() == [9.0, 24.0]


@pytest.mark.parametrize("n_times", [1, 3, 47])
def test_a_history_of_less_than_two_days_has_no_day(n_times: int) -> None:
    row = np.random.default_rng(0).normal(size=(1, n_times))
    row[0] = np.arange(n_times)
    assert np.isnan(short_periods(row, HOUR)).all()


def test_a_week_needs_one_and_a_half() -> None:
    assert long_period(252, HOUR) == 168
    assert np.isnan(long_period(251, HOUR))
    assert np.isnan(long_period(10, 7 * 24 * HOUR))
