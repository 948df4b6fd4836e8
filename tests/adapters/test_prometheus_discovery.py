"""What a real Prometheus says of a query, and what is made of it."""

import time
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import urllib3

from forewarn_adapters import prometheus_discovery
from forewarn_adapters.config.endpoints import BasicAuth, Tls
from forewarn_adapters.config.servers import Prometheus, RemoteWrite
from forewarn_adapters.local_servers import PrometheusSettings, ScrapeJob, start_prometheus
from forewarn_adapters.prometheus import PrometheusSource
from forewarn_adapters.prometheus_discovery import (
    QueryInspection,
    inspect_query,
    lacking_history,
)
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_models.errors import SourceTimeout, SourceUnavailable
from forewarn_models.labels import labels_of
from hostile_server import Behaviour, Exchange, answering, hanging, hostile
from secure_prometheus import NAME, PASSWORD, USERNAME, secure_prometheus
from webhook import wait_until

SECOND = 1_000
STEP = 15 * SECOND
POINTS = 200


@pytest.fixture(scope="module")
def now() -> int:
    return int(time.time()) // 15 * STEP


@pytest.fixture(scope="module")
def settings(prometheus, now) -> Prometheus:
    """A Prometheus that holds 50 minutes of some series."""
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write"))
    names = ["seen", "seen", "seen_total", "holey", "gone"]
    labels = [labels_of({"__name__": name, "host": str(place)}) for place, name in enumerate(names)]
    labels.append(labels_of({"__name__": "seen_twin", "host": "0"}))
    times = now - STEP * np.arange(POINTS - 1, -1, -1)
    for row in range(len(labels)):
        is_held = times < now - 1_200 * SECOND if names[row : row + 1] == ["gone"] else times > 0
        value = np.arange(float(POINTS))
        if names[row : row + 1] == ["holey"]:
            value[::4] = np.nan
        count = int(is_held.sum())
        writer.send(labels, np.full(count, row), times[is_held], value[is_held])
    writer.close()
    return Prometheus(url=prometheus.url)


def moment() -> int:
    return int(time.time() * SECOND)


def inspected(settings, query, now, *, history=2_900 * SECOND, step=STEP) -> QueryInspection:
    return inspect_query(
        settings,
        query,
        now_milliseconds=now,
        step_milliseconds=step,
        history_milliseconds=history,
    )


@pytest.mark.parametrize("query", ["seen", "sum by (host) (seen) # both", "rate(seen[1m])"])
def test_a_good_query_has_no_problems(settings, now, query):
    inspection = inspected(settings, query, now)
    assert (inspection.n_series, inspection.problems) == (2, ())
    assert inspection.newest_milliseconds == now
    assert abs(inspection.oldest_milliseconds - (now - 2_900 * SECOND)) <= 100 * SECOND


TWINS = (
    "1 of its 2 series differ from others in nothing but the metric's name: "
    "name one metric, or aggregate with `sum by`"
)
MANY = (
    "it gives 2 series, more than 1: aggregate it with `sum by`, or split it into several signals"
)
PROBLEMS = {
    "nothing": ("it gives no series now and gave none in the last 48m",),
    "seen_total": (),  # it was never scraped, so its type is unknown
    "sum(rate(seen_total[1m]))": (),
    "holey": ("25 % of its samples are NaN",),
    "gone": ("its newest sample is 20m old",),
    '{host="0"}': (TWINS,),
}


@pytest.mark.parametrize(("query", "problems"), PROBLEMS.items(), ids=PROBLEMS.keys())
def test_each_problem_is_named(settings, now, query, problems):
    assert inspected(settings, query, now).problems == problems


def test_a_query_without_series_now_has_those_of_its_history(settings, now):
    inspection = inspected(settings, "gone", now)
    assert inspection.n_series == 1
    assert inspection.newest_milliseconds == now - 1_215 * SECOND


def test_less_history_than_asked_is_a_problem(settings, now):
    (problem,) = inspected(settings, "seen", now, history=4 * 3_600 * SECOND).problems
    assert problem.endswith("of history, `history` asks for 4h")


@pytest.mark.parametrize(
    ("query", "hours", "said"),
    [
        ("seen", 4, "of history, `forecast.history` asks for 4h"),
        ("seen", 24 * 365, "of history, `forecast.history` asks for 365d"),
        ("seen", 0.7, None),
        ("nothing", 4, None),
    ],
)
def test_less_history_than_a_forecast_asks_for_is_said(settings, now, query, hours, said):
    lack = lacking_history(
        settings,
        query,
        key="forecast.history",
        now_milliseconds=now,
        step_milliseconds=60 * SECOND,
        history_milliseconds=int(hours * 3_600 * SECOND),
    )
    assert lack is None if said is None else lack.endswith(said)


