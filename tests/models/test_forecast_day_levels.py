"""forewarn_models.forecasters.day_levels"""

import numpy as np
import pytest

from forewarn_models.forecasters.day_levels import day_levels, without_weekdays

DAYS = np.arange(28)
WEEKEND = np.where(DAYS % 7 >= 5, -8.0, 0.0)


def test_levels_are_those_of_days_that_end_with_the_newest_slot() -> None:
    values = np.array([[99.0, 1, 1, 1, 7, 4, 4, 2, 2, 2, np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(day_levels(values, 3), [[1.0, 4.0, 2.0, np.nan]])


def test_times_of_day_are_no_levels() -> None:
    shape = np.array([0.0, 0.0, 0.0, 1.0, 9.0, 7.0])
    moved = np.array([0.0, 0.0, 0.0, 50.0])
    # Half a day of the newest, in which it is always high, is not known.
    values = (shape + moved[:, None]).ravel()
    values[-6:-3] = np.nan
    np.testing.assert_array_equal(day_levels(values[None], 6), [0.5 + moved])


@pytest.mark.parametrize("shift", range(7))
def test_weekends_are_no_levels(shift: int) -> None:
    levels = 50 + np.roll(WEEKEND, shift)[None]
    np.testing.assert_array_equal(without_weekdays(levels), 50.0)


@pytest.mark.parametrize("first_moved", range(7, 28))
def test_a_move_stays_a_move(first_moved: int) -> None:
    moved = np.where(first_moved <= DAYS, 30.0, 0.0)
    found = without_weekdays((WEEKEND + moved)[None])[0]
    assert np.median(np.abs(found - moved)) == 0.0
    assert np.abs(found - moved).max() <= 8.0


def test_growth_stays_growth() -> None:
    found = without_weekdays((0.5 * DAYS + WEEKEND)[None])[0]
    # In a week that grows, days are up to two days off its middle.
    np.testing.assert_allclose(found, 0.5 * DAYS, atol=1.0)


def test_gaps_stay_gaps() -> None:
    levels = WEEKEND[None].copy()
    levels[0, [3, 12]] = np.nan
    np.testing.assert_array_equal(np.isnan(without_weekdays(levels)), np.isnan(levels))


def test_less_than_three_weeks_have_no_weekdays() -> None:
    levels = WEEKEND[None, :20]
    assert without_weekdays(levels) is levels
