"""Reading lines from a server by windows of time, each line once, late ones too.

A window ends before what is younger than the delay, and an answer begins with its oldest lines:
one that is cut off is taken up to its newest timestamp, which the next one begins with. So no
answer depends on another. Only an instant that has more lines than an answer may have is read
piece by piece. What came late to seconds that were already read shows in how many lines these
have; then they are read again, and what was read before is held back.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol, TypeVar

import numpy as np

from forewarn_adapters.clock import Clock
from forewarn_adapters.http import AnswerTooLarge
from forewarn_adapters.logs.answer_lines import NO_LINES, AnswerLines, together
from forewarn_adapters.logs.batch import Cursor, LogBatch
from forewarn_adapters.logs.line_hashes import Sieve
from forewarn_adapters.logs.windowed.recent_lines import SECOND_NANOSECONDS, RecentLines
from forewarn_adapters.logs.windowed.time_position import Place, Position, position_at, position_of
from forewarn_models.arrays import IntegerArray
from forewarn_models.errors import SourceTimeout, SourceUnavailable

_T = TypeVar("_T")
_MILLISECOND_NANOSECONDS = 1_000_000
_CHECK_NANOSECONDS = SECOND_NANOSECONDS
_FIRST_WINDOW_NANOSECONDS = 60 * SECOND_NANOSECONDS
_LONGEST_WINDOW_NANOSECONDS = 86_400 * SECOND_NANOSECONDS
_WANTED_ANSWER_BYTES = 1 << 23
_SIFTED = {"is_sifted": True}


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """Some lines of an instant.

    Args:
        lines: as they came.
        place: where it goes on; None = it has no more.
        is_again: whether the instant was begun anew, so that lines may be among those read before.
    """

    lines: AnswerLines
    place: Place | None
    is_again: bool = False


class MovedError(Exception):
    """Lines came to an instant while it was read piece by piece: a place in it means nothing."""


class WindowedServer(Protocol):
    """What a server of lines can be asked. Windows are from `begin` to before `end`."""

    def oldest(self, begin: int, end: int, most: int) -> tuple[AnswerLines, bool]:
        """Return at most so many of the oldest lines of a window, and whether these are all."""
        ...

    def piece(self, instant: int, place: Place | None, most: int) -> "Piece":
        """Return some lines of an instant. Raises MovedError where it cannot go on."""
        ...

    def counts(self, begin: int, end: int) -> tuple[IntegerArray, IntegerArray]:
        """Return seconds of a window, in order, and how many lines of the window each has."""
        ...


class WindowReader:
    """Reads a server's lines in order of time."""

    def __init__(
        self, server: WindowedServer, *, delay: timedelta, page_lines: int, clock: Clock
    ) -> None:
        self._server = server
        self._delay_milliseconds = round(delay.total_seconds() * 1_000)
        self._page_lines = page_lines
        self._clock = clock
        # These two say how much is asked for at a time, not where.
        self._most = page_lines
        self._window_nanoseconds = _FIRST_WINDOW_NANOSECONDS

    def read(self, cursor: Cursor | None) -> LogBatch:
        """Return the next lines. Raises SourceError."""
        now = self._clock()
        head = (now - self._delay_milliseconds) * _MILLISECOND_NANOSECONDS
        if cursor is None:
            return NO_LINES.batch(position_at(head).cursor())
        position = position_of(cursor)
        lines, position = self._next(position, now * _MILLISECOND_NANOSECONDS, head)
        return lines.batch(position.cursor())

    def _next(self, position: Position, now: int, head: int) -> tuple[AnswerLines, Position]:
        if position.within is not None:
            return self._within_instant(position, head)
        if not 0 <= now - position.checked_nanoseconds < _CHECK_NANOSECONDS:
            late, is_whole = self._late(position)
            position = replace(position, checked_nanoseconds=now if is_whole else 0)
            if len(late):
                return late, position.moved(late, position.nanoseconds, head)
        return self._forward(position, head)

    def _forward(self, position: Position, head: int) -> tuple[AnswerLines, Position]:
        lines = NO_LINES
        while not len(lines) and position.nanoseconds < head:
            begin = position.nanoseconds
            end = begin + self._window_nanoseconds
            end = min(head, end - end % _MILLISECOND_NANOSECONDS)
            lines, is_whole = self._oldest(begin, end)
            if is_whole:
                self._widen_after(lines)
            else:
                first, newest = lines.timestamp_nanoseconds[[0, -1]].tolist()
                self._window_nanoseconds = max(2 * (newest - begin), SECOND_NANOSECONDS)
                if first == newest:
                    return self._within_instant(position.moved(NO_LINES, newest, head), head)
                lines, end = lines.where(lines.timestamp_nanoseconds < newest), newest
            position = position.moved(lines, end, head)
        return lines, position

    def _widen_after(self, lines: AnswerLines) -> None:
        if len(lines) < self._most // 4:
            wider = 4 * self._window_nanoseconds
            self._window_nanoseconds = min(wider, _LONGEST_WINDOW_NANOSECONDS)

    def _within_instant(self, position: Position, head: int) -> tuple[AnswerLines, Position]:
        instant, within = position.nanoseconds, position.within
        known = np.empty(0, dtype=np.int64) if within is None else within.identity
        place = None if within is None else within.place
        lines, place = self._new_piece(instant, place, known)
        while not len(lines) and place is not None:
            lines, place = self._new_piece(instant, place, known)
        if place is not None:
            return lines, position.within_instant(place, lines)
        position = position.moved(lines, instant + 1, head)
        return (lines, position) if len(lines) else self._forward(position, head)

    def _new_piece(
        self, instant: int, place: Place | None, known: IntegerArray
    ) -> tuple[AnswerLines, Place | None]:
        """Return lines of an instant that are not known, and where it goes on."""
        if place != _SIFTED:
            with contextlib.suppress(MovedError):
                piece = self._piece(instant, place)
                lines = piece.lines
                if piece.is_again:
                    lines = lines.where(Sieve(known).unseen(lines.identity()))
                return lines, piece.place
        lines, is_whole = self._unseen(instant, instant + 1, known)
        return lines, None if is_whole else _SIFTED

    def _late(self, position: Position) -> tuple[AnswerLines, bool]:
        """Return lines that came to seconds that were already read, and whether these are all."""
        begin, end = position.known.begin_nanoseconds, position.nanoseconds
        if begin >= end:
            return NO_LINES, True
        found, is_whole = [NO_LINES], True
        for second in _grown(self._server.counts(begin, end), position.known):
            if not is_whole or sum(map(len, found)) >= self._page_lines:
                return together(found), False
            first = second * SECOND_NANOSECONDS
            lines, is_whole = self._unseen(
                max(begin, first),
                min(end, first + SECOND_NANOSECONDS),
                position.known.of_second(second),
            )
            found.append(lines)
        return together(found), is_whole

    def _unseen(self, begin: int, end: int, known: IntegerArray) -> tuple[AnswerLines, bool]:
        """Return lines of a window beyond those that are known, and whether these are all."""
        sieve = Sieve(known)
        found = [NO_LINES]
        for lines in self._each_answer(begin, end):
            if sum(map(len, found)) >= self._page_lines:
                return together(found), False
            found.append(lines.where(sieve.unseen(lines.identity())))
        return together(found), True

    def _each_answer(self, begin: int, end: int) -> Iterator[AnswerLines]:
        """Yield all lines of a window, each once."""
        while begin < end:
            lines, is_whole = self._oldest(begin, end)
            if is_whole:
                yield lines
                return
            first, begin = lines.timestamp_nanoseconds[[0, -1]].tolist()
            if first < begin:
                yield lines.where(lines.timestamp_nanoseconds < begin)
            else:
                yield from self._each_piece(begin)
                begin += 1

    def _each_piece(self, instant: int) -> Iterator[AnswerLines]:
        piece = self._piece_of_all(instant, None)
        yield piece.lines
        while piece.place is not None:
            piece = self._piece_of_all(instant, piece.place)
            yield piece.lines

    def _piece_of_all(self, instant: int, place: Place | None) -> Piece:
        with contextlib.suppress(MovedError):
            piece = self._piece(instant, place)
            if not piece.is_again:
                return piece
        raise SourceUnavailable(
            "lines of one timestamp must stay as they are while they are read, they did not: "
            "lengthen `delay` if this goes on"
        )

    def _oldest(self, begin: int, end: int) -> tuple[AnswerLines, bool]:
        try:
            lines, is_whole = self._fitting(lambda most: self._server.oldest(begin, end, most))
        except SourceTimeout:
            self._window_nanoseconds = max(self._window_nanoseconds // 8, SECOND_NANOSECONDS)
            raise
        self._ask_for_what_fits(lines)
        return lines, is_whole

    def _piece(self, instant: int, place: Place | None) -> Piece:
        return self._fitting(lambda most: self._server.piece(instant, place, most))

    def _fitting(self, ask: Callable[[int], _T]) -> _T:
        """Return an answer, of fewer lines where it would be too large."""
        while True:
            try:
                return ask(self._most)
            except AnswerTooLarge:
                if self._most == 1:
                    raise
                self._most = max(self._most // 4, 1)

    def _ask_for_what_fits(self, lines: AnswerLines) -> None:
        if len(lines):
            fitting = _WANTED_ANSWER_BYTES * len(lines) // max(lines.answer_bytes, 1)
            self._most = min(max(fitting, 1), 2 * self._most, self._page_lines)


def _grown(counts: tuple[IntegerArray, IntegerArray], known: RecentLines) -> list[int]:
    """Return the seconds that have more lines than are known."""
    expected = dict(zip(*(column.tolist() for column in known.counts()), strict=True))
    there = zip(*(column.tolist() for column in counts), strict=True)
    return [second for second, count in there if count > expected.get(second, 0)]
