"""forewarn_models.forecasters.breaks, and mixtures of series that moved"""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.catalogue import forecaster_from_state
from forewarn_models.forecasters.breaks import levelled
from forewarn_models.forecasters.hybrid import Hybrid
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_models.panel import Panel

pytestmark = pytest.mark.compiled

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


def between(first: int, after: int, by: float) -> np.ndarray:
    """Return by how much a series is elsewhere that left and came back."""
    slot = np.arange(N_TIMES)
    return np.where((slot >= first) & (slot < after), by, 0.0)


@pytest.mark.parametrize(
    "values",
    [
        load(),
        moved(N_TIMES - 10, 20.0),  # for less than a day
        np.where(abs(np.arange(N_TIMES) - 600) < 12, 30.0, load()),  # and came back
        load() + 0.02 * np.arange(N_TIMES),
        weekly(),
        weekly()[: 24 * 27],
        weekly() + between(N_TIMES - 24 * 5, N_TIMES - 24 * 4, -8.0),  # a holiday on a Wednesday
        (weekly() + between(N_TIMES - 24 * 5, N_TIMES, -8.0))[: N_TIMES - 24 * 4],  # just gone by
        (weekly() + between(N_TIMES - 24 * 6, N_TIMES, -8.0))[: N_TIMES - 24 * 4],  # two of them
        load() + between(N_TIMES - 24 * 11, N_TIMES - 3, 20.0),  # back for three hours
        np.random.default_rng(1).normal(0, 1, N_TIMES).cumsum(),
        np.full(N_TIMES, 3.0),
        np.full(N_TIMES, np.nan),
        moved(24 * 7, 20.0)[: 24 * 8],
    ],
)
def test_other_series_stay_as_they_are(values: np.ndarray) -> None:
    np.testing.assert_array_equal(levelled(values[None], HOUR)[0], values)


@pytest.mark.parametrize("hours_ago", [26, 50, 24 * 4, 24 * 9, 24 * 13])
@pytest.mark.parametrize("by", [20.0, -20.0])
def test_a_week_hides_no_move(hours_ago: int, by: float) -> None:
    values = weekly() + between(N_TIMES - hours_ago, N_TIMES, by)
    off = levelled(values[None], HOUR)[0] - (weekly() + by)
    assert np.median(np.abs(off)) < 1.0
    assert (np.abs(off) > 1.5).sum() <= 2


@pytest.mark.parametrize("plain", [load(), weekly()])
@pytest.mark.parametrize("hours", [13, 24, 40, 75])
@pytest.mark.parametrize("by", [40.0, -40.0])
def test_an_incident_that_has_just_ended_is_a_gap(plain: np.ndarray, hours: int, by: float) -> None:
    incident = between(N_TIMES - 3 - hours, N_TIMES - 3, by)
    found = levelled((plain + incident)[None], HOUR)[0]
    np.testing.assert_array_equal(np.isnan(found), incident != 0)
    is_known = np.isfinite(found)
    np.testing.assert_array_equal(found[is_known], plain[is_known])


def test_an_incident_in_a_short_history_is_a_gap() -> None:
    incident = between(N_TIMES - 27, N_TIMES - 3, 40.0)
    found = levelled((load() + incident)[None, -24 * 10 :], HOUR)[0]
    np.testing.assert_array_equal(np.isnan(found), incident[-24 * 10 :] != 0)


def test_moves_to_and_fro_are_all_taken_back() -> None:
    gone = between(N_TIMES - 24 * 12, N_TIMES - 24 * 2, 15.0)
    off = levelled((load() + gone)[None], HOUR)[0] - load()
    assert np.median(np.abs(off)) < 0.3
    assert (np.abs(off) > 1.0).sum() <= 4


