"""forewarn_models.patterns.newness: how rare it is that a service says something new."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.budget import parse_budget
from forewarn_models.errors import UnknownFormat
from forewarn_models.patterns.newness import Newness

pytestmark = pytest.mark.compiled

GOLDEN = Path(__file__).parents[2] / "golden"
HOUR, DAY = 3_600.0, 86_400.0
ONE_A_WEEK = parse_budget("1/7d")


def hear(
    newness: Newness,
    services: Sequence[str],
    *,
    since: float = 0.0,
    until: float,
    every: float = HOUR,
) -> None:
    for at in np.arange(since, until + 1.0, every):
        newness.advance(services, np.full(len(services), at))


def period_of(newness: Newness, at: float, *, is_error: bool = False, service: str = "a") -> float:
    _, period = newness.judge([service], np.array([is_error]), np.array([at]))
    return float(period[0])


def heard(services: Sequence[str] = ("a",), *, days: float, every: float = HOUR) -> Newness:
    newness = Newness(ONE_A_WEEK)
    hear(newness, services, until=days * DAY, every=every)
    return newness


def live(
    sightings: dict[str, tuple[np.ndarray, np.ndarray]], *, days: int, since: float = 0.0
) -> tuple[Newness, dict[str, np.ndarray]]:
    """Return scores of sightings, times and whether they are errors, of services heard daily."""
    newness = Newness(ONE_A_WEEK)
    names = [name for name, (at, _) in sightings.items() for _ in at]
    at = np.concatenate([at for at, _ in sightings.values()])
    is_error = np.concatenate([is_error for _, is_error in sightings.values()])
    order = np.argsort(at)
    names, at, is_error = [names[k] for k in order.tolist()], at[order], is_error[order]
    score = np.empty(len(at))
    ends = np.searchsorted(at, since + DAY * np.arange(days + 1))
    for day in range(days):
        part = slice(ends[day], ends[day + 1])
        score[part], _ = newness.judge(names[part], is_error[part], at[part])
        newness.advance(list(sightings), np.full(len(sightings), since + DAY * (day + 1)))
    found = np.array(names)
    return newness, {name: score[found == name] for name in sightings}


def steady(rng: np.random.Generator, a_day: float, *, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sixty lines of the first day, one in ten an error, and errors at a constant rate."""
    first, later = DAY * rng.uniform(size=60) ** 2, days * DAY * rng.uniform(size=400)
    later = later[: rng.poisson(a_day * days)]
    is_error = np.concatenate([np.arange(60) % 10 == 0, np.ones(len(later), bool)])
    return np.concatenate([first, later]), is_error


def alarms(score: np.ndarray) -> int:
    return int(np.count_nonzero(score >= 1))


def test_of_a_service_that_is_just_being_met_nothing_can_be_said() -> None:
    newness = Newness(ONE_A_WEEK)
    score, period = newness.judge(["a", "a"], np.array([False, True]), np.array([0.0, 3_599.0]))
    assert np.isnan([score, period]).all()
    assert np.isfinite(period_of(newness, 7_200.0))


def test_nothing_new_is_judged_without_complaint() -> None:
    score, period = Newness(ONE_A_WEEK).judge([], np.empty(0, bool), np.empty(0))
    assert (len(score), len(period)) == (0, 0)


def test_the_score_is_that_of_the_return_period_against_the_budget() -> None:
    newness = heard(days=60)
    score, period = newness.judge(["a"], np.array([True]), np.array([60 * DAY]))
    assert score[0] == pytest.approx(1 + np.log10(period[0] / (7 * DAY)) / 3)
    assert score[0] > 1


def test_a_new_error_is_rarer_than_a_new_line() -> None:
    at = np.sort(np.random.default_rng(0).uniform(0, 30 * DAY, 100))
    newness, _ = live({"a": (at, np.arange(100) % 20 == 0)}, days=30)
    _, period = newness.judge(["a"] * 2, np.array([False, True]), np.full(2, 30.1 * DAY))
    assert period[1] > 2 * period[0]


def test_who_says_something_new_once_a_day_says_it_about_once_a_day() -> None:
    at = np.sort(60 * DAY * np.random.default_rng(7).uniform(size=60))
    newness, _ = live({"a": (at, np.zeros(60, bool))}, days=60)
    assert 0.4 * DAY < period_of(newness, 60.1 * DAY) < 2.5 * DAY


def test_what_comes_in_a_lull_is_rarer_than_what_follows_a_burst() -> None:
    bursts = np.concatenate([begin + np.arange(0, 10, 2.0) / 24 for begin in range(3, 60, 4)])
    newness, scores = live({"a": (DAY * bursts, np.zeros(len(bursts), bool))}, days=60)
    in_burst = scores["a"][-1]
    hear(newness, ["a"], since=60 * DAY, until=62 * DAY)
    in_lull, _ = newness.judge(["a"], np.array([False]), np.array([62 * DAY]))
    assert in_lull[0] > in_burst + 0.15


