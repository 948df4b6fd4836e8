"""forewarn_service.logs.tables: rows by key."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forewarn_service.logs.tables import Rule, Table

RULES = {"count": Rule(np.int64, np.add), "last": Rule(np.int64, np.maximum)}
ENTRIES = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9), st.integers(0, 99)))


def table_of(*parts: list[tuple[int, int, int]]) -> Table:
    table = Table(RULES)
    for part in parts:
        keys, counts, lasts = np.array(part, dtype=np.int64).reshape(-1, 3).T
        table.merge(keys, {"count": counts, "last": lasts})
    return table


def rows_of(table: Table) -> dict[int, tuple[int, int]]:
    columns = (table["count"].tolist(), table["last"].tolist())
    return dict(zip(table.keys.tolist(), zip(*columns, strict=True), strict=True))


@given(st.lists(ENTRIES, max_size=4))
def test_merging_is_joining_one_by_one(parts: list[list[tuple[int, int, int]]]) -> None:
    expected: dict[int, tuple[int, int]] = {}
    for key, count, last in (entry for part in parts for entry in part):
        held = expected.get(key, (0, 0))
        expected[key] = (held[0] + count, max(held[1], last))
    table = table_of(*parts)
    assert rows_of(table) == expected
    assert table.keys.tolist() == sorted(expected)
    assert len(table) == len(expected)


def test_a_key_is_found_or_not() -> None:
    assert Table(RULES).find(np.array([3])).tolist() == [-1]
    assert table_of([(3, 1, 1), (7, 1, 1)]).find(np.array([7, 5, 9, 3])).tolist() == [1, -1, -1, 0]


def test_rows_that_are_renamed_join_those_that_have_the_name() -> None:
    table = table_of([(1, 5, 10), (2, 7, 5), (3, 1, 1)])
    table.rename(np.array([3, 4]), np.array([True, True, False]))
    assert rows_of(table) == {3: (6, 10), 4: (7, 5)}


def test_what_changed_since_it_was_settled_is_marked() -> None:
    table = table_of([(1, 5, 10), (2, 7, 5)])
    table.settle()
    assert not table["changed"].any()
    table.merge(np.array([2, 9]), {"count": np.array([1, 1]), "last": np.array([0, 0])})
    assert table.keys[table["changed"]].tolist() == [2, 9]
    copied = table.copied(lambda each: np.flatnonzero(each["changed"]))
    table.merge(np.array([9]), {"count": np.array([5]), "last": np.array([0])})
    assert (copied["key"].tolist(), copied["count"].tolist()) == ([2, 9], [8, 1])
