import numpy as np
import pytest

from forewarn_models.baseline import choose_season, fit_profile, outlook
from forewarn_models.kernels import RESIDUAL
from forewarn_models.seasons import DAY_MILLISECONDS, NO_SEASON, candidates, season_of
from strategies import START, noise

STEP = 1_800_000  # 48 slots a day
DAYS = 28
N = 48 * DAYS
TIMES = START + STEP * np.arange(N)
DAY = season_of(DAY_MILLISECONDS, STEP)
SHAPE = 10 * np.sin(2 * np.pi * np.arange(N) / 48)


def test_each_row_gets_the_season_that_foretells_it():
    weekend = ((TIMES // DAY_MILLISECONDS + 3) % 7 >= 5) * 20.0
    hours = np.random.default_rng(3).normal(size=7 * 48) * 10
    rows = np.vstack(
        [noise(N), noise(N) + SHAPE, noise(N) + SHAPE + weekend, noise(N) + np.tile(hours, 4)]
    )
    seasons = candidates(None, step_milliseconds=STEP, span_milliseconds=N * STEP)
    chosen = choose_season(rows, TIMES, seasons, step_milliseconds=STEP)
    found = [
        (seasons[k].period_milliseconds // DAY_MILLISECONDS, seasons[k].weekend_apart)
        for k in chosen
    ]
    assert found == [(0, False), (1, False), (1, True), (7, False)]


def test_without_a_choice_there_is_no_season():
    chosen = choose_season(noise(N)[None], TIMES, (NO_SEASON,), step_milliseconds=STEP)
    assert chosen.tolist() == [0]


def test_incidents_do_not_shape_the_profile():
    values = noise(N) + SHAPE
    hurt = values.copy()
    hurt[100:120] = 1e4
    hurt[700:710] = -1e4
    clean, robust = (
        fit_profile(v[None], TIMES, DAY, step_milliseconds=STEP) for v in (values, hurt)
    )
    assert np.abs(clean.center - robust.center).max() < 1.0
    np.testing.assert_allclose(clean.spread, robust.spread, rtol=0.5)


def test_the_profile_is_close_to_the_shape():
    profile = fit_profile((noise(N) + SHAPE)[None], TIMES, DAY, step_milliseconds=STEP)
    assert np.abs(profile.center[0] - SHAPE[:48]).max() < 0.8
    np.testing.assert_allclose(profile.spread, 1.0, rtol=0.3)


def test_a_phase_that_stands_out_is_not_smoothed_away():
    values = noise(N, level=0.0)
    values[10::48] += 30
    profile = fit_profile(values[None], TIMES, DAY, step_milliseconds=STEP)
    assert profile.center[0, 10] == pytest.approx(30, abs=1.5)
    assert np.abs(np.delete(profile.center[0], 10)).max() < 1.5


def test_phases_without_samples_are_filled_from_their_neighbours():
    values = noise(N) + SHAPE
    values[5::48] = np.nan
    profile = fit_profile(values[None], TIMES, DAY, step_milliseconds=STEP)
    assert profile.center[0, 5] == pytest.approx(SHAPE[5], abs=1.0)


@pytest.mark.parametrize("size", [3.0, 30.0, 3000.0])
def test_a_change_of_level_is_learned_in_hours_and_an_incident_is_not(size):
    n = 3_000
    times = START + 60_000 * np.arange(n)
    values = noise(n, level=0.0)
    profile = fit_profile(values[None], times, NO_SEASON, step_milliseconds=60_000)
    shifted = noise(24 * 60, seed=1, level=size)[None]
    after = times[-1] + 60_000 * (1 + np.arange(24 * 60))
    expected, _ = outlook(profile, shifted, after, profile.carry, step_milliseconds=60_000)
    assert abs(expected[0, 15]) < 1.0
    assert expected[0, -1] == pytest.approx(size, abs=max(1.0, 0.25 * size))


def test_a_row_with_next_to_nothing_has_no_profile():
    values = np.full((1, 50), np.nan)
    values[0, :14] = 1.0
    profile = fit_profile(values, TIMES[:50], NO_SEASON, step_milliseconds=STEP)
    _, features = outlook(
        profile, np.ones((1, 9)), TIMES[:9], profile.carry, step_milliseconds=STEP
    )
    assert np.isnan(features[..., RESIDUAL]).all()


def test_a_constant_is_measured_in_thousandths_of_itself_and_zeros_in_units():
    rows = np.vstack([np.full(50, -40.0), np.zeros(50)])
    profile = fit_profile(rows, TIMES[:50], NO_SEASON, step_milliseconds=STEP)
    np.testing.assert_allclose(profile.spread[:, 0], [0.04, 1.0])


def test_a_short_cycle_keeps_each_of_its_phases():
    values = noise(800, level=0.0) * 0.1 + np.tile([0.0, 5.0, -5.0, 1.0], 200)
    times = START + 600_000 * np.arange(800)
    profile = fit_profile(
        values[None], times, season_of(2_400_000, 600_000), step_milliseconds=600_000
    )
    np.testing.assert_allclose(profile.center[0], [-0.5, 4.5, -5.5, 0.5], atol=0.1)
