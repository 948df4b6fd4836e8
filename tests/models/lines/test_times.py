"""forewarn_models.lines.times and digits"""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_models.lines.digits import days_since_1970, is_date
from forewarn_models.lines.heads import read_times
from forewarn_models.lines.times import epoch_at, month_and_day_at, time_at

NOW = int(datetime(2026, 11, 27, 15, tzinfo=UTC).timestamp()) * 10**9
MOMENTS = st.datetimes(
    datetime(1970, 1, 2),  # noqa: DTZ001  hypothesis adds zones itself
    datetime(2199, 12, 30),  # noqa: DTZ001  as above
)


def read(text: str, zone_seconds: int = 0) -> tuple[int, int]:
    data = np.frombuffer(text.encode() or b"-", dtype=np.uint8)
    return time_at(data, 0, len(text), NOW, zone_seconds)


def nanoseconds(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since // timedelta(microseconds=1)) * 1000


@settings(max_examples=40)
@given(MOMENTS, st.integers(-12 * 60, 14 * 60), st.sampled_from("T _:"))
def test_iso_times_are_read_with_their_zones(moment: datetime, minutes: int, mark: str) -> None:
    zone = timezone(timedelta(minutes=minutes))
    text = moment.replace(tzinfo=zone).isoformat(timespec="microseconds").replace("T", mark)
    assert read(text) == (nanoseconds(moment.replace(tzinfo=zone)), len(text))
    assert read(text.replace(".", ",")) == read(text)
    assert read(moment.isoformat(timespec="microseconds"), 60 * minutes)[0] == read(text)[0]


@settings(max_examples=25)
@given(MOMENTS)
def test_other_forms_are_read(moment: datetime) -> None:
    second = moment.replace(microsecond=0, tzinfo=UTC)
    for form in (
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y/%m/%d %H:%M:%S",
        "%Y.%m.%d %H:%M:%S UTC",
        "%Y-%m-%d %H:%M:%S GMT",
        "%Y-%m-%d %H:%M:%S +0000",
        "%d/%b/%Y:%H:%M:%S +0000",
        "%d %b %Y %H:%M:%S",
        "%d-%b-%Y %H:%M:%S",
        "%a %b %d %H:%M:%S %Y",
        "%a, %b %d %H:%M:%S %Y",
    ):
        text = second.strftime(form)
        assert read(text) == (nanoseconds(second), len(text)), text


@given(st.integers(2000, 2099), MOMENTS)
def test_years_of_two_digits_are_of_this_century(year: int, moment: datetime) -> None:
    second = moment.replace(year=year, day=min(moment.day, 28), microsecond=0, tzinfo=UTC)
    text = second.strftime("%y/%m/%d %H:%M:%S")
    assert read(text) == (nanoseconds(second), len(text))


@settings(max_examples=40)
@given(st.integers(-300, 1))
def test_a_time_without_a_year_is_of_the_last_year_in_which_it_is_past(days: int) -> None:
    moment = datetime(2026, 11, 27, 3, 4, 5, tzinfo=UTC) + timedelta(days=days)
    text = moment.strftime("%b %e %H:%M:%S")
    assert read(text) == (nanoseconds(moment), len(text))
    of_glog = moment.strftime("%m%d %H:%M:%S.250000")
    data = np.frombuffer(of_glog.encode(), dtype=np.uint8)
    expected = nanoseconds(moment) + 250_000_000
    assert month_and_day_at(data, 0, len(data), NOW, 0) == (expected, len(data))


def test_a_time_without_a_year_that_is_ahead_is_of_last_year() -> None:
    assert read("Dec 24 10:00:00")[0] == nanoseconds(datetime(2025, 12, 24, 10, tzinfo=UTC))
    assert read("Feb 29 10:00:00")[0] == nanoseconds(datetime(2024, 2, 29, 10, tzinfo=UTC))


@pytest.mark.parametrize("text", ["23:59:59", "15:00:00.123 ", "15:00:00,123]"])
def test_a_clock_without_a_date_has_no_time_but_an_end(text: str) -> None:
    assert read(text) == (0, len(text.rstrip(" ]")))


@pytest.mark.parametrize(
    "text",
    """
2026-13-01T00:00:00|2026-02-29T00:00:00|2026-00-10T00:00:00|2026-01-01T24:00:00|2026-01-01T00:60:00
2026-01-01T00:00:61|2026-01-01x00:00:00|2026-01/01T00:00:00|1969-12-31T00:00:00|2026-01-01T0:00
2200-01-01T00:00:00|20261-01-01T00:00:00|12345678901234567|31/Feb/2026:00:00:00 +0000|32 Jan 2026
01 Jan|01 Foo 2026 00:00:00|1/1/26 00:00:00|26/13/01 00:00:00|26/01/01x00:00:00|26/01/01 00:0a:00
Foo 12 00:00:00|Jan 32 00:00:00|Jan xx 00:00:00|Jan 12 xx:00:00|Jan 12-00:00:00|January 12 00:00:00
Mon|Mon,Jan 12 00:00:00|01/Jan-2026:00:00:00|01/Jan/2026-00:00:00|01/Jan/2026:0x:00:00|12:34:56x
abc|-|1:2|12:34|99:00:00|2026-01-01T|1 Jan 2026 x0:00:00 and|Jan 1|Mon Jan|01/Jan/20261:00:00:00
""".replace("\n", "|")
    .strip("|")
    .split("|"),
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert read(text) == (0, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1700000000", 1_700_000_000_000_000_000),
        ("1700000000.25", 1_700_000_000_250_000_000),
        ("1700000000123", 1_700_000_000_123_000_000),
        ("1700000000123.5", 1_700_000_000_123_000_000),
        ("1700000000123456", 1_700_000_000_123_456_000),
        ("1700000000123456789", 1_700_000_000_123_456_789),
        ("17000000001234567890", 0),
        ("9900000000123456789", 0),
        ("12345", 0),
        ("1700000000x", 0),
        ("1700000000.2x", 0),
        ("1700000000123x", 0),
        ("", 0),
    ],
)
def test_numbers_since_1970_have_their_unit_by_their_digits(text: str, expected: int) -> None:
    data = np.frombuffer(text.encode() + b" ", dtype=np.uint8)
    assert epoch_at(data, 0, len(text)) == expected


def test_many_times_at_once() -> None:
    data = np.frombuffer(b"1700000000 2026-11-27T15:00:00Z none", dtype=np.uint8)
    places = np.array([(0, 10), (11, 31), (32, 36)])
    assert read_times(data, places, (NOW, 0)).tolist() == [1_700_000_000 * 10**9, NOW, 0]


@given(st.dates())
def test_days_are_those_of_the_calendar(day: date) -> None:
    assert days_since_1970(day.year, day.month, day.day) == (day - date(1970, 1, 1)).days


@given(st.dates(date(1970, 1, 1), date(2199, 12, 31)))
def test_dates_are_those_of_the_calendar(day: date) -> None:
    assert is_date(day.year, day.month, day.day)
    tomorrow = day.day + 1
    try:
        date(day.year, day.month, tomorrow)
    except ValueError:
        assert not is_date(day.year, day.month, tomorrow)


@given(st.binary(max_size=80), st.integers(0, 20))
def test_no_bytes_lead_beyond_the_end(text: bytes, begin: int) -> None:
    data = np.frombuffer(text or b"-", dtype=np.uint8)
    begin = min(begin, len(text))
    found, after = time_at(data, begin, len(text), NOW, 0)
    assert begin <= after <= len(text)
    assert found == 0 or after > begin
