"""Reading documents from Elasticsearch or OpenSearch, which are asked for windows of time.

They are told from each other by their identifiers. One is found only after a refresh of its index,
which `delay` is for. Only a timestamp with more documents than an answer may have is read in a
point in time.
"""

import contextlib
from dataclasses import dataclass, replace
from typing import Any

import orjson

from forewarn_adapters.clock import Clock, now_milliseconds
from forewarn_adapters.config.log_sources import Elasticsearch
from forewarn_adapters.http import Answer, AnswerTooLarge, HttpClient, HttpLimits
from forewarn_adapters.logs.answer_lines import AnswerLines
from forewarn_adapters.logs.batch import Cursor, LogBatch
from forewarn_adapters.logs.cursors import reading_cursor
from forewarn_adapters.logs.rfc3339 import rfc3339
from forewarn_adapters.logs.server_json import parsed
from forewarn_adapters.logs.windowed.elasticsearch_answer import Hits, answer_hits, answer_seconds
from forewarn_adapters.logs.windowed.time_position import Place
from forewarn_adapters.logs.windowed.time_windows import Piece, WindowReader
from forewarn_adapters.prometheus_answer import failure_of
from forewarn_models.arrays import IntegerArray
from forewarn_models.errors import SourceError, SourceUnavailable

_JSON = {"Content-Type": "application/json"}
_KEEP_ALIVE = "1m"
# What documents of one timestamp are in order of. The first is unique within a point in time and
# means nothing in another; the second is what OpenSearch has had in all versions.
_BY_SHARD: tuple[str, ...] = ("_shard_doc",)
_BY_IDENTIFIER = ("_id", "_index")
_SECONDS = "seconds"


