"""forewarn_models.capacity"""

from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forewarn_models.capacity import breach_probability, time_to_limit_seconds
from forewarn_models.contract import Extremes, Side

LEVELS = (0.1, 0.5, 0.9)
START, STEP = 10_000, 1_000
END = START + 2 * STEP
# Of three instants: the largest values reached, and the smallest.
RISING = [[8, 10, 12], [9, 11, 13], [10, 12, 14]]
FALLING = [[8, 10, 12], [7, 9, 11], [6, 8, 10]]


def reached(*rows: object, side: Side = "above") -> Extremes:
    series = tuple((("row", str(row)),) for row in range(len(rows)))
    values = np.array(rows, dtype=np.float64)
    times = START + STEP * np.arange(values.shape[1])
    return Extremes(series, side, times, np.array(LEVELS), values)


def seconds(extremes: Extremes, *limits: float, now: int = START) -> list[list[float]]:
    times = time_to_limit_seconds(extremes, np.array(limits), LEVELS, now_milliseconds=now)
    return times.tolist()


def chance(extremes: Extremes, *limits: float, until: int = END) -> list[float]:
    return breach_probability(extremes, np.array(limits), until_milliseconds=until).tolist()


def test_a_limit_is_reached_where_the_chance_reaches_the_level() -> None:
    # The chance of 12 or more is 0.1 at first, 0.3 then, 0.5 at last.
    np.testing.assert_allclose(seconds(reached(RISING), 12), [[0.0, 2.0, inf]])


def test_between_instants_the_chance_grows_in_a_straight_line() -> None:
    times = time_to_limit_seconds(reached(RISING), np.array([12.0]), [0.2], now_milliseconds=START)
    np.testing.assert_allclose(times, [[0.5]])


def test_a_lower_limit_is_reached_from_above() -> None:
    np.testing.assert_allclose(seconds(reached(FALLING, side="below"), 8), [[0.0, 2.0, inf]])


def test_each_series_has_a_limit_of_its_own() -> None:
    both = seconds(reached(RISING, RISING), 12, 1000)
    np.testing.assert_allclose(both, [[0.0, 2.0, inf], [inf] * 3])


def test_time_counts_from_now_and_is_never_negative() -> None:
    np.testing.assert_allclose(seconds(reached(RISING), 12, now=START + 1_500), [[0.0, 0.5, inf]])


def test_what_cannot_be_said_stays_so() -> None:
    extremes = reached(RISING, [[nan] * 3] * 3, RISING)
    for answer in (seconds(extremes, 1, 1, nan), [[one] for one in chance(extremes, 1, 1, nan)]):
        assert [all(map(isnan, row)) for row in answer] == [False, True, True]


@pytest.mark.parametrize(
    ("limit", "side", "expected"),
    [
        (12, "above", 0.5),
        (13, "above", 0.3),
        (14, "above", 0.1),
        (16, "above", 0.05),
        (10, "above", 0.9),
        (8, "below", 0.5),
        (6, "below", 0.1),
        (4, "below", 0.05),
    ],
)
def test_the_chance_is_read_off_the_quantiles(limit: float, side: Side, expected: float) -> None:
    extremes = reached(RISING if side == "above" else FALLING, side=side)
    np.testing.assert_allclose(chance(extremes, limit), [expected])


@pytest.mark.parametrize(
    ("until", "expected"),
    [(START - 1, 0.1), (START, 0.1), (START + 500, 0.2), (START + STEP, 0.3), (END + 9_999, 0.5)],
)
def test_the_chance_grows_until_the_instant_asked_for(until: int, expected: float) -> None:
    np.testing.assert_allclose(chance(reached(RISING), 12, until=until), [expected])


@pytest.mark.parametrize(("value", "expected"), [(5.0, 1.0), (4.9, 1.0), (5.1, 0.0)])
def test_a_certain_future_reaches_a_limit_or_does_not(value: float, expected: float) -> None:
    assert chance(reached([[5.0, 5.0, 5.0]]), value) == [expected]


def test_what_was_reached_stays_reached_where_tails_grow_thinner() -> None:
    extremes = reached([[0, 0, 10], [9, 9.5, 10]])
    first = chance(extremes, 15, until=START)
    assert 0 < first[0] == chance(extremes, 15)[0]


def test_without_an_instant_nothing_can_be_said() -> None:
    extremes = Extremes(
        ((),), "above", np.zeros(0, np.int64), np.array(LEVELS), np.zeros((1, 0, 3))
    )
    assert all(map(isnan, seconds(extremes, 1)[0]))
    assert isnan(chance(extremes, 1)[0])


@example([0.0, 0.0, 5e-324], 100.0)
@example([-5e-324, 0.0, 0.0], -100.0)
@given(st.lists(st.floats(-100, 100), min_size=3, max_size=3), st.floats(-300, 300))
def test_at_one_instant_both_sides_of_a_limit_share_the_chance(row: list, value: float) -> None:
    above, below = (chance(reached([sorted(row)], side=side), value) for side in ("above", "below"))
    assert 0 <= above[0] <= 1
    assert above[0] + below[0] >= 1 - 1e-9


@given(st.floats(-50, 50), st.floats(0, 50))
def test_a_higher_limit_is_no_likelier_reached_and_no_sooner(value: float, more: float) -> None:
    extremes = reached(RISING)
    assert chance(extremes, value) >= chance(extremes, value + more)
    soon, late = (np.array(seconds(extremes, limit)) for limit in (value, value + more))
    assert (soon <= late).all()
