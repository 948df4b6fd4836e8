"""forewarn_service.logs.increases: lines between instants, from counters."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forewarn_service.logs.increases import Counted, increases

NAN = float("nan")


def at(seconds: float, *counters: tuple[int, int, float, float]) -> Counted:
    """Return counters at an instant: service, pattern, lines, first said."""
    service, pattern, count, first = zip(*counters, strict=True) if counters else ((),) * 4
    return Counted(
        seconds,
        np.array(service, np.int64),
        np.array(pattern, np.uint64),
        np.array(count, np.float64),
        np.array(first, np.float64),
    )


def lines_of(*instants: Counted) -> dict[tuple[int, int], list[float]]:
    found = increases(instants)
    keys = zip(found.service.tolist(), found.pattern.tolist(), strict=True)
    return dict(zip(keys, found.lines.tolist(), strict=True))


def test_lines_are_what_a_counter_rose_by() -> None:
    found = lines_of(
        at(0, (0, 7, 10, NAN), (1, 7, 1, NAN)),
        at(60, (0, 7, 15, NAN), (1, 7, 1, NAN)),
        at(120, (0, 7, 15, NAN), (1, 7, 3, NAN)),
    )
    assert found == {(0, 7): [5, 0], (1, 7): [0, 2]}


def test_a_pattern_that_was_first_said_since_the_instant_before_counts_from_zero() -> None:
    found = lines_of(at(0), at(60), at(120, (0, 7, 4, 61.0), (0, 8, 4, 59.0), (0, 9, 4, NAN)))
    assert found == {(0, 7): [0, 4], (0, 8): [0, 0], (0, 9): [0, 0]}


def test_a_counter_that_is_missing_for_a_while_stood_still() -> None:
    found = lines_of(at(0, (0, 7, 10, 0.0)), at(60), at(120, (0, 7, 12, 0.0)))
    assert found == {(0, 7): [0, 2]}


def test_counters_that_are_not_there_any_more_are_left_out() -> None:
    found = lines_of(at(0, (0, 7, 10, 0.0), (0, 8, 10, 0.0)), at(60, (0, 8, 11, 0.0)))
    assert found == {(0, 8): [1]}


def test_a_counter_that_fell_has_begun_anew() -> None:
    found = lines_of(at(0, (0, 7, 10, NAN)), at(60, (0, 7, 3, NAN)), at(120, (0, 7, 5, NAN)))
    assert found == {(0, 7): [3, 2]}


def test_the_largest_names_of_patterns_are_told_apart() -> None:
    largest = 2**64 - 1
    found = lines_of(
        at(0, (5, largest, 1, NAN), (5, largest - 1, 1, NAN)),
        at(60, (5, largest, 9, NAN), (5, largest - 1, 1, NAN)),
    )
    assert found == {(5, largest): [8], (5, largest - 1): [0]}


def test_without_counters_there_are_no_lines() -> None:
    found = increases([at(0), at(60)])
    assert (found.lines.shape, len(found.first_seconds)) == ((0, 1), 0)


@given(st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=1, max_size=6))
def test_all_lines_together_are_what_counters_rose_by(rises: list[list[int]]) -> None:
    counts = np.cumsum(rises, axis=0)
    instants = [
        at(60 * k, *((number, number, float(count[number]), 0.0) for number in range(4)))
        for k, count in enumerate(counts)
    ]
    if len(instants) > 1:
        np.testing.assert_array_equal(increases(instants).lines.sum(axis=1), counts[-1] - counts[0])