def test_sightings_within_an_hour_are_one_event() -> None:
    at = 10 * DAY + np.array([0.0, 60.0, 3_599.0, 3_600.0])
    _, period = heard(days=10).judge(["a"] * 4, np.zeros(4, bool), at)
    assert period[0] == period[1] == period[2] > period[3]


def test_an_error_among_new_lines_is_an_event_of_its_own() -> None:
    at = 40 * DAY + np.array([0.0, 60.0, 120.0])
    _, period = heard(days=40).judge(["a"] * 3, np.array([False, True, False]), at)
    assert period[0] == period[2] <= period[1]


@pytest.mark.parametrize("days", [1, 7, 30, 300])
def test_no_more_is_claimed_than_the_time_heard_supports(days: int) -> None:
    period = period_of(heard(days=days), days * DAY, is_error=True)
    assert days * DAY < period < 2.6 * days * DAY


def test_a_lone_service_can_page_for_a_new_error_within_two_weeks_at_one_a_week() -> None:
    rng = np.random.default_rng(1)
    newness, _ = live({"a": steady(rng, 0.0, days=14)}, days=14)
    assert period_of(newness, 14.01 * DAY, is_error=True) >= 7 * DAY


def test_a_new_service_among_known_ones_is_not_unknown() -> None:
    rng = np.random.default_rng(2)
    fleet = {f"s{number}": steady(rng, 1 / 60, days=60) for number in range(50)}
    alone, _ = live({"new": steady(rng, 0.0, days=4)}, days=4)
    among, _ = live(fleet, days=60)
    at, is_error = steady(rng, 0.0, days=4)
    order = np.argsort(at)
    among.judge(["new"] * len(at), is_error[order], 60 * DAY + at[order])
    hear(among, ["new"], since=61 * DAY, until=64 * DAY)
    newcomer = period_of(among, 64.01 * DAY, is_error=True, service="new")
    assert newcomer > 7 * DAY > period_of(alone, 4.01 * DAY, is_error=True, service="new")


def test_the_noisy_services_of_a_quiet_fleet_are_not_taken_for_quiet() -> None:
    rng = np.random.default_rng(3)
    quiet = {f"s{number}": steady(rng, 1 / 200, days=120) for number in range(30)}
    _, scores = live({**quiet, "noisy": steady(rng, 1.0, days=120)}, days=120)
    assert alarms(scores["noisy"]) <= 120 / 7


@pytest.mark.parametrize("of_budget", [0.25, 0.5, 1.0, 2.0, 5.0])
def test_false_alarms_stay_within_the_budget_at_any_rate(of_budget: float) -> None:
    rng = np.random.default_rng(4)
    days, n_services = 182, 20
    fleet = {f"s{k}": steady(rng, of_budget / 7, days=days) for k in range(n_services)}
    _, scores = live(fleet, days=days)
    spent = sum(alarms(score) for score in scores.values()) / (n_services * days / 7)
    assert spent < 0.9
    assert spent > (0.5 * of_budget if of_budget < 1 else 0.0) or of_budget > 2


def test_a_service_that_begins_to_be_released_twice_a_week_pages_for_it_only_at_first() -> None:
    first, _ = steady(np.random.default_rng(5), 0.0, days=200)
    releases = DAY * np.arange(200, 320, 3.5)
    at = np.concatenate([first, releases])
    _, scores = live({"a": (at, np.zeros(len(at), bool))}, days=320)
    paged = scores["a"][60:] >= 1
    assert paged[0]
    assert not paged[12:].any()


def test_downtime_is_no_time_in_which_nothing_new_came() -> None:
    newness = heard(days=5)
    before = period_of(newness, 5 * DAY, is_error=True)
    assert period_of(newness, 105 * DAY, is_error=True) < 1.5 * before


def test_a_nightly_job_is_heard_all_day() -> None:
    assert period_of(heard(days=60, every=DAY), 60 * DAY, is_error=True) > 20 * DAY


def test_a_backlog_is_heard_as_it_would_have_been_live() -> None:
    hours = np.arange(0, 30 * DAY + 1, HOUR)
    backlog = Newness(ONE_A_WEEK)
    backlog.advance(["a"] * len(hours), np.random.default_rng(0).permutation(hours))
    live_period = period_of(heard(days=30), 30 * DAY, is_error=True)
    assert period_of(backlog, 30 * DAY, is_error=True) == pytest.approx(live_period)


