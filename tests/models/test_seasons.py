import numpy as np
import pytest

from forewarn_models.calendar import DAY_MILLISECONDS, HOUR_MILLISECONDS, UTC, Calendar
from forewarn_models.seasons import (
    NO_SEASON,
    WEEK_MILLISECONDS,
    Season,
    candidates,
    cycles_of,
    first_bins,
    season_of,
)

MONDAY = 1_704_067_200_000  # the first of January 2024, UTC
MINUTES = 60_000


def periods(seasons):
    return [(s.period_milliseconds, s.days_off_apart) for s in seasons]


def cycles(seasons, times, *, calendar=UTC, step=HOUR_MILLISECONDS, lead=0):
    times = np.asarray(times, dtype=np.int64)
    return cycles_of(seasons, times, calendar, step_milliseconds=step, lead=lead)


def test_a_long_history_may_show_every_usual_season():
    found = candidates(None, step_milliseconds=300_000, span_milliseconds=28 * DAY_MILLISECONDS)
    assert periods(found) == [
        (0, False),
        (DAY_MILLISECONDS, False),
        (DAY_MILLISECONDS, True),
        (WEEK_MILLISECONDS, False),
    ]
    assert found[0] == NO_SEASON


@pytest.mark.parametrize(
    ("days", "step", "n"), [(2.29, 1, 1), (2.3, 1, 2), (16.09, 1, 2), (16.1, 1, 4)]
)
def test_a_season_must_fit_into_the_history_twice_and_a_bit(days, step, n):
    span = round(days * DAY_MILLISECONDS)
    found = candidates(None, step_milliseconds=step * MINUTES, span_milliseconds=span)
    assert len(found) == n


def test_a_season_that_the_step_cannot_show_is_not_tried():
    third, span = DAY_MILLISECONDS // 3, 100 * DAY_MILLISECONDS
    assert len(candidates(None, step_milliseconds=third, span_milliseconds=span)) == 2
    assert len(candidates(None, step_milliseconds=third - 1, span_milliseconds=span)) == 4


def test_given_seasons_are_the_ones_tried_the_shortest_first():
    found = candidates(
        (WEEK_MILLISECONDS, 7_200_000), step_milliseconds=60_000, span_milliseconds=10**10
    )
    assert periods(found) == [(0, False), (7_200_000, False), (WEEK_MILLISECONDS, False)]
    assert candidates((), step_milliseconds=60_000, span_milliseconds=10**10) == (NO_SEASON,)


@pytest.mark.parametrize(
    ("period", "step", "bins"),
    [
        (DAY_MILLISECONDS, 300_000, 288),
        (DAY_MILLISECONDS, 1_000, 288),
        (DAY_MILLISECONDS, HOUR_MILLISECONDS, 24),
        (WEEK_MILLISECONDS, MINUTES, 2_016),
        (2 * WEEK_MILLISECONDS, MINUTES, 2_016),
        (HOUR_MILLISECONDS, 1_000, 60),
        (40_000, 10_000, 4),
        (10_000, 60_000, 1),
    ],
)
def test_bins_are_as_fine_as_steps_five_minutes_and_memory(period, step, bins):
    assert season_of(period, step) == Season(period, bins)


def test_days_off_have_bins_of_their_own():
    apart = season_of(DAY_MILLISECONDS, HOUR_MILLISECONDS, days_off_apart=True)
    assert apart == Season(DAY_MILLISECONDS, 24, days_off_apart=True)
    assert (apart.n_all_bins, NO_SEASON.n_all_bins) == (48, 1)
    assert first_bins((NO_SEASON, apart, Season(5, 7))).tolist() == [0, 1, 49, 56]


def test_each_hour_of_a_day_has_a_bin_and_on_a_day_off_another():
    day = season_of(DAY_MILLISECONDS, HOUR_MILLISECONDS)
    apart = season_of(DAY_MILLISECONDS, HOUR_MILLISECONDS, days_off_apart=True)
    one_o_clock = MONDAY + DAY_MILLISECONDS * np.arange(7) + HOUR_MILLISECONDS
    tuesday = Calendar(days_off=(MONDAY // DAY_MILLISECONDS + 1,))
    found = cycles((NO_SEASON, day, apart), one_o_clock, calendar=tuesday)
    assert found.lower.tolist() == [[0] * 7, [2] * 7, [26, 50, 26, 26, 26, 50, 50]]
    assert found.upper.tolist() == [[0] * 7, [3] * 7, [27, 51, 27, 27, 27, 51, 51]]
    assert not found.weight.any()


def test_with_a_bin_for_each_step_nothing_is_read_between_bins():
    season = season_of(DAY_MILLISECONDS, 300_000)
    found = cycles((season,), MONDAY + 7_000 + 300_000 * np.arange(300), step=300_000)
    assert not found.weight.any()
    assert found.lower[0].tolist() == [*range(288), *range(12)]


def test_within_wide_bins_the_reading_moves_from_middle_to_middle():
    season = season_of(DAY_MILLISECONDS, MINUTES)  # bins of five steps
    found = cycles((NO_SEASON, season), MONDAY + MINUTES * np.arange(-5, 10), step=MINUTES)
    position = found.lower[1] - 1 + found.weight[1]
    np.testing.assert_allclose(position, (np.arange(-5, 10) - 2.0) / 5 % 288, atol=1e-9)
    assert ((found.upper[1] - found.lower[1]) % 288 == 1).all()
    assert found.lower[1].min() >= 1
    assert found.upper[1].max() <= 288


def test_bins_hardly_wider_than_a_step_are_read_as_they_are():
    times = MONDAY + 60_000 * np.arange(9)
    narrow = cycles((Season(9 * 60_000, 6),), times, step=60_000)  # 1.5 steps
    wide = cycles((Season(8 * 60_000, 5),), times, step=60_000)  # 1.6 steps
    assert narrow.lower[0].tolist() == [0, 0, 1, 2, 2, 3, 4, 4, 5]
    assert wide.weight.any()
    assert not narrow.weight.any()


def test_a_cycle_is_remembered_for_two_weeks_and_a_week_for_six():
    week = season_of(WEEK_MILLISECONDS, HOUR_MILLISECONDS)
    seasons = NO_SEASON, season_of(DAY_MILLISECONDS, HOUR_MILLISECONDS), week
    two_days = season_of(2 * DAY_MILLISECONDS, HOUR_MILLISECONDS)
    found = cycles((*seasons, two_days), [MONDAY], lead=4)
    assert found.gain[1:].tolist() == [1 / 14, 1 / 6, 1 / 14]
    assert found.length.tolist() == [0, 24, 168, 48]
    assert found.lead == 4
