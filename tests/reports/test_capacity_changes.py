from dataclasses import replace

import numpy as np
import orjson
import pytest

from capacity_parts import DAY, MADE, NEVER, TIMES, capacity, outlook, report
from forewarn_models.errors import DataError
from forewarn_reports.capacity import rows_of
from forewarn_reports.capacity_changes import changes_since
from forewarn_reports.capacity_document import columns_of, document_of, json_of, read_document

A_WEEK_AGO = MADE - 7 * 86_400_000


def document(*, times=TIMES, made=MADE, value=None):
    """Return an earlier report, by way of its JSON."""
    seen = outlook().value if value is None else value
    earlier = replace(
        report(capacity(time_to_limit_seconds=np.array(times), value=seen)), made_milliseconds=made
    )
    made_of = document_of(earlier, rows_of(earlier), changes=[], pictures={})
    return read_document(json_of(made_of), name="capacity.json")


def changes(earlier):
    return changes_since(earlier, rows_of(report()), made_milliseconds=MADE)


def with_times(**of):
    """Return the times of the report with those of some rows changed."""
    names = ["possible", "at_limit", "likely", "later", "unknown", "unlikely"]
    return [of.get(name, row) for name, row in zip(names, TIMES, strict=True)]


def test_nothing_changes_between_a_report_and_itself():
    assert changes(document()).all == ()


def test_a_date_that_stays_while_time_passes_is_no_change():
    seen = [[seconds + 7 * DAY for seconds in row] for row in TIMES]
    value = np.where(outlook().value > 100, 102.0, outlook().value)
    assert changes(document(times=seen, made=A_WEEK_AGO, value=value)).moved == ()


@pytest.mark.parametrize(
    ("then_days", "said"),
    [(36, "9 days earlier"), (20, "7 days later"), (26.5, None), (29, "2 days earlier")],
)
def test_a_likely_date_that_moves_by_a_day_or_more_is_said(then_days, said):
    times = with_times(likely=(15 * DAY, then_days * DAY, NEVER))
    expected = () if said is None else (f'disk{{mount="/likely"}}: {said}',)
    assert changes(document(times=times)).moved == expected


def test_what_was_not_likely_before_is_newly_at_risk():
    times = with_times(likely=(30 * DAY, NEVER, NEVER), at_limit=(NEVER,) * 3)
    value = np.where(outlook().value > 100, 90.0, outlook().value)
    assert changes(document(times=times, value=value)).newly_at_risk == (
        'disk{mount="/at-limit"} is at its limit now',
        'disk{mount="/likely"} is likely at its limit in 3 to 5 weeks (about 28 Jan 2026)',
    )


def test_what_is_no_longer_likely_or_no_longer_there_is_gone():
    earlier = document(times=with_times(unlikely=(DAY, 2 * DAY, 3 * DAY)))
    assert changes(earlier).gone == (
        'disk{mount="/unlikely"} is no longer likely to reach its limit',
    )
    other = report(capacity("tape"))
    found = changes_since(document(), rows_of(other), made_milliseconds=MADE)
    assert 'disk{mount="/likely"} is no longer there' in found.gone
    assert len(found.newly_at_risk) == len(found.gone) == 3


def test_a_limit_that_is_reached_or_left_is_said():
    times = with_times(at_limit=(DAY, 2 * DAY, 3 * DAY))
    value = np.array([60.0, 90.0, 101.0, 70.0, np.nan, 10.0])
    assert changes(document(times=times, value=value)).moved == (
        'disk{mount="/at-limit"} reached its limit',
        'disk{mount="/likely"} left its limit, and is likely to come back to it',
    )


def test_an_earlier_report_without_a_date_moves_nothing():
    (likely, *others) = [each for each in document().series if each.standing == "likely"]
    undated = replace(likely, time_to_limit_seconds={})
    earlier = replace(document(), series=[undated, *others])
    assert changes(earlier).moved == ()


def accuracy(horizon, error):
    found = {"horizon_seconds": horizon, "error_ratio": error}
    return found | {"coverage_80_ratio": 0.79, "coverage_95_ratio": 0.94}


def test_the_json_holds_all_that_was_said_and_null_for_what_is_not_known():
    made = report(problems=("Signal tape: gone.",))
    content = json_of(document_of(made, rows_of(made), changes=["x"], pictures={1: "one.png"}))
    found = orjson.loads(content)
    assert (found["form"], found["made"]) == ("forewarn capacity report 1", MADE / 1000)
    assert (found["problems"], found["changes"]) == (["Signal tape: gone."], ["x"])
    assert found["signals"] == [
        {
            "name": "disk",
            "model_version": 7,
            "trained": MADE / 1000 - 86_400,
            "series": 6,
            "horizon_seconds": 40 * DAY,
            "back_test": accuracy(None, 0.6),
            "back_test_origins": 4,
            "live": [accuracy(10 * DAY, 0.7)],
        }
    ]
    at_limit, _, later, *_, unknown = found["series"]
    assert (at_limit["picture"], later["picture"]) == ("one.png", None)
    assert later["time_to_limit_seconds"] == {"0.1": 25 * DAY, "0.5": 36 * DAY, "0.9": None}
    assert later["breach"][2] == {"horizon_seconds": 40 * DAY, "probability": 0.6}
    assert (unknown["value"], unknown["growth_per_day"]) == (None, None)
    assert unknown["breach"][0]["probability"] is None
    assert later["says"].startswith("likely at its limit in about 5 weeks or later")


def test_the_columns_have_a_row_for_each_series_and_gaps_for_what_is_not_known():
    columns = columns_of(rows_of(report()), made_milliseconds=MADE)
    assert columns["standing"] == [
        "at_limit",
        "likely",
        "likely",
        "possible",
        "unlikely",
        "unknown",
    ]
    np.testing.assert_array_equal(
        columns["time_to_limit_seconds_p50"], [0, 27 * DAY, 36 * DAY, np.nan, np.nan, np.nan]
    )
    assert columns["series"][1] == '{mount="/likely"}'
    assert {len(column) for column in columns.values()} == {6}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"form":"forewarn capacity report 1","made":"soon"}',
        b'{"form":"another","made":1,"problems":[],"changes":[],"signals":[],"series":[]}',
    ],
)
def test_a_file_that_is_no_report_is_refused_with_its_name(content):
    with pytest.raises(DataError, match=r"^old\.json must be "):
        read_document(content, name="old.json")
