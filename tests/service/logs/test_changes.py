"""forewarn_service.logs.changes: which patterns changed most just now."""

from collections.abc import Mapping

import numpy as np

from forewarn_service.logs.changes import PatternChange, RecentCounts, counted_of
from forewarn_service.logs.snapshot import Snapshot

MINUTE = 60.0
FIRST = 1_000.0
SERVICES = (("files", "shop"), ("loki", "shop"), ("files", "till"))


def snapshot(
    seconds: float,
    counts: Mapping[tuple[int, int, int], int],
    first: Mapping[tuple[int, int], float] | None = None,
    services: tuple[tuple[str, str], ...] = SERVICES,
) -> Snapshot:
    """Return a snapshot of lines by service, level and pattern; when patterns were first said."""
    keys = np.array(list(counts) or np.empty((0, 3)), dtype=np.int64).reshape(-1, 3)
    places = {(service, pattern) for service, _, pattern in counts if pattern}
    first = {key: (first or {}).get(key, 0.0) for key in sorted(places)}
    named = np.array(list(first) or np.empty((0, 2)), dtype=np.int64).reshape(-1, 2)
    nanoseconds = np.array([1e9 * at for at in first.values()], dtype=np.int64)
    return Snapshot(
        milliseconds=int(1e3 * seconds),
        sources={},
        services=services,
        n_patterns=np.zeros(len(services), np.int64),
        series={
            "service": keys[:, 0],
            "level": keys[:, 1].astype(np.int8),
            "pattern": keys[:, 2].astype(np.uint64),
            "count": np.array(list(counts.values()), dtype=np.int64),
        },
        places={
            "service": named[:, 0],
            "pattern": named[:, 1].astype(np.uint64),
            "first": nanoseconds,
            "last": nanoseconds,
        },
        news={},
        templates={pattern: f"line {pattern} <*>" for _, _, pattern in counts},
        shown=(),
    )


def steady(minutes: float, *, a_minute: int = 10, n_patterns: int = 5) -> dict[tuple, int]:
    """Return counters of services that say each pattern so often."""
    return {
        (service, 3, pattern): int(minutes * a_minute)
        for service in range(3)
        for pattern in range(1, n_patterns + 1)
    }


def watched(minutes: int = 40) -> RecentCounts:
    recent = RecentCounts()
    for minute in range(minutes):
        assert recent.changed(snapshot(FIRST + MINUTE * minute, steady(minute))) == ()
    return recent


def changed(
    counts: dict[tuple, int], *, at: int = 40, first: Mapping[tuple[int, int], float] | None = None
) -> tuple[PatternChange, ...]:
    return watched(at).changed(snapshot(FIRST + MINUTE * at, counts, first))


def test_nothing_changed_where_all_goes_on() -> None:
    assert changed(steady(40)) == ()


def test_a_pattern_that_comes_more_often_is_named_with_its_service_and_template() -> None:
    counts = steady(40)
    counts[2, 3, 4] += 500
    (found,) = changed(counts)
    assert (found.service, found.pattern, found.template) == (
        "till",
        "0000000000000004",
        "line 4 <*>",
    )
    assert found.score > 3


def test_sources_and_levels_of_a_service_count_together() -> None:
    counts = steady(40)
    for source in (0, 1):
        counts[source, 5, 4] = 250
    (found,) = changed(counts)
    assert (found.service, found.pattern) == ("shop", "0000000000000004")


def test_a_new_pattern_stands_first_and_one_that_vanished_is_named() -> None:
    recent = watched(40)
    for minute in range(40, 46):
        counts = steady(minute)
        counts[2, 3, 5] = 390
        counts[2, 3, 3] = 10 * minute + 100 * (minute - 39)
        counts[2, 6, 9] = 1
        found = recent.changed(snapshot(FIRST + MINUTE * minute, counts, {(2, 9): 3_410.0}))
    assert [each.pattern[-1] for each in found] == ["9", "3", "5"]


def test_a_pattern_whose_name_changed_is_no_change() -> None:
    counts = steady(40)
    counts[2, 3, 9] = counts.pop((2, 3, 4))
    assert changed(counts) == ()


def test_a_service_that_said_nothing_before_has_nothing_that_changed() -> None:
    recent = RecentCounts()
    for minute in range(30):
        counts = {key: count for key, count in steady(minute).items() if key[0] < 2}
        recent.changed(snapshot(FIRST + MINUTE * minute, counts))
    counts = steady(30)
    first = {(2, pattern): FIRST + MINUTE * 29 for pattern in range(1, 6)}
    assert recent.changed(snapshot(FIRST + MINUTE * 30, counts, first)) == ()


def test_at_most_twenty_patterns_of_a_service_are_named() -> None:
    recent = RecentCounts()
    for minute in range(40):
        recent.changed(snapshot(FIRST + MINUTE * minute, steady(minute, n_patterns=80)))
    counts = steady(40, n_patterns=80)
    for pattern in range(1, 31):
        counts[0, 3, pattern] += 20 * pattern + 1_000
        counts[2, 3, pattern] += 20 * pattern + 1_000
    found = recent.changed(snapshot(FIRST + MINUTE * 40, counts))
    assert [each.service for each in found] == ["shop"] * 20 + ["till"] * 20
    assert found[0].pattern == f"{30:016x}"


def test_lines_of_other_patterns_may_change_but_are_never_new() -> None:
    counts = steady(40)
    counts[2, 3, 0] = 5
    assert changed(counts) == ()
    recent = RecentCounts()
    for minute in range(41):
        lines = 10 * minute + 1_000 * (minute == 40)
        found = recent.changed(
            snapshot(FIRST + MINUTE * minute, {**steady(minute), (2, 3, 0): lines})
        )
    assert [(each.pattern, each.score > 3) for each in found] == [("other", True)]


def test_before_ten_minutes_nothing_is_said() -> None:
    recent = RecentCounts()
    for minute in range(10):
        counts = {**steady(minute), (2, 3, 4): 10 * minute + 10_000 * (minute == 9)}
        assert recent.changed(snapshot(FIRST + MINUTE * minute, counts)) == ()


def test_counters_without_lines_are_counted() -> None:
    recent = RecentCounts()
    for minute in range(40):
        assert recent.changed(snapshot(FIRST + MINUTE * minute, {}, services=())) == ()


def test_counters_of_a_pattern_without_a_place_are_counted_without_a_first_time() -> None:
    found = counted_of(snapshot(FIRST, {(0, 3, 4): 7, (0, 4, 4): 1, (0, 3, 0): 2}, {(0, 4): 5.0}))
    assert found.pattern.tolist() == [0, 4]
    assert found.count.tolist() == [2, 8]
    np.testing.assert_array_equal(found.first_seconds, [np.nan, 5.0])


def test_within_fifteen_seconds_the_answer_stays_as_it_was() -> None:
    recent = watched(40)
    counts = steady(40)
    counts[2, 3, 4] += 500
    found = recent.changed(snapshot(FIRST + MINUTE * 40, counts))
    assert recent.changed(snapshot(FIRST + MINUTE * 40 + 10, steady(40))) == found != ()
    assert recent.changed(snapshot(FIRST + MINUTE * 40 + 20, steady(40))) == ()


def test_after_a_clock_was_set_back_changes_are_found_again() -> None:
    recent = watched(40)
    for minute in range(40, 61):
        counts = steady(minute)
        counts[2, 3, 4] += 500 * (minute == 60)
        found = recent.changed(snapshot(FIRST + MINUTE * (minute - 40), counts))
    assert [each.pattern for each in found] == ["0000000000000004"]
