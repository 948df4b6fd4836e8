"""Lines from a Loki: each exactly once, also at equal timestamps, after failures and when late.

It is asked for all between two instants, page by page. A page that is full may have been cut
inside its last timestamp: lines of that one are left for the next. Where a page holds one
timestamp only, its lines are asked for in parts that exclude each other. All that is remembered
is read again every now and then, for lines that came late.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from forewarn_adapters.clock import Clock, now_milliseconds
from forewarn_adapters.config.log_sources import Loki
from forewarn_adapters.http import AnswerTooLarge, HttpClient, HttpLimits
from forewarn_adapters.logs.answer_lines import NO_LINES, AnswerLines
from forewarn_adapters.logs.batch import Cursor, LogBatch
from forewarn_adapters.logs.loki.answer import page_of, page_of_messages
from forewarn_adapters.logs.loki.pace import Pace, RangeTooLong, refusal_of
from forewarn_adapters.logs.loki.position import (
    Position,
    Region,
    beginning,
    cursor_of,
    position_of,
    with_again,
    with_new,
    without_forgotten,
)
from forewarn_adapters.logs.loki.splitting import opposite_filters
from forewarn_adapters.logs.loki.streams import StreamCache
from forewarn_models.errors import SourceTimeout, SourceUnavailable

if TYPE_CHECKING:
    from forewarn_adapters.logs.loki.tail import LokiTail

_LOG = logging.getLogger(__name__)

_MILLISECOND = 10**6
_SECOND = 10**9
_MOST_REQUESTS = 100
_RETRIES = 2
_MOST_ANSWER_BYTES = 1 << 25
_SHORTEST_NEW_NANOSECONDS = _SECOND // 2
_SHORTEST_NEW_WHILE_TAILING_NANOSECONDS = 10 * _SECOND
# All that is remembered is read again in 5 s, or 30 s where that is much.
_AGAIN_AFTER_NANOSECONDS = 5 * _SECOND
_AGAIN_NANOSECONDS_OF_LINE = _SECOND // 2_000
_MOST_TAILED_LINES = 10_000  # until they are held against what a query says
_TAIL_SECONDS = 5.0
_MOST_CHARACTERS_OF_STAGES = 6_000


class LokiSource:
    """Reads lines of a Loki as they come, or as they came while nobody read.

    Raises ConfigError when the address, the credentials or the tenant cannot be used.
    """

    def __init__(self, name: str, settings: Loki, *, clock: Clock = now_milliseconds) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock
        # A proxy before Loki would remember that there was nothing, where late lines are by now.
        headers = {"Cache-Control": "no-store"}
        if settings.tenant is not None:
            headers["X-Scope-OrgID"] = settings.tenant
        self._client = HttpClient(settings, HttpLimits(1, _RETRIES, _MOST_ANSWER_BYTES), headers)
        self._delay_nanoseconds = round(settings.delay.total_seconds() * _SECOND)
        self._streams = StreamCache()
        self._pace = Pace(settings.page_lines)
        self._last: tuple[Cursor, Position] | None = None
        self._tail = _tail_of(settings, headers, clock) if settings.tail else None
        self._tailed_lines = 0

    def read(self, cursor: Cursor | None) -> LogBatch:
        """Return the next lines after the cursor, none where none has come yet."""
        position = self._position(cursor)
        for _ in range(_MOST_REQUESTS):
            position, page, is_over = self._advanced(position)
            if len(page) or is_over:
                return self._batch(position, page)
        return self._batch(position, NO_LINES)

    def close(self) -> None:
        """Close the connections; a read that waits for an answer fails at once."""
        self._client.close()
        if self._tail is not None:
            self._tail.close()

    def _position(self, cursor: Cursor | None) -> Position:
        if cursor is None:
            return beginning(self._now() - self._delay_nanoseconds)
        if self._last is not None and self._last[0] is cursor:
            return self._last[1]
        return position_of(cursor)

    def _batch(self, position: Position, page: AnswerLines) -> LogBatch:
        cursor = cursor_of(position)
        self._last = cursor, position
        return page.batch(cursor)

    def _advanced(self, position: Position) -> tuple[Position, AnswerLines, bool]:
        """Return the position after one request, its lines, and whether that is all for now."""
        position = self._with_due(position)
        if position.pending:
            position, page = self._read_new(position)
            return position, page, False
        if self._tail is not None:
            seconds = 0.0 if position.again else _TAIL_SECONDS
            position, page = self._read_tail(self._tail, position, seconds)
            if len(page):
                return position, page, True
        if position.again:
            position, page = self._read_again(position)
            return position, page, not position.again
        return position, NO_LINES, True

    def _with_due(self, position: Position) -> Position:
        if position.pending:
            return position
        now = self._now()
        until = now - self._delay_nanoseconds
        if until - position.until >= self._shortest_new():
            return with_new(position, until)
        n_lines = 0 if position.again else position.remembered.n_lines
        pause = _AGAIN_AFTER_NANOSECONDS + n_lines * _AGAIN_NANOSECONDS_OF_LINE
        if n_lines and now - position.reread >= pause:
            return with_again(position, now)
        return position

    def _shortest_new(self) -> int:
        """Return how long after the last time it is worth while to ask for new lines."""
        if self._tail is None or not self._tail.is_open or self._tailed_lines >= _MOST_TAILED_LINES:
            return _SHORTEST_NEW_NANOSECONDS
        return _SHORTEST_NEW_WHILE_TAILING_NANOSECONDS

    def _read_new(self, position: Position) -> tuple[Position, AnswerLines]:
        page, pending = self._page(position.pending)
        self._tailed_lines = 0
        position = replace(position, pending=pending)
        return _unknown_of(position, page)

    def _read_again(self, position: Position) -> tuple[Position, AnswerLines]:
        page, again = self._page(position.again)
        position = replace(position, again=again)
        return _unknown_of(position, page)

    def _read_tail(
        self, tail: "LokiTail", position: Position, seconds: float
    ) -> tuple[Position, AnswerLines]:
        """Return what was tailed. What a query finds too, or will find, is the same lines."""
        messages = tail.take(seconds)
        if any(message.has_gap for message in messages):
            self._tailed_lines = _MOST_TAILED_LINES
        page = page_of_messages(messages, self._streams)
        page = page.where(page.timestamp_nanoseconds >= position.remembered.since)
        _, first = np.unique(page.identity(), return_index=True)
        after, page = _unknown_of(position, page.at(np.sort(first)))
        self._tailed_lines += len(page)
        if after.remembered.since > position.unread:
            # They could not be told any more from what a query will find.
            return position, NO_LINES
        return after, page

    def _page(self, regions: tuple[Region, ...]) -> tuple[AnswerLines, tuple[Region, ...]]:
        """Return lines of the first region, and what is left of all."""
        while True:
            asked, later = self._pace.parts(regions[0])
            most_lines = self._pace.lines
            try:
                page = self._ask(asked, most_lines)
            except (AnswerTooLarge, RangeTooLong) as refusal:
                if not self._pace.shrink(refusal, asked):
                    raise
            except SourceTimeout as slow:
                self._pace.shrink(slow, asked)
                raise
            else:
                self._pace.grow()
                page, left = _whole(page, asked, most_lines)
                return page, (*left, *later, *regions[1:])

    def _ask(self, region: Region, most_lines: int) -> AnswerLines:
        fields = {
            "query": self._settings.query + region.stages,
            "start": str(region.begin),
            "end": str(region.end),
            "limit": str(most_lines),
            "direction": "forward",
        }
        answer = self._client.get("/loki/api/v1/query_range", fields)
        if answer.status != 200:
            raise refusal_of(answer)
        page = page_of(answer, self._streams)
        times = page.timestamp_nanoseconds
        if len(page) and not region.begin <= times[0] <= times[-1] < region.end:
            raise SourceUnavailable(
                f"Loki must answer with lines from {region.begin} to {region.end} ns, got some "
                f"from {times[0]} to {times[-1]} ns"
            )
        return page

    def _now(self) -> int:
        return self._clock() * _MILLISECOND


def _tail_of(settings: Loki, headers: Mapping[str, str], clock: Clock) -> "LokiTail":
    from forewarn_adapters.logs.loki.tail import LokiTail

    return LokiTail(settings, headers, clock)


def _unknown_of(position: Position, page: AnswerLines) -> tuple[Position, AnswerLines]:
    """Return the lines that were not read before, and the position that remembers them."""
    if not len(page):
        return position, page
    times, hashes = page.timestamp_nanoseconds, page.identity()
    is_new = ~position.remembered.knows(times, hashes)
    if not is_new.any():
        return position, NO_LINES
    remembered = position.remembered.with_lines(times[is_new], hashes[is_new])
    position = without_forgotten(replace(position, remembered=remembered))
    return position, page.where(is_new)


def _whole(
    page: AnswerLines, asked: Region, most_lines: int
) -> tuple[AnswerLines, tuple[Region, ...]]:
    """Return lines of which none of the same timestamp is missing, and what is left to ask for."""
    if len(page) < most_lines:
        return page, ()
    last = int(page.timestamp_nanoseconds[-1])
    n_before = int(np.searchsorted(page.timestamp_nanoseconds, last))
    if n_before:
        return page.at(np.arange(n_before)), (Region(last, asked.end, asked.stages),)
    after = (Region(last + 1, asked.end, asked.stages),) if last + 1 < asked.end else ()
    is_short = len(asked.stages) <= _MOST_CHARACTERS_OF_STAGES
    opposite = opposite_filters(page) if is_short else None
    if opposite is None:
        _LOG.warning(
            "Loki holds %d or more lines at %d ns that cannot be told apart: more are not read",
            len(page),
            last,
        )
        return page, after
    return NO_LINES, (*(Region(last, last + 1, asked.stages + one) for one in opposite), *after)
