"""What a training knows of the range of values, and what becomes of it."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from forewarn_adapters.config.servers import Prometheus
from forewarn_adapters.config.signals import Signal
from forewarn_adapters.files import FilesSource
from forewarn_adapters.local_servers import PrometheusSettings, ScrapeJob, start_prometheus
from forewarn_adapters.prometheus import PrometheusSource
from forewarn_models.bounds import UNKNOWN, Bounds
from forewarn_models.catalogue import detector_from_state, forecaster_from_state
from forewarn_models.durations import parse_duration
from forewarn_training import detector_job, forecaster_job
from forewarn_training.bounding import found_bounds
from forewarn_training.history import history_span, read_history
from forewarn_training.job import train_signal
from forewarn_training.recording import signal_recording
from hostile_server import answering, hostile
from webhook import wait_until

NOW = 1_700_006_400_000
STEP = 600_000
EXPOSITION = "# TYPE odd counter\nodd 3\n# TYPE even gauge\neven 4\n"


@pytest.fixture(scope="module")
def scraping(tmp_path_factory) -> Iterator[PrometheusSource]:
    """A source whose server learned the types of two metrics from a scrape."""
    with hostile(answering(200, EXPOSITION, {"Content-Type": "text/plain"})) as target:
        jobs = [ScrapeJob("typed", target.url.removeprefix("http://"), "200ms")]
        server = start_prometheus(tmp_path_factory.mktemp("typed"), PrometheusSettings(jobs=jobs))
        source = PrometheusSource(Prometheus(url=server.url))
        wait_until(lambda: _history(source, "odd").n_series == 1)
        yield source
        source.close()
        server.stop()


def _history(source, query):
    """Return what a source holds of the last half minute."""
    step, history = parse_duration("1s"), parse_duration("30s")
    span = history_span(now_milliseconds=int(time.time() * 1000), history=history, step=step)
    return read_history(source, query, span=span)


@pytest.mark.parametrize(
    ("query", "bounds", "why"),
    [
        ("odd", Bounds(0.0), "odd is a counter"),
        ("even", UNKNOWN, ""),
        ("avg(odd) or avg(even)", UNKNOWN, ""),
    ],
)
def test_types_from_a_real_prometheus_decide(scraping, query, bounds, why):
    signal = Signal(name="typed", query=query)
    found = found_bounds(signal, scraping, _history(scraping, query))
    assert (found.bounds, found.why) == (bounds, why)


@pytest.fixture
def shares(directory):
    """A file of two shares near 1 and of the same that once was 1.2."""
    generator = np.random.default_rng(5)
    values = np.minimum(0.97 + 0.04 * generator.normal(size=(2, 6 * 144)), 1.0)
    beyond = values[0].copy()
    beyond[-30] = 1.2
    times = NOW // 1000 - STEP // 1000 * np.arange(values.shape[1], 0, -1)
    names = ["load_ratio{host='a'}", "load_ratio{host='b'}", "packing_ratio"]
    header = ",".join(["timestamp", *(name.replace("'", '""').join('""') for name in names)])
    path = directory / "shares.csv"
    table = np.column_stack([times, values.T, beyond])
    np.savetxt(path, table, "%.4f", ",", header=header, comments="")
    return FilesSource((path,))


@pytest.fixture
def trained(registry, shares, forecast_signal, monkeypatch):
    """Return a function that trains a query and gives outcomes, detector and forecaster."""
    monkeypatch.setattr(detector_job, "detector_pictures", lambda *_: {})
    monkeypatch.setattr(forecaster_job, "forecast_pictures", lambda *_: {})

    def train(query, bounds="auto"):
        signal = forecast_signal.model_copy(update={"query": query, "bounds": bounds})
        outcome = train_signal(signal, source=shares, registry=registry, now_milliseconds=NOW)
        detector, forecaster = (
            registry.champion("load", kind).state for kind in ("detector", "forecaster")
        )
        return outcome, detector_from_state(detector), forecaster_from_state(forecaster)

    return train


def test_a_share_by_name_and_history_is_kept_below_1_by_both_models(trained):
    outcome, detector, forecaster = trained("load_ratio")
    assert detector.bounds == Bounds(0.0, 1.0)
    assert forecaster.predict(12, [99]).quantiles.max() == 1.0
    assert [model.warnings for model in outcome.models] == [(), ()]


def test_a_name_that_its_history_belies_binds_nothing_above(trained):
    _, detector, forecaster = trained("packing_ratio")
    assert detector.bounds == Bounds(0.0)
    assert forecaster.predict(12, [99]).quantiles.max() > 1.0


def test_configured_bounds_hold_and_a_history_beyond_them_is_told(trained):
    outcome, detector, forecaster = trained("packing_ratio", (None, 0.9))
    assert detector.bounds == Bounds(-np.inf, 0.9)
    assert forecaster.predict(12, [99]).quantiles.max() == 0.9
    for model in outcome.models:
        (warning,) = model.warnings
        assert "to 1.2, beyond its `bounds`: widen them, or write `bounds: auto`" in warning


def test_new_bounds_replace_a_forecaster_and_keep_what_a_detector_has_seen(trained):
    trained("load_ratio")
    outcome, *_ = trained("load_ratio", (0.0, 0.99))
    why = {model.kind: model.why for model in outcome.models}
    assert why["forecaster"] == "the signal's configuration changed since the champion was trained"
    assert why["detector"].startswith("not worse than the champion")


def test_a_back_test_knows_the_bounds_too(shares, signal):
    recording = signal_recording(
        signal.model_copy(update={"query": "load_ratio"}),
        shares,
        now_milliseconds=NOW,
        days=2,
        every=parse_duration("1d"),
    )
    assert recording.detector.bounds == Bounds(0.0, 1.0)