def test_late_lines_and_lines_of_one_batch_change_nothing() -> None:
    newness = heard(days=30)
    newness.advance(["a", "a"], np.array([3 * DAY, 1 * DAY]))
    expected = period_of(heard(days=30), 30 * DAY)
    assert period_of(newness, 30 * DAY) == pytest.approx(expected)
    assert period_of(newness, 2 * DAY) == period_of(newness, 30 * DAY)


def test_sightings_judged_in_one_call_or_one_by_one_get_the_same() -> None:
    rng = np.random.default_rng(5)
    at = np.sort(rng.uniform(0, 20 * DAY, 300))
    is_error = rng.uniform(size=300) < 0.3
    _, together = Newness(ONE_A_WEEK).judge(["a"] * 300, is_error, at)
    newness = Newness(ONE_A_WEEK)
    singly = [period_of(newness, at[k], is_error=bool(is_error[k])) for k in range(300)]
    np.testing.assert_array_equal(together, singly)


def test_what_is_stored_goes_on_as_before() -> None:
    newness, later = heard(["a", "b"], days=5), Newness(ONE_A_WEEK)
    period_of(newness, 5 * DAY + 60, is_error=True)
    later.absorb(from_bytes(to_bytes(newness.state())))
    at = 9 * DAY
    assert period_of(newness, at, is_error=True) == period_of(later, at, is_error=True)
    assert to_bytes(newness.state()) == to_bytes(later.state())


def test_a_state_of_format_1_loads_for_ever() -> None:
    newness = Newness(ONE_A_WEEK)
    newness.absorb(from_bytes((GOLDEN / "new_patterns_v1.zip").read_bytes()))
    again = from_bytes(to_bytes(newness.state()))
    assert sorted(again.manifest["services"]) == ["a", "b"]
    assert 30 * DAY < period_of(newness, 40 * DAY, is_error=True) < 120 * DAY
    assert period_of(newness, 40 * DAY, is_error=True, service="b") < 10 * DAY


def test_a_state_of_another_form_is_refused() -> None:
    state = Newness(ONE_A_WEEK).state()
    for other in (replace(state, kind="x"), replace(state, format_version=2)):
        with pytest.raises(UnknownFormat, match="must be new_patterns 1"):
            Newness(ONE_A_WEEK).absorb(other)


def test_of_too_many_services_those_not_named_for_longest_are_dropped() -> None:
    newness = Newness(ONE_A_WEEK, most_services=32)
    hear(newness, ["old", "kept"], until=9 * DAY)
    for number in range(100):
        newness.advance(["kept", f"s{number}"], np.full(2, 9 * DAY))
    services = newness.state().manifest["services"]
    assert len(services) <= 32
    assert {"kept", "s99"} <= set(services)
    assert np.isnan(period_of(newness, 9 * DAY, service="old"))
    assert period_of(newness, 9 * DAY, service="kept") > DAY


def test_more_services_at_once_than_are_kept_are_heard_in_parts() -> None:
    newness = Newness(ONE_A_WEEK, most_services=10)
    names = [f"s{number}" for number in range(64)]
    hear(newness, names, until=2 * HOUR)
    score, _ = newness.judge(names, np.zeros(64, bool), np.full(64, 2 * HOUR))
    assert len(score) == 64
    assert len(newness.state().manifest["services"]) <= 10


def test_a_smaller_place_takes_over_the_services_named_last() -> None:
    newness = heard([f"s{number}" for number in range(20)], days=1)
    newness.advance(["s3"], np.array([DAY]))
    small = Newness(ONE_A_WEEK, most_services=8)
    small.absorb(newness.state())
    assert len(small.state().manifest["services"]) == 8
    assert small.state().manifest["services"][-1] == "s3"
    hear(small, ["s3"], since=DAY, until=2 * DAY)
    assert np.isfinite(period_of(small, 2 * DAY, service="s3"))


def test_a_restart_keeps_every_service_in_its_order() -> None:
    newness = Newness(ONE_A_WEEK, most_services=32)
    names = [f"s{number}" for number in range(31)]
    hear(newness, names[:16], until=2 * HOUR)
    hear(newness, names[16:], until=3 * HOUR)
    again = Newness(ONE_A_WEEK, most_services=32)
    again.absorb(newness.state())
    state = again.state()
    assert state.manifest == newness.state().manifest
    for name, array in newness.state().arrays.items():
        np.testing.assert_array_equal(state.arrays[name], array)


def test_after_months_of_silence_a_busy_service_is_judged_all_the_same() -> None:
    newness = Newness(ONE_A_WEEK)
    for visit in range(20):
        begin = 100 * DAY * visit
        period = [period_of(newness, begin + hour * HOUR, is_error=True) for hour in range(12)]
    assert np.isfinite(period).all()
    assert 0 < min(period) < max(period) < 200 * DAY
