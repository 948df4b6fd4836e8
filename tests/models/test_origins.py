"""forewarn_models.origins"""

import numpy as np

from forewarn_models.origins import origins
from forewarn_models.paths import Past

DAY, WEEK, N_WEEKS = 4, 28, 12
TIME = np.arange(WEEK * N_WEEKS)
TREND = 40 + 0.2 * TIME
SWING = 0.3 * np.sin(2 * np.pi * TIME / DAY + 0.4)


def noise(*shape: int, size: float = 1.0) -> np.ndarray:
    return np.random.default_rng(3).normal(0, size, shape)


def past_of(*rows: np.ndarray, first: int = 0) -> Past:
    level = np.array(rows, np.float64)
    level[:, :first] = np.nan
    each = np.ones(len(level), np.int64)
    return Past(level, level, first * each, each, WEEK)


def of(*rows: np.ndarray, zero: float = np.nan, first: int = 0) -> np.ndarray:
    return origins(past_of(*rows, first=first), np.full(len(rows), zero), week=WEEK)


def test_growth_is_measured_from_zero_or_from_a_bit_below_the_past() -> None:
    rows = [[10.0, 20.0, 30.0], [0.1, 20.0, 30.0], [10.0, 20.0, 30.0], [5.0] * 3]
    found = origins(past_of(*map(np.array, rows)), np.array([0.0, 0.0, np.nan, np.nan]), week=WEEK)
    np.testing.assert_allclose(found, [0.0, 0.1 - 14.95, 0.0, 4.5])


def test_swings_that_grow_tell_where_they_would_vanish() -> None:
    grown = TREND * (1 + SWING + noise(len(TIME), size=0.02))
    left = grown - 300  # upside down, what is left until 300
    assert np.abs(of(grown, left) - [0.0, -300.0]).max() < 20
    assert abs(of(left, first=3 * WEEK + 5)[0] + 300) < 20


def test_zero_goes_before_swings() -> None:
    assert of(TREND * (1 + SWING) - 15, zero=0.0)[0] == 0.0


def test_swings_that_do_not_grow_say_nothing() -> None:
    steady = TREND + 10 * SWING + noise(len(TIME))
    shrinking = (200 - TREND) * SWING + TREND
    flat = np.full(len(TIME), 7.0)
    rows = np.array([steady, shrinking, flat])
    reach = np.array([*np.ptp(rows[:2], axis=1), 1.0])
    np.testing.assert_allclose(of(*rows), rows.min(axis=1) - 0.5 * reach)


def test_swings_that_would_vanish_within_the_past_say_nothing() -> None:
    late = TREND + np.maximum(TREND - 70, 0) * SWING
    assert of(late)[0] == late.min() - 0.5 * np.ptp(late)


def test_few_weeks_say_nothing() -> None:
    short = (TREND * (1 + SWING))[: 5 * WEEK]
    expected = short.min() - 0.5 * np.ptp(short)
    assert of(short)[0] == expected
    assert of(TREND * (1 + SWING), first=7 * WEEK)[0] != of(TREND * (1 + SWING))[0]
