"""forewarn_service.nearing"""

from datetime import timedelta
from math import inf, nan

import numpy as np
import pytest

from forewarn_models.contract import Extremes
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_models.panel import Panel
from forewarn_service.nearing import extremes_from_now, nearing

HOUR = 3_600_000
NEWEST = 99 * HOUR
HORIZON = timedelta(hours=40)


@pytest.fixture(scope="module")
def model():
    values = np.arange(100.0)[None] + np.random.default_rng(1).normal(0, 1, (1, 100))
    return SeasonalNaive().fit(Panel(values, ((),), 0, HOUR))


def from_now(model, now: int, earlier: Extremes | None = None) -> Extremes | None:
    forecast = model.predict(60, [80])
    return extremes_from_now(
        lambda: model, forecast, "above", now=now, horizon=HORIZON, earlier=earlier
    )


def hours(extremes: Extremes) -> list[int]:
    return ((extremes.times_milliseconds[[0, -1]] - NEWEST) // HOUR).tolist()


def test_extremes_reach_from_now_over_the_horizon(model) -> None:
    assert hours(from_now(model, NEWEST)) == [0, 40]
    assert hours(from_now(model, NEWEST + 10 * HOUR + HOUR // 2)) == [10, 51]


def test_they_end_with_the_forecast(model) -> None:
    assert hours(from_now(model, NEWEST + 50 * HOUR)) == [50, 60]
    assert from_now(model, NEWEST + 61 * HOUR) is None


def test_earlier_ones_do_until_their_second_instant_has_passed(model) -> None:
    first = from_now(model, NEWEST)
    assert from_now(model, NEWEST + HOUR // 2, first) is first
    assert from_now(model, NEWEST + HOUR, first) is not first


def test_a_value_beyond_its_limit_has_reached_it_now(model) -> None:
    extremes = Extremes(
        ((),) * 4, "below", np.array([0, HOUR]), np.array([0.1, 0.9]), np.ones((4, 2, 2))
    )
    near = nearing(
        extremes,
        np.array([0.5, 0.5, 0.5, nan]),
        np.array([0.5, 0.6, nan, 0.1]),
        levels=[0.5],
        horizons=[timedelta(hours=1)],
        now=0,
    )
    np.testing.assert_array_equal(near.time_to_limit_seconds, [[0.0], [inf], [inf], [nan]])
    np.testing.assert_array_equal(near.breach_probability, [[1.0], [0.0], [0.0], [nan]])
