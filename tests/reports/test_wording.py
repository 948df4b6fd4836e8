import math

import pytest

from forewarn_reports.wording import duration_text, number_text, rarity_text, time_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (math.nan, "cannot say"),
        (30.0, "all the time"),
        (61.0, "once in 61 seconds"),
        (5400.0, "once in 90 minutes"),
        (30 * 86400.0, "once in 30 days"),
        (3 * 365.25 * 86400.0, "once in 3 years"),
        (1e12, "rarer than once in 1,000 years"),
    ],
)
def test_rarity_is_said_in_words(seconds: float, text: str) -> None:
    assert rarity_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 seconds"), (119.0, "119 seconds"), (math.inf, "never")]
)
def test_a_duration_is_said_in_its_largest_unit(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234.0, "1234"),
        (12_345.0, "12.35k"),
        (-2e9, "-2G"),
        (3e12, "3T"),
        (math.inf, "inf"),
        (math.nan, "-"),
    ],
)
def test_a_number_has_four_digits_that_count(value: float, text: str) -> None:
    assert number_text(value) == text


def test_an_instant_shows_milliseconds_only_where_there_are_some() -> None:
    assert time_text(1_767_225_600_000) == "2026-01-01T00:00:00Z"
    assert time_text(1_767_225_600_250) == "2026-01-01T00:00:00.250Z"
