import math
from dataclasses import replace

import pytest

from forewarn_models.budget import DEFAULT_BUDGET
from forewarn_models.explanation import Episode, Explanation
from forewarn_models.views import CHANGE, N_VIEWS, UNREST, VALUE
from forewarn_reports.explanation import explanation_facts, explanation_lines

DAY_SECONDS = 86_400.0
SEEN = Explanation(
    labels=(("machine", "a"),),
    timestamp_milliseconds=1_767_225_600_000,
    value=9.5,
    expected=1.0,
    lower=0.8,
    upper=1.2,
    return_period_seconds=214 * DAY_SECONDS,
    score=1.28,
    direction=1,
    view=CHANGE,
    views=(214 * DAY_SECONDS, *(N_VIEWS - 1) * (1.0,)),
    episode=Episode(1_767_225_480_000, 1_767_225_600_000, 1, 2, 3e7, CHANGE),
    earlier=(Episode(1_767_000_000_000, 1_767_000_120_000, -1, 1, 3e6, VALUE),),
    members=(),
)


def lines_of(explanation: Explanation) -> str:
    return "\n".join(explanation_lines(explanation, budget=DEFAULT_BUDGET))


def test_an_anomaly_is_explained_a_line_a_fact() -> None:
    assert explanation_lines(SEEN, budget=DEFAULT_BUDGET)[:7] == [
        '{machine="a"} at 2026-01-01T00:00:00Z: anomalous',
        "  value     9.5, above the expected 1 (99 % of the time 0.8 to 1.2)",
        "  rarity    once in 214 days",
        "  score     1.28, where 1 is the budget 1/30d (once in 30 days)",
        "  because   a sudden change against the last ten minutes",
        "  episode   critical, above, since 2025-12-31T23:58:00Z (2 minutes before)",
        "  earlier   2025-12-29T09:20:00Z for 2 minutes, warning, below, once in 35 days",
    ]


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"value": math.nan}, "the sample is no number"),
        ({}, "the series has too little history yet"),
        ({"views": (), "value": math.nan}, "no member of the group says anything"),
    ],
)
def test_where_nothing_can_be_said_the_reason_is(changes: dict, because: str) -> None:
    unsaid = {"score": math.nan, "return_period_seconds": math.nan, "view": -1, "episode": None}
    text = lines_of(replace(SEEN, **(unsaid | changes)))
    assert ": cannot say\n" in text
    assert f"  because   {because}\n" in text


def test_a_rarer_view_is_on_the_side_that_is_not_watched() -> None:
    views = list(SEEN.views)
    views[UNREST] = 1e9
    text = lines_of(replace(SEEN, views=tuple(views)))
    assert "once in 32 years  (on the side that is not watched)" in text


def test_an_ordinary_value_has_nothing_rare() -> None:
    ordinary = replace(SEEN, score=0.0, return_period_seconds=600.0, episode=None, earlier=())
    text = lines_of(ordinary)
    assert "  because   nothing about it is rare\n" in text
    assert "  earlier   no other episode since the model was trained\n" in text


def test_programs_are_told_times_in_seconds_and_views_by_name() -> None:
    facts = explanation_facts(SEEN)
    assert (facts["timestamp"], facts["view"], facts["anomalous"]) == (
        1_767_225_600,
        "change",
        True,
    )
    assert facts["episode"] == {
        "start": 1_767_225_480,
        "end": 1_767_225_600,
        "direction": "up",
        "severity": "critical",
        "return_period_seconds": 3e7,
        "view": "change",
    }
