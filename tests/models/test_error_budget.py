"""forewarn_models.error_budget"""

from datetime import timedelta

import numpy as np
import pytest

from forewarn_models.capacity import time_to_limit_seconds
from forewarn_models.error_budget import budget_left_ratio
from forewarn_models.errors import ConfigError
from forewarn_models.forecasters.hybrid import Hybrid
from forewarn_models.panel import Panel

HOUR = 3_600_000


def left(bad: object, total: object, *, objective: float = 0.9, window: int = 3) -> np.ndarray:
    rows = (np.array([part], np.float64) for part in (bad, total))
    return budget_left_ratio(*rows, objective_ratio=objective, n_window=window)[0]


def test_the_budget_is_what_may_fail_in_a_window() -> None:
    found = left([0, 1, 2, 0, 0, 0], [10] * 6)
    np.testing.assert_allclose(found, [np.nan, np.nan, 0.0, 0.0, 1 / 3, 1.0], atol=1e-12)


def test_more_than_the_budget_is_negative() -> None:
    assert left([6, 0, 0], [10] * 3)[2] == pytest.approx(-1.0)


def test_slots_without_a_value_count_as_none() -> None:
    assert left([np.nan, 1, np.nan], [np.nan, 10, 10])[2] == pytest.approx(0.5)


def test_where_no_request_came_nothing_can_be_said() -> None:
    assert np.isnan(left([0] * 4, [0] * 4)).all()


def test_a_history_shorter_than_the_window_says_nothing() -> None:
    assert np.isnan(left([1, 1], [10, 10])).all()


@pytest.mark.parametrize("objective", [0.0, 1.0, 99.9])
def test_an_objective_is_a_ratio(objective: float) -> None:
    with pytest.raises(ConfigError, match=r"between 0 and 1, such as 0\.999"):
        left([1], [1], objective=objective)


def test_a_window_holds_a_slot() -> None:
    with pytest.raises(ConfigError, match="at least one slot, got 0"):
        left([1], [1], window=0)


def test_a_budget_that_burns_steadily_says_when_it_is_exhausted() -> None:
    generator = np.random.default_rng(1)
    n_window, n_times = 24 * 28, 24 * 48
    total = np.full((1, n_times), 10_000.0)
    failing = np.where(np.arange(n_times) < n_window, 2.0, 12.0)
    bad = generator.poisson(failing, (1, n_times)).astype(np.float64)
    ratio = budget_left_ratio(bad, total, objective_ratio=0.999, n_window=n_window)
    panel = Panel(ratio, ((),), 0, HOUR)
    extremes = Hybrid(timedelta(days=2)).fit(panel).extremes(24 * 14, "below")
    now = panel.end_milliseconds - HOUR
    seconds = time_to_limit_seconds(extremes, np.zeros(1), [0.5], now_milliseconds=now)
    # Each hour burns 10 more than what leaves the window, of 6,720 that may fail.
    expected_hours = ratio[0, -1] * 0.001 * 10_000 * n_window / 10
    assert abs(seconds[0, 0] / 3600 - expected_hours) < 0.15 * expected_hours
