"""Columns by key, in arrays: what is counted of many things at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from forewarn_models.arrays import AnyArray, BooleanArray, IntegerArray

Columns = Mapping[str, AnyArray]


@dataclass(frozen=True)
class Rule:
    """What a column holds, and what becomes of two values of one key."""

    kind: DTypeLike
    joined: np.ufunc


def grouped(
    keys: IntegerArray, columns: Columns, rules: Mapping[str, Rule]
) -> tuple[IntegerArray, dict[str, AnyArray]]:
    """Return each key once, in order, and its joined values; (n,) keys in any order."""
    if not len(keys):
        return keys, dict(columns)
    order = np.argsort(keys, kind="stable")
    in_order = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], in_order[1:] != in_order[:-1])))
    values = {
        name: rules[name].joined.reduceat(column[order], starts) for name, column in columns.items()
    }
    return in_order[starts], values


class Table:
    """Rows by key, in the order of their keys. Those that changed since `settle` are marked."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self.rules = {**rules, "changed": Rule(np.bool_, np.logical_or)}
        self.keys: IntegerArray = np.empty(0, dtype=np.int64)
        self._columns = {name: np.empty(0, dtype=rule.kind) for name, rule in self.rules.items()}

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, column: str) -> AnyArray:
        return self._columns[column]

    def find(self, keys: IntegerArray) -> IntegerArray:
        """Return the place of each key, -1 where it has none."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)

    def merge(self, keys: IntegerArray, columns: Columns) -> None:
        """Join values with those that their keys have; keys come in any order and may repeat."""
        marked = {**columns, "changed": np.ones(len(keys), dtype=np.bool_)}
        keys, values = grouped(keys, marked, self.rules)
        places = self.find(keys)
        is_known = places >= 0
        held, new = places[is_known], ~is_known
        for name, rule in self.rules.items():
            column = self._columns[name]
            column[held] = rule.joined(column[held], values[name][is_known])
        if new.any():
            before = np.searchsorted(self.keys, keys[new])
            self.keys = np.insert(self.keys, before, keys[new])
            for name, column in self._columns.items():
                self._columns[name] = np.insert(column, before, values[name][new])

    def keep(self, chosen: BooleanArray) -> None:
        """Drop the rows that are not chosen."""
        if not chosen.all():
            self.keys = self.keys[chosen]
            self._columns = {name: column[chosen] for name, column in self._columns.items()}

    def rename(self, keys: IntegerArray, chosen: BooleanArray) -> None:
        """Give the chosen rows, in their order, other keys, which others may have already."""
        columns = {name: column[chosen] for name, column in self._columns.items()}
        self.keep(~chosen)
        self.merge(keys, columns)

    def settle(self) -> None:
        """Note that all is as it was."""
        self._columns["changed"][:] = False

    def copied(self, chosen: Callable[["Table"], AnyArray] | None = None) -> dict[str, AnyArray]:
        """Return the keys and columns, of the chosen rows only, as arrays that nobody changes."""
        rows = slice(None) if chosen is None else chosen(self)
        return {"key": self.keys[rows].copy()} | {
            name: column[rows].copy() for name, column in self._columns.items()
        }
