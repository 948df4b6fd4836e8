"""Which lines of the recent past were read, so that a late one is told from one read before.

Each is kept as a hash of 64 bits, by the second that it is of. Equal lines have equal hashes: they
are told by how many there are.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forewarn_models.arrays import BooleanArray, IntegerArray
from forewarn_models.errors import DataError

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
    """Return what `to_json` gave. Raises DataError when it is something else."""
    try:
        identity = of_text(found["identities"])
        table = np.array(found["seconds"], dtype=np.int64).reshape(-1, 2)
        second = np.repeat(table[:, 0], table[:, 1])
        begin = int(found["begin"])
    except (KeyError, TypeError, ValueError) as broken:
        raise DataError("a cursor must be one that this source gave") from broken
    if len(second) != len(identity):
        raise DataError("a cursor must have as many lines as it counts")
    return RecentLines(begin, second, identity)


def none_since(nanoseconds: int) -> RecentLines:
    """Return that no line was read from an instant on."""
    empty = np.empty(0, dtype=np.int64)
    return RecentLines(nanoseconds, empty, empty)


def as_text(identity: IntegerArray) -> str:
    """Return hashes as JSON can hold them in little space."""
    return base64.b64encode(identity.astype("<i8").tobytes()).decode()


def of_text(text: str) -> IntegerArray:
    """Return the hashes of `as_text`. Raises ValueError when it is something else."""
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<i8").astype(np.int64)


class Sieve:
    """Holds back lines that were read before, each as often as it was."""

    def __init__(self, known: IntegerArray) -> None:
        self._identity, self._left = np.unique(known, return_counts=True)

    def unseen(self, identity: IntegerArray) -> BooleanArray:
        """Return (n,) which lines were not read before; ask for each line once."""
        if not len(self._identity):
            return np.ones(len(identity), dtype=np.bool_)
        met, inverse, count = np.unique(identity, return_inverse=True, return_counts=True)
        place = np.minimum(np.searchsorted(self._identity, met), len(self._identity) - 1)
        known = np.where(self._identity[place] == met, self._left[place], 0)
        held_back = np.minimum(known, count)
        np.subtract.at(self._left, place, held_back)
        order = np.argsort(inverse, kind="stable")
        rank = np.empty(len(identity), dtype=np.int64)
        rank[order] = np.arange(len(identity)) - np.repeat(np.cumsum(count) - count, count)
        unseen: BooleanArray = rank >= held_back[inverse]
        return unseen
