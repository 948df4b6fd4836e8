"""Training forecasts with a regressor, read from real files and from a real Prometheus."""

import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest

from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.servers import RemoteWrite
from forewarn_adapters.config.signals import ForecastPolicy, Signal
from forewarn_adapters.files import FilesSource
from forewarn_adapters.local_servers import LocalServer
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_adapters.source import open_source
from forewarn_models.catalogue import forecaster_from_state
from forewarn_models.errors import SourceUnavailable
from forewarn_models.forecasters.mixture import FittedMixture
from forewarn_models.labels import Labels, labels_of
from forewarn_models.panel import Panel
from forewarn_training import detector_job, forecaster_job
from forewarn_training.forecast_backtest import run_forecast_backtest, signal_case
from forewarn_training.history import Span, read_history
from forewarn_training.job import train_signal
from forewarn_training.outcome import ModelOutcome
from forewarn_training.regressing import found_regressor
from forewarn_training.tables import relations_table

NOW = 1_700_006_400_000
HOUR = 3_600_000
N_HOURS = 24 * 14
SPAN = Span(NOW - N_HOURS * HOUR, NOW, HOUR)
FORECAST = ", forecast: {step: 1h, history: 14d, horizon: 12h, regressor: 'REGRESSOR'}"


@pytest.fixture
def recorded(directory: Path) -> FilesSource:
    """Two weeks of the load of two instances, of the requests of each, and of requests of all."""
    generator = np.random.default_rng(4)
    hours = np.arange(N_HOURS)
    requests = 100 + 40 * np.sin(2 * np.pi * hours / 24 + np.array([[0.0], [2.0]]))
    requests = requests * np.exp(generator.normal(0, 0.02, requests.shape).cumsum(axis=1))
    load = 5 + 0.4 * requests + generator.normal(0, 10, requests.shape)
    kinds = {"load": load, "requests": requests}
    rows = ["timestamp,kind,instance,value"]
    for kind, values in kinds.items():
        for instance, series in zip("ab", values, strict=True):
            times = zip((SPAN.start_milliseconds + HOUR * hours) // 1000, series, strict=True)
            rows += [f"{at},{kind},{instance},{value:.4f}" for at, value in times]
    rows.append(f"{NOW // 1000 - 3600},requests_of_c,c,7")
    (directory / "driven.csv").write_text("\n".join(rows) + "\n")
    return FilesSource((directory / "driven.csv",))


@pytest.fixture
def train(config_of, recorded, registry, monkeypatch):
    """Return a function that trains the load with a regressor and gives what came of it."""
    monkeypatch.setattr(detector_job, "detector_pictures", lambda *_: {})
    monkeypatch.setattr(forecaster_job, "forecast_pictures", lambda *_: {})

    def run(regressor: str, *, more: str = "") -> tuple[ModelOutcome, FittedMixture]:
        text = FORECAST.replace("REGRESSOR", regressor) + more
        signal = config_of("load", more=text).signals[0]
        signal = signal.model_copy(update={"query": '{kind="load"}', "step": timedelta(hours=1)})
        outcome = train_signal(signal, source=recorded, registry=registry, now_milliseconds=NOW)
        champion = registry.champion("load", "forecaster")
        assert champion is not None
        fitted = forecaster_from_state(champion.state)
        assert isinstance(fitted, FittedMixture)
        return outcome.models[1], fitted

    return run


def test_one_series_drives_all_and_the_run_shows_the_relations(train, directory):
    outcome, fitted = train('{kind="requests",instance="a"}')
    assert (outcome.status, outcome.warnings) == ("promoted", ())
    assert fitted.regressor is not None
    assert fitted.regressor.place.tolist() == [0, 0]
    forecast = fitted.predict(12, (80,))
    assert forecast.start_milliseconds == NOW
    assert np.isfinite(forecast.quantiles).all()
    (path,) = (directory / "mlruns/artifacts/load").rglob("relations.json")
    table = orjson.loads(path.read_bytes())
    assert table["columns"] == ["series", "base", "per_unit_of_regressor", "explained_ratio"]
    first = table["data"][0]
    assert first[0] == '{instance="a",kind="load"}'
    assert first[2] == pytest.approx(0.4, abs=0.05)
    assert 0.4 < first[3] < 1
    (path,) = (directory / "mlruns/artifacts/load").rglob("candidates.json")
    assert "regressed_weight" in orjson.loads(path.read_bytes())["columns"]


@pytest.mark.parametrize(
    ("regressor", "why"),
    [
        ('{kind="nobody"}', "it gave no series in the whole history"),
        ('{kind=~"requests.*"}', "none of its 3 series has the labels of a series of the signal"),
        ("sum(x", "sum(x"),
    ],
    ids=["no series", "other labels", "refused"],
)
def test_a_training_goes_on_without_a_regressor_that_cannot_be_used(train, regressor, why):
    outcome, fitted = train(regressor)
    (warning,) = outcome.warnings
    assert warning.startswith("forecasts go on without `forecast.regressor`: ")
    assert why in warning
    assert (outcome.status, fitted.regressor) == ("promoted", None)


def test_another_regressor_makes_another_recipe(train):
    train('{kind="requests",instance="a"}')
    outcome, _ = train('{kind="requests",instance="b"}')
    assert outcome.why == "the signal's configuration changed since the champion was trained"
    outcome, _ = train('{kind="requests",instance="b"}')
    assert outcome.why == "not worse than the champion, each by its own back-test"


def test_masks_hide_times_of_the_regressor_too(train, directory):
    start, end = "20231112T000000Z", "20231113T000000Z"
    (directory / "outage.ics").write_text(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//tests\nBEGIN:VEVENT\nUID:1\n"
        f"DTSTART:{start}\nDTEND:{end}\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    _, fitted = train('{kind="requests",instance="a"}', more=", masks: [{ical: outage.ics}]")
    assert fitted.regressor is not None
    hidden = np.isnan(fitted.regressor.fitted.learned.values[0])
    at = (1_699_747_200_000 - SPAN.start_milliseconds) // HOUR
    assert np.flatnonzero(hidden).tolist() == list(range(at, at + 24))


def test_a_back_test_of_the_signal_uses_the_regressor(recorded):
    policy = {"step": "1h", "history": "14d", "horizon": "12h"}
    ratios = []
    for regressor in (None, '{kind="requests",instance="a"}'):
        signal = Signal(
            name="load",
            query='{kind="load",instance="a"}',
            forecast=ForecastPolicy(**policy, regressor=regressor),
        )
        case = signal_case(signal, recorded, now_milliseconds=NOW, days=None, model=None)
        assert (case.regressor is None, case.warnings) == (regressor is None, ())
        result = run_forecast_backtest(case, progress=lambda _: None)
        ratios.append(result.together(result.whole).error_ratio)
    assert ratios[1] < ratios[0]


def test_a_source_that_does_not_answer_is_an_error_not_a_missing_regressor(recorded):
    policy = ForecastPolicy(step="1h", regressor="requests")
    config = Config(
        prometheus={"url": "http://127.0.0.1:9", "retries": 0},
        signals=[{"name": "x", "query": "x"}],
    )
    history = read_history(recorded, '{kind="load"}', span=SPAN)
    with closing(open_source(config)) as source, pytest.raises(SourceUnavailable):
        found_regressor(policy, source, SPAN, history=history)


def test_a_real_prometheus_gives_the_regressor_on_the_grid_of_the_forecast(prometheus: LocalServer):
    now = time.time_ns() // 1_000_000 // 60_000 * 60_000
    times = now - 30_000 * np.arange(1, 81)[::-1]
    series: list[Labels] = [
        labels_of({"__name__": f"regressing_{name}", "instance": instance})
        for name in ("load", "requests")
        for instance in ("a", "b")
    ]
    row = np.repeat(np.arange(4), len(times))
    values = np.tile(np.arange(len(times)), 4) * 1.0 + row
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write"))
    assert writer.send(series, row, np.tile(times, 4), values).accepted == len(row)
    writer.close()
    config = Config(prometheus={"url": prometheus.url}, signals=[{"name": "x", "query": "x"}])
    span = Span(now - 40 * 60_000, now, 60_000)
    with closing(open_source(config)) as source:
        history = read_history(source, "sum by (instance) (regressing_load)", span=span)
        found = {
            query: found_regressor(
                ForecastPolicy(step="1m", regressor=query), source, span, history=history
            )
            for query in (
                "sum by (instance) (regressing_requests)",
                "sum(regressing_requests)",
                "regressing_requests(",
                "regressing_nothing",
            )
        }
    matching, whole, refused, nothing = found.values()
    assert matching.panel is not None
    assert matching.panel.series == history.series
    table = relations_table(history, matching.panel)
    assert [row[2] for row in table.rows] == pytest.approx([1.0, 1.0])
    assert whole.panel is not None
    assert whole.panel.n_series == 1
    assert refused.panel is None
    assert "parse error" in refused.warnings[0]
    assert nothing.warnings[0].endswith("it gave no series in the whole history")


def test_relations_to_what_drives_nothing_are_not_known():
    history = Panel(np.ones((1, 3)), ((("a", "1"),),), 0, HOUR)
    elsewhere = Panel(np.ones((1, 3)), ((("a", "1"),),), 0, HOUR // 2)
    assert relations_table(history, elsewhere).rows == (('{a="1"}', None, None, None),)