def test_too_many_series_are_a_problem(settings, now, monkeypatch):
    monkeypatch.setattr(prometheus_discovery, "MOST_SERIES", 1)
    assert inspected(settings, "seen", now).problems == (MANY,)


@pytest.mark.parametrize("query", ["sum(", "seen[5m]", "1"])
def test_a_query_that_the_server_refuses_is_a_problem_in_its_words(settings, now, query):
    inspection = inspected(settings, query, now)
    assert (inspection.n_series, inspection.oldest_milliseconds) == (0, None)
    assert inspection.problems[0].startswith("the query is refused (HTTP 400): bad_data: ")


def test_a_refusal_names_the_place_in_the_query_as_it_is_written(settings, now):
    (problem,) = inspected(settings, "sum by (seen", now).problems
    assert "1:" in problem
    assert "2:" not in problem
    assert "unclosed left parenthesis" in problem


@pytest.fixture(scope="module")
def scraped(tmp_path_factory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes metrics of each type, in both formats."""
    old = {"Content-Type": "text/plain; version=0.0.4"}
    new = {"Content-Type": "application/openmetrics-text; version=1.0.0; charset=utf-8"}
    with (
        hostile(answering(200, EXPOSITION, old)) as first,
        hostile(answering(200, OPEN_METRICS, new)) as second,
    ):
        targets = {"first": first.url, "second": second.url}
        jobs = [ScrapeJob(n, u.removeprefix("http://"), "200ms") for n, u in targets.items()]
        server = start_prometheus(tmp_path_factory.mktemp("scraped"), PrometheusSettings(jobs=jobs))
        settings = Prometheus(url=server.url)
        up = "sum(up{job=~'first|second'}) == 2"
        wait_until(lambda: inspected(settings, up, moment()).n_series == 1)
        yield settings
        server.stop()


EXPOSITION = """\
# TYPE odd counter
odd 3
# TYPE even gauge
even 2
# TYPE split gauge
split 1
# TYPE plain untyped
plain 1
# TYPE pages_total gauge
pages_total 1
# TYPE wait_seconds histogram
wait_seconds_bucket{le="1"} 2
wait_seconds_bucket{le="+Inf"} 3
wait_seconds_sum 4
wait_seconds_count 3
# TYPE size_bytes summary
size_bytes{quantile="0.5"} 2
size_bytes_sum 9
size_bytes_count 3
"""
OPEN_METRICS = """\
# TYPE orders counter
orders_total 7
# TYPE split counter
split_total 1
# EOF
"""
TYPED = {
    "odd": ({"odd": "counter"}, "odd is a counter, which only grows: write rate(odd[5m])"),
    "rate(odd[1m])": ({"odd": "counter"}, None),
    "even": ({"even": "gauge"}, None),
    "pages_total": ({"pages_total": "gauge"}, None),
    "sum(orders_total)": (
        {"orders_total": "counter"},
        "orders_total is a counter, which only grows: write sum(rate(orders_total[5m]))",
    ),
    "wait_seconds_sum / even": (
        {"wait_seconds_sum": "histogram", "even": "gauge"},
        "wait_seconds_sum is a counter, which only grows: write rate(wait_seconds_sum[5m]) / even",
    ),
    "wait_seconds_bucket": (
        {"wait_seconds_bucket": "histogram"},
        (
            "wait_seconds_bucket holds the buckets of a histogram, which only grow: "
            "write histogram_quantile(0.99, rate(wait_seconds_bucket[5m]))"
        ),
    ),
    "size_bytes": ({"size_bytes": "summary"}, None),
    "size_bytes_count": (
        {"size_bytes_count": "summary"},
        "size_bytes_count is a counter, which only grows: write rate(size_bytes_count[5m])",
    ),
    "split_total": ({}, None),  # its two targets do not agree on what it is
    "plain": ({}, None),
    "even_count": ({}, None),
}


@pytest.mark.parametrize(("query", "expected"), TYPED.items(), ids=TYPED.keys())
def test_the_types_of_scraped_metrics_are_known_and_counters_told_by_them(scraped, query, expected):
    types, advice = expected
    inspection = inspected(scraped, query, moment())
    assert inspection.metric_types == types
    told = [problem for problem in inspection.problems if "grow" in problem]
    assert told == ([f"{advice} in its place"] if advice else [])


def relaying(prometheus: Prometheus, status: int | None = None, body: str = "") -> Behaviour:
    """Answer as a real server, but for the types of metrics where a status is given."""

    def behave(exchange: Exchange) -> None:
        request = exchange.request
        if status is not None and request.path.startswith("/api/v1/metadata"):
            exchange.answer(status, body.encode())
            return
        path = f"{prometheus.url}{request.path}"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = urllib3.request(request.method, path, body=request.body, headers=kind)
        exchange.answer(answer.status, answer.data)

    return behave


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, "not found"),
        (500, "{}"),
        (200, "<html>"),
        (200, '{"status":"success","data":[]}'),
        (200, '{"status":"success","data":{"odd":[{}]}}'),
        (200, '{"status":"success","data":{}}'),
    ],
)
def test_a_server_that_tells_no_types_is_no_problem(scraped, status, body):
    with hostile(relaying(scraped, status, body)) as server:
        settings = Prometheus(url=server.url, retries=0)
        inspection = inspected(settings, "odd", moment())
    assert (inspection.n_series, inspection.metric_types) == (1, {})
    assert [problem for problem in inspection.problems if "counter" in problem] == []


def test_credentials_and_certificates_are_those_of_reading(tmp_path):
    with secure_prometheus(tmp_path) as server:
        settings = Prometheus(
            url=server.url,
            tls=Tls(ca_file=server.ca_file, cert_file=server.cert_file, server_name=NAME),
            basic_auth=BasicAuth(username=USERNAME, password=PASSWORD),
        )
        assert inspected(settings, "vector(1)", 10**12).n_series == 1
        wrong = settings.model_copy(
            update={"basic_auth": BasicAuth(username=USERNAME, password="hunter2")}
        )
        (problem,) = inspected(wrong, "vector(1)", 10**12).problems
    assert "refuses the credentials" in problem
    assert "hunter2" not in problem


def test_a_server_that_hangs_is_given_up_in_time():
    with hostile(hanging) as server, pytest.raises(SourceTimeout):
        inspected(Prometheus(url=server.url, timeout=timedelta(seconds=0.2)), "up", 10**12)


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        "null",
        "[]",
        '{"status":"success"}',
        '{"data":{"result":[{"value":[1]}]}}',
        '{"data":{"result":[{"value":[1,"many"]}]}}',
        '{"data":{"result":[1]}}',
    ],
)
def test_an_answer_that_is_no_answer_is_unavailable(body):
    with (
        hostile(answering(200, body)) as server,
        pytest.raises(SourceUnavailable, match="the server must answer with"),
    ):
        inspected(Prometheus(url=server.url, retries=0), "up", 10**12)


def test_the_extent_is_that_of_the_finite_values_of_the_history(settings, now):
    assert inspected(settings, "seen", now).extent == pytest.approx((6, POINTS - 1), abs=1)
    assert inspected(settings, "gone", now).extent == pytest.approx((6, POINTS - 82), abs=1)
    infinite = "1 / clamp_min(seen - 150, 0)"
    assert inspected(settings, infinite, now).extent == pytest.approx((1 / 49, 1))
    assert inspected(settings, "nothing", now).extent is None
    assert inspected(settings, "sum(", now).extent is None


def test_a_source_knows_the_types_of_a_querys_metrics_and_asks_once(scraped):
    query = "sum(rate(odd[1m])) / sum(even) + wait_seconds_count"
    known = {"odd": "counter", "even": "gauge", "wait_seconds_count": "histogram"}
    with hostile(relaying(scraped)) as server:
        source = PrometheusSource(Prometheus(url=server.url, retries=0))
        assert source.metric_types(query) == source.metric_types(query) == known
        source.close()
    asked = [dict(parse_qsl(urlsplit(each.path).query))["metric"] for each in server.requests]
    assert asked == ["odd", "even", "wait_seconds_count", "wait_seconds"]


@pytest.mark.parametrize("status", [404, 500])
def test_a_source_whose_server_tells_no_types_knows_none_and_logs_it(scraped, status, caplog):
    caplog.set_level("INFO")
    with hostile(relaying(scraped, status)) as server:
        source = PrometheusSource(Prometheus(url=server.url, retries=0))
        assert source.metric_types("sum(odd)") == {}
        source.close()
    assert "the types of metrics in sum(odd) are not known: " in caplog.text
