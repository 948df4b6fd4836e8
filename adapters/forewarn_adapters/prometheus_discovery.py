"""What a Prometheus knows of a query before anything is learned from it.

Questions are asked with prometheus-api-client; its requests travel over our own HTTP client, so
that credentials, certificates, timeouts, retries and limits are the same as for reading.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from forewarn_adapters.config.servers import Prometheus
from forewarn_adapters.counters import counter_problem, family_name, is_part_of, metric_names
from forewarn_adapters.http import Answer, HttpClient, HttpLimits
from forewarn_adapters.prometheus_answer import failure_of
from forewarn_models.durations import format_duration
from forewarn_models.errors import SourceError, SourceRejected, SourceUnavailable

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

MOST_SERIES = 10_000
_ANSWER_BYTES = 1 << 24
# A question about the past looks at about so many instants of it.
_INSTANTS = 500
_LEAST_RESOLUTION_MILLISECONDS = 1_000
_ENOUGH_HISTORY_RATIO = 0.9
_STALE_MILLISECONDS = 300_000
_STALE_STEPS = 3
_MUCH_NAN_RATIO = 0.1
# Prometheus' word for the type of what comes without one.
_NO_TYPE = "unknown"

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QueryInspection:
    """What the server holds for one query.

    Args:
        n_series: that it gives now, or gave in the history when it gives none now.
        oldest_milliseconds: its oldest sample in the history, to about a 500th of it; None when
            there is none.
        newest_milliseconds: its newest sample.
        problems: what stands in the way of learning from it, in words.
        metric_types: the type of each metric in it that the server knows one of, by name.
        extent: its least and its greatest finite value in the history, to about a 500th of it;
            None when there is none.
    """

    n_series: int
    oldest_milliseconds: int | None
    newest_milliseconds: int | None
    problems: tuple[str, ...]
    metric_types: Mapping[str, str] = field(default_factory=dict)
    extent: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class _Time:
    now: int
    step: int
    history: int
    key: str  # the setting that asks for the history

    @property
    def window(self) -> str:
        resolution = max(self.history // _INSTANTS, self.step, _LEAST_RESOLUTION_MILLISECONDS)
        return f"[{self.history}ms:{resolution}ms]"


def inspect_query(
    settings: Prometheus,
    query: str,
    *,
    now_milliseconds: int,
    step_milliseconds: int,
    history_milliseconds: int,
    key: str = "history",
) -> QueryInspection:
    """Return what the server holds for a query; a query that it refuses is a problem, no error.

    The setting `key` is named where there is less history than it asks for.
    Raises SourceTimeout or SourceUnavailable when the server gives no usable answer.
    """
    time = _Time(now_milliseconds, step_milliseconds, history_milliseconds, key)
    with _discovery(settings) as server:
        try:
            return _with_types(server, query, _inspected(server, query, time))
        except SourceRejected as refusal:
            return QueryInspection(
                0, None, None, (_own_words(server, query, time) or str(refusal),)
            )


def lacking_history(
    settings: Prometheus,
    query: str,
    *,
    key: str,
    now_milliseconds: int,
    step_milliseconds: int,
    history_milliseconds: int,
) -> str | None:
    """Return in words that the server holds less of a query than the setting `key` asks for.

    None where it holds enough, or nothing. Raises SourceError when the server refuses the query or
    gives no usable answer.
    """
    time = _Time(now_milliseconds, step_milliseconds, history_milliseconds, key)
    inner = f"({query}\n)"
    # Less than the window's resolution may lie between its instants.
    known = f"{_oldest(inner, time)} or min(timestamp({inner}))"
    with _discovery(settings) as server:
        oldest = server.number(known, now_milliseconds=time.now)
    return None if oldest is None else _lack(_milliseconds(oldest), time)


def types_of_metrics(settings: Prometheus, query: str) -> dict[str, str]:
    """Return the types of a query's metrics that the server knows, by their names.

    A server that tells none, or gives no usable answer, is no error: it stands in the log.
    """
    with _discovery(settings) as server:
        return _metric_types(server, query)


def count_rows(
    settings: Prometheus, query: str, *, group_by: tuple[str, ...], now_milliseconds: int
) -> tuple[int, int]:
    """Return how many series a query gives at an instant, and how many groups they form.

    Raises SourceError when the server refuses the query or gives no usable answer.
    """
    inner = f"({query}\n)"  # it may end in a comment
    with _discovery(settings) as server:
        n_series = server.number(f"count({inner})", now_milliseconds=now_milliseconds)
        if not group_by:
            return int(n_series or 0), 0
        groups = f"count(count by ({', '.join(group_by)}) ({inner}))"
        n_groups = server.number(groups, now_milliseconds=now_milliseconds)
        return int(n_series or 0), int(n_groups or 0)


class _Discovery:
    """Asks one server single questions."""

    def __init__(self, client: "PrometheusConnect") -> None:
        self._client = client

    def number(self, query: str, *, now_milliseconds: int) -> float | None:
        """Return the one value that a query gives, None when it gives none."""
        time = {"time": f"{now_milliseconds / 1000:.3f}"}
        with _whole_answer():
            result = self._client.custom_query(query, params=time)
            return float(result[0]["value"][1]) if result else None

    def metric_type(self, name: str) -> str | None:
        """Return the type of a metric; None where its targets tell none or do not agree."""
        with _whole_answer():
            entries = self._client.get_metric_metadata(name)
            types = {str(entry["type"]) for entry in entries} - {_NO_TYPE}
            return types.pop() if len(types) == 1 else None


def _own_words(server: _Discovery, query: str, time: _Time) -> str | None:
    """Return why the server refuses the query itself: inside ours it names places in ours."""
    try:
        server.number(query, now_milliseconds=time.now)
    except SourceRejected as refusal:
        return str(refusal)
    except SourceError:
        return None
    return None


def _inspected(server: _Discovery, query: str, time: _Time) -> QueryInspection:
    # A query may end in a comment, so the bracket stands on its own line.
    inner = f"({query}\n)"
    series_now = _count(server, f"count({inner})", time)
    alike = series_now - _count(server, f"count(count without () ({inner}))", time)
    if alike:
        why = (
            f"{alike} of its {series_now} series differ from others in nothing but the metric's "
            "name: name one metric, or aggregate with `sum by`"
        )
        return QueryInspection(series_now, None, None, (why,))
    if series_now:
        newest = server.number(f"max(timestamp({inner}))", now_milliseconds=time.now)
    else:
        past = f"max(max_over_time(timestamp({inner}){time.window}))"
        newest = server.number(past, now_milliseconds=time.now)
    if newest is None:
        why = f"it gives no series now and gave none in the last {_words(time.history)}"
        return QueryInspection(0, None, None, (why,))
    oldest = server.number(_oldest(inner, time), now_milliseconds=time.now)
    series = series_now or _count(server, f"count(count_over_time({inner}{time.window}))", time)
    oldest_milliseconds = _milliseconds(newest if oldest is None else min(oldest, newest))
    problems = (
        *_time_problems(oldest_milliseconds, _milliseconds(newest), time),
        *_series_problems(server, inner, series, time),
    )
    return QueryInspection(
        series,
        oldest_milliseconds,
        _milliseconds(newest),
        problems,
        extent=_extent(server, inner, time),
    )


def _oldest(inner: str, time: _Time) -> str:
    return f"min(min_over_time(timestamp({inner}){time.window}))"


def _extent(server: _Discovery, inner: str, time: _Time) -> tuple[float, float] | None:
    finite = f"({inner} > -Inf < Inf){time.window}"
    low, high = (
        server.number(f"{side}({side}_over_time({finite}))", now_milliseconds=time.now)
        for side in ("min", "max")
    )
    return None if low is None or high is None else (low, high)


def _time_problems(oldest: int, newest: int, time: _Time) -> Iterator[str]:
    age = time.now - newest
    if age > max(_STALE_STEPS * time.step, _STALE_MILLISECONDS):
        yield f"its newest sample is {_words(age)} old"
    lack = _lack(oldest, time)
    if lack is not None:
        yield lack


def _lack(oldest: int, time: _Time) -> str | None:
    held = time.now - oldest
    if held >= _ENOUGH_HISTORY_RATIO * time.history:
        return None
    return f"it has {_words(held)} of history, `{time.key}` asks for {_words(time.history)}"


def _series_problems(server: _Discovery, inner: str, series: int, time: _Time) -> Iterator[str]:
    if series > MOST_SERIES:
        yield (
            f"it gives {series} series, more than {MOST_SERIES}: aggregate it with `sum by`, or "
            "split it into several signals"
        )
    samples = _count(server, f"sum(count_over_time({inner}{time.window}))", time)
    nan = _count(server, f"sum(count_over_time(({inner} != {inner}){time.window}))", time)
    if samples and nan > _MUCH_NAN_RATIO * samples:
        yield f"{100 * nan / samples:.0f} % of its samples are NaN"


def _with_types(server: _Discovery, query: str, inspection: QueryInspection) -> QueryInspection:
    types = _metric_types(server, query)
    problem = counter_problem(query, types)
    problems = (*inspection.problems, problem) if problem else inspection.problems
    return replace(inspection, problems=problems, metric_types=types)


def _metric_types(server: _Discovery, query: str) -> dict[str, str]:
    """Return what is known of a query's metrics: nothing, where the server tells no types."""
    types: dict[str, str] = {}
    try:
        for name in metric_names(query):
            if known := _type_of(server, name):
                types[name] = known
    except SourceError as failed:
        _LOG.info("the types of metrics in %s are not known: %s", query, failed)
    return types


