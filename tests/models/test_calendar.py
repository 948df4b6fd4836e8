from datetime import UTC as UTC_ZONE
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.calendar import (
    DAY_MILLISECONDS,
    HOUR_MILLISECONDS,
    UTC,
    Calendar,
    hours_of,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC_ZONE)
WINTER, SUMMER = HOUR_MILLISECONDS, 2 * HOUR_MILLISECONDS


def instant(*when):
    return round((datetime(*when, tzinfo=UTC_ZONE) - EPOCH).total_seconds() * 1_000)


def local_day(year, month, day):
    return (date(year, month, day) - EPOCH.date()).days


SPRING, AUTUMN = instant(2024, 3, 31, 1), instant(2024, 10, 27, 1)
BERLIN = Calendar(
    ((instant(2023, 10, 29, 1), WINTER), (SPRING, SUMMER), (AUTUMN, WINTER)),
    days_off=(local_day(2024, 5, 1), local_day(2024, 12, 25)),
)


def hours_around(change):
    return hours_of(BERLIN.local(change + HOUR_MILLISECONDS * np.arange(-2, 2))).tolist()


def test_in_spring_an_hour_is_left_out_and_in_autumn_one_comes_twice():
    assert hours_around(SPRING) == [0, 1, 3, 4]
    assert hours_around(AUTUMN) == [1, 2, 2, 3]


@given(st.integers(instant(2023, 11, 1) // 1_000, instant(2025, 3, 29) // 1_000))
def test_local_time_is_what_clocks_show(seconds):
    there = datetime.fromtimestamp(seconds, ZoneInfo("Europe/Berlin"))
    local = BERLIN.local(np.array([1_000 * seconds]))
    shown = EPOCH + timedelta(milliseconds=int(local[0]))
    assert shown.timetuple()[:6] == there.timetuple()[:6]
    assert hours_of(local).tolist() == [there.hour]
    is_holiday = (there.year, there.month, there.day) in {(2024, 5, 1), (2024, 12, 25)}
    assert bool(BERLIN.is_day_off(local)[0]) == (is_holiday or there.weekday() >= 5)


def test_before_the_first_change_that_is_known_its_offset_holds():
    assert BERLIN.local(np.array([0])).tolist() == [WINTER]


def test_a_place_without_changes_keeps_the_time_of_the_world():
    times = np.array([-5, 0, 10**12], dtype=np.int64)
    assert UTC.local(times).tolist() == times.tolist()


@pytest.mark.parametrize(
    ("when", "is_off"),
    [
        ((2024, 5, 3), 0),  # a Friday
        ((2024, 5, 4), 1),
        ((2024, 5, 5), 1),
        ((2024, 5, 6), 0),
        ((2024, 5, 1), 1),  # a holiday, a Wednesday
        ((2024, 5, 2), 0),
        ((1970, 1, 1), 0),  # a Thursday
        ((1969, 12, 28), 1),  # a Sunday
    ],
)
def test_saturdays_sundays_and_holidays_are_days_off_from_midnight_to_midnight(when, is_off):
    midnight = local_day(*when) * DAY_MILLISECONDS
    times = midnight + np.array([0, DAY_MILLISECONDS - 1])
    assert BERLIN.is_day_off(times).tolist() == [is_off] * 2


def test_without_holidays_only_the_weekend_is_off():
    week = (local_day(2024, 4, 29) + np.arange(7)) * DAY_MILLISECONDS
    assert UTC.is_day_off(week).tolist() == [0, 0, 0, 0, 0, 1, 1]


def test_a_day_off_begins_at_local_midnight():
    friday = instant(2024, 5, 3, 21, 59)
    around = BERLIN.local(np.array([friday, friday + 60_000]))
    assert BERLIN.is_day_off(around).tolist() == [0, 1]


def test_the_hour_is_counted_from_midnight():
    local = np.array([0, HOUR_MILLISECONDS - 1, HOUR_MILLISECONDS, DAY_MILLISECONDS - 1, -1])
    assert hours_of(local).tolist() == [0, 0, 1, 23, 23]
