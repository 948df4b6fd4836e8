"""forewarn_service.logs.counters: lines by service, level and pattern; places for patterns."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forewarn_service.logs.counters import (
    N_LEVELS,
    SILENCE_NANOSECONDS,
    Counters,
    FirstSightings,
)

N_ROWS = 10
HOUR = 3_600 * 10**9
LINE = st.tuples(
    st.integers(0, 3), st.integers(0, N_ROWS - 1), st.integers(0, 6), st.integers(1, 50)
)


def counters_of(budget: int = 100, **bounds: int) -> Counters:
    return Counters(n_rows=N_ROWS, patterns_per_service=budget, **bounds)


def count(counters: Counters, *lines: tuple[int, int, int, int]) -> FirstSightings:
    """Lines are service, row, level and time."""
    service, row, level, time = np.array(lines, dtype=np.int64).T
    return counters.count(service, row, level.astype(np.int8), time)


def totals(counters: Counters) -> dict[tuple[int, int], int]:
    """Lines by service and row."""
    found: Counter[tuple[int, int]] = Counter()
    for key, n in zip(
        (counters.series.keys // N_LEVELS).tolist(), counters.series["count"].tolist(), strict=True
    ):
        found[divmod(key, N_ROWS)] += n
    return dict(found)


@given(st.lists(st.lists(LINE, min_size=1, max_size=30), min_size=1, max_size=5))
def test_lines_are_counted_as_one_by_one(batches: list[list[tuple[int, int, int, int]]]) -> None:
    counters, expected = counters_of(), Counter[tuple[int, int, int]]()
    seen: dict[tuple[int, int], tuple[int, int]] = {}
    sighted: set[tuple[int, int]] = set()
    for batch in batches:
        found = count(counters, *batch)
        times = [int(time) for time in found.nanoseconds]
        assert times == sorted(times)
        sighted |= set(zip(found.service.tolist(), found.row.tolist(), strict=True))
        for service, row, level, time in batch:
            expected[service, row, level] += 1
            first, last = seen.get((service, row), (time, time))
            seen[service, row] = (min(first, time), max(last, time))
    keys = counters.series.keys
    held = zip(*np.divmod(keys // N_LEVELS, N_ROWS), keys % N_LEVELS, strict=True)
    assert dict(zip(held, counters.series["count"].tolist(), strict=True)) == dict(expected)
    assert sighted == {pattern for pattern in seen if pattern[1] != 0}
    assert counters.places["first"].tolist() == [seen[each][0] for each in sorted(seen)]
    assert counters.places["last"].tolist() == [seen[each][1] for each in sorted(seen)]
    assert counters.n_series_patterns().sum() == len(sighted)
    assert counters.news["count"].sum() == len(sighted)


@given(
    st.lists(st.lists(LINE, min_size=1, max_size=30), min_size=1, max_size=5),
    st.integers(1, 3),
    st.dictionaries(st.integers(1, N_ROWS - 1), st.integers(0, N_ROWS - 1)),
)
def test_no_line_is_lost_and_no_budget_exceeded_whatever_moves(
    batches: list[list[tuple[int, int, int, int]]], budget: int, moves: dict[int, int]
) -> None:
    counters, ended, n_lines = counters_of(budget), 0, 0
    leader = np.arange(N_ROWS)
    for row, to in moves.items():
        if to not in moves:
            leader[row] = to
    for batch in batches:
        count(counters, *batch)
        n_lines += len(batch)
        assert counters.n_series_patterns().max() <= budget
        ended += int(counters.move(lambda rows: leader[rows]).sum())
        ended += int(counters.make_room().sum())
        assert counters.series["count"].sum() + ended == n_lines
        assert (leader[counters.places.keys % N_ROWS] == counters.places.keys % N_ROWS).all()
        assert counters.n_series_patterns().max() <= budget


def test_the_most_severe_of_the_first_lines_gives_the_level() -> None:
    found = count(counters_of(), (0, 3, 5, 20), (0, 3, 2, 10), (1, 3, 4, 5))
    assert (found.service.tolist(), found.level.tolist()) == ([1, 0], [4, 5])
    assert found.nanoseconds.tolist() == [5, 10]


def test_patterns_beyond_the_budget_are_other_and_new_once() -> None:
    counters = counters_of(2)
    found = count(counters, (0, 1, 0, 1), (0, 2, 0, 1), (0, 3, 0, 1), (1, 3, 0, 1))
    assert len(found.row) == 4
    assert totals(counters) == {(0, 0): 1, (0, 1): 1, (0, 2): 1, (1, 3): 1}
    assert len(count(counters, (0, 3, 0, 2), (0, 3, 0, 3)).row) == 0
    assert totals(counters)[0, 0] == 3
    assert counters.n_series_patterns().tolist() == [2, 1]


def test_a_place_is_free_a_week_after_the_last_line_of_its_pattern() -> None:
    counters = counters_of(1)
    count(counters, (0, 1, 0, HOUR), (0, 1, 2, HOUR))
    count(counters, (0, 2, 0, SILENCE_NANOSECONDS + HOUR))
    assert counters.make_room().tolist() == [0]
    assert totals(counters) == {(0, 0): 1, (0, 1): 2}

    count(counters, (0, 2, 0, SILENCE_NANOSECONDS + HOUR + 1))
    assert counters.make_room().tolist() == [2]
    assert counters.is_rewritten
    count(counters, (0, 2, 0, SILENCE_NANOSECONDS + 2 * HOUR))
    assert totals(counters) == {(0, 0): 2, (0, 2): 1}
    assert len(count(counters, (0, 1, 0, SILENCE_NANOSECONDS + 3 * HOUR)).row) == 0


def test_nobody_loses_a_place_that_no_other_wants() -> None:
    counters = counters_of(2)
    count(counters, (0, 1, 0, HOUR))
    count(counters, (0, 2, 0, 2 * SILENCE_NANOSECONDS))
    assert counters.make_room().tolist() == [0]
    assert totals(counters) == {(0, 1): 1, (0, 2): 1}


def test_all_services_share_a_bound() -> None:
    counters = counters_of(most_places=3)
    count(counters, *((service, row, 0, 1) for service in (0, 1) for row in (1, 2)))
    assert counters.n_series_patterns().tolist() == [2, 1]
    assert totals(counters)[1, 0] == 1


def test_patterns_that_become_one_are_counted_together() -> None:
    counters = counters_of()
    count(counters, (0, 1, 0, 5), (0, 1, 3, 6), (0, 2, 3, 7), (1, 2, 3, 8))
    leader = np.array([0, 2, 2, *range(3, N_ROWS)])
    assert counters.move(lambda rows: leader[rows]).sum() == 0
    assert totals(counters) == {(0, 2): 3, (1, 2): 1}
    assert counters.places["first"].tolist() == [5, 8]
    assert counters.places["last"].tolist() == [7, 8]
    assert len(count(counters, (0, 2, 0, 9)).row) == 0


def test_what_the_miner_folds_ends_and_is_new_when_it_comes_again() -> None:
    counters = counters_of()
    count(counters, (0, 1, 0, 5), (0, 2, 0, 5), (0, 0, 0, 5))
    leader = np.array([0, 0, *range(2, N_ROWS)])
    assert counters.move(lambda rows: leader[rows]).tolist() == [1]
    assert totals(counters) == {(0, 0): 1, (0, 2): 1}
    assert counters.n_series_patterns().tolist() == [1]
    assert len(count(counters, (0, 1, 0, 9)).row) == 1


def test_patterns_without_a_place_are_forgotten_the_longest_silent_first() -> None:
    counters = counters_of(1, most_known=4)
    count(counters, *((0, row, 0, row) for row in range(1, 8)))
    counters.make_room()
    assert (counters.places.keys % N_ROWS).tolist() == [1, 5, 6, 7]
    assert counters.is_rewritten
    assert len(count(counters, (0, 2, 0, 9), (0, 6, 0, 9)).row) == 1
