"""forewarn_models.security.windows"""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_models.contract import State
from forewarn_models.errors import UnknownFormat
from forewarn_models.security.windows import How, WindowRule, Windows

SECOND = 10**9
KEY = ("10.0.0.1",)


def windows(how: How, threshold: int, timespan_seconds: int, **options: int) -> Windows:
    return Windows(WindowRule(how, threshold, timespan_seconds * SECOND), **options)


def seen(counted: Windows, *sightings: tuple[int, int]) -> list[bool]:
    """Whether each holds: (second, kind)."""
    return [counted.see(KEY, at * SECOND, kind=kind) > 0 for at, kind in sightings]


def holds_somewhere(rule: WindowRule, sightings: list[tuple[int, int]]) -> bool:
    """The plain definition: is there any window of the timespan in which the rule holds?"""
    for begin, _ in sightings:
        inside = [pair for pair in sightings if 0 <= pair[0] - begin <= rule.timespan_nanoseconds]
        if rule.how == "event_count" and len(inside) >= rule.threshold:
            return True
        if rule.how != "event_count" and len({kind for _, kind in inside}) >= rule.threshold:
            return True
    return False


def test_sightings_within_the_timespan_count() -> None:
    counted = windows("event_count", 3, 10)
    assert seen(counted, (0, 0), (5, 0), (10, 0), (15, 0)) == [False, False, True, True]
    assert seen(counted, (100, 0), (105, 0), (111, 0)) == [False, False, False]


def test_what_is_told_is_on_how_many_sightings_it_rests() -> None:
    counted = windows("event_count", 2, 10)
    assert [counted.see(KEY, at * SECOND) for at in (0, 9, 18, 27, 60, 61)] == [0, 2, 3, 4, 0, 2]


def test_a_line_that_stands_for_many_counts_as_many() -> None:
    counted = windows("event_count", 5, 10)
    assert counted.see(KEY, SECOND, times=6) == 6
    assert counted.see(("other",), SECOND, times=4) == 0


def test_keys_are_apart() -> None:
    counted = windows("event_count", 2, 10)
    assert not counted.see(("a",), SECOND)
    assert not counted.see(("b",), SECOND)
    assert counted.see(("a",), 2 * SECOND)


def test_only_different_values_count() -> None:
    counted = windows("value_count", 3, 10)
    assert seen(counted, (0, 7), (1, 7), (2, 8), (3, 8), (4, 9)) == [False] * 4 + [True]


def test_a_flood_of_one_value_pushes_no_other_out() -> None:
    counted = windows("value_count", 3, 1_000)
    assert seen(counted, (0, 1), (1, 2), *((at, 2) for at in range(2, 500)))[-1] is False
    assert seen(counted, (500, 3)) == [True]


def test_all_kinds_must_be_there_in_any_order() -> None:
    counted = windows("temporal", 2, 10)
    assert seen(counted, (0, 1), (3, 0), (20, 0), (40, 1)) == [False, True, False, False]


def test_kinds_must_follow_one_another() -> None:
    counted = windows("temporal_ordered", 3, 60)
    assert seen(counted, (0, 2), (1, 1), (2, 0)) == [False, False, False]
    assert seen(counted, (3, 1), (4, 2)) == [False, True]


def test_an_ordered_chain_must_fit_into_the_timespan() -> None:
    assert seen(windows("temporal_ordered", 2, 10), (0, 0), (11, 1)) == [False, False]
    assert seen(windows("temporal_ordered", 2, 10), (0, 0), (5, 0), (11, 1))[-1]


def test_kinds_of_the_same_instant_may_be_in_any_order() -> None:
    assert seen(windows("temporal_ordered", 2, 10), (5, 1), (5, 0))[-1]


def test_many_of_one_kind_leave_room_for_the_next() -> None:
    counted = windows("temporal_ordered", 2, 600)
    assert not any(seen(counted, *((at, 0) for at in range(500))))
    assert seen(counted, (501, 1)) == [True]


def test_a_line_that_comes_late_closes_the_window() -> None:
    assert seen(windows("event_count", 3, 10), (100, 0), (108, 0), (104, 0))[-1]
    assert seen(windows("temporal_ordered", 2, 10), (100, 1), (95, 0))[-1]


def test_a_log_that_is_read_hours_behind_another_is_counted_by_its_own_time() -> None:
    counted = windows("event_count", 3, 10)
    hours = [(7_200 + 60 * at, 0) for at in range(3)]
    assert not any(seen(counted, *hours))
    assert seen(counted, (0, 0), (5, 0), (9, 0)) == [False, False, True]
    assert seen(counted, (7_195, 0)) == [False]


