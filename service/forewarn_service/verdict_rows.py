"""Verdicts as rows: choosing, joining, and keeping the newest of each row."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from forewarn_models.arrays import AnyArray, BooleanArray, IntegerArray
from forewarn_models.labels import Labels
from forewarn_models.verdicts import Verdicts

_COLUMNS = tuple(field.name for field in fields(Verdicts) if field.name != "series")
_VIEWS = frozenset(("view", "episode_view"))
_SMALL = frozenset(("direction", "severity", "episode_direction")) | _VIEWS
_INTEGER = frozenset(("row", "timestamp_milliseconds", "episode_start_milliseconds"))


def select(verdicts: Verdicts, chosen: BooleanArray | IntegerArray) -> Verdicts:
    """Return the chosen entries of the same rows."""
    columns: dict[str, Any] = {name: getattr(verdicts, name)[chosen] for name in _COLUMNS}
    return replace(verdicts, **columns)


def concatenate(series: tuple[Labels, ...], parts: Sequence[Verdicts]) -> Verdicts:
    """Return the entries of all parts, at least one, which share the rows `series`."""
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS
    }
    return Verdicts(series, **columns)


def empty(series: tuple[Labels, ...], n_entries: int) -> Verdicts:
    """Return entries that say nothing: NaN, no direction, view, episode, timestamp 0, row i."""
    columns: dict[str, Any] = {name: _blank(name, n_entries) for name in _COLUMNS}
    return Verdicts(series, **(columns | {"row": np.arange(n_entries, dtype=np.int64)}))


@dataclass(eq=False)
class NewestRows:
    """The newest entry of each row; it changes as verdicts arrive."""

    table: Verdicts

    def update(self, verdicts: Verdicts) -> None:
        """Take over entries that are at least as new as what the table holds of their row."""
        if not len(verdicts):
            return
        order = np.lexsort((verdicts.timestamp_milliseconds, verdicts.row))
        rows = verdicts.row[order]
        last = order[np.append(rows[1:] != rows[:-1], True)]
        held = self.table.timestamp_milliseconds[verdicts.row[last]]
        chosen = last[verdicts.timestamp_milliseconds[last] >= held]
        columns: dict[str, Any] = {}
        for name in _COLUMNS:
            column = getattr(self.table, name).copy()
            column[verdicts.row[chosen]] = getattr(verdicts, name)[chosen]
            columns[name] = column
        self.table = replace(self.table, **columns)


def concatenate_rows(first: Verdicts, second: Verdicts) -> Verdicts:
    """Return two tables of one entry a row as one, the rows of `second` below."""
    joined = concatenate((*first.series, *second.series), [first, second])
    return replace(joined, row=np.arange(len(joined), dtype=np.int64))


def _blank(name: str, n_entries: int) -> AnyArray:
    if name in _SMALL:
        return np.full(n_entries, -1 if name in _VIEWS else 0, np.int8)
    if name in _INTEGER:
        return np.zeros(n_entries, np.int64)
    return np.full(n_entries, np.nan)
