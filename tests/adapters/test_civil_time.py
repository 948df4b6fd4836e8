from datetime import UTC as UTC_ZONE
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_adapters.civil_time import calendar_of, check_place
from forewarn_adapters.config.learning import CivilTime
from forewarn_models.calendar import DAY_MILLISECONDS, UTC, hours_of
from forewarn_models.detector import RarityDetector
from forewarn_models.errors import ConfigError
from forewarn_models.fold import FoldPolicy
from forewarn_models.offline import Schedule, score_recording
from forewarn_models.samples import Samples

MINUTE, HOUR = 60_000, 3_600_000


def instant(*when):
    return round(datetime(*when, tzinfo=UTC_ZONE).timestamp() * 1_000)


FIRST, LAST = instant(2024, 1, 1), instant(2025, 6, 1)


def calendar(zone="UTC", **more):
    place = CivilTime(timezone=zone, **more)
    return calendar_of(place, first_milliseconds=FIRST, last_milliseconds=LAST)


def changes_in(zone, year):
    """Return when clocks change in a year, and how far they are then ahead, in minutes."""
    start, end = instant(year, 1, 1), instant(year + 1, 1, 1)
    return [(at, ahead // MINUTE) for at, ahead in calendar(zone).offsets if start <= at < end]


@pytest.mark.parametrize(
    ("zone", "changes"),
    [
        ("Europe/Berlin", [((2024, 3, 31, 1), 120), ((2024, 10, 27, 1), 60)]),
        ("America/New_York", [((2024, 3, 10, 7), -240), ((2024, 11, 3, 6), -300)]),
        # half an hour, at two o'clock there, which is not a full hour of the world
        ("Australia/Lord_Howe", [((2024, 4, 6, 15), 630), ((2024, 10, 5, 15, 30), 660)]),
        ("Asia/Kolkata", []),
        ("UTC", []),
    ],
)
def test_clocks_change_when_and_by_how_much_they_do(zone, changes):
    assert changes_in(zone, 2024) == [(instant(*when), ahead) for when, ahead in changes]


@given(
    st.integers(FIRST // 1_000, LAST // 1_000),
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Gaza"]),
)
def test_local_time_is_what_clocks_there_show(seconds, zone):
    shown = datetime.fromtimestamp(seconds, ZoneInfo(zone)).replace(tzinfo=UTC_ZONE)
    local = CALENDARS[zone].local(np.array([1_000 * seconds]))
    assert local.tolist() == [round(shown.timestamp() * 1_000)]


CALENDARS = {
    zone: calendar(zone)
    for zone in ("Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Gaza")
}


def test_offsets_rise_and_begin_a_year_before_the_first_instant_and_end_two_after_the_last():
    starts = [at for at, _ in calendar("Europe/Berlin").offsets]
    assert starts == sorted(set(starts))
    assert starts[0] == instant(2023, 1, 1)
    assert starts[-1] == instant(2027, 10, 31, 1)


def days_off(year, **place):
    epoch = date(1970, 1, 1)
    days = (epoch + timedelta(days=day) for day in calendar(**place).days_off)
    return {f"{day:%m-%d}" for day in days if day.year == year}


def test_public_holidays_are_days_off_country_by_country():
    germany, america = days_off(2024, country="DE"), days_off(2024, country="US")
    assert {"01-01", "05-01", "10-03", "12-25"} <= germany
    assert {"01-01", "07-04", "11-28", "12-25"} <= america
    assert "07-04" not in germany
    assert "10-03" not in america


def test_a_part_of_a_country_has_holidays_of_its_own():
    bavaria = days_off(2024, country="DE", subdivision="BY")
    assert bavaria - days_off(2024, country="DE") == {"01-06", "05-30", "11-01"}


def test_days_off_of_the_configuration_come_on_top():
    known = days_off(2024, country="DE")
    assert days_off(2024, country="DE", days_off=("2024-12-24",)) == {*known, "12-24"}
    assert days_off(2024) == set()
    assert days_off(2024, days_off=("2024-12-24",)) == {"12-24"}


@pytest.mark.parametrize("milliseconds", [-(10**17), 10**17])
def test_an_absurd_instant_costs_no_millennia(milliseconds):
    place = CivilTime(timezone="Europe/Berlin", country="DE")
    made = calendar_of(place, first_milliseconds=milliseconds, last_milliseconds=milliseconds)
    assert len(made.offsets) < 20


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"timezone": "Berlin"}, "did you mean 'Europe/Berlin'?"),
        ({"timezone": "europe/berlin"}, "did you mean 'Europe/Berlin'?"),
        ({"timezone": "../UTC"}, "did you mean 'UTC'?"),
        ({"timezone": "Middle-earth"}, "known are Africa/Abidjan, Africa/Accra"),
        ({"country": "Germany"}, "did you mean 'DE'?"),
        ({"country": "de"}, "did you mean 'DE'?"),
        ({"country": "US", "subdivision": "Texas"}, "did you mean 'TX'?"),
        ({"country": "DE", "subdivision": "??"}, "known are Augsburg, BB, BE, BW, BY"),
        ({"country": "VA", "subdivision": "??"}, "none is known"),
        ({"subdivision": "BY"}, "add the country that it is a part of"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(place, said):
    with pytest.raises(ConfigError) as caught:
        calendar_of(CivilTime(**place), first_milliseconds=FIRST, last_milliseconds=LAST)
    (problem,) = caught.value.problems
    assert said in problem


def test_all_unknown_names_are_told_with_the_key_that_the_caller_has_for_them():
    with pytest.raises(ConfigError) as caught:
        check_place(CivilTime(timezone="Nowhere", country="QQ"), prefix="--")
    assert [problem.split()[0] for problem in caught.value.problems] == ["--timezone", "--country"]


STEP = 10 * MINUTE
CHANGE = instant(2024, 10, 27, 1)  # clocks in Berlin go back


def scored_across_the_change(calendar):
    """Return what is said after clocks went back, and the truth: a series of Berlin's day."""
    times = np.arange(CHANGE - 28 * DAY_MILLISECONDS, CHANGE + 2 * DAY_MILLISECONDS, STEP)
    day = 2 * np.pi * (CALENDARS["Europe/Berlin"].local(times) % DAY_MILLISECONDS)
    truth = 100 + 50 * np.sin(day / DAY_MILLISECONDS)
    values = truth + np.random.default_rng(1).normal(size=len(times))
    samples = Samples(((("a", "b"),),), np.zeros(len(times), np.int64), times, values)
    schedule = Schedule(CHANGE - HOUR, DAY_MILLISECONDS, 28 * DAY_MILLISECONDS)
    detector = RarityDetector(calendar=calendar)
    said = score_recording(detector, FoldPolicy(), samples, schedule)
    after = said.verdicts.timestamp_milliseconds >= CHANGE
    return said.verdicts.score[after], said.verdicts.expected[after], truth[said.sample[after]]


def test_a_series_that_follows_local_time_stays_ordinary_when_clocks_go_back():
    score, expected, truth = scored_across_the_change(CALENDARS["Europe/Berlin"])
    assert len(score) == 2 * 144
    assert score.max() < 1
    assert np.median(np.abs(expected - truth)) < 1
    _, unaware, _ = scored_across_the_change(UTC)
    assert np.median(np.abs(unaware - truth)) > 3


def test_the_hour_that_comes_twice_is_the_same_hour_of_the_day():
    hours = hours_of(CALENDARS["Europe/Berlin"].local(CHANGE + HOUR * np.arange(-1, 2)))
    assert hours.tolist() == [2, 2, 3]
