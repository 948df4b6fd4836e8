"""Reading lines from VictoriaLogs, which is asked for windows of time.

It keeps equal lines, each as often as it came. Lines are seen a second or so after they were sent,
which `delay` is for.
"""

import numpy as np

from forewarn_adapters.clock import Clock, now_milliseconds
from forewarn_adapters.config.log_sources import VictoriaLogs
from forewarn_adapters.http import AnswerTooLarge, HttpClient, HttpLimits
from forewarn_adapters.logs.answer_lines import AnswerLines
from forewarn_adapters.logs.batch import Cursor, LogBatch
from forewarn_adapters.logs.cursors import reading_cursor
from forewarn_adapters.logs.rfc3339 import nanoseconds_of, rfc3339
from forewarn_adapters.logs.windowed.time_position import Place
from forewarn_adapters.logs.windowed.time_windows import MovedError, Piece, WindowReader
from forewarn_adapters.logs.windowed.victorialogs_answer import answer_lines, answer_rows
from forewarn_adapters.prometheus_answer import failure_of
from forewarn_models.arrays import IntegerArray
from forewarn_models.errors import SourceUnavailable

_PATH = "/select/logsql/query"
# Lines of one timestamp have no order of their own; equal ones may change places unnoticed.
_ORDER_OF_INSTANT = "_stream_id, _msg"


class VictoriaLogsSource:
    """A LogSource: the lines of a LogsQL query, each once, also those up to a minute late."""

    def __init__(
        self, name: str, settings: VictoriaLogs, *, clock: Clock = now_milliseconds
    ) -> None:
        self.name = name
        server = _Server(settings)
        self._server = server
        self._reader = WindowReader(
            server, delay=settings.delay, page_lines=settings.page_lines, clock=clock
        )

    def read(self, cursor: Cursor | None) -> LogBatch:
        """Return the next lines. Raises SourceError."""
        return self._reader.read(cursor)

    def close(self) -> None:
        """Close the connections."""
        self._server.close()


class _Server:
    def __init__(self, settings: VictoriaLogs) -> None:
        self._query = settings.query
        self._client = HttpClient(settings, HttpLimits(), _tenant_headers(settings.tenant))

    def oldest(self, begin: int, end: int, most: int) -> tuple[AnswerLines, bool]:
        lines = self._lines(begin, end, f"sort by (_time) limit {most}")
        return lines, len(lines) < most

    def piece(self, instant: int, place: Place | None, most: int) -> Piece:
        offset, count = _place_of(place) if place else (0, self._count(instant))
        lines = self._lines(
            instant, instant + 1, f"sort by ({_ORDER_OF_INSTANT}) offset {offset} limit {most}"
        )
        if self._count(instant) != count:
            raise MovedError
        offset += len(lines)
        is_end = not len(lines) or offset >= count
        return Piece(lines, None if is_end else {"offset": offset, "count": count})

    def counts(self, begin: int, end: int) -> tuple[IntegerArray, IntegerArray]:
        rows = answer_rows(self._answer(begin, end, "stats by (_time:1s) count() n"))
        try:
            seconds = nanoseconds_of([row["_time"] for row in rows]) // 1_000_000_000
            counts = np.array([int(row["n"]) for row in rows], dtype=np.int64)
        except (KeyError, TypeError, ValueError) as broken:
            raise SourceUnavailable(
                "VictoriaLogs must count lines by second, got something else: `query` must select "
                "lines and keep `_time`"
            ) from broken
        order = np.argsort(seconds)
        return seconds[order], counts[order]

    def close(self) -> None:
        self._client.close()

    def _count(self, instant: int) -> int:
        return int(self.counts(instant, instant + 1)[1].sum())

    def _lines(self, begin: int, end: int, pipe: str) -> AnswerLines:
        return answer_lines(self._answer(begin, end, pipe))

    def _answer(self, begin: int, end: int, pipe: str) -> bytes | bytearray:
        # `start` and `end` let it look at few days; whether `end` is included varies.
        window = {"start": rfc3339(begin), "end": rfc3339(end)}
        exact = f"filter _time:[{window['start']}, {window['end']})"
        answer = self._client.post_form(
            _PATH, {"query": f"{self._query} | {exact} | {pipe}", **window}
        )
        if answer.status != 200:
            if "of memory" in answer.text():
                raise AnswerTooLarge("VictoriaLogs must have the memory to sort that many lines")
            raise failure_of(answer)
        return answer.body


def _place_of(place: Place) -> tuple[int, int]:
    with reading_cursor():
        return int(place["offset"]), int(place["count"])


def _tenant_headers(tenant: str | None) -> dict[str, str]:
    if tenant is None:
        return {}
    account, project = tenant.split(":")
    return {"AccountID": account, "ProjectID": project}
