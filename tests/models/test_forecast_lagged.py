"""forewarn_models.forecasters.lagged"""

import numpy as np
import pytest

import oracles_forecast as oracles
from forewarn_models.forecasters.lagged import lagged

DAY, WEEK = 24, 168


def series(n_times: int, *, period: int, seed: int) -> np.ndarray:
    """Return a season with noise that remembers, a gap, and an outage."""
    generator = np.random.default_rng(seed)
    noise = generator.normal(0, 1, n_times)
    for slot in range(1, n_times):
        noise[slot] += 0.7 * noise[slot - 1]
    values = 10 * np.sin(2 * np.pi * np.arange(n_times) / period) + noise
    values[n_times // 2 : n_times // 2 + 5] = np.nan
    values[n_times // 3] = -300
    return values


@pytest.mark.parametrize(
    ("period", "week", "n_seasons"), [(DAY, 0, 1), (DAY, WEEK, 3), (7, 0, 14), (2, 0, 2), (1, 0, 1)]
)
def test_it_is_the_plain_regression(period: int, week: int, n_seasons: int) -> None:
    values = np.stack([series(400, period=max(period, 3), seed=seed) for seed in range(3)])
    values[2, :90] = np.nan
    ages, keep = np.array([0, 30, 77]), [0.9**k for k in range(n_seasons)]
    forecasts = lagged(
        values,
        ages,
        np.full(3, float(period)),
        week=float(week or np.nan),
        keep=keep,
        n_steps=60,
    )
    for row, place in np.ndindex(3, 3):
        expected = oracles.lagged(
            values[row], 400 - ages[place], period=period, week=week, keep=keep, n_steps=60
        )
        np.testing.assert_allclose(forecasts[row, place], expected, rtol=1e-7, atol=1e-7)


def test_a_regression_on_lags_is_continued() -> None:
    values = np.zeros((40, 1200))
    shocks = np.random.default_rng(5).normal(0, 1, values.shape)
    for slot in range(DAY + 1, 1200):
        before = values[:, slot - 1] - values[:, slot - DAY - 1]
        values[:, slot] = values[:, slot - DAY] + 0.9 * before + shocks[:, slot]
    history, future = values[:, :-6], values[:, -6:]
    forecast = lagged(
        history, np.zeros(1, int), np.full(40, 24.0), week=np.nan, keep=[1.0], n_steps=6
    )[:, 0]
    best = history[:, -DAY : -DAY + 6] + 0.9 ** np.arange(1, 7) * (
        history[:, -1:] - history[:, -DAY - 1 : -DAY]
    )
    assert np.abs(forecast - future).mean() < 1.05 * np.abs(best - future).mean()


def test_series_of_different_seasons_are_forecast_as_alone() -> None:
    values = np.stack([series(500, period=24, seed=1), series(500, period=9, seed=2)])
    ages, periods = np.array([0, 48]), np.array([24.0, 9.0])
    together = lagged(values, ages, periods, week=168.0, keep=[1.0] * 14, n_steps=20)
    for row in range(2):
        alone = lagged(
            values[row : row + 1],
            ages,
            periods[row : row + 1],
            week=168.0,
            keep=[1.0] * 14,
            n_steps=20,
        )
        np.testing.assert_allclose(together[row], alone[0], rtol=1e-12)


def test_what_comes_after_an_origin_changes_little_of_what_is_said_there() -> None:
    values = series(600, period=24, seed=3)[None]
    ages = np.array([0, 100])
    settings = {"week": np.nan, "keep": [1.0], "n_steps": 24}
    before = lagged(values, ages, np.array([24.0]), **settings)[0]
    changed = values.copy()
    changed[:, -60:] += 50
    after = lagged(changed, ages, np.array([24.0]), **settings)[0]
    assert np.abs(after[1] - before[1]).max() < 0.5
    assert np.abs(after[0] - before[0]).min() > 20


@pytest.mark.parametrize(
    ("n_times", "period"), [(100, np.nan), (100, 24.0), (100, 400.0), (1, 1.0)]
)
def test_without_a_season_or_enough_of_them_nothing_is_said(n_times: int, period: float) -> None:
    values = np.arange(float(n_times))[None]
    forecast = lagged(
        values, np.zeros(1, int), np.array([period]), week=np.nan, keep=[1.0], n_steps=3
    )
    assert np.isnan(forecast).all()


def test_an_origin_before_a_series_began_says_nothing() -> None:
    values = series(400, period=24, seed=1)[None]
    values[:, :300] = np.nan
    forecast = lagged(
        values, np.array([0, 120]), np.array([24.0]), week=np.nan, keep=[1.0], n_steps=5
    )
    assert np.isfinite(forecast[0, 0]).all()
    assert np.isnan(forecast[0, 1]).all()


def test_a_constant_stays() -> None:
    forecast = lagged(
        np.full((1, 300), 7.0),
        np.zeros(1, int),
        np.array([24.0]),
        week=168.0,
        keep=[1.0],
        n_steps=50,
    )
    np.testing.assert_array_equal(forecast, 7.0)


def test_a_week_that_is_longer_than_the_history_says_nothing() -> None:
    values = series(150, period=24, seed=1)[None]
    forecast = lagged(values, np.zeros(1, int), np.array([24.0]), week=168.0, keep=[1.0], n_steps=3)
    assert np.isnan(forecast).all()
