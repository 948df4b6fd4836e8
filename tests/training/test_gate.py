from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from forewarn_models.budget import Budget
from forewarn_training.gate import (
    Decision,
    compare_detectors,
    compare_forecasts,
    compare_logged,
    typical_ratio,
)
from forewarn_training.judging import Quality

BUDGET = Budget(1, timedelta(days=30))


def quality_of(names: str = "abc", *, alarms: int = 0, error: float = 1.0, band: float = 1.0):
    n = len(names)
    ones = np.ones(n)
    return Quality(
        series=tuple((("series", name),) for name in names),
        step_seconds=600.0,
        judged=100 * ones,
        alarms=np.full(n, alarms),
        exceedances=np.zeros((n, 7), np.int64),
        banded=100 * ones,
        inside=99 * ones,
        error=error * ones,
        naive_error=ones,
        interval_score=band * ones,
        peak_score=ones,
    )


def decided(candidate: Quality, champion: Quality) -> Decision:
    return compare_detectors(candidate, champion, budget=BUDGET)


def test_an_equal_candidate_is_promoted():
    assert decided(quality_of(), quality_of()) == Decision(
        True, "not worse than the champion on the same unseen samples"
    )


@pytest.mark.parametrize(
    ("worse", "why"),
    [
        ({"alarms": 5}, "15 alarms where the champion gave 0"),
        ({"band": 1.5}, "its band is 50% worse than the champion's"),
        ({"error": 1.5}, "its expected value is 50% worse than the champion's"),
    ],
)
def test_a_worse_candidate_is_kept_back_and_says_why(worse, why):
    assert decided(quality_of(**worse), quality_of()) == Decision(False, why)


def test_alarms_within_chance_or_within_the_budget_are_not_worse():
    assert decided(quality_of("a", alarms=2), quality_of("a")).is_promoted
    assert not decided(quality_of("a", alarms=3), quality_of("a")).is_promoted
    long = replace(quality_of("a", alarms=3), judged=np.array([4320.0 * 4]))
    assert decided(long, quality_of("a")).is_promoted


def test_a_band_is_given_what_chance_does_to_few_misses():
    assert decided(quality_of(band=1.2), quality_of()).is_promoted
    long = replace(quality_of(band=1.2), banded=np.full(3, 10_000.0))
    assert not decided(long, quality_of()).is_promoted


def test_only_series_that_both_know_are_compared():
    champion = quality_of("bx")
    candidate = quality_of("ab", error=9.0)
    candidate.error[1] = 1.0
    assert decided(candidate, champion).is_promoted


def test_without_common_samples_the_candidate_is_promoted():
    assert decided(quality_of("a"), quality_of("b")).why == "no sample is common to both models"


def test_forecasts_are_compared_by_the_typical_series():
    losses = np.array([1.0, 1.0, 50.0])
    assert compare_forecasts(losses, np.ones(3)).is_promoted
    assert compare_forecasts(2 * losses, np.ones(3)) == Decision(
        False, "its forecasts are 100% worse than the champion's"
    )


def test_logged_figures_decide_where_nothing_new_came():
    logged = {"alarm_budget_ratio": 0.1, "one_step_error_ratio": 0.7}
    assert compare_logged(logged, logged).is_promoted
    assert compare_logged({**logged, "alarm_budget_ratio": 0.9}, logged).is_promoted
    assert compare_logged({**logged, "alarm_budget_ratio": 3.0}, logged) == Decision(
        False, "alarms over budget is 3, the champion's was 0.1"
    )
    assert compare_logged({}, logged) == Decision(
        False, "alarms over budget could not be measured, the champion's was 0.1"
    )
    assert compare_logged({}, {}).is_promoted


def test_the_typical_ratio_of_nothing_is_one():
    assert typical_ratio(np.array([np.nan]), np.array([1.0])) == 1.0
