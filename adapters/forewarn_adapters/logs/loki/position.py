"""Where reading of a Loki goes on: what is still to be read, and what was read already."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from forewarn_adapters.logs.batch import Cursor
from forewarn_adapters.logs.cursors import reading_cursor
from forewarn_adapters.logs.loki.remembered import Remembered, decoded

_FORMAT = "loki/1"


@dataclass(frozen=True, slots=True)
class Region:
    """Lines with begin <= timestamp < end, in nanoseconds, that pass further stages of LogQL."""

    begin: int
    end: int
    stages: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Position:
    """Where reading stands.

    Args:
        until: all before this instant has been read, but for what is `pending`; nanoseconds.
        pending: regions before `until` that have not been read, the next one first.
        again: regions that are read again for lines that came late, the next one first.
        reread: when reading again began the last time; nanoseconds.
        remembered: the newest lines that were read.
    """

    until: int
    pending: tuple[Region, ...]
    again: tuple[Region, ...]
    reread: int
    remembered: Remembered

    @property
    def unread(self) -> int:
        """The instant before which nothing is left to be read for the first time."""
        return min((region.begin for region in self.pending), default=self.until)


def beginning(until: int) -> Position:
    """Return the position of somebody who reads what comes from this instant on."""
    return Position(until, (), (), until, Remembered(until))


def with_new(position: Position, until: int) -> Position:
    """Return a position that has nothing pending with all from where it stood to be read."""
    return replace(position, until=until, pending=(Region(position.until, until),))


def with_again(position: Position, now: int) -> Position:
    """Return the position with all that is remembered to be read once more."""
    again = tuple(_from(position.remembered.since, [Region(0, position.until)]))
    return replace(position, again=again, reread=now)


def without_forgotten(position: Position) -> Position:
    """Return the position without what would be read again but is remembered no more."""
    return replace(position, again=tuple(_from(position.remembered.since, position.again)))


def cursor_of(position: Position) -> Cursor:
    """Return the position as what JSON can hold."""
    return {
        "format": _FORMAT,
        "until": position.until,
        "pending": _listed(position.pending),
        "again": _listed(position.again),
        "reread": position.reread,
        "remembered": position.remembered.encoded(),
    }


def position_of(cursor: Cursor) -> Position:
    """Return what `cursor_of` gave. Raises SourceRejected for anything else."""
    with reading_cursor():
        if cursor["format"] != _FORMAT:
            raise ValueError(f"format must be {_FORMAT!r}")
        return Position(
            int(cursor["until"]),
            _regions(cursor["pending"]),
            _regions(cursor["again"]),
            int(cursor["reread"]),
            decoded(cursor["remembered"]),
        )


def _from(begin: int, regions: Sequence[Region]) -> list[Region]:
    cut = (replace(region, begin=max(region.begin, begin)) for region in regions)
    return [region for region in cut if region.begin < region.end]


def _listed(regions: Sequence[Region]) -> list[list[Any]]:
    return [[region.begin, region.end, region.stages] for region in regions]


def _regions(content: Any) -> tuple[Region, ...]:
    return tuple(Region(int(begin), int(end), str(stages)) for begin, end, stages in content)
