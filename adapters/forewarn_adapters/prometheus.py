"""Reading series from Prometheus, or from a server with its API."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from forewarn_adapters import prometheus_answer
from forewarn_adapters.allowance import MOST_SAMPLES, Allowance
from forewarn_adapters.circuit import Circuit
from forewarn_adapters.config.servers import Prometheus
from forewarn_adapters.http import AnswerTooLarge, HttpClient, HttpLimits, shown
from forewarn_adapters.prometheus_answer import LabelCache, Matrix, without_empty
from forewarn_adapters.promql import is_plain_selector
from forewarn_models.arrays import IntegerArray
from forewarn_models.errors import SourceRejected, SourceUnavailable
from forewarn_models.labels import Labels
from forewarn_models.samples import NO_SAMPLES, Samples

_LOG = logging.getLogger(__name__)

# Prometheus refuses a range query of more than 11,000 points for a series.
MOST_POINTS = 11_000
# What a source for strangers' queries may take of the server and of memory.
_LIMITED_CONCURRENCY = 2
_LIMITED_ANSWER_BYTES = 1 << 24
_PARTS_OF_TOO_MUCH = 4
_MOST_WARNINGS_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Span:
    """Instants from `first` to `last`, both included, `step` apart; all in milliseconds."""

    first: int
    last: int
    step: int

    @property
    def points(self) -> int:
        return (self.last - self.first) // self.step + 1

    def parts(self, most_points: int) -> Iterator["Span"]:
        """Yield spans of at most that many points, in order, that make up this one."""
        stride = most_points * self.step
        for first in range(self.first, self.last + 1, stride):
            yield Span(first, min(first + stride - self.step, self.last), self.step)


class PrometheusSource:
    """Reads series over HTTP, in parallel and in bounded portions."""

    def __init__(
        self,
        settings: Prometheus,
        *,
        answer_bytes: int = 1 << 26,
        most_samples: int = MOST_SAMPLES,
    ) -> None:
        self._settings = settings
        limits = HttpLimits(settings.concurrency, settings.retries, answer_bytes)
        self._client = HttpClient(settings, limits)
        self._circuit = Circuit(self._client.name)
        self._workers = ThreadPoolExecutor(settings.concurrency, "prometheus")
        self._labels = LabelCache()
        self._most_samples = most_samples
        self._warned: set[tuple[str, str]] = set()
        self._types: dict[str, Mapping[str, str]] = {}

    def read_range(
        self, query: str, *, start_milliseconds: int, end_milliseconds: int, step_milliseconds: int
    ) -> Samples:
        """Return the query's values at start, start + step, ... up to and with the end."""
        if end_milliseconds < start_milliseconds:
            return NO_SAMPLES
        span = Span(start_milliseconds, end_milliseconds, step_milliseconds)

        def ask(part: Span) -> Matrix:
            fields = {"start": _seconds(part.first), "end": _seconds(part.last)}
            fields["step"] = _seconds(part.step)
            matrix = self._ask("/api/v1/query_range", query, fields)
            _check_times(matrix, part)
            return matrix

        return joined(self._in_parallel(ask, span.parts(MOST_POINTS)))

    def read_newest(
        self,
        query: str,
        *,
        after_milliseconds: int,
        until_milliseconds: int,
        step_milliseconds: int,
    ) -> Samples:
        """Return the samples with after < timestamp <= until; the plain samples of a selector."""
        if until_milliseconds <= after_milliseconds:
            return NO_SAMPLES
        if not is_plain_selector(query):
            first = after_milliseconds - after_milliseconds % step_milliseconds + step_milliseconds
            return self.read_range(
                query,
                start_milliseconds=first,
                end_milliseconds=until_milliseconds,
                step_milliseconds=step_milliseconds,
            )

        def ask(part: Span) -> Matrix:
            # A range starts with its left end in Prometheus 2 and without it in Prometheus 3.
            window = f"{query.strip()}[{part.last - part.first + 1}ms]"
            fields = {"time": _seconds(part.last)}
            return _without_before(self._ask("/api/v1/query", window, fields), part.first)

        allowance = Allowance(self._most_samples)
        span = Span(after_milliseconds + 1, until_milliseconds, 1)
        return joined(_split_where_needed(ask, span, allowance))

    def metric_types(self, query: str) -> Mapping[str, str]:
        """Return the types of a query's metrics that the server knows; it is asked once."""
        from forewarn_adapters.prometheus_discovery import types_of_metrics

        if query not in self._types:
            self._types[query] = types_of_metrics(self._settings, query)
        return self._types[query]

    def limited(self, most_samples: int) -> "PrometheusSource":
        """Return a source with connections and a circuit of its own that gives so many at most."""
        concurrency = min(self._settings.concurrency, _LIMITED_CONCURRENCY)
        settings = self._settings.model_copy(update={"concurrency": concurrency})
        return PrometheusSource(
            settings, answer_bytes=_LIMITED_ANSWER_BYTES, most_samples=most_samples
        )

    def close(self) -> None:
        """End reads that wait for their next try, and close the connections."""
        self._client.close()
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _in_parallel(self, ask: Callable[[Span], Matrix], parts: Iterable[Span]) -> list[Matrix]:
        allowance = Allowance(self._most_samples)
        waiting: list[Future[list[Matrix]]] = []
        try:
            waiting.extend(self._submitted(ask, part, allowance) for part in parts)
            return [matrix for future in waiting for matrix in future.result()]
        except CancelledError as closed:
            raise self._closed() from closed
        finally:
            for future in waiting:
                future.cancel()

    def _submitted(
        self, ask: Callable[[Span], Matrix], part: Span, allowance: Allowance
    ) -> Future[list[Matrix]]:
        try:
            return self._workers.submit(_split_where_needed, ask, part, allowance)
        except RuntimeError as closed:
            raise self._closed() from closed

    def _closed(self) -> SourceUnavailable:
        return SourceUnavailable(f"{self._client.name} is not read any more")

    def _ask(self, path: str, query: str, fields: dict[str, str]) -> Matrix:
        timeout = {"timeout": f"{max(round(self._client.timeout_seconds * 1000), 1)}ms"}
        with self._circuit.guard():
            answer = self._client.post_form(path, {"query": query, **fields, **timeout})
            matrix = prometheus_answer.matrix_of(answer, self._labels)
        for warning in matrix.warnings:
            self._warn(query, warning)
        return matrix

    def _warn(self, query: str, warning: str) -> None:
        if (query, warning) not in self._warned and len(self._warned) < _MOST_WARNINGS_KEPT:
            self._warned.add((query, warning))
            _LOG.warning("%s warns of %s: %s", self._client.name, shown(query), warning)


