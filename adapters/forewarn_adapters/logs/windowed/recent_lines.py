"""Which lines of the recent past were read, so that a late one is told from one read before.

Each is kept as a hash, by the second that it is of, because servers say how many lines a second
has. What a Loki's lines are kept by cannot be this: it is read again by stretches of any length,
and must not forget the rest of a second that it is inside of.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forewarn_adapters.logs.line_hashes import as_text, of_text
from forewarn_models.arrays import IntegerArray

SECOND_NANOSECONDS = 1_000_000_000
MOST_LINES = 1 << 16  # half a megabyte in a cursor


@dataclass(frozen=True, eq=False)
class RecentLines:
    """Every line that was read and is at or after an instant.

    Args:
        begin_nanoseconds: the instant.
        second: (n,) the second of each, in order.
        identity: (n,) the hash of each.
    """

    begin_nanoseconds: int
    second: IntegerArray
    identity: IntegerArray

    def counts(self) -> tuple[IntegerArray, IntegerArray]:
        """Return the seconds that have lines, in order, and how many each has."""
        return np.unique(self.second, return_counts=True)

    def of_second(self, second: int) -> IntegerArray:
        """Return the hashes of the lines of a second."""
        begin, end = np.searchsorted(self.second, [second, second + 1])
        return self.identity[begin:end]

    def with_lines(self, nanoseconds: IntegerArray, identity: IntegerArray) -> "RecentLines":
        """Return what is known once these lines were read, too."""
        new = nanoseconds >= self.begin_nanoseconds
        second = np.concatenate((self.second, nanoseconds[new] // SECOND_NANOSECONDS))
        order = np.argsort(second, kind="stable")
        both = np.concatenate((self.identity, identity[new]))
        return replace(self, second=second[order], identity=both[order])

    def since(self, nanoseconds: int) -> "RecentLines":
        """Return what is known from a whole second on, and of no more lines than are kept."""
        first = nanoseconds // SECOND_NANOSECONDS
        if len(self.second) > MOST_LINES:
            first = max(first, int(self.second[-MOST_LINES - 1]) + 1)
        begin = max(first * SECOND_NANOSECONDS, self.begin_nanoseconds)
        kept = int(np.searchsorted(self.second, first))
        return RecentLines(begin, self.second[kept:], self.identity[kept:])

    def to_json(self) -> dict[str, Any]:
        """Return what `recent_lines` reads."""
        seconds, counts = self.counts()
        return {
            "begin": self.begin_nanoseconds,
            "seconds": np.stack((seconds, counts), axis=1).tolist(),
            "identities": as_text(self.identity),
        }


def recent_lines(found: Mapping[str, Any]) -> RecentLines:
    """Return what `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
    identity = of_text(found["identities"])
    table = np.array(found["seconds"], dtype=np.int64).reshape(-1, 2)
    second = np.repeat(table[:, 0], table[:, 1])
    if len(second) != len(identity):
        raise ValueError("lines must be as many as are counted")
    return RecentLines(int(found["begin"]), second, identity)


def none_since(nanoseconds: int) -> RecentLines:
    """Return that no line was read from an instant on."""
    empty = np.empty(0, dtype=np.int64)
    return RecentLines(nanoseconds, empty, empty)
