"""forewarn_service.logs.counting: batches in, counters out, and on after a restart."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_adapters.logs.batch import LEVELS
from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.contract import State
from forewarn_service.logs.counting import Cut, LineCounting
from forewarn_service.logs.names import name_of
from forewarn_service.logs.snapshot import Snapshot
from forewarn_service.logs.stored import unpacked
from log_parts import NOW, WEEK_MILLISECONDS, batch_of, counting_of, numbered, statement

WORDS = st.sampled_from([f"kind={letter * 3} size 3" for letter in "abcdefgh"])
TEXTS = st.one_of(
    WORDS, st.integers(0, 40).map(statement), st.builds("took {} ms".format, st.integers())
)


def counts(snapshot: Snapshot) -> dict[tuple[str, str, str, str], int]:
    """Lines by source, service, level and template."""
    series = snapshot.series
    columns = (series[name].tolist() for name in ("service", "level", "pattern", "count"))
    found = {
        (*snapshot.services[service], LEVELS[level], snapshot.templates[pattern]): count
        for service, level, pattern, count in zip(*columns, strict=True)
    }
    assert len(found) == len(series["count"])
    return found


def facts(snapshot: Snapshot) -> Mapping[str, object]:
    places = zip(
        *(snapshot.places[name].tolist() for name in ("service", "pattern", "first", "last")),
        strict=True,
    )
    news = zip(
        *(snapshot.news[name].tolist() for name in ("service", "level", "count")), strict=True
    )
    return {
        "counts": counts(snapshot),
        "places": {(snapshot.services[each[0]], *each[1:]) for each in places},
        "news": {(snapshot.services[each[0]], *each[1:]) for each in news},
        "sources": {
            name: (each.lines, each.size_bytes, each.ended, each.cursor)
            for name, each in snapshot.sources.items()
        },
    }


def take(
    counting: LineCounting, lines: Sequence[str], *, source: str = "app", cursor: int = 0, **how
) -> None:
    batch = batch_of(lines, cursor={"next": cursor}, **how)
    counting.take(source, batch, now_milliseconds=NOW)


def cut_of(counting: LineCounting, *, at: int = NOW) -> Cut:
    return counting.cut(now_milliseconds=at)


def restored(
    states: Sequence[State | None], *, sources: Sequence[str] = ("app",), **how: Any
) -> LineCounting:
    counting = counting_of(sources, **how)
    kept = [from_bytes(to_bytes(state)) for state in states if state is not None]
    counting.restore(unpacked(kept))
    return counting


def test_lines_are_counted_by_source_service_level_and_pattern() -> None:
    counting = counting_of(("app", "web"))
    take(counting, numbered(0, 10), services=("shop", "cart"), level="info")
    take(counting, numbered(10, 13), source="web", level="error")
    take(counting, ["disk is full"] * 2, source="web")
    template = "request <*> took <*> ms"
    assert counts(cut_of(counting).snapshot) == {
        ("app", "shop", "info", template): 5,
        ("app", "cart", "info", template): 5,
        ("web", "shop", "error", template): 3,
        ("web", "shop", "", "disk is full"): 2,
    }


def test_bytes_lines_and_lag_of_a_source_are_told() -> None:
    counting = counting_of()
    take(counting, ["one", "three"], milliseconds=NOW - 1_500)
    tally = cut_of(counting).snapshot.sources["app"]
    assert (tally.lines, tally.size_bytes, tally.lag_seconds) == (2, 8, 1.5)
    take(counting, [])
    assert cut_of(counting).snapshot.sources["app"].lag_seconds == 0.0


def test_times_are_those_of_the_lines_but_never_in_the_future() -> None:
    counting = counting_of()
    take(counting, ["past"], milliseconds=NOW - 60_000)
    take(counting, ["unknown"])
    take(counting, ["future"], milliseconds=NOW + 60_000)
    places = cut_of(counting).snapshot.places
    assert sorted((places["first"] // 1_000_000 - NOW).tolist()) == [-60_000, 0, 0]


@settings(max_examples=60)
@given(st.lists(st.lists(TEXTS, min_size=1, max_size=30), min_size=1, max_size=6), st.data())
def test_whoever_goes_on_from_a_checkpoint_counts_as_who_never_stopped(
    batches: list[list[str]], data: st.DataObject
) -> None:
    straight, counting = counting_of(), counting_of()
    states: list[State | None] = []
    for number, lines in enumerate(batches):
        take(straight, lines, cursor=number, milliseconds=NOW - 100 + number)
        take(counting, lines, cursor=number, milliseconds=NOW - 100 + number)
        if data.draw(st.booleans()) or number == len(batches) - 1:
            cut = cut_of(counting)
            states = [cut.state] if cut.is_whole else [*states, cut.state]
            if data.draw(st.booleans()):
                counting = restored(states)
    expected = facts(cut_of(straight).snapshot)
    assert facts(cut_of(counting).snapshot) == expected
    assert facts(cut_of(restored(states)).snapshot) == expected
    assert sum(counts(cut_of(straight).snapshot).values()) == sum(map(len, batches))


def test_names_stay_over_a_restart_and_counters_go_on() -> None:
    counting = counting_of()
    take(counting, numbered(0, 100), cursor=100)
    first = cut_of(counting)
    again = restored([first.state])
    assert again.tallies["app"].cursor == {"next": 100}
    take(again, numbered(100, 150), cursor=150)
    snapshot = cut_of(again).snapshot
    assert snapshot.series["pattern"].tolist() == first.snapshot.series["pattern"].tolist()
    assert snapshot.series["count"].tolist() == [150]


def test_only_what_changed_is_stored_again() -> None:
    counting = counting_of()
    take(counting, [statement(number) for number in range(90)])
    whole = cut_of(counting)
    take(counting, [statement(7)] * 3)
    change = cut_of(counting)
    assert (whole.is_whole, change.is_whole) == (True, False)
    assert change.state is not None
    assert change.state.arrays["series/count"].tolist() == [4]
    assert cut_of(counting).state is None


def test_a_cursor_that_moves_on_without_lines_is_stored() -> None:
    counting = counting_of()
    take(counting, [], cursor=1)
    assert cut_of(counting).state is not None
    take(counting, [], cursor=1)
    assert cut_of(counting).state is None
    take(counting, [], cursor=2)
    cut = cut_of(counting)
    assert cut.state is not None
    assert cut.cursors == {"app": {"next": 2}}


def test_after_a_cut_that_was_not_stored_all_is() -> None:
    counting = counting_of()
    take(counting, numbered(0, 5))
    cut_of(counting)
    counting.store_whole()
    cut = cut_of(counting)
    assert cut.is_whole
    assert counts(cut_of(restored([cut.state])).snapshot) == counts(cut.snapshot)


def test_when_patterns_become_one_its_name_takes_over_the_sum() -> None:
    counting = counting_of()
    take(counting, [f"size 3 kind={letter * 3}" for letter in "abc"])
    assert len(counts(cut_of(counting).snapshot)) == 3
    take(counting, [f"size 3 kind={letter * 3}" for letter in "de"])
    cut = cut_of(counting)
    assert counts(cut.snapshot) == {("app", "shop", "", "size <*> kind=<*>"): 5}
    assert cut.is_whole
    assert cut.snapshot.n_patterns.tolist() == [1]
    assert cut.snapshot.sources["app"].ended == 0


def test_what_the_miner_folds_ends_and_later_lines_of_it_are_counted() -> None:
    counting = counting_of(most_patterns=8)
    for number in range(40):
        take(counting, [statement(number)] * (1 + number % 3))
    snapshot = cut_of(counting).snapshot
    tally = snapshot.sources["app"]
    assert tally.ended > 0
    assert snapshot.series["count"].sum() + tally.ended == tally.lines
    again = restored([cut_of_whole(counting).state], most_patterns=8)
    assert facts(cut_of(again).snapshot) == facts(cut_of(counting).snapshot)


def cut_of_whole(counting: LineCounting) -> Cut:
    counting.store_whole()
    return cut_of(counting)


def test_a_smaller_bound_of_patterns_ends_those_that_have_no_room() -> None:
    counting = counting_of()
    for number in range(60):
        take(counting, [statement(number)] * (1 + number))
    again = restored([cut_of(counting).state], most_patterns=8)
    snapshot = cut_of(again).snapshot
    tally = snapshot.sources["app"]
    assert tally.ended > 0
    assert snapshot.series["count"].sum() + tally.ended == tally.lines == 1830


def test_a_source_of_another_kind_is_read_from_where_it_begins() -> None:
    counting = counting_of()
    take(counting, numbered(0, 3), cursor=3)
    state = cut_of(counting).state
    again = restored([state], kind="loki")
    tally = again.tallies["app"]
    assert (tally.kind, tally.cursor, tally.lines) == ("loki", None, 3)
    assert counts(cut_of(again).snapshot) == counts(cut_of(counting).snapshot)


def test_a_source_that_is_not_configured_any_more_is_left_out() -> None:
    counting = counting_of(("app", "web"))
    take(counting, numbered(0, 3))
    take(counting, numbered(0, 4), source="web", services=("cart",))
    snapshot = cut_of(restored([cut_of(counting).state], sources=("web",))).snapshot
    assert counts(snapshot) == {("web", "cart", "", "request <*> took <*> ms"): 4}
    assert list(snapshot.sources) == ["web"]


def test_a_service_over_its_budget_changes_its_patterns_once_a_week() -> None:
    counting = counting_of(patterns_per_service=5)
    names: set[str] = set()
    for week in range(6):
        start = NOW - (10 - week) * WEEK_MILLISECONDS
        for hour in range(0, 24 * 7, 24):
            lines = [statement(100 * week + number) for number in range(40)]
            take(counting, lines, milliseconds=start + hour * 3_600_000)
            snapshot = cut_of(counting).snapshot
            names |= {name_of(each) for each in snapshot.places["pattern"].tolist()}
            assert snapshot.n_patterns[0] <= 5
    assert 5 < len(names) <= 5 * 6


def test_rows_of_one_name_are_counted_as_one() -> None:
    counting = counting_of()
    take(counting, ["one thing", "two things"])
    counting.names.refresh(counting.miner)
    rows = np.flatnonzero(counting.names.identifiers)
    counting.names.identifiers[rows] = counting.names.identifiers[rows[0]]
    counting.names.has_twins = True
    series = cut_of(counting).snapshot.series
    assert series["count"].tolist() == [2]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.lists(st.one_of(TEXTS, st.integers(0, 400).map(statement)), min_size=1, max_size=40),
            st.sampled_from(["nothing", "cut", "restart"]),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([1, 3, 100]),
)
def test_no_line_is_lost_whatever_is_folded_and_whenever_it_is_killed(
    steps: list[tuple[list[str], str]], budget: int
) -> None:
    bounds = {"most_patterns": 8, "patterns_per_service": budget}
    counting, states, n_lines, n_stored = counting_of(**bounds), [], 0, 0
    for number, (lines, then) in enumerate(steps):
        take(counting, lines, cursor=number, services=("shop", "cart"))
        n_lines += len(lines)
        if then == "cut":
            cut = cut_of(counting)
            states, n_stored = [cut.state] if cut.is_whole else [*states, cut.state], n_lines
        elif then == "restart" and states:
            counting, n_lines = restored(states, **bounds), n_stored
        snapshot = counting.cut(now_milliseconds=NOW).snapshot if then == "restart" else None
        if snapshot is not None:
            counting.store_whole()
            states, n_stored = [cut_of(counting).state], n_lines
            tally = snapshot.sources["app"]
            assert snapshot.series["count"].sum() + tally.ended == tally.lines == n_lines
            assert snapshot.n_patterns.max(initial=0) <= budget


def test_services_that_were_silent_for_a_week_make_room_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("forewarn_service.logs.counting.MOST_SERVICES", 3)
    counting = counting_of()
    long_ago = NOW - 2 * WEEK_MILLISECONDS
    take(counting, numbered(0, 4), services=("old", "older"), milliseconds=long_ago)
    take(counting, numbered(0, 3), services=("shop", "cart"), milliseconds=NOW)
    assert counting.services.is_full
    again = restored([cut_of(counting).state])
    assert not again.services.is_full
    take(again, numbered(0, 1), services=("cart",))
    snapshot = cut_of(again).snapshot
    assert {service for _, service, _, _ in counts(snapshot)} == {"shop", "other", "cart"}
    tally = snapshot.sources["app"]
    assert (tally.lines, tally.ended) == (8, 4)
    assert snapshot.series["count"].sum() + tally.ended == tally.lines


def test_as_long_as_there_is_room_no_service_is_forgotten() -> None:
    counting = counting_of()
    take(counting, numbered(0, 1), services=("old",), milliseconds=NOW - 2 * WEEK_MILLISECONDS)
    take(counting, numbered(0, 1), services=("shop",), milliseconds=NOW)
    again = restored([cut_of(counting).state])
    assert facts(cut_of(again).snapshot) == facts(cut_of(counting).snapshot)
