"""The API on a real Prometheus: PromQL in, verdicts out."""

import pytest

from api_server import served
from forewarn_adapters.clock import now_milliseconds
from forewarn_adapters.config.servers import Prometheus
from forewarn_adapters.prometheus import PrometheusSource

WAVE = 'label_replace(sin(vector(time() / 3600)), "wave", "sine", "", "")'


@pytest.fixture
def api(make_parts, prometheus):
    source = PrometheusSource(Prometheus(url=prometheus.url))
    with served(make_parts(source=source, now_milliseconds=now_milliseconds)) as running:
        yield running
    source.close()


def test_a_query_is_read_scored_and_forecast(api):
    asked = {"query": WAVE, "history": "6h", "step": "1m"}
    scored = api.post("/api/v1/score", asked)
    assert scored.status == 200, scored.body
    (series,) = scored.json["series"]
    assert series["labels"] == {"wave": "sine"}
    assert len(series["score"]) == 361
    assert series["score"][-1] is not None
    forecast = api.post("/api/v1/forecast", asked | {"horizon": "1h"})
    assert forecast.status == 200, forecast.body
    assert len(forecast.json["timestamps"]) == 60


def test_what_prometheus_refuses_is_the_callers_mistake(api):
    answer = api.post("/api/v1/score", {"query": "sum("})
    assert (answer.status, answer.reason) == (422, "source_rejected")


def test_a_query_without_series_says_so(api):
    answer = api.post("/api/v1/score", {"query": "no_such_metric"})
    assert (answer.status, answer.reason) == (422, "data")
