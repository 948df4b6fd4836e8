"""forewarn_models.forecasters.backtest"""

import numpy as np
import pytest

from forewarn_models.forecasters.backtest import MOST_ORIGINS, cut, future, origin_ages

HOUR = 3_600_000


@pytest.mark.parametrize(("n_times", "n_steps"), [(2, 1), (9, 3), (100, 24), (700, 48), (5000, 1)])
def test_origins_leave_room_for_their_future_and_half_of_the_history(n_times, n_steps) -> None:
    ages = origin_ages(n_times, n_steps, HOUR)
    assert 1 <= len(ages) <= MOST_ORIGINS
    assert ages[0] == n_steps
    assert (np.diff(ages) > 0).all()
    assert ages[-1] <= max(n_times // 2, n_steps)


def test_origins_stand_at_the_time_of_day_of_the_forecast() -> None:
    assert set(np.diff(origin_ages(2000, 48, HOUR)) % 24) == {0}


def test_a_cut_history_ends_before_its_future_begins() -> None:
    values, ages = np.arange(10.0)[None], np.array([2, 5])
    known = cut(values, ages)
    assert future(values, ages, n_steps=2).tolist() == [[[8, 9], [5, 6]]]
    assert known[0, :, -1].tolist() == [7, 4]
    assert np.isnan(known[0, 1, :5]).all()
    assert known[0, 1, 5:].tolist() == [0, 1, 2, 3, 4]
