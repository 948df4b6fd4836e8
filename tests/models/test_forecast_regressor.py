"""forewarn_models.forecasters.regressor, and what the hybrid makes of a regressor"""

from datetime import timedelta

import numpy as np
import pytest

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.catalogue import forecaster_from_state
from forewarn_models.forecasters.candidates import regressed
from forewarn_models.forecasters.hybrid import Hybrid
from forewarn_models.forecasters.mixture import FittedMixture
from forewarn_models.forecasters.regressor import regressors_of
from forewarn_models.forecasters.rows import Rows
from forewarn_models.forecasters.yardstick import naive_twin
from forewarn_models.labels import matched_rows
from forewarn_models.panel import Panel

pytestmark = pytest.mark.compiled

HOUR = 3_600_000
MONDAY = 345_600_000 + 2800 * 7 * 24 * HOUR
N_TIMES, AHEAD = 24 * 28, 24
N_SERIES = 20


def panel_of(values: np.ndarray, names: str | None = None, *, start: int = MONDAY) -> Panel:
    named = names or [str(row) for row in range(len(values))]
    return Panel(values, tuple((("row", name),) for name in named), start, HOUR)


def traffic(seed: int = 1, n_series: int = N_SERIES, *, first_day: int = 0) -> np.ndarray:
    """Return requests with a day, quiet weekends, noise, and a level that wanders."""
    generator = np.random.default_rng(seed)
    shape = (n_series, N_TIMES + AHEAD)
    hours = np.arange(shape[1]) + 24 * first_day
    day = 1 + 0.6 * np.sin(2 * np.pi * hours / 24 + generator.uniform(0, 6, (n_series, 1)))
    week = np.where((hours // 24) % 7 >= 5, 0.5, 1.0)
    wander = np.exp(generator.normal(0, 0.01, shape).cumsum(axis=1))
    return 100 * day * week * wander * np.exp(generator.normal(0, 0.03, shape))


def cpu(requests: np.ndarray, *, seed: int = 2, sigma: float = 0.05) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, requests.shape)
    return 0.1 + 0.004 * requests + noise


def fitted(values: np.ndarray, regressor: Panel | None, n_times: int = N_TIMES) -> FittedMixture:
    return Hybrid(timedelta(hours=AHEAD), regressor=regressor).fit(panel_of(values[:, :n_times]))


def errors_of(values: np.ndarray, regressor: Panel | None) -> np.ndarray:
    """Return the mean absolute error of each series, a day ahead."""
    quantiles = fitted(values, regressor).predict(AHEAD, []).quantiles[:, :, 0]
    return np.abs(quantiles - values[:, N_TIMES:]).mean(axis=1)


def weight(model: FittedMixture) -> np.ndarray:
    return model.learned.weights[:, model.candidates.index("regressed")]


def test_one_regressor_is_of_all_and_of_several_each_is_of_its_labels() -> None:
    a, b, c = panel_of(np.zeros((3, 1)), "abc").series
    assert matched_rows([a, b], [c]).tolist() == [0, 0]
    assert matched_rows([a, b, c], [b, a]).tolist() == [1, 0, -1]
    assert matched_rows([a, b], []).tolist() == [-1, -1]


def test_a_regressor_lies_on_the_slots_of_the_history() -> None:
    history = panel_of(np.zeros((3, 5)), "abc")
    values = np.arange(20.0).reshape(2, 10)
    early = regressors_of(history, panel_of(values, "cx", start=MONDAY - 2 * HOUR))
    assert early is not None
    assert (early.panel.series, early.place.tolist()) == ((history.series[2],), [-1, -1, 0])
    np.testing.assert_array_equal(early.panel.values, [[2, 3, 4, 5, 6]])
    assert early.panel.start_milliseconds == MONDAY
    late = regressors_of(history, panel_of(values[:1], start=MONDAY + 3 * HOUR))
    assert late is not None
    assert late.place.tolist() == [0, 0, 0]
    np.testing.assert_array_equal(late.panel.values, [[np.nan, np.nan, np.nan, 0, 1]])


@pytest.mark.parametrize(
    "regressor",
    [
        panel_of(np.ones((2, 10)), "xy"),
        panel_of(np.ones((1, 10)), start=MONDAY + 4 * HOUR),
        panel_of(np.ones((1, 10)), start=MONDAY + 1),
        panel_of(np.ones((1, 10)), start=MONDAY - 100 * HOUR),
        panel_of(np.full((1, 10), np.nan)),
        Panel(np.ones((1, 10)), ((("row", "a"),),), MONDAY, HOUR // 2),
    ],
    ids=["others", "one slot", "between slots", "before", "gaps", "another step"],
)
def test_what_cannot_drive_a_series_changes_no_forecast(regressor: Panel) -> None:
    history = panel_of(cpu(traffic(n_series=2))[:, :5])
    assert regressors_of(history, regressor) is None
    model = Hybrid(regressor=regressor).fit(history)
    assert "regressed" not in model.candidates
    plain = Hybrid().fit(history).predict(3, [80]).quantiles
    np.testing.assert_array_equal(model.predict(3, [80]).quantiles, plain)


def test_traffic_tells_a_young_series_of_its_first_weekend() -> None:
    saturday = MONDAY + 5 * 24 * HOUR
    requests = traffic(first_day=5)
    values = cpu(requests)
    values[:, : N_TIMES - 24 * 5] = np.nan
    errors = {}
    for regressor in (None, panel_of(requests, start=saturday)):
        hybrid = Hybrid(timedelta(hours=AHEAD), regressor=regressor)
        model = hybrid.fit(panel_of(values[:, :N_TIMES], start=saturday))
        weekend = model.predict(AHEAD, []).quantiles[:, :, 0]
        errors[regressor is None] = np.abs(weekend - values[:, N_TIMES:]).mean()
    assert errors[False] < 0.7 * errors[True]


def test_a_noisy_series_that_traffic_drives_is_forecast_better() -> None:
    requests = traffic()
    values = cpu(requests, sigma=0.3)
    plain, told = errors_of(values, None), errors_of(values, panel_of(requests))
    assert told.mean() < 0.99 * plain.mean()


def test_a_regressor_that_drives_nothing_does_no_harm() -> None:
    values = cpu(traffic())
    plain, told = errors_of(values, None), errors_of(values, panel_of(traffic(7)))
    assert (told <= 1.05 * plain).all()
    assert told.mean() < 1.005 * plain.mean()


def test_a_fit_knows_nothing_of_the_regressor_that_came_later() -> None:
    requests = traffic()
    later = requests.copy()
    later[:, N_TIMES:] *= 5
    whole, cut, changed = (
        fitted(cpu(requests), panel_of(each)).predict(AHEAD, [80]).quantiles
        for each in (requests, requests[:, :N_TIMES], later)
    )
    np.testing.assert_array_equal(whole, cut)
    np.testing.assert_array_equal(whole, changed)


def test_the_back_test_forecasts_the_regressor_too() -> None:
    """A series that is its regressor, which nobody can foretell, is not foretold by it either."""
    values = np.random.default_rng(5).normal(0, 1, (N_SERIES, N_TIMES))
    model = fitted(values, panel_of(values))
    own = model.learned.error[:, model.candidates.index("regressed")]
    assert (own > 0.7 * np.abs(values).mean()).all()


def test_series_without_a_regressor_are_forecast_as_without_one() -> None:
    requests = traffic(n_series=4)
    values = cpu(requests, sigma=0.3)
    regressor = panel_of(requests[[2, 0]], "20")
    model = fitted(values, regressor)
    assert (weight(model)[[0, 2]] > 0).all()
    assert (weight(model)[[1, 3]] == 0).all()
    quantiles = model.predict(AHEAD, [80]).quantiles
    plain = fitted(values, None).predict(AHEAD, [80]).quantiles
    np.testing.assert_allclose(quantiles[[1, 3]], plain[[1, 3]], rtol=1e-9)
    assert not np.allclose(quantiles[[0, 2]], plain[[0, 2]], rtol=1e-3)


def test_one_regressor_drives_all_series_in_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = traffic(n_series=1)
    values = cpu(np.repeat(requests, 5, axis=0), sigma=0.3)
    whole = fitted(values, panel_of(requests))
    assert whole.regressor is not None
    assert whole.regressor.fitted.series == ((("row", "0"),),)
    monkeypatch.setattr("forewarn_models.forecasters.blocks._BLOCK_NUMBERS", 1)
    alone = fitted(values, panel_of(requests))
    np.testing.assert_allclose(
        alone.predict(AHEAD, [80]).quantiles, whole.predict(AHEAD, [80]).quantiles, rtol=1e-9
    )


def test_a_block_without_any_regressor_is_forecast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forewarn_models.forecasters.blocks._BLOCK_NUMBERS", 1)
    requests = traffic(n_series=3)
    model = fitted(cpu(requests), panel_of(requests[:2], "0x"))
    quantiles = model.predict(AHEAD, [80]).quantiles
    plain = fitted(cpu(requests), None).predict(AHEAD, [80]).quantiles
    np.testing.assert_allclose(quantiles[1:], plain[1:], rtol=1e-9)


def test_a_regressor_with_gaps_leaves_forecasts_whole() -> None:
    requests = traffic(n_series=3)
    values = cpu(requests, sigma=0.3)
    requests[0, 100:300] = np.nan
    requests[1, N_TIMES - 60 :] = np.nan
    requests[2, : N_TIMES - 10] = np.nan
    model = fitted(values, panel_of(requests))
    assert np.isfinite(model.predict(3 * AHEAD, [80]).quantiles).all()
    assert weight(model)[2] == 0


def test_the_state_holds_what_the_regressor_will_do() -> None:
    requests = traffic(n_series=3)
    model = fitted(cpu(requests), panel_of(requests))
    restored = forecaster_from_state(from_bytes(to_bytes(model.state())))
    for n_steps in (AHEAD, 5 * AHEAD):
        np.testing.assert_array_equal(
            restored.predict(n_steps, [80]).quantiles, model.predict(n_steps, [80]).quantiles
        )


def test_a_thinned_history_is_driven_by_a_thinned_regressor() -> None:
    hours = np.arange(24 * 14 + 24) * 1.0
    slots = np.arange(0, hours[-1], 1 / 12)
    requests = np.array([np.interp(slots, hours, row[: len(hours)]) for row in traffic(n_series=4)])
    values = cpu(requests, sigma=0.3)
    step, n_times = HOUR // 12, 24 * 12 * 14
    series = panel_of(values).series
    panels = (Panel(each, series, MONDAY, step) for each in (values, requests))
    history, regressor = (each.columns(0, n_times) for each in panels)
    told = Hybrid(timedelta(days=1), regressor=regressor).fit(history)
    assert told.thinning > 1
    plain = Hybrid(timedelta(days=1)).fit(history)
    truth = 0.1 + 0.004 * requests[:, n_times : n_times + 200]
    off, off_plain = (
        np.abs(model.predict(200, []).quantiles[:, :, 0] - truth).mean() for model in (told, plain)
    )
    assert off < off_plain


def test_the_seasonal_naive_twin_needs_no_regressor() -> None:
    requests = traffic(n_series=3)
    model = fitted(cpu(requests), panel_of(requests))
    twin = naive_twin(model, model.series[1:])
    plain = naive_twin(fitted(cpu(requests), None), model.series[1:])
    assert twin.regressor is None
    np.testing.assert_array_equal(twin.predict(5, []).quantiles, plain.predict(5, []).quantiles)


def test_rows_that_nothing_drives_cannot_be_regressed() -> None:
    rows = Rows(np.ones((2, 50)), np.zeros(1, np.int64), np.full(2, np.nan), MONDAY, HOUR)
    assert np.isnan(regressed(rows, 4)).all()
    assert regressed(rows, 4).shape == (2, 4)