class ElasticsearchSource:
    """A LogSource: the documents of indices, each once, also those up to a minute late."""

    def __init__(
        self, name: str, settings: Elasticsearch, *, clock: Clock = now_milliseconds
    ) -> None:
        self.name = name
        self._server = _Server(settings)
        self._reader = WindowReader(
            self._server, delay=settings.delay, page_lines=settings.page_lines, clock=clock
        )

    def read(self, cursor: Cursor | None) -> LogBatch:
        """Return the next lines. Raises SourceError."""
        return self._reader.read(cursor)

    def close(self) -> None:
        """Close the connections."""
        self._server.close()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where reading goes on within a timestamp.

    Args:
        point_in_time: its identifier; None where the server gives none.
        order: what documents of equal timestamps are in order of.
        after: what the last document was sorted by; empty = from the start.
        is_again: whether the timestamp was begun anew.
    """

    point_in_time: str | None
    order: tuple[str, ...]
    after: tuple[Any, ...] = ()
    is_again: bool = False


class _Server:
    def __init__(self, settings: Elasticsearch) -> None:
        key = settings.api_key
        extra = {"Authorization": f"ApiKey {key.get_secret_value().strip()}"} if key else {}
        self._client = HttpClient(settings, HttpLimits(), extra)
        self._settings = settings
        self._is_opensearch: bool | None = None

    def oldest(self, begin: int, end: int, most: int) -> tuple[AnswerLines, bool]:
        hits = self._hits(
            f"/{self._settings.index}/_search",
            {"size": most, "sort": self._sort(()), "query": self._query(begin, end)},
        )
        return hits.lines, len(hits.lines) < most

    def piece(self, instant: int, place: Place | None, most: int) -> Piece:
        here = self._opened() if place is None else _place_of(place)
        hits = self._piece(instant, here, most)
        if hits is None:
            here = self._opened_again(here)
            hits = self._piece(instant, here, most)
        if hits is None:
            raise SourceUnavailable("a point in time must be there once it was opened, it is gone")
        newest = hits.point_in_time or here.point_in_time
        if len(hits.lines) < most:
            self._end(newest, is_opensearch=here.order == _BY_IDENTIFIER)
            return Piece(hits.lines, None, here.is_again)
        next_place = {
            "point_in_time": newest,
            "order": here.order,
            "after": hits.last_sort,
            "is_again": here.is_again,
        }
        return Piece(hits.lines, next_place, here.is_again)

    def counts(self, begin: int, end: int) -> tuple[IntegerArray, IntegerArray]:
        histogram = {"field": self._settings.timestamp_field, "fixed_interval": "1s"}
        question = {
            "size": 0,
            "query": self._query(begin, end),
            "aggs": {_SECONDS: {"date_histogram": {**histogram, "min_doc_count": 1}}},
        }
        answer = self._asked(f"/{self._settings.index}/_search", question)
        return answer_seconds(_checked(answer).body, _SECONDS)

    def close(self) -> None:
        self._client.close()

    def _piece(self, instant: int, place: _Place, most: int) -> Hits | None:
        """Return the next documents of a timestamp, None where the point in time is over."""
        question: dict[str, Any] = {
            "size": most,
            "sort": self._sort(place.order),
            "query": self._query(instant, instant + 1),
        }
        if place.after:
            question["search_after"] = place.after
        if place.point_in_time is None:
            return self._hits(f"/{self._settings.index}/_search", question)
        question["pit"] = {"id": place.point_in_time, "keep_alive": _KEEP_ALIVE}
        answer = self._asked("/_search", question)
        if answer.status == 404:
            return None
        return answer_hits(_checked(answer).body, self._settings.message_field)

    def _hits(self, path: str, question: dict[str, Any]) -> Hits:
        answer = self._asked(path, question)
        return answer_hits(_checked(answer).body, self._settings.message_field)

    def _asked(self, path: str, question: dict[str, Any]) -> Answer:
        body = orjson.dumps({"track_total_hits": False, **question})
        # Without the parameter what some shards have not answered would be missing unnoticed.
        return self._client.post(f"{path}?allow_partial_search_results=false", body, headers=_JSON)

    def _sort(self, order: tuple[str, ...]) -> list[dict[str, Any]]:
        # Fields of milliseconds and of nanoseconds are sorted alike, also where both are there.
        time = {"order": "asc", "numeric_type": "date_nanos", "unmapped_type": "date"}
        others = [{name: {"order": "asc"}} for name in order]
        return [{self._settings.timestamp_field: time}, *others]

    def _query(self, begin: int, end: int) -> dict[str, Any]:
        # A field of milliseconds cuts both times off, and is asked for the same window so.
        window = {
            "gt": rfc3339(begin - 1),
            "lte": rfc3339(end - 1),
            "format": "strict_date_optional_time_nanos",
        }
        filters: list[dict[str, Any]] = [{"range": {self._settings.timestamp_field: window}}]
        if self._settings.query is not None:
            filters.append({"query_string": {"query": self._settings.query}})
        return {"bool": {"filter": filters}}

    def _opened(self) -> _Place:
        """Return the start of a new point in time, or of none where the server gives none."""
        if self._is_opensearch is None:
            self._is_opensearch = self._says_opensearch()
        path, key, order = "_pit", "id", _BY_SHARD
        if self._is_opensearch:
            path, key, order = "_search/point_in_time", "pit_id", _BY_IDENTIFIER
        answer = self._client.post(
            f"/{self._settings.index}/{path}?keep_alive={_KEEP_ALIVE}", b"", headers=_JSON
        )
        if answer.status in {400, 403, 404, 405}:  # an old server, or no right to
            return _Place(None, _BY_IDENTIFIER)
        found = parsed(_checked(answer).body, self._client.name)
        if not (isinstance(found, dict) and isinstance(found.get(key), str)):
            raise SourceUnavailable(f"{self._client.name} must name a point in time it opened")
        return _Place(found[key], order)

    def _opened_again(self, over: _Place) -> _Place:
        """Return where to go on after a point in time that is over: at its start by shard."""
        new = self._opened()
        if new.order == over.order == _BY_IDENTIFIER:
            return replace(over, point_in_time=new.point_in_time)
        return replace(new, is_again=True)

    def _says_opensearch(self) -> bool:
        answer = self._client.get("/", {})
        return answer.status == 200 and b'"opensearch"' in answer.body

    def _end(self, point_in_time: str | None, *, is_opensearch: bool) -> None:
        """Close a point in time; where that fails, it is over in a minute."""
        if point_in_time is None:
            return
        path, body = "/_pit", {"id": point_in_time}
        if is_opensearch:
            path, body = "/_search/point_in_time", {"pit_id": point_in_time}
        with contextlib.suppress(SourceError):
            self._client.delete(path, orjson.dumps(body), headers=_JSON)


def _place_of(place: Place) -> _Place:
    with reading_cursor():
        order, after = tuple(place["order"]), tuple(place["after"])
        return _Place(place["point_in_time"], order, after, place["is_again"])


def _checked(answer: Answer) -> Answer:
    if answer.status == 200:
        return answer
    if b"Result window is too large" in answer.body:
        raise AnswerTooLarge(
            "an index must give as many documents as `page_lines` says, it gives fewer"
        )
    raise failure_of(answer)