@pytest.mark.parametrize("how", ["event_count", "value_count"])
@given(
    sightings=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3)), max_size=25),
    threshold=st.integers(1, 4),
    timespan=st.integers(0, 100),
)
@settings(max_examples=150, deadline=None)
def test_in_order_it_holds_exactly_where_the_definition_does(
    how: How, sightings: list[tuple[int, int]], threshold: int, timespan: int
) -> None:
    rule = WindowRule(how, threshold, timespan)
    counted = Windows(rule)
    ordered = sorted(sightings)
    for n, (at, kind) in enumerate(ordered, 1):
        ends_here = [pair for pair in ordered[:n] if at - pair[0] <= timespan]
        expected = holds_somewhere(rule, ends_here)
        assert (counted.see(KEY, at, kind=kind) > 0) == expected


@pytest.mark.parametrize("how", ["event_count", "value_count"])
@given(
    sightings=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2)), max_size=20),
    threshold=st.integers(1, 3),
    seed=st.integers(0, 9),
)
@settings(max_examples=150, deadline=None)
def test_out_of_order_within_the_tolerance_nothing_is_missed(
    how: How, sightings: list[tuple[int, int]], threshold: int, seed: int
) -> None:
    rule = WindowRule(how, threshold, 15)
    counted = Windows(rule, tolerance_nanoseconds=60)
    random.Random(seed).shuffle(sightings)
    held = [counted.see(KEY, at, kind=kind) > 0 for at, kind in sightings]
    if holds_somewhere(rule, sightings):
        assert any(held)


def test_a_flood_of_keys_cannot_grow_memory() -> None:
    counted = windows("event_count", 5, 60, most_keys=100)
    for number in range(1_000):
        counted.see((str(number),), number)
    assert len(counted) == 100
    assert counted.n_let_go == 900


def test_keys_that_are_seen_again_are_kept_in_a_flood() -> None:
    counted = windows("event_count", 3, 10_000, most_keys=50)
    held = 0
    for number in range(300):
        counted.see((f"flood-{number}",), number * SECOND)
        held = counted.see(KEY, number * SECOND) if number % 20 == 0 else held
    assert held


def test_large_thresholds_have_fewer_keys() -> None:
    counted = windows("event_count", 100_000, 60)
    for number in range(40):
        counted.see((str(number),), number)
    assert len(counted) == 16


@pytest.mark.parametrize("threshold", [0, 100_001])
def test_a_threshold_has_bounds(threshold: int) -> None:
    with pytest.raises(ValueError, match="a threshold must be 1 to 100000"):
        windows("event_count", threshold, 60)


def test_evidence_is_of_what_goes_on() -> None:
    counted = windows("event_count", 2, 10)
    assert not counted.wants_evidence(KEY)
    assert counted.evidence(KEY) == []
    counted.see(KEY, 0)
    counted.evidence(KEY).extend("abc")
    assert not counted.wants_evidence(KEY)
    counted.see(KEY, 100 * SECOND)
    assert counted.evidence(KEY) == []
    assert counted.wants_evidence(KEY)


@pytest.mark.parametrize("how", ["event_count", "value_count", "temporal_ordered"])
def test_what_was_stored_goes_on_as_if_nothing_had_been(how: How) -> None:
    generator = random.Random(1)
    sightings = [
        ((str(generator.randrange(3)),), at * SECOND, generator.randrange(3)) for at in range(200)
    ]
    whole, first, second = (windows(how, 3, 4) for _ in range(3))
    expected = [whole.see(key, at, kind=kind) for key, at, kind in sightings]
    got = [first.see(key, at, kind=kind) for key, at, kind in sightings[:100]]
    first.evidence(("0",)).append("line")
    second.absorb(first.state())
    assert second.evidence(("0",))[-1:] == ["line"]
    got += [second.see(key, at, kind=kind) for key, at, kind in sightings[100:]]
    assert got == expected
    assert any(expected)


def test_keys_that_were_stored_are_let_go_before_those_seen_since() -> None:
    old, new = (windows("event_count", 2, 10, most_keys=3) for _ in range(2))
    for key in ("older", "old"):
        old.see((key,), 0, kind=0)
    for key in ("one", "two"):
        new.see((key,), SECOND, kind=0)
    new.absorb(old.state())
    assert new.state().manifest["keys"] == [["old"], ["one"], ["two"]]


def test_an_empty_state_is_absorbed() -> None:
    counted = windows("event_count", 2, 10)
    counted.absorb(windows("event_count", 2, 10).state())
    assert len(counted) == 0


def test_what_is_there_is_newer_than_what_was_stored() -> None:
    old, new = windows("event_count", 2, 10), windows("event_count", 2, 10)
    old.see(KEY, 0)
    new.see(KEY, 100 * SECOND)
    new.absorb(old.state())
    assert new.see(KEY, 105 * SECOND) == 2


@pytest.mark.parametrize(("kind", "version"), [("other", 1), ("security_windows", 2)])
def test_a_state_of_something_else_is_refused(kind: str, version: int) -> None:
    state = State(kind, version, {}, {"lengths": np.zeros(0, dtype=np.int64)})
    with pytest.raises(UnknownFormat, match="stored windows must be security_windows 1"):
        windows("event_count", 2, 10).absorb(state)
