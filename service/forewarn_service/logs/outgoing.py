"""Snapshots as samples for remote write: the same series that a scrape would have stored.

What changed is written at each snapshot, the rest every half minute. A series that is there no
longer is ended by Prometheus's stale marker.
"""

from collections.abc import Sequence

import numpy as np

from forewarn_models.labels import Labels
from forewarn_service.logs.changes import PatternChange
from forewarn_service.logs.families import rows_of
from forewarn_service.logs.snapshot import Snapshot
from forewarn_service.outgoing import REPEAT_MILLISECONDS, STALE_MARKER, Batch

SIGNAL = ""  # of batches of no signal


class LogEncoder:
    """Makes batches of snapshots; it remembers what was written, and what must be ended later."""

    def __init__(self) -> None:
        self._written: dict[Labels, float] = {}
        self._repeated_milliseconds = 0

    def encode(self, snapshot: Snapshot, changes: Sequence[PatternChange] = ()) -> Batch:
        """Return what a snapshot adds, and what changed most up to it."""
        now = snapshot.milliseconds
        is_repeat = now - self._repeated_milliseconds >= REPEAT_MILLISECONDS
        if is_repeat:
            self._repeated_milliseconds = now
        before, current = self._written, _samples(snapshot, changes)
        self._written = current
        written = {
            labels: value
            for labels, value in current.items()
            if is_repeat or before.get(labels) != value
        }
        written |= dict.fromkeys(before.keys() - current.keys(), STALE_MARKER)
        n = len(written)
        return Batch(
            SIGNAL,
            tuple(written),
            np.arange(n),
            np.full(n, now),
            np.fromiter(written.values(), dtype=np.float64, count=n),
            np.full(n, -1),
            (),
        )


def _samples(snapshot: Snapshot, changes: Sequence[PatternChange]) -> dict[Labels, float]:
    samples: dict[Labels, float] = {}
    for rows in rows_of(snapshot, changes):
        names = rows.family.labels
        name = ("__name__", rows.family.name)
        pairs = (_pairs(label, column) for label, column in zip(names, rows.columns, strict=True))
        named = [name] * len(rows.values)
        samples.update(zip(zip(named, *pairs, strict=True), rows.values, strict=True))
    return samples


def _pairs(label: str, column: Sequence[str]) -> list[tuple[str, str]]:
    """Return the label with each value, one object for each different one."""
    held = {value: (label, value) for value in set(column)}
    return [held[value] for value in column]
