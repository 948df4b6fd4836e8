"""Every forecaster of the catalogue keeps every promise of `forewarn_models.contract`."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.bounds import Bounds
from forewarn_models.catalogue import FORECASTERS, forecaster_from_state
from forewarn_models.contract import Extremes, Forecast, Forecaster, Side
from forewarn_models.errors import ConfigError, NotEnoughHistory, UnknownFormat
from forewarn_models.forecasters.hybrid import Hybrid
from forewarn_models.panel import Panel

HOUR = 3_600_000
START = 1_700_000_000_000 // HOUR * HOUR
N_STEPS = 5

# What a regressor of all series is: it ends where nobody may look any more.
_HOURS = np.arange(400)
_REGRESSOR = Panel(
    50 + 20 * np.sin(2 * np.pi * _HOURS / 24)[None], ((("job", "web"),),), START, HOUR
)
MODELS: dict[str, Forecaster] = {
    **FORECASTERS,
    "hybrid with a regressor": Hybrid(regressor=_REGRESSOR),
}

pytestmark = pytest.mark.parametrize("name", list(MODELS))


def make_panel(values: np.ndarray, *, step: int = HOUR) -> Panel:
    series = tuple((("row", str(row)),) for row in range(len(values)))
    return Panel(values, series, START, step)


def daily(n_times: int = 96, *, seed: int = 0, sigma: float = 1.0) -> np.ndarray:
    hours = np.arange(n_times)
    noise = np.random.default_rng(seed).normal(0, sigma, n_times)
    return 100 + 10 * np.sin(2 * np.pi * hours / 24) + noise


def predicted(model: Forecaster, values: np.ndarray, n_steps: int = N_STEPS) -> Forecast:
    return model.fit(make_panel(values)).predict(n_steps, [80, 95])


def test_the_forecast_has_a_row_a_step_and_a_level_for_each(name: str) -> None:
    forecast = predicted(MODELS[name], np.stack([daily(), daily(seed=1)]))
    assert forecast.quantiles.shape == (2, N_STEPS, 5)
    assert forecast.quantile_levels == (0.025, 0.1, 0.5, 0.9, 0.975)
    assert forecast.start_milliseconds == START + 96 * HOUR
    assert forecast.step_milliseconds == HOUR
    assert forecast.series == ((("row", "0"),), (("row", "1"),))
    assert len(forecast.model) == 2


def test_quantiles_never_cross(name: str) -> None:
    forecast = predicted(MODELS[name], daily()[None])
    assert (np.diff(forecast.quantiles, axis=2) >= 0).all()


def test_the_input_is_untouched(name: str) -> None:
    values = daily()[None]
    values[0, 5], values[0, 50] = np.nan, np.inf
    before = values.copy()
    predicted(MODELS[name], values)
    np.testing.assert_array_equal(before, values)


def test_fitting_and_predicting_twice_gives_the_same(name: str) -> None:
    fitted = MODELS[name].fit(make_panel(daily()[None]))
    first = fitted.predict(N_STEPS, [80])
    again = MODELS[name].fit(make_panel(daily()[None])).predict(N_STEPS, [80])
    np.testing.assert_array_equal(first.quantiles, fitted.predict(N_STEPS, [80]).quantiles)
    np.testing.assert_array_equal(first.quantiles, again.quantiles)


def test_a_series_is_forecast_alike_alone_and_among_others(name: str) -> None:
    others = [daily(seed=seed) * 10**seed for seed in range(3)]
    alone = predicted(MODELS[name], daily(seed=1)[None] * 10)
    among = predicted(MODELS[name], np.stack(others))
    np.testing.assert_allclose(alone.quantiles[0], among.quantiles[1], rtol=1e-9)
    assert alone.model[0] == among.model[1]


def test_state_survives_the_way_through_bytes(name: str) -> None:
    values = np.stack([daily(), np.full(96, np.nan)])
    fitted = MODELS[name].fit(make_panel(values))
    restored = forecaster_from_state(from_bytes(to_bytes(fitted.state())))
    assert (restored.series, restored.step_milliseconds) == (fitted.series, HOUR)
    before, after = (model.predict(N_STEPS, [80, 95]) for model in (fitted, restored))
    np.testing.assert_array_equal(before.quantiles, after.quantiles)
    assert before.model == after.model


def test_a_state_of_a_later_format_is_refused(name: str) -> None:
    state = MODELS[name].fit(make_panel(daily()[None])).state()
    later = type(state)(state.kind, 99, state.manifest, state.arrays)
    with pytest.raises(UnknownFormat, match="99"):
        forecaster_from_state(later)


def test_values_too_large_to_square_count_as_gaps(name: str) -> None:
    with pytest.raises(NotEnoughHistory):
        predicted(MODELS[name], np.full((1, 60), 7e200))


@pytest.mark.parametrize("value", [0.0, -3.25, 1e-200, 1e12])
def test_a_constant_is_forecast_as_itself(name: str, value: float) -> None:
    forecast = predicted(MODELS[name], np.full((1, 60), value))
    np.testing.assert_allclose(forecast.quantiles, value, rtol=1e-6, atol=1e-6)


def test_gaps_and_infinities_give_a_forecast_without_gaps(name: str) -> None:
    values = daily()
    values[10:20], values[60], values[-3:] = np.nan, np.inf, np.nan
    forecast = predicted(MODELS[name], values[None])
    assert np.isfinite(forecast.quantiles).all()
    assert (np.abs(forecast.quantiles[..., 2] - 100) < 30).all()


def test_a_series_that_was_never_negative_is_not_forecast_negative(name: str) -> None:
    values = np.maximum(0.0, np.random.default_rng(3).normal(0, 1, (1, 96)))
    assert (predicted(MODELS[name], values).quantiles >= 0).all()


def bounded(name: str, low: float | None, high: float) -> Forecaster:
    return replace(MODELS[name], bounds=Bounds(low, high))


def test_no_quantile_leaves_the_bounds_and_one_inside_stays_as_it_was(name: str) -> None:
    values = np.stack([daily(), np.where(np.arange(96) < 90, np.nan, daily())])
    free = predicted(MODELS[name], values).quantiles
    low, high = np.quantile(free[0], [0.2, 0.8])
    kept = predicted(bounded(name, low, high), values).quantiles
    np.testing.assert_array_equal(kept, np.clip(free, low, high))
    assert (kept.min(), kept.max()) == (low, high)


def test_a_series_may_become_negative_where_it_is_known_that_it_has_no_bound(name: str) -> None:
    values = np.abs(np.random.default_rng(3).normal(0, 1, (1, 96)))
    assert predicted(bounded(name, -inf, inf), values).quantiles.min() < 0


def test_bounds_survive_the_way_through_bytes(name: str) -> None:
    fitted = bounded(name, 99.0, 101.0).fit(make_panel(daily()[None]))
    restored = forecaster_from_state(from_bytes(to_bytes(fitted.state())))
    quantiles = restored.predict(N_STEPS, [95]).quantiles
    np.testing.assert_array_equal(quantiles, fitted.predict(N_STEPS, [95]).quantiles)
    assert 99.0 <= quantiles.min() < quantiles.max() == 101.0


def test_a_state_that_was_stored_before_there_were_ceilings_has_none(name: str) -> None:
    fitted = MODELS[name].fit(make_panel(daily()[None]))
    state = fitted.state()
    arrays = {n: array for n, array in state.arrays.items() if not n.endswith("ceiling")}
    assert len(arrays) < len(state.arrays)
    before = forecaster_from_state(replace(state, arrays=arrays))
    expected = fitted.predict(N_STEPS, [95]).quantiles
    np.testing.assert_array_equal(before.predict(N_STEPS, [95]).quantiles, expected)


def test_a_counter_that_resets_is_forecast_finitely(name: str) -> None:
    values = np.tile(np.arange(32.0) * 1e6, 3)[None]
    assert np.isfinite(predicted(MODELS[name], values).quantiles).all()


@pytest.mark.parametrize("n_times", [2, 3, 7, 13])
def test_a_short_history_gives_a_band_that_is_not_certain(name: str, n_times: int) -> None:
    values = np.random.default_rng(n_times).normal(0, 1, (1, n_times))
    forecast = predicted(MODELS[name], values)
    assert (forecast.quantiles[..., -1] > forecast.quantiles[..., 0]).all()


def test_a_row_with_one_sample_cannot_be_said_and_the_others_can(name: str) -> None:
    young = np.full(96, np.nan)
    young[-1] = 5
    forecast = predicted(MODELS[name], np.stack([young, daily()]))
    assert np.isnan(forecast.quantiles[0]).all()
    assert np.isfinite(forecast.quantiles[1]).all()
    assert forecast.model[0] == "none"


@pytest.mark.parametrize("n_samples", [0, 1])
def test_too_little_history_says_how_much_is_needed(name: str, n_samples: int) -> None:
    values = np.full((2, 5), np.nan)
    values[0, :n_samples] = 1.0
    with pytest.raises(NotEnoughHistory) as caught:
        predicted(MODELS[name], values)
    assert (caught.value.needed, caught.value.got) == (2, n_samples)


@pytest.mark.parametrize("n_steps", [0, -1, 100_001])
def test_an_absurd_number_of_steps_is_refused(name: str, n_steps: int) -> None:
    fitted = MODELS[name].fit(make_panel(daily(12)[None]))
    with pytest.raises(ConfigError, match="1 to 100000 steps"):
        fitted.predict(n_steps, [80])


def test_levels_outside_of_percentages_are_refused(name: str) -> None:
    fitted = MODELS[name].fit(make_panel(daily(12)[None]))
    with pytest.raises(ConfigError, match="between 0 and 100"):
        fitted.predict(1, [100])


def test_no_levels_give_the_median_alone(name: str) -> None:
    forecast = MODELS[name].fit(make_panel(daily(12)[None])).predict(3, [])
    assert forecast.quantile_levels == (0.5,)
    assert forecast.quantiles.shape == (1, 3, 1)


def test_the_forecast_moves_with_the_series(name: str) -> None:
    values = daily()[None]
    base = predicted(MODELS[name], values).quantiles
    moved = predicted(MODELS[name], 4 * values + 1000).quantiles
    # The slow models search numerically, so they follow a shift only as far as their search does.
    tolerance = 1e-9 if name in {"hybrid", "seasonal_naive"} else 0.02
    np.testing.assert_allclose(4 * base + 1000, moved, rtol=tolerance)


def extremes_of(model: Forecaster, values: np.ndarray, side: Side = "above") -> Extremes:
    return model.fit(make_panel(values)).extremes(N_STEPS, side)


@pytest.mark.parametrize("side", ["above", "below"])
def test_the_extremes_have_a_row_an_instant_and_a_level_for_each(name: str, side: Side) -> None:
    extremes = extremes_of(MODELS[name], np.stack([daily(), daily(seed=1)]), side)
    shape = (2, len(extremes.times_milliseconds), len(extremes.levels))
    assert extremes.reached.shape == shape
    assert (extremes.side, extremes.series) == (side, ((("row", "0"),), (("row", "1"),)))
    assert extremes.times_milliseconds[-1] == START + (95 + N_STEPS) * HOUR
    assert (np.diff(extremes.reached, axis=2) >= 0).all()


def test_extremes_are_the_same_twice_and_after_the_way_through_bytes(name: str) -> None:
    fitted = MODELS[name].fit(make_panel(daily()[None]))
    restored = forecaster_from_state(from_bytes(to_bytes(fitted.state())))
    first, again, other = (model.extremes(N_STEPS, "above") for model in (fitted, fitted, restored))
    np.testing.assert_array_equal(first.reached, again.reached)
    np.testing.assert_array_equal(first.reached, other.reached)


def test_the_extremes_of_a_series_are_alike_alone_and_among_others(name: str) -> None:
    others = [daily(seed=seed) * 10**seed for seed in range(3)]
    alone = extremes_of(MODELS[name], daily(seed=1)[None] * 10)
    among = extremes_of(MODELS[name], np.stack(others))
    np.testing.assert_allclose(alone.reached[0], among.reached[1], rtol=1e-6)


def test_extremes_keep_to_the_bounds(name: str) -> None:
    reached = extremes_of(bounded(name, 99.0, 101.0), daily()[None]).reached
    assert 99.0 <= reached.min() <= reached.max() == 101.0


def test_a_row_with_one_sample_has_no_extremes_and_the_others_have(name: str) -> None:
    young = np.full(96, np.nan)
    young[-1] = 5
    reached = extremes_of(MODELS[name], np.stack([young, daily()])).reached
    assert np.isnan(reached[0]).all()
    assert np.isfinite(reached[1]).all()


@pytest.mark.parametrize("n_times", [2, 3, 7, 13])
def test_the_extremes_of_a_short_history_are_not_certain(name: str, n_times: int) -> None:
    values = np.random.default_rng(n_times).normal(0, 1, (1, n_times))
    reached = extremes_of(MODELS[name], values).reached
    assert (reached[:, -1, -1] > reached[:, -1, 0]).all()


@pytest.mark.parametrize("n_steps", [0, 100_001])
def test_extremes_of_an_absurd_number_of_steps_are_refused(name: str, n_steps: int) -> None:
    fitted = MODELS[name].fit(make_panel(daily(12)[None]))
    with pytest.raises(ConfigError, match="1 to 100000 steps"):
        fitted.extremes(n_steps, "above")
