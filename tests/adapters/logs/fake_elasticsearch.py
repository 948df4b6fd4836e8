"""A small Elasticsearch, or OpenSearch, on a real socket, with the quirks of the real ones.

Documents are found after a refresh. Those of equal timestamps come in any order, another one each
time, unless a tie-breaker orders them. `_shard_doc` exists in points in time of Elasticsearch only
and is another in each; a point in time that is not asked for is over. An answer has at most 10,000
documents. Fields of milliseconds cut times off, also those of a query.
"""

import bisect
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import orjson
from fake_http import FakeAnswer, FakeHttp, FakeRequest

MILLISECOND = 1_000_000
MOST_DOCUMENTS = 10_000
_QUERY = re.compile(r'([\w.]+):"?([^"]*)"?')


class Document(NamedTuple):
    """A document, as sorted by time, then by identifier."""

    nanoseconds: int
    identifier: str
    index_name: str
    source: bytes
    fields: dict[str, Any]


Keyed = list[tuple[tuple[Any, ...], Document]]


@dataclass
class PointInTime:
    """Documents as they were; `by_shard` says how those of equal timestamps are in order."""

    documents: list[Document]
    by_shard: int | None
    keep_alive_seconds: float
    until: float = 0.0
    windows: dict[tuple[int, int], Keyed] = field(default_factory=dict)

    def touch(self) -> None:
        self.until = time.monotonic() + self.keep_alive_seconds

    def of_window(self, begin: int, end: int) -> Keyed:
        if (begin, end) not in self.windows:
            rows = _of_window(self.documents, begin, end)
            if self.by_shard is None:
                keyed: Keyed = [(row[:3], row) for row in rows]
            else:
                # Segments are merged between two points in time: their order is another one.
                numbers = list(range(len(rows)))
                random.Random(self.by_shard).shuffle(numbers)
                keyed = [((row[0], at), row) for at, row in zip(numbers, rows, strict=True)]
            self.windows[begin, end] = sorted(keyed, key=itemgetter(0))
        return self.windows[begin, end]


