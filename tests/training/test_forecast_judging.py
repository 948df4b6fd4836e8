from datetime import timedelta

import numpy as np
import pytest

from forewarn_models.contract import Forecast
from forewarn_models.errors import NotEnoughHistory
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_training import forecast_judging
from forewarn_training.forecast_judging import Trial, back_test, pinball_loss


@pytest.fixture
def history(panel_of):
    rng = np.random.default_rng(5)
    phase = 2 * np.pi * np.arange(6 * 144) / 144
    values = np.stack([100 + 10 * np.sin(phase + row) for row in range(3)])
    return panel_of(values + rng.normal(size=values.shape))


def test_the_seasonal_naive_forecast_is_as_good_as_itself(history):
    naive = SeasonalNaive()
    quality = back_test(naive, history, naive=naive, trial=Trial(timedelta(hours=6)))
    metrics = quality.metrics()
    assert quality.error.shape == (3, 36)
    assert quality.n_origins == 4
    assert metrics["forecast_error_ratio"] == pytest.approx(1.0)
    assert metrics["mase"] == pytest.approx(1.0, abs=0.2)
    assert 0.6 < metrics["forecast_coverage_80_ratio"] <= metrics["forecast_coverage_95_ratio"] <= 1


class Constant:
    """Forecasts a constant with certainty, whatever the past was."""

    def fit(self, history):
        self.history = history
        return self

    def predict(self, n_steps, levels):
        shape = (self.history.n_series, n_steps, 5)
        levels = (0.025, 0.1, 0.5, 0.9, 0.975)
        end = self.history.end_milliseconds
        return Forecast(
            self.history.series, end, 1, levels, np.full(shape, 7.0), ("constant",) * shape[0]
        )


def test_errors_are_those_of_the_slots_after_each_origin(panel_of):
    values = np.full((1, 40), 7.0)
    values[0, -10:] = 9.0
    quality = back_test(
        Constant(), panel_of(values), naive=Constant(), trial=Trial(timedelta(minutes=100))
    )
    # origins at 20, 23, 26 and 30 of 40 slots, ten slots ahead of each
    assert quality.n_origins == 4
    assert quality.error[0].tolist() == [0.5] * 4 + [1.0] * 3 + [1.5] * 3
    assert quality.metrics()["forecast_coverage_95_ratio"] < 1.0
    assert quality.metrics()["forecast_error_ratio"] == 1.0


def test_the_horizon_of_a_back_test_is_at_most_a_quarter_of_the_history(panel_of):
    quality = back_test(
        Constant(), panel_of(np.zeros((1, 40))), naive=Constant(), trial=Trial(timedelta(days=9))
    )
    assert quality.error.shape == (1, 10)


def test_a_history_of_three_samples_cannot_be_back_tested(panel_of):
    with pytest.raises(NotEnoughHistory):
        back_test(
            Constant(), panel_of(np.zeros((1, 3))), naive=Constant(), trial=Trial(timedelta(1))
        )


def test_very_many_series_are_back_tested_by_an_even_choice(panel_of, monkeypatch):
    monkeypatch.setattr(forecast_judging, "_CELLS", 5 * 10 * 2)
    values = np.arange(8.0)[:, None] + np.zeros((8, 40))
    quality = back_test(
        Constant(), panel_of(values), naive=Constant(), trial=Trial(timedelta(minutes=100))
    )
    assert quality.series == ((("series", "a"),), (("series", "h"),))


def test_gaps_are_no_error_but_unknown(panel_of):
    values = np.full((2, 40), 7.0)
    values[0] = np.nan
    quality = back_test(
        Constant(), panel_of(values), naive=Constant(), trial=Trial(timedelta(minutes=100))
    )
    assert np.isnan(quality.error[0]).all()
    assert (quality.error[1] == 0).all()


def test_the_pinball_loss_is_that_of_its_definition():
    quantiles = np.array([[[1.0, 2.0, 3.0]]])
    forecast = Forecast(((),), 0, 1, (0.1, 0.5, 0.9), quantiles, ("x",))
    over = np.array([5.0]) - quantiles[0, 0]
    expected = np.mean([0.1 * over[0], 0.5 * over[1], 0.9 * over[2]])
    assert pinball_loss(forecast, np.array([[5.0]])) == pytest.approx([expected])
    assert pinball_loss(forecast, np.array([[0.0]])) == pytest.approx(
        [np.mean([0.9 * 1, 0.5 * 2, 0.1 * 3])]
    )


def test_bias_and_coverage_are_kept_by_distance(panel_of):
    values = np.full((1, 40), 7.0)
    values[0, -10:] = 9.0
    trial = Trial(timedelta(minutes=100))
    quality = back_test(Constant(), panel_of(values), naive=Constant(), trial=trial)
    # forecasts of 7 where 9 came, at one, two, then three of four origins
    assert quality.excess[0].tolist() == [-0.5] * 4 + [-1.0] * 3 + [-1.5] * 3
    assert quality.inside[0, :, 0].tolist() == [0.75] * 4 + [0.5] * 3 + [0.25] * 3
    assert quality.coverage[0] == pytest.approx([0.525, 0.525])


def test_a_trial_says_from_where_how_often_and_what_is_kept(panel_of):
    values = np.arange(3.0)[:, None] + np.zeros((3, 40))
    trial = Trial(timedelta(minutes=20), most_origins=3, from_slot=34, n_kept=2)
    told = []
    quality = back_test(
        Constant(), panel_of(values), naive=Constant(), trial=trial, progress=told.append
    )
    assert quality.origins == (34, 36, 38)
    assert [forecast.series for forecast in quality.forecasts] == [
        ((("series", "a"),), (("series", "c"),))
    ] * 3
    assert told == [f"forecasting from instant {number} of 3" for number in (1, 2, 3)]


def test_a_trial_that_begins_too_late_still_has_the_newest_instant(panel_of):
    trial = Trial(timedelta(minutes=100), from_slot=39)
    quality = back_test(Constant(), panel_of(np.zeros((1, 40))), naive=Constant(), trial=trial)
    assert (quality.origins, quality.forecasts) == ((30,), ())
