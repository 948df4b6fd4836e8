import numpy as np
import pytest

from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_training.judging import Quality
from forewarn_training.pictures import detector_pictures, forecast_pictures


def quality_of(peaks) -> Quality:
    n = len(peaks)
    ones = np.ones(n)
    columns = {
        name: np.ones((n, 20), np.float32) for name in ("value", "expected", "lower", "upper")
    }
    columns["score"] = np.tile(np.asarray(peaks, np.float32)[:, None], 20)
    return Quality(
        series=tuple((("series", str(row)),) for row in range(n)),
        step_seconds=600.0,
        judged=np.where(np.isfinite(peaks), 20.0, 0.0),
        alarms=np.zeros(n, np.int64),
        exceedances=np.zeros((n, 7), np.int64),
        banded=ones,
        inside=ones,
        error=ones,
        naive_error=ones,
        interval_score=ones,
        peak_score=np.asarray(peaks, np.float64),
        pictures=columns,
        pictures_start_milliseconds=1_700_000_000_000,
    )


def test_the_two_strangest_and_a_typical_series_are_shown():
    pictures = detector_pictures("load", quality_of([0.1, 3.0, 0.5, 2.0, np.nan]))
    assert pictures.keys() == {"strangest_1", "strangest_2", "typical", "return_levels"}
    assert len(set(pictures.values())) == 4


def test_one_series_is_shown_once():
    assert detector_pictures("load", quality_of([0.1])).keys() == {"strangest_1", "return_levels"}


def test_nothing_judged_is_no_picture():
    assert detector_pictures("load", quality_of([np.nan])) == {}


@pytest.mark.parametrize(("n_rows", "n_pictures"), [(1, 1), (8, 3)])
def test_forecasts_of_up_to_three_series_are_shown(panel_of, forecast_signal, n_rows, n_pictures):
    history = panel_of(np.random.default_rng(0).normal(size=(n_rows, 400)))
    pictures = forecast_pictures(forecast_signal, history, SeasonalNaive().fit(history))
    assert len(pictures) == n_pictures


def test_a_signal_without_forecast_or_values_has_no_forecast_picture(
    panel_of, signal, forecast_signal
):
    history = panel_of(np.random.default_rng(0).normal(size=(2, 400)))
    fitted = SeasonalNaive().fit(history)
    assert forecast_pictures(signal, history, fitted) == {}
    empty = panel_of(np.full((2, 400), np.nan))
    assert forecast_pictures(forecast_signal, empty, fitted) == {}
