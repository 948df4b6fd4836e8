"""forewarn_models.forecasters.bands"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forewarn_models.forecasters.bands import (
    TABLE_LEVELS,
    Spread,
    quantile_levels,
    quantiles_around,
    spread_of,
)

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


def test_quantile_levels_are_named_as_people_write_them() -> None:
    assert quantile_levels([95, 80, 99.9]) == (0.0005, 0.025, 0.1, 0.5, 0.9, 0.975, 0.9995)


def test_the_table_is_symmetric_around_one_half() -> None:
    np.testing.assert_allclose(TABLE_LEVELS, 1 - TABLE_LEVELS[::-1])


def test_many_gaussian_errors_give_the_quantiles_of_a_gaussian() -> None:
    errors = np.random.default_rng(0).normal(0, 3, (1, 400, 5))
    spread = spread_of(errors, values=np.zeros((1, 9)))
    quantiles = quantiles_around(np.zeros((1, 5)), spread, LEVELS)
    expected = 3 * np.array([-1.96, -1.2816, 0, 1.2816, 1.96])
    np.testing.assert_allclose(quantiles[0].mean(axis=0), expected, atol=0.35)


def test_fewer_origins_give_a_wider_band() -> None:
    errors = np.random.default_rng(0).normal(0, 1, (1, 200, 4))
    many, few = (
        spread_of(errors[:, :count], values=np.zeros((1, 9))).table[0, -6] for count in (200, 3)
    )
    assert few > 1.1 * many


def test_errors_that_lean_to_one_side_give_a_band_that_does() -> None:
    errors = np.random.default_rng(0).exponential(1, (1, 60, 4))
    table = spread_of(errors, values=np.zeros((1, 9))).table[0]
    assert table[-6] > -1.5 * table[5]


def test_a_series_without_any_error_gets_the_spread_of_a_random_walk() -> None:
    values = np.array([[np.nan, 1.0, np.nan, 3.0, 7.0]])
    spread = spread_of(np.full((1, 2, 4), np.nan), values=values)
    np.testing.assert_allclose(spread.scale[0], 3 * np.sqrt([1, 2, 3, 4]))


def test_errors_that_grow_give_a_band_that_grows_from_the_first_step() -> None:
    errors = np.random.default_rng(0).normal(0, 1, (200, 12, 48)).cumsum(axis=2)
    scale = spread_of(errors, values=np.zeros((200, 9))).scale.mean(axis=0)
    # The mean absolute value of a Gaussian is 0.8 of its deviation.
    true = np.sqrt(2 / np.pi * np.arange(1, 49))
    assert scale[0] < 1.4 * true[0]
    np.testing.assert_allclose(scale[4:] / true[4:], 1.0, atol=0.2)
    assert (np.diff(scale[:40]) > 0).all()


def test_errors_of_one_size_give_a_band_of_one_size() -> None:
    errors = np.where(np.arange(48) % 2, 3.0, -3.0) * np.ones((1, 7, 48))
    errors[0, 2, 5:30] = np.nan
    np.testing.assert_allclose(spread_of(errors, values=np.zeros((1, 9))).scale, 3.0)


@pytest.mark.parametrize("n_steps", [1, 2, 5])
def test_short_horizons_have_a_size_at_each_step(n_steps: int) -> None:
    errors = np.full((1, 4, n_steps), 2.0)
    np.testing.assert_allclose(spread_of(errors, values=np.zeros((1, 9))).scale, 2.0)


def test_beyond_the_judged_horizon_bands_grow_with_the_root_of_time() -> None:
    spread = Spread(np.ones((1, 4)), np.interp(TABLE_LEVELS, [0, 1], [-1, 1])[None])
    quantiles = quantiles_around(np.zeros((1, 16)), spread, (0.1, 0.9))
    np.testing.assert_allclose(quantiles[0, 15, 1] / quantiles[0, 3, 1], 2.0)


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 6)),
        elements=st.floats(-1e6, 1e6) | st.just(float("nan")),
    )
)
def test_quantiles_never_cross_and_surround_the_forecast(errors: np.ndarray) -> None:
    spread = spread_of(errors, values=np.zeros((len(errors), 4)))
    point = np.ones((len(errors), 8))
    quantiles = quantiles_around(point, spread, LEVELS)
    assert (np.diff(quantiles, axis=2) >= 0).all()
    np.testing.assert_array_equal(quantiles[:, :, 2], point)


@pytest.mark.parametrize("n_origins", [1, 2, 5])
def test_higher_levels_are_wider_however_few_origins_there_are(n_origins: int) -> None:
    errors = np.random.default_rng(2).normal(0, 1, (1, n_origins, 1))
    table = spread_of(errors, values=np.zeros((1, 9))).table[0]
    at_80, at_95, at_99 = np.interp([0.9, 0.975, 0.995], TABLE_LEVELS, table)
    assert 0 < at_80 < at_95 < at_99
