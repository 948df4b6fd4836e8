import numpy as np
import pytest

from forewarn_models.seasons import (
    DAY_MILLISECONDS,
    HOUR_MILLISECONDS,
    NO_SEASON,
    WEEK_MILLISECONDS,
    candidates,
    clock_of,
    is_weekend,
    season_of,
)

MONDAY = 1_704_067_200_000  # the first of January 2024, UTC


def periods(seasons):
    return [(s.period_milliseconds, s.weekend_apart) for s in seasons]


def test_a_long_history_may_show_every_usual_season():
    found = candidates(None, step_milliseconds=300_000, span_milliseconds=28 * DAY_MILLISECONDS)
    assert periods(found) == [
        (0, False),
        (HOUR_MILLISECONDS, False),
        (DAY_MILLISECONDS, False),
        (DAY_MILLISECONDS, True),
        (WEEK_MILLISECONDS, False),
    ]


def test_a_season_that_the_history_or_the_step_cannot_show_is_not_tried():
    short = candidates(None, step_milliseconds=1_800_000, span_milliseconds=3 * DAY_MILLISECONDS)
    assert periods(short) == [(0, False), (DAY_MILLISECONDS, False)]
    assert candidates(None, step_milliseconds=1_000, span_milliseconds=60_000) == (NO_SEASON,)


def test_given_seasons_are_the_ones_tried():
    found = candidates(
        (WEEK_MILLISECONDS, 7_200_000), step_milliseconds=60_000, span_milliseconds=10**10
    )
    assert periods(found) == [(0, False), (7_200_000, False), (WEEK_MILLISECONDS, False)]


@pytest.mark.parametrize(
    ("period", "step", "bins", "spreads"),
    [
        (DAY_MILLISECONDS, 300_000, 288, 24),
        (DAY_MILLISECONDS, 1_000, 288, 24),
        (DAY_MILLISECONDS, HOUR_MILLISECONDS, 24, 24),
        (WEEK_MILLISECONDS, 60_000, 2_016, 168),
        (HOUR_MILLISECONDS, 1_000, 60, 24),
        (40_000, 10_000, 4, 4),
    ],
)
def test_bins_are_as_fine_as_steps_and_five_minutes(period, step, bins, spreads):
    season = season_of(period, step)
    assert (season.n_bins, season.n_spread_bins) == (bins, spreads)


def test_saturdays_and_sundays_are_weekend():
    week = MONDAY + DAY_MILLISECONDS * np.arange(7)
    assert is_weekend(week).tolist() == [0, 0, 0, 0, 0, 1, 1]
    season = season_of(DAY_MILLISECONDS, HOUR_MILLISECONDS, weekend=True)
    clock = clock_of((NO_SEASON, season), week + HOUR_MILLISECONDS, HOUR_MILLISECONDS)
    assert clock.lower.tolist() == [[0] * 7, [1, 1, 1, 1, 1, 25, 25]]
    assert clock.spread.tolist() == clock.lower.tolist()
    assert season.block_milliseconds == WEEK_MILLISECONDS


def test_within_wide_bins_the_reading_moves_from_middle_to_middle():
    season = season_of(DAY_MILLISECONDS, 60_000)  # bins of five steps
    clock = clock_of((season,), MONDAY + 60_000 * np.arange(10), 60_000)
    position = clock.lower[0] + clock.weight[0]
    np.testing.assert_allclose(position % 288, (np.arange(10) - 2.0) / 5 % 288, atol=1e-9)
    assert ((clock.upper[0] - clock.lower[0]) % 288 == 1).all()


def test_with_a_bin_for_each_step_nothing_is_interpolated():
    season = season_of(DAY_MILLISECONDS, 300_000)
    clock = clock_of((season,), MONDAY + 7_000 + 300_000 * np.arange(300), 300_000)
    assert (clock.weight == 0).all()
    assert clock.lower[0].tolist() == [*range(288), *range(12)]
