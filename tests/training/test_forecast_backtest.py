"""forewarn_training.forecast_backtest and its report, on figures that can be counted by hand."""

from datetime import timedelta

import numpy as np
import pytest

from forewarn_training.forecast_backtest import (
    ForecastBacktest,
    ForecastCase,
    Stretch,
    newest_days,
    run_forecast_backtest,
)
from forewarn_training.forecast_backtest_report import (
    as_mapping,
    pictures_of,
    record_of,
    series_columns,
)
from forewarn_training.forecast_judging import ForecastQuality


@pytest.fixture
def backtest(panel_of) -> ForecastBacktest:
    """Two series, four steps ahead; `b` never had a value."""
    history = panel_of(np.array([np.arange(20.0), np.full(20, np.nan)]))
    none = np.full(4, np.nan)
    quality = ForecastQuality(
        series=history.series,
        error=np.array([[1.0, 1.0, 2.0, 4.0], none]),
        excess=np.array([[1.0, -1.0, 2.0, -2.0], none]),
        naive_error=np.array([[2.0, 2.0, 2.0, 2.0], none]),
        inside=np.stack([[[1.0, 1.0]] * 2 + [[0.5, 1.0], [0.0, 0.5]], [[np.nan] * 2] * 4]),
        pinball=np.array([0.5, np.nan]),
        scale=np.array([2.0, np.nan]),
        step_seconds=history.step_seconds,
        origins=(12, 16),
    )
    return ForecastBacktest(ForecastCase("disk", history, timedelta(hours=1), "auto"), quality)


def test_distances_are_judged_in_stretches_up_to_those_that_are_exported(backtest):
    assert backtest.stretches == (Stretch(0, 1), Stretch(1, 2), Stretch(2, 4))
    assert backtest.whole == Stretch(0, 4)
    assert backtest.ahead(backtest.whole) == timedelta(
        milliseconds=4 * backtest.case.history.step_milliseconds
    )


def test_figures_of_a_stretch_are_means_of_its_distances(backtest):
    each = backtest.by_series(Stretch(2, 4))
    assert (each.error[0], each.naive_error[0], each.error_ratio[0]) == (3.0, 2.0, 1.5)
    assert each.coverage[0].tolist() == [0.25, 0.75]
    assert each.bias_ratio[0] == 0.0
    figures = backtest.together(backtest.whole)
    assert (figures.outcomes, figures.error_ratio) == (2, 1.0)
    assert figures.coverage == {0.8: 0.625, 0.95: 0.875}


def test_a_series_of_which_nothing_came_has_empty_cells_and_is_last(backtest):
    columns = series_columns(backtest)
    assert columns["ahead"] == ["10m", "20m", "40m"] * 2
    assert np.isnan(columns["error"][3:]).all()
    worst = as_mapping(backtest, most_series=9)["worst_series"]
    assert [each["error"] for each in worst] == [2.0, None]
    record = record_of(backtest, at_milliseconds=5, params={"query": "used"}, plots=[b"png"])
    assert record.metrics["forecast_error_ratio_40m"] == 1.5
    assert record.tables["forecasts"].rows[-1][3:] == (None,) * 6
    assert (record.params["what"], list(record.plots)) == ("forecast", ["series_1"])


def test_only_series_whose_forecasts_were_kept_are_drawn(panel_of, backtest):
    assert pictures_of(backtest) == {}
    values = 10 + np.sin(np.arange(3 * 144.0) * 2 * np.pi / 144)[None, :] * np.ones((3, 1))
    case = ForecastCase("disk", panel_of(values), timedelta(hours=6), "seasonal_naive")
    run = run_forecast_backtest(case, progress=lambda _what: None, most_shown=2)
    pictures = pictures_of(run)
    assert list(pictures) == ['{series="a"}', '{series="c"}']
    assert all(image.startswith(b"\x89PNG") for image in pictures.values())


def test_the_last_days_of_a_history_begin_at_a_slot(panel_of):
    history = panel_of(np.zeros((1, 300)))
    assert newest_days(history, 1.0) == 300 - 144
    assert newest_days(history, 99.0) == 0
