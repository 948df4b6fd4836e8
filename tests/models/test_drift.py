"""The drift: how far the last day lies from the last week."""

from functools import cache

import numpy as np
import pytest

import oracles_walk as oracle
from forewarn_models.remembering import _NEWS
from forewarn_models.rules import rules_of
from forewarn_models.seasons import NO_SEASON, Season
from forewarn_models.views import DISCOUNTS, DRIFT, LEVEL_VIEW
from oracles_walk import Walk
from strategies import noise

BY_DAY = NO_SEASON, Season(86_400_000, 24)


def days_of(n_days, a_day, seed):
    """The time in days, and noise of one around a daily cycle."""
    days = np.arange(n_days * a_day) / a_day
    return days, noise(len(days), seed=seed, scale=1.0, level=50.0) + 2 * np.sin(2 * np.pi * days)


# Against the oracle

HOURLY, LEARNED_DAYS, ALL_DAYS = 24, 17, 40


def from_day(days, first, last=np.inf):
    """The days since `first`, as they stand from `last` on."""
    return np.clip(days, first, last) - first


def moved(days):
    """What moves the level of each series: leaks and jumps to both sides, at several times."""
    return {
        "leak": 1.6 * from_day(days, 21),
        "leaks of both sides": 2.5 * from_day(days, 19, 23) - 2.5 * from_day(days, 30, 35),
        "leak in the second week": 1.0 * from_day(days, 9, 13),
        "leak and a jump": 1.2 * from_day(days, 20, 30) + 30.0 * (days > 21.2),
        "jump": 9.0 * (days > 22.3),
        "fall": -9.0 * (days > 22.3),
        "jumps within the lesson": 12.0 * (days > 7.5) - 12.0 * (days > 15.5),
        "quiet": 0.0 * days,
    }


class Both:
    """Both walks of all series: a lesson, and what is said afterwards."""

    def __init__(self):
        days, _ = days_of(ALL_DAYS, HOURLY, 0)
        moves = moved(days)
        self.names = tuple(moves)
        values = np.array(
            [days_of(ALL_DAYS, HOURLY, n)[1] + move for n, move in enumerate(moves.values())]
        )
        values[-1, 600:615] = np.nan
        self.walk = Walk(3_600, n=len(values), seasons=BY_DAY)
        series = [oracle.Series(self.walk.rules, np.nan) for _ in values]
        lesson, later = np.split(values, [LEARNED_DAYS * HOURLY], axis=1)
        _, clock = self.walk.learn(lesson)
        for row, one in zip(lesson, series, strict=True):
            oracle.learned(row, clock, one, self.walk.n_bins)
        self.remembered = [self._remembered(series)]
        parts = np.split(later, range(7, later.shape[1], 25), axis=1)
        self.said = [self._scored(part, series) for part in parts]

    def _scored(self, values, series):
        said, clock = self.walk.score(values)
        _, kinds, places, center = self.walk.known
        known = [(kind, place, center) for kind, place in zip(kinds, places, strict=True)]
        rows = zip(values, known, series, strict=True)
        foretold = [oracle.scored(row, clock, what, one) for row, what, one in rows]
        self.remembered.append(self._remembered(series))
        return said, foretold

    def _remembered(self, series):
        rows = zip(series, *self.walk.memory, strict=True)
        return [(oracle.held(one), oracle.read(*row)) for one, *row in rows]


@pytest.fixture(scope="module")
def both():
    return Both()


def test_what_is_said_of_drifts_is_what_the_oracle_says(both):
    for said, foretold in both.said:
        for row, wanted in enumerate(foretold):
            for name in ("views", "decades", "which", "sign"):
                np.testing.assert_allclose(
                    getattr(said, name)[row],
                    wanted[name],
                    rtol=1e-9,
                    atol=1e-9,
                    err_msg=f"{name} of {both.names[row]}",
                )