@given(shift=st.floats(-1e3, 1e3), days_ago=st.integers(1, 14), by=st.sampled_from([9.0, -30.0]))
def test_moves_follow_shifts_and_mirror(shift: float, days_ago: int, by: float) -> None:
    values = moved(N_TIMES - 24 * days_ago, by)[None]
    found = levelled(values, HOUR)
    np.testing.assert_allclose(levelled(values + shift, HOUR), found + shift, atol=1e-9)
    np.testing.assert_array_equal(levelled(-values, HOUR), -found)


def test_gaps_stay_gaps_and_other_rows_are_left_alone() -> None:
    values = np.stack([moved(N_TIMES - 50, 9.0), load()])
    values[0, 300:310] = values[0, -55:-52] = np.nan
    before = values.copy()
    found = levelled(values, HOUR)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
    np.testing.assert_array_equal(found[1], values[1])
    np.testing.assert_array_equal(values, before)
    assert np.nanmedian(found[0, :200] - values[0, :200]) == pytest.approx(9.0, abs=0.5)


@pytest.mark.parametrize("per_hour", [2, 12])
def test_shorter_steps_move_as_hours_do(per_hour: int) -> None:
    hours = moved(N_TIMES - 50, 12.0)
    values = np.repeat(hours, per_hour) + np.tile(np.linspace(-0.2, 0.2, per_hour), N_TIMES)
    found = levelled(values[None], HOUR // per_hour)
    expected = np.repeat(levelled(hours[None], HOUR), per_hour, axis=1)
    np.testing.assert_allclose(found, expected, atol=0.21)


def test_steps_that_make_no_hours_move_too() -> None:
    values = np.where(np.arange(40 * 17) >= 38 * 17, 9.0, 0.0)[None]
    np.testing.assert_array_equal(levelled(values, 24 * HOUR // 17), 9.0)


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


HORIZON = timedelta(days=3)
SHAPES = {
    "day": 15 * np.sin(2 * np.pi * (np.arange(24 * 59) - 9) / 24),
    "week": 20 * np.sin(2 * np.pi * np.arange(24 * 59) / 24)
    - 20 * (np.arange(24 * 59) // 24 % 7 >= 5),
    "office": 40.0
    * ((np.arange(24 * 59) // 24 % 7 < 5) & (abs(np.arange(24 * 59) % 24 - 12.5) < 5)),
    "none": np.zeros(24 * 59),
}


def error_ahead(values: np.ndarray, origin: int) -> float:
    """Return the mean error of three days ahead, over the usual size of noise."""
    history = Panel(values[None, :origin], ((),), MONDAY, HOUR)
    median = Hybrid(HORIZON).fit(history).predict(72, []).quantiles[0, :, 0]
    return float(np.abs(median - values[origin : origin + 72]).mean()) / 2.4


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("days_ago", [1.1, 2, 3, 5, 8, 13])
def test_after_a_jump_forecasts_are_as_good_as_before(shape: str, days_ago: float) -> None:
    slot = np.arange(24 * 59)
    plain = 60 + SHAPES[shape] + np.random.default_rng(7).normal(0, 3, len(slot))
    for by in (60.0, -60.0):
        jumped = plain + by * (slot >= 24 * 40)
        assert error_ahead(jumped, 24 * 40 + round(24 * days_ago)) < 1.6


@pytest.mark.parametrize("shape", SHAPES)
def test_after_an_incident_forecasts_are_as_good_as_before(shape: str) -> None:
    slot = np.arange(24 * 59)
    plain = 60 + SHAPES[shape] + np.random.default_rng(7).normal(0, 3, len(slot))
    broken = plain + 60 * ((slot >= 24 * 40) & (slot < 24 * 41))
    assert error_ahead(broken, 24 * 42) < 1.6
    assert error_ahead(broken, 24 * 41 + 3) < 1.6


def test_seasonal_naive_stays_what_its_formula_says() -> None:
    values = moved(N_TIMES - 26, 10.0)
    forecast = SeasonalNaive().fit(panel_of(values)).predict(24, [])
    np.testing.assert_allclose(forecast.quantiles[0, :, 0], values[-24:], rtol=1e-12)
