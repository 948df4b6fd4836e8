"""forewarn_models.forecasters.day_types"""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from forewarn_models.calendar import UTC as NO_PLACE
from forewarn_models.calendar import Calendar
from forewarn_models.forecasters.day_types import day_type, profiles
from forewarn_models.forecasters.rows import Rows

HOUR = 3_600_000
DAY = 24 * HOUR
EPOCH = date(1970, 1, 1)
# Clocks in Berlin go forward on the last Sunday of March at 01:00 UTC.
CHANGE = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()) * 1000
HOLIDAY = date(2026, 4, 6)
BERLIN = Calendar(((0, HOUR), (CHANGE, 2 * HOUR)), ((HOLIDAY - EPOCH).days,))


def office(first: datetime, n_hours: int, holidays: tuple[date, ...]) -> np.ndarray:
    """Return 10 in Berlin's office hours of working days, else 0; found hour by hour."""
    start, answer = first.timestamp(), []
    for hour in range(n_hours):
        local = datetime.fromtimestamp(start + 3600 * hour, ZoneInfo("Europe/Berlin"))
        works = local.weekday() < 5 and local.date() not in holidays
        answer.append(10.0 if works and 9 <= local.hour < 17 else 0.0)
    return np.array(answer)


def rows_of(values: np.ndarray, first: datetime, ages: list[int], calendar: Calendar) -> Rows:
    end = int(first.timestamp()) * 1000 + values.shape[1] * HOUR
    return Rows(values, np.array(ages), np.array([24.0]), end, HOUR, calendar)


def test_office_hours_are_followed_over_a_change_of_clocks_and_a_holiday() -> None:
    first = datetime(2026, 3, 2, tzinfo=UTC)
    whole = office(first, 24 * 42, (HOLIDAY,))
    n_known = 24 * 31
    rows = rows_of(whole[None, :n_known], first, [0], BERLIN)
    np.testing.assert_allclose(day_type(rows, 24 * 11)[0], whole[n_known:], atol=1e-12)


def test_every_origin_sees_what_was_before_it() -> None:
    first = datetime(2026, 3, 2, tzinfo=UTC)
    values = np.random.default_rng(0).normal(0, 1, (1, 24 * 21))
    together = day_type(rows_of(values, first, [0, 30], NO_PLACE), 50)
    alone = day_type(rows_of(values[:, :-30], first, [0], NO_PLACE), 50)
    np.testing.assert_allclose(together[1], alone[0], rtol=1e-12)


def test_a_profile_is_the_fading_mean_of_the_same_hour_and_type() -> None:
    first = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
    values = np.random.default_rng(1).normal(0, 1, 24 * 14)
    values[5] = np.nan
    end = int(first.timestamp()) * 1000 + len(values) * HOUR
    found = profiles(values[None], end, HOUR, NO_PLACE)[0]
    for hour, is_off in ((5, 0), (13, 1)):
        slots = [slot for slot in range(hour, 24 * 14, 24) if (slot // 24 % 7 >= 5) == is_off]
        known = [slot for slot in slots if np.isfinite(values[slot])]
        weights = [0.9 ** ((24 * 14 - slot) // 24) for slot in known]
        expected = np.average(values[known], weights=weights)
        np.testing.assert_allclose(found[hour + 24 * is_off], expected, rtol=1e-12)


def test_a_type_that_was_never_seen_is_not_known() -> None:
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    end = int(monday.timestamp()) * 1000 + 5 * DAY
    found = profiles(np.ones((1, 120)), end, HOUR, NO_PLACE)[0]
    assert found[:24].tolist() == [1.0] * 24
    assert np.isnan(found[24:]).all()


def test_a_short_history_has_no_types() -> None:
    rows = Rows(np.ones((2, 50)), np.array([0, 4]), np.full(2, 24.0), DAY, HOUR)
    assert np.isnan(day_type(rows, 3)).all()
    assert day_type(rows, 3).shape == (4, 3)