def joined(matrices: Sequence[Matrix]) -> Samples:
    """Return the samples of several answers, in order of time, series by series.

    Raises SourceRejected when series of one answer differ in nothing but the metric's name.
    """
    series = tuple(sorted({labels for matrix in matrices for labels in matrix.series}))
    place = {labels: row for row, labels in enumerate(series)}
    rows = [np.array([place[labels] for labels in m.series], np.int64) for m in matrices]
    totals = np.zeros(len(series), np.int64)
    for matrix, row in zip(matrices, rows, strict=True):
        _check_distinct(matrix, row)
        totals[row] += matrix.counts
    return _laid_out(series, totals, list(zip(matrices, rows, strict=True)))


def _laid_out(
    series: tuple[Labels, ...],
    totals: IntegerArray,
    parts: Sequence[tuple[Matrix, IntegerArray]],
) -> Samples:
    next_place = np.concatenate((np.zeros(1, np.int64), np.cumsum(totals)))[:-1]
    timestamp = np.empty(int(totals.sum()), np.int64)
    value = np.empty(len(timestamp), np.float64)
    for matrix, row in parts:
        starts = np.cumsum(matrix.counts) - matrix.counts
        target = np.repeat(next_place[row] - starts, matrix.counts) + np.arange(len(matrix.value))
        timestamp[target] = matrix.timestamp_milliseconds
        value[target] = matrix.value
        next_place[row] += matrix.counts
    rows = np.repeat(np.arange(len(series), dtype=np.int64), totals)
    return Samples(series, rows, timestamp, value)


def _check_distinct(matrix: Matrix, row: IntegerArray) -> None:
    if len(np.unique(row)) == len(row):
        return
    seen = np.bincount(row) > 1
    twice = matrix.series[int(np.flatnonzero(seen[row])[0])]
    raise SourceRejected(
        "the series of a query must differ in their labels beside the metric's name, got twice "
        f"{shown(str(dict(twice)))}: name one metric, or aggregate with `sum by`"
    )


def _check_times(matrix: Matrix, part: Span) -> None:
    offset = matrix.timestamp_milliseconds - part.first
    if matrix.counts.max(initial=0) > part.points or np.any(
        (offset < 0) | (matrix.timestamp_milliseconds > part.last)
    ):
        raise SourceUnavailable(
            f"the server must answer for the {part.points} instants that were asked for, got others"
        )


def _without_before(matrix: Matrix, first: int) -> Matrix:
    is_kept = matrix.timestamp_milliseconds >= first
    if is_kept.all():
        return matrix
    owner = np.repeat(np.arange(len(matrix.series)), matrix.counts)
    counts = np.bincount(owner[is_kept], minlength=len(matrix.series)).astype(np.int64)
    timestamp, value = matrix.timestamp_milliseconds[is_kept], matrix.value[is_kept]
    return without_empty(Matrix(matrix.series, counts, timestamp, value, matrix.warnings))


def _split_where_needed(
    ask: Callable[[Span], Matrix], span: Span, allowance: Allowance
) -> list[Matrix]:
    """Return the answers for a span, asked for in parts where the whole is too large."""
    try:
        matrix = ask(span)
    except AnswerTooLarge:
        if span.points == 1:
            raise
        parts = span.parts(-(-span.points // _PARTS_OF_TOO_MUCH))
        return [m for part in parts for m in _split_where_needed(ask, part, allowance)]
    allowance.take(len(matrix.value))
    return [matrix]


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"
