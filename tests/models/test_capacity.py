"""forewarn_models.capacity"""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forewarn_models.capacity import Limit, breach_probability, time_to_limit_seconds
from forewarn_models.contract import Forecast

LEVELS = (0.1, 0.5, 0.9)


def forecast_of(*rows: object, levels: tuple[float, ...] = LEVELS) -> Forecast:
    series = tuple((("row", str(row)),) for row in range(len(rows)))
    names = ("x",) * len(rows)
    return Forecast(series, 10_000, 1_000, levels, np.array(rows, dtype=np.float64), names)


RISING = [[8, 10, 12], [9, 11, 13], [10, 12, 14]]


def test_the_time_to_a_limit_is_that_of_the_first_slot_at_or_beyond_it() -> None:
    actual = time_to_limit_seconds(forecast_of(RISING), Limit(12))
    assert actual.tolist() == [[np.inf, 3.0, 1.0]]


def test_a_lower_limit_is_reached_from_above() -> None:
    actual = time_to_limit_seconds(forecast_of(RISING), Limit(11, "below"))
    assert actual.tolist() == [[1.0, 1.0, np.inf]]


def test_time_counts_from_now_and_is_never_negative() -> None:
    actual = time_to_limit_seconds(forecast_of(RISING), Limit(12), now_milliseconds=11_500)
    assert actual.tolist() == [[np.inf, 0.5, 0.0]]


def test_a_row_that_cannot_be_said_stays_so() -> None:
    forecast = forecast_of(RISING, [[np.nan] * 3] * 3)
    assert np.isnan(time_to_limit_seconds(forecast, Limit(1))[1]).all()
    assert np.isnan(breach_probability(forecast, Limit(1))).tolist() == [False, True]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (Limit(12), 0.5),
        (Limit(13), 0.3),
        (Limit(14), 0.1),
        (Limit(16), 0.05),
        (Limit(10), 0.9),
        (Limit(10, "below"), 0.5),
        (Limit(8, "below"), 0.1),
        (Limit(6, "below"), 0.05),
    ],
)
def test_the_chance_of_a_breach_is_read_off_the_worst_slot(limit: Limit, expected: float) -> None:
    np.testing.assert_allclose(breach_probability(forecast_of(RISING), limit), expected)


def test_a_shorter_horizon_looks_at_fewer_slots() -> None:
    forecast = forecast_of(RISING)
    np.testing.assert_allclose(breach_probability(forecast, Limit(12), n_steps=1), 0.1)


@pytest.mark.parametrize(("value", "expected"), [(5.0, 1.0), (4.9, 1.0), (5.1, 0.0)])
def test_a_certain_forecast_breaches_or_does_not(value: float, expected: float) -> None:
    forecast = forecast_of([[5.0, 5.0, 5.0]])
    assert breach_probability(forecast, Limit(value)).tolist() == [expected]


@pytest.mark.parametrize(("value", "expected"), [(5.0, 1.0), (5.1, 0.0)])
def test_a_forecast_of_the_median_alone_breaches_or_does_not(value, expected) -> None:
    forecast = forecast_of([[5.0]], levels=(0.5,))
    assert breach_probability(forecast, Limit(value)).tolist() == [expected]


@example([0.0, 0.0, 5e-324], 100.0)
@example([-5e-324, 0.0, 0.0], -100.0)
@given(st.lists(st.floats(-100, 100), min_size=3, max_size=3), st.floats(-300, 300))
def test_both_sides_of_a_limit_share_the_chance(row: list[float], value: float) -> None:
    forecast = forecast_of([sorted(row)])
    above = breach_probability(forecast, Limit(value))
    below = breach_probability(forecast, Limit(value, "below"))
    assert 0 <= above <= 1
    assert above + below >= 1 - 1e-9


@given(st.floats(-50, 50), st.floats(0, 50))
def test_a_higher_limit_is_no_likelier_breached_and_no_sooner(value: float, more: float) -> None:
    forecast = forecast_of(RISING)
    near, far = Limit(value), Limit(value + more)
    assert breach_probability(forecast, near) >= breach_probability(forecast, far)
    soon, late = (time_to_limit_seconds(forecast, limit) for limit in (near, far))
    assert (soon <= late).all()
