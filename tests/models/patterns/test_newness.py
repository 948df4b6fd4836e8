"""forewarn_models.patterns.newness: how rare it is that a service says something new."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.budget import DEFAULT_BUDGET, parse_budget
from forewarn_models.errors import UnknownFormat
from forewarn_models.patterns.newness import Newness

HOUR, DAY = 3_600.0, 86_400.0
ONE_A_WEEK = parse_budget("1/7d")


def hear(newness: Newness, services: Sequence[str], until: float, *, since: float = 0.0) -> None:
    for at in np.arange(since, until + 1.0, HOUR):
        newness.advance(services, np.full(len(services), at))


def period_of(newness: Newness, at: float, *, is_error: bool = False, service: str = "a") -> float:
    _, period = newness.judge([service], np.array([is_error]), np.array([at]))
    return float(period[0])


def test_of_a_service_that_is_just_being_met_nothing_can_be_said() -> None:
    newness = Newness(ONE_A_WEEK)
    score, period = newness.judge(["a", "a"], np.array([False, True]), np.array([0.0, 3_599.0]))
    assert np.isnan([score, period]).all()


def test_the_score_is_that_of_the_return_period_against_the_budget() -> None:
    newness = Newness(ONE_A_WEEK)
    hear(newness, ["a"], 60 * DAY)
    score, period = newness.judge(["a"], np.array([True]), np.array([60 * DAY]))
    assert score[0] == pytest.approx(1 + np.log10(period[0] / (7 * DAY)) / 3)
    assert score[0] > 1


def test_sightings_within_an_hour_are_one_event() -> None:
    newness = Newness(DEFAULT_BUDGET)
    hear(newness, ["a"], 10 * DAY)
    at = 10 * DAY + np.array([0.0, 60.0, 3_599.0, 3_600.0])
    _, period = newness.judge(["a"] * 4, np.zeros(4, bool), at)
    assert period[0] == period[1] == period[2] > period[3]


def test_sightings_judged_in_one_call_or_one_by_one_get_the_same() -> None:
    rng = np.random.default_rng(5)
    at = np.sort(rng.uniform(0, 20 * DAY, 300))
    is_error = rng.uniform(size=300) < 0.3
    _, together = Newness(ONE_A_WEEK).judge(["a"] * 300, is_error, at)
    newness = Newness(ONE_A_WEEK)
    singly = [period_of(newness, at[k], is_error=bool(is_error[k])) for k in range(300)]
    np.testing.assert_array_equal(together, singly)


def test_what_is_stored_goes_on_as_before() -> None:
    newness, later = Newness(ONE_A_WEEK), Newness(ONE_A_WEEK)
    hear(newness, ["a", "b"], 5 * DAY)
    period_of(newness, 5 * DAY + 60, is_error=True)
    later.absorb(from_bytes(to_bytes(newness.state())))
    at = 9 * DAY
    assert period_of(newness, at, is_error=True) == period_of(later, at, is_error=True)
    assert to_bytes(newness.state()) == to_bytes(later.state())


def test_a_state_of_another_form_is_refused() -> None:
    state = Newness(ONE_A_WEEK).state()
    for other in (replace(state, kind="x"), replace(state, format_version=2)):
        with pytest.raises(UnknownFormat, match="must be new_patterns 1"):
            Newness(ONE_A_WEEK).absorb(other)