def test_what_is_remembered_of_drifts_is_what_the_oracle_remembers(both):
    names = "day_mean", "week_mean", "in_drift_block", "drift_told", "settling"
    for remembered in both.remembered:
        for row, (wanted, actual) in enumerate(remembered):
            for name in (*names, *(f"drift {part}" for part in ("known", "older", "newer"))):
                np.testing.assert_allclose(
                    actual[name], wanted[name], rtol=1e-9, err_msg=f"{name} of {both.names[row]}"
                )


def test_the_oracle_met_all_that_can_become_of_a_drift(both):
    signs = {sign for said, _ in both.said for sign in said.sign[said.which == DRIFT]}
    assert signs == {-1, 1}
    settling = np.array([[actual["settling"] for _, actual in rows] for rows in both.remembered])
    assert settling.min() == 0 < settling.max() <= both.walk.rules.drift_block


# What is said

A_DAY, MONTH_DECADES = 288, np.log10(30 * 86_400)


@cache
def after(n_days, *, leak=0.0, growth=0.0, jump=0.0):
    """What is said in twelve days after some days of a series whose deviation is one."""
    days, values = days_of(n_days + 12, A_DAY, 7)
    values = values / values.std() + leak * from_day(days, n_days) + growth * days
    values += jump * (days >= n_days + 0.5)
    walk = Walk(300, seasons=BY_DAY)
    walk.learn(values[: n_days * A_DAY])
    return walk.score(values[n_days * A_DAY :])[0]


def told_by(said, view):
    """Where a view says something rarer than once in 30 days."""
    return (said.which[0] == view) & (said.decades[0] > MONTH_DECADES)


def counts_for(said, view):
    return said.views[0, :, view] - DISCOUNTS[view]


LEAKS = [(n_days, leak) for n_days in (15, 21, 28) for leak in (1.0, -1.0)]


@pytest.mark.compiled
@pytest.mark.parametrize(("n_days", "leak"), LEAKS)
def test_a_leak_of_one_deviation_a_day_is_told_within_three_days(n_days, leak):
    said = after(n_days, leak=leak)
    told = told_by(said, DRIFT)
    assert told[: 3 * A_DAY].any()
    assert {*said.sign[0, told]} == {np.sign(leak)}


@pytest.mark.compiled
@pytest.mark.parametrize(("n_days", "leak"), LEAKS)
def test_a_leak_is_told_for_three_hours_and_then_learned_for_a_day(n_days, leak):
    news = counts_for(after(n_days, leak=leak), DRIFT) > _NEWS
    any_day = np.convolve(news, np.ones(A_DAY), "valid")
    assert any_day.max() == rules_of(300.0).drift_told
    last = np.flatnonzero(news.cumsum() == any_day.max())[0]
    drifts = after(n_days, leak=leak).views[0, :, DRIFT]
    assert not drifts[last + 1 : last + 1 + A_DAY].any()
    assert drifts[last + 1 + A_DAY :].any()


@pytest.mark.compiled
@pytest.mark.parametrize("growth", [0.3, 0.5, 1.0, -0.5])
def test_a_series_that_has_always_grown_does_not_drift(growth):
    assert not told_by(after(21, growth=growth), DRIFT).any()


@pytest.mark.compiled
@pytest.mark.parametrize("n_days", [15, 21])
@pytest.mark.parametrize("jump", [5.0, -5.0])
def test_for_a_day_after_a_jump_the_level_speaks_and_no_drift(n_days, jump):
    said = after(n_days, jump=jump)
    news = np.flatnonzero(counts_for(said, LEVEL_VIEW) > _NEWS)
    last, jumped = news[-1], A_DAY // 2
    assert jumped < news[0] < jumped + A_DAY // 8
    assert told_by(said, LEVEL_VIEW)[jumped : last + 1].any()
    assert not told_by(said, DRIFT)[: last + 1].any()
    assert not said.views[0, last + 1 : last + 1 + A_DAY, DRIFT].any()