@dataclass
class FakeElasticsearch:
    """`is_automatic` = each document is found at once, without a refresh."""

    is_opensearch: bool = False
    has_points_in_time: bool = True
    has_nanoseconds: bool = False
    is_automatic: bool = True
    api_key: str | None = None
    most_documents: int = MOST_DOCUMENTS
    index: str = "logs-1"
    seed: int = 0
    found: list[Document] = field(default_factory=list)
    waiting: list[Document] = field(default_factory=list)
    points: dict[str, PointInTime] = field(default_factory=dict)
    before_search: list[Callable[[], object]] = field(default_factory=list)
    n_opened: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._n_documents = 0
        self.http = FakeHttp(self._handle, self.seed)
        self.url = self.http.url

    def push(
        self,
        lines: Iterable[tuple[int, str]],
        *,
        fields: dict[str, Any] | None = None,
        message_field: str | None = "message",
    ) -> None:
        """Take documents of a time in nanoseconds and a message."""
        for at, message in lines:
            source = {"@timestamp": _iso(at), **(fields or {})}
            if message_field is not None:
                source[message_field] = message
            self._n_documents += 1
            kept = at if self.has_nanoseconds else at - at % MILLISECOND
            identifier = f"{self._chance.getrandbits(60):015x}{self._n_documents}"
            self.waiting.append(
                Document(kept, identifier, self.index, orjson.dumps(source), source)
            )
        if self.is_automatic:
            self.refresh()

    def refresh(self) -> None:
        if self.waiting:
            self.found = sorted(self.found + self.waiting, key=itemgetter(0))
            self.waiting = []

    def let_points_expire(self) -> None:
        self.points.clear()

    def close(self) -> None:
        self.http.close()

    def _handle(self, request: FakeRequest) -> FakeAnswer:
        given = request.headers.get("Authorization")
        if self.api_key is not None and given != f"ApiKey {self.api_key}":
            return _failure(401, "security_exception", "unable to authenticate")
        if request.path == "/":
            distribution = {"distribution": "opensearch"} if self.is_opensearch else {}
            return _answer({"version": {"number": "2.11.0", **distribution}})
        if request.path in ("/_pit", "/_search/point_in_time"):
            return self._ended(request)
        if request.path.endswith(("/_pit", "/_search/point_in_time")):
            return self._opened(request)
        if request.path.endswith("/_search"):
            return self._searched(request)
        return _failure(404, "index_not_found_exception", "no such index")

    def _opened(self, request: FakeRequest) -> FakeAnswer:
        is_theirs = request.path.endswith("_pit") is not self.is_opensearch
        if not self.has_points_in_time or not is_theirs:
            return _failure(405, "method_not_allowed", "Incorrect HTTP method for uri")
        self.n_opened += 1
        seconds = 60.0 * int(request.fields["keep_alive"].rstrip("m"))
        by_shard = None if self.is_opensearch else self._chance.getrandbits(30)
        point = self.points[f"point-{self.n_opened}"] = PointInTime(self.found, by_shard, seconds)
        point.touch()
        return _answer({"pit_id" if self.is_opensearch else "id": f"point-{self.n_opened}"})

    def _ended(self, request: FakeRequest) -> FakeAnswer:
        found = orjson.loads(request.body)
        name = found["pit_id" if self.is_opensearch else "id"]
        known = self.points.pop(name, None)
        return _answer({"succeeded": True}) if known else _failure(404, "not_found", name)

    def _searched(self, request: FakeRequest) -> FakeAnswer:
        if self.before_search:
            self.before_search.pop(0)()
        question = orjson.loads(request.body)
        size = question.get("size", 10)
        if size > self.most_documents:
            said = f"Result window is too large, from + size must be less than {MOST_DOCUMENTS}"
            return _failure(400, "illegal_argument_exception", said)
        assert request.fields["allow_partial_search_results"] == "false"
        if "aggs" in question:
            return self._counted(question)
        order = tuple(name for by in question["sort"][1:] for name in by)
        if "pit" in question:
            return self._within_point(question, order, size)
        if order == ("_shard_doc",):
            return _failure(400, "illegal_argument_exception", "[_shard_doc] needs a pit")
        rows = _matching(
            _of_window(self.found, *self._window(question["query"])), question["query"]
        )
        if order:
            keyed = sorted((document[:3], document) for document in rows)
            return _found(_after(keyed, question.get("search_after"))[:size])
        assert "search_after" not in question
        return _found([((row.nanoseconds,), row) for row in self._in_any_order(rows, size)])

    def _within_point(
        self, question: dict[str, Any], order: tuple[str, ...], size: int
    ) -> FakeAnswer:
        name = question["pit"]["id"]
        point = self.points.get(name)
        if point is None or point.until < time.monotonic():
            return _failure(404, "search_context_missing_exception", "No search context found")
        if order != (("_id", "_index") if self.is_opensearch else ("_shard_doc",)):
            return _failure(400, "query_shard_exception", f"No mapping found for {order}")
        point.touch()
        keyed = point.of_window(*self._window(question["query"]))
        return _found(_after(keyed, question.get("search_after"))[:size], pit_id=name)

    def _counted(self, question: dict[str, Any]) -> FakeAnswer:
        (name, wanted), *_ = question["aggs"].items()
        assert wanted["date_histogram"]["fixed_interval"] == "1s"
        rows = _matching(
            _of_window(self.found, *self._window(question["query"])), question["query"]
        )
        counts = Counter(row.nanoseconds // 1_000_000_000 for row in rows)
        buckets = [{"key": at * 1000, "doc_count": counts[at]} for at in sorted(counts)]
        return _answer({"hits": {"hits": []}, "aggregations": {name: {"buckets": buckets}}})

    def _in_any_order(self, rows: list[Document], size: int) -> list[Document]:
        """Return the first documents by time; which of the last timestamp, is left to chance."""
        if len(rows) <= size:
            return rows
        cut = rows[size - 1].nanoseconds
        first = bisect.bisect_left(rows, cut, key=itemgetter(0))
        last = bisect.bisect_right(rows, cut, key=itemgetter(0))
        return rows[:first] + self._chance.sample(rows[first:last], size - first)

    def _window(self, query: dict[str, Any]) -> tuple[int, int]:
        """Return the first nanosecond, and the first one after the window."""
        window = query["bool"]["filter"][0]["range"]["@timestamp"]
        assert window["format"] == "strict_date_optional_time_nanos"
        return self._kept(window["gt"]) + 1, self._kept(window["lte"]) + 1

    def _kept(self, text: str) -> int:
        at = int(np.datetime64(text.rstrip("Z"), "ns").astype(np.int64))
        return at if self.has_nanoseconds else at - at % MILLISECOND


def _of_window(rows: list[Document], begin: int, end: int) -> list[Document]:
    first, last = (bisect.bisect_left(rows, at, key=itemgetter(0)) for at in (begin, end))
    return rows[first:last]


def _matching(rows: list[Document], query: dict[str, Any]) -> list[Document]:
    filters = query["bool"]["filter"]
    if len(filters) == 1:
        return rows
    wanted = _QUERY.fullmatch(filters[1]["query_string"]["query"])
    assert wanted is not None
    return [row for row in rows if row.fields.get(wanted[1]) == wanted[2]]


def _after(keyed: Keyed, after: list[Any] | None) -> Keyed:
    if after is None:
        return keyed
    return keyed[bisect.bisect_right(keyed, tuple(after), key=itemgetter(0)) :]


def _found(rows: Keyed, **more: str) -> FakeAnswer:
    hits = b",".join(
        b'{"_index":"%s","_id":"%s","_score":null,"_source":%s,"sort":%s}'
        % (row.index_name.encode(), row.identifier.encode(), row.source, orjson.dumps(key))
        for key, row in rows
    )
    rest = b"".join(b',"%s":"%s"' % (key.encode(), value.encode()) for key, value in more.items())
    shards = b'"took":1,"timed_out":false,"_shards":{"total":1,"successful":1,"failed":0}'
    return FakeAnswer(200, b'{%s%s,"hits":{"max_score":null,"hits":[%s]}}' % (shards, rest, hits))


def _answer(content: dict[str, Any]) -> FakeAnswer:
    return FakeAnswer(200, orjson.dumps(content))


def _failure(status: int, kind: str, reason: str) -> FakeAnswer:
    content = {"error": {"type": kind, "reason": reason}, "status": status}
    return FakeAnswer(status, json.dumps(content).encode())


@lru_cache(maxsize=1 << 10)
def _iso(at: int) -> str:
    return f"{np.datetime64(at, 'ns')}Z"
