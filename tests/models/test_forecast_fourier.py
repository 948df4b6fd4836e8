"""forewarn_models.forecasters.fourier"""

import numpy as np

from forewarn_models.forecasters.fourier import robust_waves

HOUR = 3_600_000


def wave(n_times: int) -> np.ndarray:
    hours = np.arange(n_times)
    daily = 10 * np.sin(2 * np.pi * hours / 24 + 1)
    return 50 + daily + 5 * np.cos(2 * np.pi * hours / 168)


def test_waves_of_day_and_week_are_continued() -> None:
    whole = wave(700)
    fitted = robust_waves(whole[None, :600], step_milliseconds=HOUR, n_steps=100)
    np.testing.assert_allclose(fitted[0, -100:], whole[600:], atol=0.1)


def test_outliers_and_gaps_change_little() -> None:
    values = wave(600)
    values[::37] = 500
    values[100:150] = np.nan
    fitted = robust_waves(values[None], step_milliseconds=HOUR, n_steps=100)
    np.testing.assert_allclose(fitted[0, -100:], wave(700)[600:], atol=0.7)


def test_a_history_without_a_day_is_fitted_by_its_level() -> None:
    fitted = robust_waves(np.array([[3.0, 4.0, 5.0]]), step_milliseconds=HOUR, n_steps=2)
    np.testing.assert_allclose(fitted, 4.0, atol=0.01)


def test_a_row_of_gaps_leaves_the_others_alone() -> None:
    values = np.stack([wave(400), np.full(400, np.nan)])
    together = robust_waves(values, step_milliseconds=HOUR, n_steps=5)
    alone = robust_waves(values[:1], step_milliseconds=HOUR, n_steps=5)
    np.testing.assert_allclose(together[0], alone[0], rtol=1e-9)


def test_a_very_long_history_is_thinned_out() -> None:
    minutes = np.arange(14 * 1440)
    values = np.sin(2 * np.pi * minutes / 1440)
    fitted = robust_waves(values[None], step_milliseconds=60_000, n_steps=60)
    expected = np.sin(2 * np.pi * (minutes[-1] + 1 + np.arange(60)) / 1440)
    np.testing.assert_allclose(fitted[0, -60:], expected, atol=0.02)
