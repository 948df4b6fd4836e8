"""forewarn_models.forecasters.hybrid, mixture and seasonal_naive"""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles_forecast as oracles
from forewarn_models.catalogue import forecaster_from_state
from forewarn_models.errors import ConfigError, UnknownFormat
from forewarn_models.forecasters import blocks
from forewarn_models.forecasters.choice import NAMES, forecaster_for
from forewarn_models.forecasters.hybrid import Hybrid
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_models.panel import Panel

HOUR = 3_600_000
MONDAY = 345_600_000 + 2800 * 7 * 24 * HOUR


def make_panel(values: np.ndarray, *, step: int = HOUR, start: int = MONDAY) -> Panel:
    series = tuple((("row", str(row)),) for row in range(len(values)))
    return Panel(values, series, start, step)


def load(n_series: int, n_times: int, *, seed: int = 0) -> np.ndarray:
    """Return hourly load with a day, a weekend, noise that remembers, and a level that wanders."""
    generator = np.random.default_rng(seed)
    hours = np.arange(n_times)
    day = 20 * np.sin(2 * np.pi * hours / 24) * (1 - 0.6 * ((hours // 24) % 7 >= 5))
    noise = np.zeros((n_series, n_times))
    shocks = generator.normal(0, 2, (n_series, n_times))
    for slot in range(1, n_times):
        noise[:, slot] = 0.6 * noise[:, slot - 1] + shocks[:, slot]
    wander = generator.normal(0, 0.1, (n_series, n_times)).cumsum(axis=1)
    return 100 + day + noise + wander


def absolute_scaled_error(history: np.ndarray, future: np.ndarray, forecast: np.ndarray) -> float:
    """Return the MASE of Hyndman and Koehler 2006 with a season of 24."""
    scale = np.abs(history[:, 24:] - history[:, :-24]).mean(axis=1, keepdims=True)
    return float((np.abs(future - forecast) / scale).mean())


def test_seasonal_naive_is_the_published_formula() -> None:
    values = load(1, 96)
    forecast = SeasonalNaive().fit(make_panel(values)).predict(60, [])
    expected = oracles.seasonal_naive(values[0], 24, 60)
    np.testing.assert_allclose(forecast.quantiles[0, :, 0], expected, rtol=1e-12)
    assert forecast.model == ("seasonal_naive/naive_short",)


def test_seasonal_naive_without_a_season_repeats_the_newest_value() -> None:
    values = np.array([[3.0, 1.0, np.nan, 4.0, np.nan]])
    forecast = SeasonalNaive().fit(make_panel(values)).predict(3, [])
    np.testing.assert_allclose(forecast.quantiles[0, :, 0], 4.0)
    assert forecast.model == ("seasonal_naive/last_value",)


def test_a_mixture_that_was_stored_with_less_forecasts_the_same() -> None:
    fitted = Hybrid().fit(make_panel(load(2, 24 * 28)))
    state = fitted.state()
    late = {"thinning", "calendar", "is_levelled"}
    older = replace(
        state,
        manifest={key: value for key, value in state.manifest.items() if key not in late},
        arrays={n: a for n, a in state.arrays.items() if n not in {"detail", "error"}},
    )
    restored = forecaster_from_state(older).predict(48, [80]).quantiles
    np.testing.assert_array_equal(restored, fitted.predict(48, [80]).quantiles)


def test_a_stored_mixture_of_candidates_that_are_gone_is_refused() -> None:
    state = Hybrid().fit(make_panel(load(1, 100))).state()
    manifest = {**state.manifest, "candidates": ["last_value", "tea_leaves"]}
    with pytest.raises(UnknownFormat, match="got 'tea_leaves': it was stored by another version"):
        forecaster_from_state(replace(state, manifest=manifest))


def test_the_hybrid_beats_seasonal_naive_by_a_quarter_on_simulated_load() -> None:
    values = load(30, 24 * 28 + 48)
    history, future = values[:, :-48], values[:, -48:]
    errors = {
        name: absolute_scaled_error(
            history,
            future,
            forecaster_for(name, horizon=None)
            .fit(make_panel(history))
            .predict(48, [])
            .quantiles[:, :, 0],
        )
        for name in ("hybrid", "seasonal_naive")
    }
    assert errors["hybrid"] < 0.75 * errors["seasonal_naive"]


@pytest.mark.parametrize("n_days", [14, 28])
def test_bands_hold_what_they_promise(n_days: int) -> None:
    values = load(80, 24 * n_days + 48, seed=n_days)
    fitted = Hybrid(horizon=timedelta(hours=48)).fit(make_panel(values[:, :-48]))
    quantiles = fitted.predict(48, [80, 95]).quantiles
    future = values[:, -48:]
    inside_80 = ((future >= quantiles[..., 1]) & (future <= quantiles[..., 3])).mean()
    inside_95 = ((future >= quantiles[..., 0]) & (future <= quantiles[..., 4])).mean()
    assert 0.74 <= inside_80 <= 0.90
    assert 0.92 <= inside_95 <= 0.995


def test_working_days_and_weekends_are_told_apart() -> None:
    hours = np.arange(24 * 28)
    values = np.where((hours // 24) % 7 < 5, 100.0, 20.0) + np.sin(hours)
    forecast = Hybrid(horizon=timedelta(days=7)).fit(make_panel(values[None])).predict(168, [80])
    median = forecast.quantiles[0, :, 1].reshape(7, 24).mean(axis=1)
    np.testing.assert_allclose(median, [100] * 5 + [20] * 2, atol=8)


def test_a_trend_goes_on() -> None:
    values = np.arange(24.0 * 28) / 24 + np.random.default_rng(0).normal(0, 0.1, 24 * 28)
    forecast = Hybrid(horizon=timedelta(days=7)).fit(make_panel(values[None])).predict(168, [80])
    assert 33 < forecast.quantiles[0, -1, 1] < 36


def test_a_season_that_is_no_day_is_found() -> None:
    values = np.tile([0.0, 5.0, 9.0, 5.0, 0.0, 0.0, 0.0], 30)
    forecast = Hybrid().fit(make_panel(values[None])).predict(7, [])
    np.testing.assert_allclose(forecast.quantiles[0, :, 0], [0, 5, 9, 5, 0, 0, 0], atol=0.5)


def test_blocks_of_series_are_forecast_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = make_panel(load(5, 100))
    whole = Hybrid().fit(panel).predict(10, [80]).quantiles
    monkeypatch.setattr(blocks, "_BLOCK_NUMBERS", 1)
    np.testing.assert_allclose(Hybrid().fit(panel).predict(10, [80]).quantiles, whole, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    scale=st.floats(1e-6, 1e6),
    shift=st.floats(-1e3, 300),
    seed=st.integers(0, 10),
    n_times=st.integers(2, 120),
)
def test_a_forecast_follows_shift_and_scale(scale, shift, seed, n_times) -> None:
    values = load(1, n_times, seed=seed) - 500  # negative: no floor is at work
    base = Hybrid().fit(make_panel(values)).predict(5, [80]).quantiles
    moved = Hybrid().fit(make_panel(scale * (values + shift))).predict(5, [80]).quantiles
    np.testing.assert_allclose(moved, scale * (base + shift), rtol=1e-6, atol=1e-6 * scale)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_a_forecaster_gives_one(name: str) -> None:
    assert hasattr(forecaster_for(name, horizon=timedelta(days=1)), "fit")


def test_an_unknown_forecaster_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be one of auto, hybrid"):
        forecaster_for("arima", horizon=None)
