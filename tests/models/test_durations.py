from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.durations import format_duration, milliseconds_of, parse_duration
from forewarn_models.errors import ConfigError


@given(st.integers(1, 36_500 * 86_400_000))
def test_what_is_written_is_read_back(milliseconds):
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration
    assert milliseconds_of(duration) == milliseconds


@pytest.mark.parametrize("text", ["", "5", "h", "1.5h", "-1h", "1 h", "1h ", "\u0661h", "1H"])
def test_what_has_no_unit_or_no_whole_number_is_refused(text):
    with pytest.raises(ConfigError, match="whole numbers with units"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0s", "101y", "999999999999w"])
def test_zero_and_more_than_a_hundred_years_are_refused(text):
    with pytest.raises(ConfigError, match="at most a hundred years"):
        parse_duration(text)


def test_no_time_is_written_as_zero_seconds():
    assert format_duration(timedelta(0)) == "0s"
