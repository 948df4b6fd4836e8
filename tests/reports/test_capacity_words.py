from dataclasses import replace

import pytest

from capacity_parts import DAY, GOOD, MADE, NEVER, RECORD, UNKNOWN, report
from forewarn_reports.capacity import Accuracy, Record, rows_of
from forewarn_reports.capacity_words import (
    chance_text,
    instant_text,
    outlook_text,
    record_text,
    span_text,
)

ROWS = {row.labels[0][1].strip("/"): row for row in rows_of(report())}


def says(row):
    return outlook_text(row, made_milliseconds=MADE)


def test_rows_are_ranked_by_what_runs_out_first():
    assert list(ROWS) == ["at-limit", "likely", "later", "possible", "unlikely", "unknown"]
    assert [row.rank for row in ROWS.values()] == [1, 2, 3, 4, 5, 6]
    standings = ["at_limit", "likely", "likely", "possible", "unlikely", "unknown"]
    assert [row.standing for row in ROWS.values()] == standings


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("at-limit", "at its limit now"),
        (
            "likely",
            (
                "likely at its limit in 3 to 5 weeks (about 28 Jan 2026); earliest plausible "
                "22 Jan 2026, 1 chance in 10 by then"
            ),
        ),
        (
            "later",
            (
                "likely at its limit in about 5 weeks or later (about 6 Feb 2026); earliest "
                "plausible 26 Jan 2026, 1 chance in 10 by then"
            ),
        ),
        (
            "possible",
            (
                "may reach its limit within 40 days (3 in 10); earliest plausible 31 Jan 2026, "
                "1 chance in 10 by then"
            ),
        ),
        ("unlikely", "unlikely to reach its limit within 40 days (less than 1 chance in 10)"),
        ("unknown", "cannot say: it has no forecast"),
    ],
)
def test_each_standing_is_said_in_plain_words(name, text):
    assert says(ROWS[name]) == text


def test_a_series_without_a_limit_says_that_it_is_not_known():
    assert says(replace(ROWS["unknown"], limit=UNKNOWN)) == "cannot say: its limit is not known"


def test_a_series_is_at_its_limit_by_its_value_or_where_its_forecast_begins():
    row = ROWS["likely"]
    assert replace(row, value=100.0).standing == "at_limit"
    assert replace(row, value=100.0, side="below").standing == "at_limit"
    assert replace(row, value=101.0, side="below").standing == "likely"
    at_once = replace(row, value=UNKNOWN, early_seconds=0.0, middle_seconds=0.0, late_seconds=0.0)
    assert at_once.standing == "at_limit"


def test_a_series_without_labels_is_named_by_its_signal():
    assert replace(ROWS["likely"], labels=()).name == "disk"
    assert ROWS["likely"].name == 'disk{mount="/likely"}'


@pytest.mark.parametrize(
    ("early", "late", "text"),
    [
        (0.2, 20.0, "less than a minute"),
        (30.0, 60.0, "0 to 1 minutes"),
        (60.0, 60.0, "about 1 minute"),
        (3_600.0, 5 * 3_600.0, "1 to 5 hours"),
        (1.9 * DAY, 2.4 * DAY, "about 2 days"),
        (20 * DAY, 90 * DAY, "1 to 3 months"),
        (400 * DAY, 900 * DAY, "1 to 2 years"),
    ],
)
def test_a_range_of_time_is_said_in_its_largest_unit(early, late, text):
    assert span_text(early, late) == text


def test_near_instants_have_an_hour_and_far_ones_a_day():
    assert instant_text(DAY, made_milliseconds=MADE) == "2 Jan 2026 00:00"
    assert instant_text(2 * DAY, made_milliseconds=MADE) == "3 Jan 2026"


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.0, "less than 1 in 100"),
        (0.05, "5 in 100"),
        (0.1, "1 in 10"),
        (0.5, "5 in 10"),
        (0.9, "9 in 10"),
        (0.97, "97 in 100"),
        (1.0, "more than 99 in 100"),
        (UNKNOWN, "cannot say"),
    ],
)
def test_a_chance_is_said_as_so_many_in_so_many(probability, text):
    assert chance_text(probability) == text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "its error is 40% smaller than that of repeating the last season."),
        ({"error_ratio": 1.0}, "it is as good as repeating the last season, and no better."),
        ({"error_ratio": 1.5}, "its error is 50% larger than that of repeating the last season: "),
        ({"coverage_80_ratio": 0.7}, "The bands are too narrow: less is certain than they show."),
        ({"coverage_80_ratio": 0.93}, "The bands are wider than they need to be."),
    ],
)
def test_accuracy_is_said_beside_what_is_simplest_and_what_is_right(changes, text):
    said = record_text(Record(replace(GOOD, **changes), n_origins=1))
    assert said.startswith("Tested at 1 earlier date: ")
    assert text in said
    assert "lay inside the inner band (80 % is right)" in said


def test_what_was_measured_in_use_is_said_by_distance():
    said = record_text(RECORD)
    assert said.startswith("Tested at 4 earlier dates: its error is 40% smaller than that")
    assert " In use, 10 days ahead: its error is 30% smaller than that" in said


def test_accuracy_that_is_not_known_is_no_praise():
    nothing = Accuracy(UNKNOWN, UNKNOWN, UNKNOWN)
    assert record_text(Record(nothing, 0)).endswith("take its dates as rough.")
    bands_unknown = replace(GOOD, coverage_80_ratio=UNKNOWN)
    assert "band" not in record_text(Record(bands_unknown, 1))


def test_never_is_no_date():
    assert replace(ROWS["likely"], early_seconds=NEVER, middle_seconds=NEVER).standing == "unlikely"
