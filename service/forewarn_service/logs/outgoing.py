"""Snapshots as samples for remote write: the same series that a scrape would have stored.

What changed is written at each snapshot, the rest every half minute. A series that is there no
longer is ended by Prometheus's stale marker. A counter that begins is 0 at the time of the snapshot
before, so that its first lines are an increase.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from forewarn_models.arrays import IntegerArray
from forewarn_models.labels import Labels
from forewarn_service.logs.changes import PatternChange
from forewarn_service.logs.families import rows_of
from forewarn_service.logs.snapshot import Snapshot
from forewarn_service.outgoing import REPEAT_MILLISECONDS, STALE_MARKER, Batch

SIGNAL = ""  # of batches of no signal
_LEAST_BEFORE_MILLISECONDS = 2


class LogEncoder:
    """Makes batches of snapshots; it remembers what was written, and what must be ended later."""

    def __init__(self) -> None:
        self._written: dict[Labels, float] = {}
        self._repeated_milliseconds = 0
        self._before_milliseconds: int | None = None

    def begin_anew(self) -> None:
        """Write the counters of the next snapshot as they are: they were counted elsewhere."""
        self._before_milliseconds = None

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
        before_milliseconds, self._before_milliseconds = self._before_milliseconds, now
        if before_milliseconds is None or now - before_milliseconds < _LEAST_BEFORE_MILLISECONDS:
            begun = np.empty(0, dtype=np.int64)
        else:
            begun = _begun(before, written)
        zero_milliseconds = (before_milliseconds or now) + 1  # a stale marker may be there
        values = np.fromiter(written.values(), dtype=np.float64, count=n)
        return Batch(
            SIGNAL,
            tuple(written),
            np.concatenate((begun, np.arange(n))),
            np.repeat([zero_milliseconds, now], [len(begun), n]),
            np.concatenate((np.zeros(len(begun)), values)),
            np.full(len(begun) + n, -1),
            (),
        )


def _begun(before: Mapping[Labels, float], written: Iterable[Labels]) -> IntegerArray:
    """Return the places of counters that were not there before."""
    places = [
        place
        for place, labels in enumerate(written)
        if labels not in before and labels[0][1].endswith("_total")
    ]
    return np.array(places, dtype=np.int64)


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