def _type_of(server: _Discovery, name: str) -> str | None:
    known = server.metric_type(name)
    family = family_name(name)
    if known or not family:
        return known
    # A histogram's series, and a counter's in OpenMetrics, have longer names than the metric.
    known = server.metric_type(family)
    return known if known and is_part_of(name, known) else None


def _count(server: _Discovery, query: str, time: _Time) -> int:
    return int(server.number(query, now_milliseconds=time.now) or 0)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _words(milliseconds: int) -> str:
    """Return a duration with its two largest units at most, such as 3d4h."""
    for unit in (86_400_000, 3_600_000, 60_000, 1_000):
        if milliseconds >= 10 * unit:
            return format_duration(timedelta(milliseconds=milliseconds - milliseconds % unit))
    return format_duration(timedelta(milliseconds=max(milliseconds, 0)))


@contextmanager
def _discovery(settings: Prometheus) -> Iterator[_Discovery]:
    # pandas, which the client may load, is of no use to whoever only reads and scores.
    from prometheus_api_client.prometheus_connect import PrometheusConnect

    client = HttpClient(settings, HttpLimits(1, settings.retries, _ANSWER_BYTES))
    try:
        session = _Session(client)
        # The client uses the part of a session that ours has.
        server = PrometheusConnect(client.name, session=session, method="POST")  # type: ignore[arg-type]  # as above
        yield _Discovery(server)
    finally:
        client.close()


@contextmanager
def _whole_answer() -> Iterator[None]:
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as broken:
        raise SourceUnavailable(
            f"the server must answer with whole JSON of Prometheus' API, got {broken!r:.200}"
        ) from broken


class _Session:
    """The part of a requests session that prometheus-api-client uses, over our HTTP client."""

    verify = True
    cert = None

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def mount(self, *_: object) -> None:
        """Refuse the transport that prometheus-api-client brings along."""

    def request(
        self, *, method: str, url: str, params: Mapping[str, Any], **_: object
    ) -> "_Response":
        path = url.removeprefix(self._client.name)
        fields = {name: str(value) for name, value in params.items()}
        send = self._client.get if method == "GET" else self._client.post_form
        answer = send(path, fields)
        if answer.status != 200:
            raise failure_of(answer)
        return _Response(answer)


class _Response:
    """The part of a requests response that prometheus-api-client uses."""

    status_code = 200

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def json(self) -> Any:
        try:
            return msgspec.json.decode(self._answer.body)
        except (msgspec.DecodeError, ValueError, RecursionError) as broken:
            raise SourceUnavailable(
                f"the server must answer with JSON, got {self._answer.text()}"
            ) from broken
