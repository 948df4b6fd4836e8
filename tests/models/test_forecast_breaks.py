"""forewarn_models.forecasters.breaks, and mixtures of series that moved"""

from datetime import timedelta

import numpy as np
import pytest

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.catalogue import forecaster_from_state
from forewarn_models.forecasters.breaks import levelled
from forewarn_models.forecasters.hybrid import Hybrid
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_models.panel import Panel

HOUR = 3_600_000
MONDAY = 345_600_000 + 2800 * 7 * 24 * HOUR
N_TIMES = 24 * 28


def load(*, seed: int = 0) -> np.ndarray:
    """Return a day of deviations that are mostly below 2, in units of the usual one."""
    noise = np.random.default_rng(seed).normal(0, 0.3, N_TIMES)
    return 1.5 * np.sin(2 * np.pi * np.arange(N_TIMES) / 24) + noise


def moved(first: int, by: float) -> np.ndarray:
    return load() + np.where(np.arange(N_TIMES) >= first, by, 0.0)


def panel_of(values: np.ndarray) -> Panel:
    return Panel(values[None], ((),), MONDAY, HOUR)


@pytest.mark.parametrize("hours_ago", [24, 30, 47, 60, 24 * 6 + 5, 24 * 13])
@pytest.mark.parametrize("by", [8.0, -20.0])
def test_a_series_that_moved_is_brought_to_its_newest_level(hours_ago: int, by: float) -> None:
    values = moved(N_TIMES - hours_ago, by)
    found = levelled(values[None], HOUR)[0]
    off = found - (load() + by)
    # The noise of days hides how far exactly it moved, and a slot or two at the time of the move.
    assert np.median(np.abs(off)) < 0.3
    assert (np.abs(off) > 1.0).sum() <= 2
    np.testing.assert_array_equal(found[-hours_ago + 2 :], values[-hours_ago + 2 :])


def weekly() -> np.ndarray:
    return load() - 8.0 * (np.arange(N_TIMES) // 24 % 7 >= 5)


@pytest.mark.parametrize(
    "values",
    [
        load(),
        moved(N_TIMES - 10, 20.0),  # for less than a day
        np.where(abs(np.arange(N_TIMES) - 600) < 12, 30.0, load()),  # and came back
        load() + 0.02 * np.arange(N_TIMES),
        weekly(),
        weekly()[: 24 * 27],
        np.random.default_rng(1).normal(0, 1, N_TIMES).cumsum(),
        np.full(N_TIMES, 3.0),
        np.full(N_TIMES, np.nan),
        moved(24 * 7, 20.0)[: 24 * 8],
    ],
)
def test_other_series_stay_as_they_are(values: np.ndarray) -> None:
    np.testing.assert_array_equal(levelled(values[None], HOUR)[0], values)


def test_gaps_stay_gaps_and_other_rows_are_left_alone() -> None:
    values = np.stack([moved(N_TIMES - 50, 9.0), load()])
    values[0, 300:310] = values[0, -55:-52] = np.nan
    before = values.copy()
    found = levelled(values, HOUR)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
    np.testing.assert_array_equal(found[1], values[1])
    np.testing.assert_array_equal(values, before)
    assert np.nanmedian(found[0, :200] - values[0, :200]) == pytest.approx(9.0, abs=0.5)


def test_steps_longer_than_a_day_have_no_moves() -> None:
    values = np.where(np.arange(30) > 20, 90.0, 0.0)[None]
    assert levelled(values, 48 * HOUR) is values


def test_the_day_after_a_move_the_new_level_is_forecast() -> None:
    values = 100 + 5 * moved(N_TIMES - 26, 10.0)
    fitted = Hybrid(timedelta(days=2)).fit(panel_of(values))
    quantiles = fitted.predict(48, [95]).quantiles[0]
    assert (np.abs(quantiles[:, 1] - 150) < 12).all()
    assert (quantiles[:, 2] - quantiles[:, 0]).max() < 20
    restored = forecaster_from_state(from_bytes(to_bytes(fitted.state())))
    np.testing.assert_array_equal(restored.predict(48, [95]).quantiles[0], quantiles)


def test_seasonal_naive_stays_what_its_formula_says() -> None:
    values = moved(N_TIMES - 26, 10.0)
    forecast = SeasonalNaive().fit(panel_of(values)).predict(24, [])
    np.testing.assert_allclose(forecast.quantiles[0, :, 0], values[-24:], rtol=1e-12)
