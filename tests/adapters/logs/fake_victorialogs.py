"""A small VictoriaLogs on a real socket, with the quirks of the real one.

Equal lines are all kept. Lines are seen some time after they came. A query by streams that is made
before a stream is there goes on finding nothing. Lines of times beyond the retention are dropped,
and a form as content type swallows the lines, all with status 200.
"""

import bisect
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import orjson
from fake_http import FakeAnswer, FakeHttp, FakeRequest

SECOND = 1_000_000_000
_OURS = re.compile(r"(.*) \| filter _time:\[(\S+)Z, (\S+)Z\) \| (.*)", re.DOTALL)
_SORT = re.compile(r"sort by \((.*)\)(?: offset (\d+))? limit (\d+)")
_FILTER = re.compile(r'(\w+):="([^"]*)"')
_STREAM_FILTER = re.compile(r'\{(\w+)="([^"]*)"\}')
_RETENTION_SECONDS, _FUTURE_SECONDS = 7 * 86_400, 2 * 86_400


class Row(NamedTuple):
    nanoseconds: int
    stream_id: str
    message: str
    seen_from: float
    fields: dict[str, str]
    text: bytes


def nanoseconds(text: str) -> int:
    return int(np.datetime64(text.rstrip("Z"), "ns").astype(np.int64))


@lru_cache(maxsize=1 << 10)
def stamp_of(at: int) -> str:
    """Return a time as VictoriaLogs writes it, without zeros at its end."""
    digits = f"{at % SECOND:09d}".rstrip("0")
    whole = np.datetime64(at // SECOND, "s")
    return f"{whole}.{digits}Z" if digits else f"{whole}Z"


def rows_of(
    lines: Iterable[tuple[int, str]],
    fields: dict[str, str],
    stream_fields: Iterable[str],
    seen_from: float,
) -> Iterator[Row]:
    pairs = ",".join(f"{key}={json.dumps(fields[key])}" for key in sorted(stream_fields))
    stream = f"{{{pairs}}}"
    stream_id = "0" * 16 + blake2b(stream.encode(), digest_size=16).hexdigest()
    for at, message in lines:
        own = {"_time": stamp_of(at), "_stream_id": stream_id, "_stream": stream, "_msg": message}
        text = orjson.dumps(own | fields) + b"\n"
        yield Row(at, stream_id, message, seen_from, fields, text)


class FakeVictoriaLogs:
    def __init__(self, *, seen_after_seconds: float = 0.0) -> None:
        self.rows: list[Row] = []
        self.http = FakeHttp(self._handle)
        self.url = self.http.url
        self.tenant: tuple[str, str] | None = None
        self.before_query: list[Callable[[], object]] = []
        self._seen_after_seconds = seen_after_seconds
        self._is_sorted = True
        self._sorted_by_message: tuple[list[Row], list[Row]] = ([], [])
        self._remembered_as_empty: set[str] = set()

    def push(
        self,
        lines: Iterable[tuple[int, str]],
        *,
        fields: dict[str, str] | None = None,
        stream_fields: Iterable[str] = ("app",),
    ) -> None:
        """Take lines of a time in nanoseconds and a message."""
        seen_from = time.time() + self._seen_after_seconds
        fields = fields or {"app": "api"}
        self.rows += rows_of(lines, fields, stream_fields, seen_from)
        self._is_sorted = False

    def close(self) -> None:
        self.http.close()

    def _handle(self, request: FakeRequest) -> FakeAnswer:
        if request.path == "/insert/jsonline":
            return self._insert(request)
        if request.path != "/select/logsql/query":
            return FakeAnswer(404, b"unsupported path", "text/plain")
        given = (request.headers.get("AccountID", "0"), request.headers.get("ProjectID", "0"))
        if self.tenant not in (None, given):
            return FakeAnswer(200, b"", "application/stream+json")
        return self._query(request.fields["query"])

    def _insert(self, request: FakeRequest) -> FakeAnswer:
        if "form" in request.headers.get("Content-Type", ""):
            return FakeAnswer(200)
        stream_fields = request.fields.get("_stream_fields", "app").split(",")
        now = time.time()
        for line in request.body.splitlines():
            fields = json.loads(line)
            at = nanoseconds(fields.pop("_time"))
            if -_RETENTION_SECONDS < at / SECOND - now < _FUTURE_SECONDS:
                self.push([(at, fields.pop("_msg"))], fields=fields, stream_fields=stream_fields)
        return FakeAnswer(200)

    def _query(self, query: str) -> FakeAnswer:
        ours = _OURS.fullmatch(query)
        if ours is None or ours[1].endswith("("):
            said = f"cannot parse query [{query}]: missing filter after '('\n"
            return FakeAnswer(400, said.encode(), "text/plain; charset=utf-8")
        if self.before_query:
            self.before_query.pop(0)()
        rows = self._selected(ours[1], nanoseconds(ours[2]), nanoseconds(ours[3]))
        if ours[4] == "stats by (_time:1s) count() n":
            return FakeAnswer(200, _counts(rows), "application/stream+json")
        sort = _SORT.fullmatch(ours[4])
        assert sort is not None, query
        if sort[1] == "_stream_id, _msg":
            rows = self._by_message(rows)
        else:
            assert sort[1] == "_time", query
        first = int(sort[2] or 0)
        body = b"".join([row.text for row in rows[first : first + int(sort[3])]])
        return FakeAnswer(200, body, "application/stream+json")

    def _by_message(self, rows: list[Row]) -> list[Row]:
        """Return rows by stream and message; those of an instant are asked for again and again."""
        if self._sorted_by_message[0] != rows:
            self._sorted_by_message = rows, sorted(rows, key=itemgetter(1, 2))
        return self._sorted_by_message[1]

    def _selected(self, text: str, begin: int, end: int) -> list[Row]:
        if not self._is_sorted:
            self.rows.sort(key=itemgetter(0))
            self._is_sorted = True
        first, last = (bisect.bisect_left(self.rows, at, key=itemgetter(0)) for at in (begin, end))
        now = time.time()
        rows = self.rows[first:last]
        if self._seen_after_seconds:
            rows = [row for row in rows if row.seen_from <= now]
        by_stream = _STREAM_FILTER.fullmatch(text)
        if by_stream is None:
            wanted = _FILTER.fullmatch(text)
            return rows if wanted is None else _with(rows, wanted[1], wanted[2])
        if not _with(self.rows, by_stream[1], by_stream[2]):
            self._remembered_as_empty.add(text)
        if text in self._remembered_as_empty:
            return []
        return _with(rows, by_stream[1], by_stream[2])


def _with(rows: list[Row], name: str, value: str) -> list[Row]:
    return [row for row in rows if row.fields.get(name) == value]


def _counts(rows: list[Row]) -> bytes:
    counts: dict[int, int] = {}
    for row in rows:
        counts[row.nanoseconds // SECOND] = counts.get(row.nanoseconds // SECOND, 0) + 1
    lines = [
        json.dumps({"_time": f"{np.datetime64(second, 's')}Z", "n": str(count)})
        for second, count in reversed(counts.items())
    ]
    return "".join(f"{line}\n" for line in lines).encode()
