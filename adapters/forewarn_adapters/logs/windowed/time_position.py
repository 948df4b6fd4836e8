"""How far a server's lines are read by time, and the cursor that says so."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forewarn_adapters.logs.answer_lines import AnswerLines
from forewarn_adapters.logs.batch import Cursor
from forewarn_adapters.logs.cursors import reading_cursor
from forewarn_adapters.logs.line_hashes import as_text, of_text
from forewarn_adapters.logs.windowed.recent_lines import (
    SECOND_NANOSECONDS,
    RecentLines,
    none_since,
    recent_lines,
)
from forewarn_models.arrays import IntegerArray

# How late a line may be beyond the delay, where not more lines than are remembered lie between.
LATEST_NANOSECONDS = 60 * SECOND_NANOSECONDS
# Of an instant that is read piece by piece; the first ones of more would be forgotten.
_MOST_OF_INSTANT = 1 << 20

# Where reading within an instant goes on.
Place = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class WithinInstant:
    """An instant that is read piece by piece.

    Args:
        place: where it goes on, as the server's adapter understands it; None = at its start.
        identity: (n,) hashes of the lines that were read.
    """

    place: Place | None
    identity: IntegerArray


@dataclass(frozen=True, eq=False)
class Position:
    """How far everything is read.

    Args:
        nanoseconds: all lines before it were read, but late ones.
        known: those of the recent past.
        checked_nanoseconds: when the server was last asked for late ones.
        within: how far the instant at `nanoseconds` was read; None = not at all.
    """

    nanoseconds: int
    known: RecentLines
    checked_nanoseconds: int
    within: WithinInstant | None = None

    def moved(self, lines: AnswerLines, end: int, head: int) -> "Position":
        """Return the position after these lines, where all before `end` was read.

        `head` is where reading would be if it were not behind.
        """
        known = self.known
        if self.within is not None:
            instants = np.full(len(self.within.identity), self.nanoseconds)
            known = known.with_lines(instants, self.within.identity)
        first = min(head - LATEST_NANOSECONDS, end)
        known = known.since(first)
        # What is older than that is not asked for again, so that it need not be told from others.
        recent = lines.where(lines.timestamp_nanoseconds >= known.begin_nanoseconds)
        known = known.with_lines(recent.timestamp_nanoseconds, recent.identity()).since(first)
        return Position(end, known, self.checked_nanoseconds)

    def within_instant(self, place: Place, lines: AnswerLines) -> "Position":
        """Return the position after some lines of its instant."""
        read = self.within.identity if self.within else np.empty(0, dtype=np.int64)
        read = np.concatenate((read, lines.identity()))[-_MOST_OF_INSTANT:]
        return replace(self, within=WithinInstant(place, read))

    def cursor(self) -> Cursor:
        """Return what `position_of` reads."""
        found: dict[str, Any] = {
            "nanoseconds": self.nanoseconds,
            "checked": self.checked_nanoseconds,
            "known": self.known.to_json(),
        }
        if self.within is not None:
            identities = as_text(self.within.identity)
            found["within"] = {"place": self.within.place, "identities": identities}
        return found


def position_at(nanoseconds: int) -> Position:
    """Return the position that reading begins at."""
    return Position(nanoseconds, none_since(nanoseconds), checked_nanoseconds=0)


def position_of(cursor: Cursor) -> Position:
    """Return the position of a cursor. Raises SourceRejected when no source by time gave it."""
    with reading_cursor():
        within = cursor.get("within")
        return Position(
            int(cursor["nanoseconds"]),
            recent_lines(cursor["known"]),
            int(cursor["checked"]),
            within and WithinInstant(dict(within["place"]), of_text(within["identities"])),
        )
