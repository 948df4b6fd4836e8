"""forewarn_models.forecasters.thinning, and mixtures of long histories"""

from datetime import timedelta

import numpy as np
import pytest

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.catalogue import forecaster_from_state
from forewarn_models.forecasters.hybrid import Hybrid
from forewarn_models.forecasters.thinning import (
    detail_of,
    middles,
    thickened,
    thinned,
    thinning_of,
)
from forewarn_models.panel import Panel

MINUTE = 60_000
STEP = 5 * MINUTE
DAY = 288


def make_panel(values: np.ndarray) -> Panel:
    series = tuple((("row", str(row)),) for row in range(len(values)))
    return Panel(values, series, 1_700_006_400_000, STEP)


def load(n_series: int, n_days: int, *, seed: int = 0, sigma: float = 2.0) -> np.ndarray:
    slots = np.arange(n_days * DAY)
    noise = np.random.default_rng(seed).normal(0, sigma, (n_series, len(slots)))
    return 100 + 20 * np.sin(2 * np.pi * slots / DAY) + noise


@pytest.mark.parametrize(
    ("n_times", "n_steps", "step", "expected"),
    [
        (28 * DAY, 7 * DAY, STEP, 6),
        (14 * 1440, 7 * 1440, MINUTE, 16),
        (28 * DAY, 12, STEP, 1),
        (1_440, 48, 60 * MINUTE, 1),
        (4 * 8_640, 10_000, 7 * MINUTE, 1),
        (2, 1, 40 * 86_400_000, 1),
    ],
)
def test_a_long_history_is_thinned_as_far_as_days_and_horizons_allow(
    n_times: int, n_steps: int, step: int, expected: int
) -> None:
    assert thinning_of(n_times, n_steps, step) == expected


def test_means_are_of_what_is_known_and_end_with_the_newest_slot() -> None:
    values = np.array([[9.0, 1.0, 3.0, np.nan, 4.0, np.nan, np.nan, 5.0, 7.0]])
    np.testing.assert_array_equal(thinned(values, 2), [[2.0, 4.0, np.nan, 6.0]])
    np.testing.assert_array_equal(middles(values, 2), [[3.0, 4.0, np.nan, 7.0]])


def test_a_line_is_found_again_from_its_means() -> None:
    line = np.arange(60.0)[None]
    means = thinned(line, 6)
    found = thickened(means[:, 1:], means[:, 0], 6, 50)
    np.testing.assert_allclose(found[:, :-3], line[:, 6:53], rtol=1e-12)


def test_unknown_means_leave_what_is_known_beside_them() -> None:
    means = np.array([[1.0, np.nan, 3.0]])
    found = thickened(means, np.array([np.nan]), 2, 6)
    assert np.isnan(found[0]).tolist() == [False, False, True, False, False, False]


def test_a_course_within_means_is_kept_and_noise_is_not() -> None:
    values = load(2, 14, sigma=0.1)
    values[0, 37::DAY] += 30.0
    detail = detail_of(values, 6, STEP)
    assert detail.shape == (2, DAY)
    assert detail[0].argmax() == 37
    assert 20 < detail[0, 37] < 30
    assert np.abs(detail[1]).max() < 0.2
    assert not detail_of(values, 1, STEP).any()
    assert not detail_of(values[:, : DAY + 5], 6, STEP).any()


def test_a_spike_of_one_slot_a_day_is_forecast_in_its_slot() -> None:
    values = load(1, 29, sigma=0.5)
    values[0, 37::DAY] += 60.0
    history, future = values[:, : 28 * DAY], values[0, 28 * DAY :]
    fitted = Hybrid(timedelta(days=1)).fit(make_panel(history))
    assert fitted.thinning == 6
    median = fitted.predict(DAY, []).quantiles[0, :, 0]
    assert abs(median[37] - future[37]) < 6
    assert np.abs(median - future).mean() < 1.0


def test_bands_are_those_of_single_slots() -> None:
    values = load(60, 16, seed=3)
    fitted = Hybrid(timedelta(days=2)).fit(make_panel(values[:, : -2 * DAY]))
    assert fitted.thinning > 1
    quantiles = fitted.predict(2 * DAY, [80]).quantiles
    future = values[:, -2 * DAY :]
    inside = ((future >= quantiles[..., 0]) & (future <= quantiles[..., 2])).mean()
    assert 0.76 <= inside <= 0.87


def test_a_thinned_forecast_follows_shift_and_scale_and_survives_bytes() -> None:
    values = load(2, 12) - 500
    values[:, 700:740] = np.nan
    fitted = Hybrid(timedelta(days=1)).fit(make_panel(values))
    assert fitted.thinning > 1
    base = fitted.predict(700, [80]).quantiles
    moved = Hybrid(timedelta(days=1)).fit(make_panel(3 * values - 7)).predict(700, [80])
    np.testing.assert_allclose(moved.quantiles, 3 * base - 7, rtol=1e-9)
    restored = forecaster_from_state(from_bytes(to_bytes(fitted.state())))
    np.testing.assert_array_equal(restored.predict(700, [80]).quantiles, base)
