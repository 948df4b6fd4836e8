from datetime import timedelta

import numpy as np
import pytest

from forewarn_models.budget import Budget
from forewarn_models.forecasters.hybrid import Hybrid
from forewarn_models.panel import Panel
from forewarn_training.forecast_judging import ForecastQuality
from forewarn_training.judging import Quality
from forewarn_training.tables import candidates_table, detector_table, forecast_tables


def test_a_detector_table_has_a_row_for_each_output_row():
    two = np.array([1.0, 2.0])
    quality = Quality(
        series=((("series", "a"),), (("series", "*"),)),
        step_seconds=600.0,
        judged=np.array([144.0, 288.0]),
        alarms=np.array([1, 0]),
        exceedances=np.zeros((2, 7), np.int64),
        banded=np.array([100.0, 0.0]),
        inside=np.array([99.0, 0.0]),
        error=two,
        naive_error=np.array([2.0, 0.0]),
        interval_score=two,
        peak_score=np.array([1.5, np.nan]),
    )
    table = detector_table(quality, Budget(1, timedelta(days=10)))
    assert table.columns[0] == "series"
    assert table.rows == (
        ('{series="a"}', 1.0, 1.0, 0.1, 1.5, 0.99, 0.5),
        ('{series="*"}', 2.0, 0.0, 0.2, None, None, None),
    )


def test_forecast_tables_show_errors_by_series_and_by_distance():
    error = np.array([[1.0, 3.0], [np.nan, np.nan]])
    quality = ForecastQuality(
        series=((("series", "a"),), (("series", "b"),)),
        error=error,
        excess=error,
        naive_error=2 * error,
        inside=np.array([[[0.7, 0.9], [0.9, 1.0]], [[np.nan] * 2] * 2]),
        pinball=np.array([0.5, np.nan]),
        scale=np.array([2.0, 1.0]),
        step_seconds=3600.0,
        origins=(2, 4),
    )
    tables = forecast_tables(quality)
    assert tables["series"].rows == (
        ('{series="a"}', 1.0, 0.5, 0.8, 0.95),
        ('{series="b"}', None, None, None, None),
    )
    assert tables["horizons"].columns == ("ahead_seconds", "mase", "mase_of_seasonal_naive")
    assert tables["horizons"].rows == ((3600.0, 0.5, 1.0), (7200.0, 1.5, 3.0))


@pytest.mark.parametrize("n_steps", [1, 500])
def test_long_horizons_are_thinned_out(n_steps):
    ones = np.ones((1, n_steps))
    quality = ForecastQuality(
        series=((("series", "a"),),),
        error=ones,
        excess=ones,
        naive_error=ones,
        inside=np.ones((1, n_steps, 2)),
        pinball=np.ones(1),
        scale=np.ones(1),
        step_seconds=60.0,
        origins=(1,),
    )
    rows = forecast_tables(quality)["horizons"].rows
    assert len(rows) == min(n_steps, 48)
    assert rows[-1][0] == 60.0 * n_steps


def test_the_table_of_candidates_shows_weights_and_errors_by_series():
    hours = np.arange(24 * 28)
    noise = np.random.default_rng(0).normal(0, 1, len(hours))
    values = np.stack([10 * np.sin(2 * np.pi * hours / 24) + noise, np.full(len(hours), np.nan)])
    series = ((("instance", "a"),), (("instance", "b"),))
    fitted = Hybrid().fit(Panel(1000 * values, series, 0, 3_600_000))
    table = candidates_table(fitted)
    first, second = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert first["series"] == '{instance="a"}'
    weights = [value for name, value in first.items() if name.endswith("_weight")]
    np.testing.assert_allclose(sum(weights), 1)
    errors = {n: v for n, v in first.items() if n.endswith("_error")}
    assert 500 < errors["short_median_error"] < 1200 < errors["last_value_error"]
    leading = max(fitted.candidates, key=lambda name: first[f"{name}_weight"])
    assert errors[f"{leading}_error"] == min(errors.values())
    assert all(second[name] is None for name in errors)
