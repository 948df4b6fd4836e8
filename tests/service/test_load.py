"""forewarn_service.load"""

from datetime import timedelta

import pytest

from forewarn_adapters.config.signals import ForecastPolicy, Limit
from forewarn_service.load import ReadLoad, forecast_families, read_load


@pytest.mark.parametrize(
    ("step_milliseconds", "expected"),
    [
        # ten seconds are read again each time, 600 samples once in thirty ticks
        (1_000, ReadLoad(60.0, (29 * 11 + 601) / 30)),
        # two samples again each time, the window of twenty once in five ticks
        (30_000, ReadLoad(2.0, (4 * 3 + 21) / 5)),
        (300_000, ReadLoad(0.2, (4 * 3 + 9) / 5)),
    ],
)
def test_a_tick_is_one_query_that_reads_late_samples_again(step_milliseconds, expected):
    load = read_load(step_milliseconds)
    assert load.queries_per_minute == pytest.approx(expected.queries_per_minute)
    assert load.samples_a_query == pytest.approx(expected.samples_a_query)


def test_a_forecast_is_five_quantiles_at_three_distances():
    policy = ForecastPolicy(step=timedelta(hours=1), horizon=timedelta(days=1))
    assert forecast_families(policy) == 15


def test_a_limit_adds_the_time_to_it_and_the_chance_of_it():
    limited = ForecastPolicy(
        step=timedelta(hours=1), horizon=timedelta(days=1), limit=Limit(above=1)
    )
    assert forecast_families(limited) == 15 + 5 + 3


def test_no_forecast_writes_nothing():
    assert forecast_families(None) == 0
