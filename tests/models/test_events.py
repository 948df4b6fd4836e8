"""forewarn_models.events"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.alarms import EVERY_ROW, Spans
from forewarn_models.events import (
    Scored,
    detection_of,
    is_false,
    threshold_curve,
    within,
)

MINUTE = 60_000
NONE = np.empty(0, np.int64)


def spans(*entries: tuple[int, int, int]) -> Spans:
    """Intervals of (row, first minute, last minute)."""
    row, start, end = np.array(entries, dtype=np.int64).reshape(-1, 3).T
    return Spans(row, start * MINUTE, end * MINUTE)


def scored(*rows: list[float], owner: list[int] | None = None) -> Scored:
    """Scores of one sample a minute."""
    values = np.array(rows)
    row, column = np.nonzero(np.isfinite(values))
    owners = np.array(owner if owner is not None else range(len(rows)))
    return Scored(row, column * MINUTE, values[row, column], owners, MINUTE)


def test_found_missed_false_and_late_are_counted_as_by_hand():
    events = spans((0, 100, 120), (0, 400, 410), (0, 900, 910))
    alarms = spans(
        (0, 106, 110),  # finds the first, six minutes late
        (0, 398, 400),  # finds the second as it begins
        (0, 700, 705),  # false
        (0, 960, 970),  # within an hour after the third: neither finds it nor is false
    )
    found = detection_of(alarms, events)
    assert (found.n_events, found.n_found) == (3, 2)
    assert (found.n_alarms, found.n_false) == (4, 1)
    assert found.recall_ratio == pytest.approx(2 / 3)
    assert found.precision_ratio == pytest.approx(3 / 4)
    assert found.f1_ratio == pytest.approx(4 / 6)
    assert found.median_delay_seconds == pytest.approx(180.0)  # of 360 and 0


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(60, 69, True), (60, 70, False), (180, 190, False), (181, 190, True)],
)
def test_an_event_reaches_half_an_hour_before_and_an_hour_after(first, last, expected):
    assert is_false(spans((0, first, last)), spans((0, 100, 120))).tolist() == [expected]


def test_an_event_of_one_series_is_not_found_by_an_alarm_of_another():
    found = detection_of(spans((1, 100, 110)), spans((0, 100, 110)))
    assert (found.n_found, found.n_false) == (0, 1)


@pytest.mark.parametrize(("alarm", "event"), [(1, EVERY_ROW), (EVERY_ROW, 0)])
def test_an_event_or_a_group_without_a_row_of_its_own_meets_all(alarm, event):
    found = detection_of(spans((alarm, 100, 110)), spans((event, 100, 110)))
    assert (found.n_found, found.n_false) == (1, 0)


def test_nothing_to_find_and_nothing_found_are_not_a_number():
    found = detection_of(spans(), spans())
    assert math.isnan(found.recall_ratio)
    assert math.isnan(found.precision_ratio)
    assert math.isnan(found.f1_ratio)
    assert math.isnan(found.median_delay_seconds)


def test_events_are_cut_to_the_judged_time():
    events = spans((0, 0, 10), (0, 5, 25), (0, 30, 90), (0, 95, 99))
    cut = within(events, from_milliseconds=20 * MINUTE, until_milliseconds=90 * MINUTE)
    assert (cut.start_milliseconds // MINUTE).tolist() == [20, 30]
    assert (cut.end_milliseconds // MINUTE).tolist() == [25, 90]


def test_recall_at_budgets_is_as_by_hand():
    score = [0.0] * 1_000
    score[100:105] = [3.0] * 5  # an event
    score[300] = 2.5  # false
    score[500] = 2.0  # an event
    score[700] = 1.5  # false
    score[850] = 1.0  # an event
    events = spans((0, 100, 104), (0, 500, 501), (0, 850, 850))
    curve = threshold_curve(scored(score), events, false_alarms_allowed=0.4)
    assert curve is not None
    assert [point.times_budget for point in curve.points] == [1, 3, 10]
    assert [point.score for point in curve.points] == [3.0, 2.0, 1.0]
    recalls = [point.event_recall_ratio for point in curve.points]
    assert recalls == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert curve.points[0].sample_precision_ratio == 1.0
    assert curve.points[0].sample_recall_ratio == pytest.approx(5 / 8)
    assert curve.points[1].sample_precision_ratio == pytest.approx(6 / 7)


def test_where_the_highest_score_is_false_no_threshold_keeps_to_no_false_alarm():
    score = [0.0] * 400
    score[10], score[300] = 2.0, 1.0
    curve = threshold_curve(scored(score), spans((0, 300, 300)), false_alarms_allowed=0.9)
    assert curve is not None
    assert math.isinf(curve.points[0].score)
    assert curve.points[0].event_recall_ratio == 0.0
    assert curve.points[1].event_recall_ratio == 1.0


def test_one_threshold_serves_all_series_and_groups_answer_for_every_row():
    quiet, loud = [0.0] * 300, [0.0] * 300
    quiet[200], loud[50] = 1.0, 2.0
    group = [math.nan] * 300
    group[200] = 3.0
    curve = threshold_curve(
        scored(quiet, loud, group, owner=[0, 1, EVERY_ROW]),
        spans((0, 200, 200)),
        false_alarms_allowed=0.0,
    )
    assert curve is not None
    assert {point.score for point in curve.points} == {3.0}
    assert curve.points[0].event_recall_ratio == 1.0


def test_events_without_a_scored_sample_have_no_curve():
    assert threshold_curve(scored([1.0] * 5), spans((0, 50, 60)), false_alarms_allowed=1) is None


minutes = st.integers(0, 600)
intervals = st.lists(
    st.tuples(st.integers(-1, 2), minutes, st.integers(0, 90)).map(
        lambda entry: (entry[0], entry[1], entry[1] + entry[2])
    ),
    max_size=8,
)


@given(alarms=intervals, events=intervals)
def test_the_counts_are_those_of_comparing_each_alarm_with_each_event(alarms, events):
    def meet(alarm, event, before=0, after=0):
        is_same = alarm[0] == event[0] or EVERY_ROW in (alarm[0], event[0])
        return is_same and alarm[1] <= event[2] + after and alarm[2] >= event[1] - before

    found = detection_of(spans(*alarms), spans(*events))
    hits = [[alarm for alarm in alarms if meet(alarm, event)] for event in events]
    delays = [
        60.0 * max(0, min(alarm[1] for alarm in hit) - event[1])
        for event, hit in zip(events, hits, strict=True)
        if hit
    ]
    assert found.n_found == len(delays)
    assert found.n_false == sum(
        not any(meet(alarm, event, 30, 60) for event in events) for alarm in alarms
    )
    if delays:
        assert found.median_delay_seconds == np.median(delays)


@given(st.lists(st.integers(0, 6).map(float), min_size=1, max_size=300), st.integers(0, 299))
def test_more_accepted_false_alarms_never_find_less(score, at):
    curve = threshold_curve(scored(score), spans((0, at, at + 20)), false_alarms_allowed=0.5)
    if curve is not None:
        recalls = [point.event_recall_ratio for point in curve.points]
        assert recalls == sorted(recalls)
        assert 0.0 <= curve.average_precision_ratio <= 1.0
