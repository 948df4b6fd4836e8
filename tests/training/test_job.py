import signal as signals
import subprocess
import sys
import textwrap
from datetime import timedelta

import numpy as np
import orjson
import pytest

from forewarn_adapters.files import FilesSource
from forewarn_adapters.registry import Champion, Registry
from forewarn_models.artefact import to_bytes
from forewarn_models.catalogue import detector_from_state, forecaster_from_state
from forewarn_models.contract import State
from forewarn_models.errors import RegistryError, SourceTimeout
from forewarn_training import detector_job, forecaster_job, job
from forewarn_training.job import train_signal
from forewarn_training.outcome import ModelOutcome, TrainingOutcome

NOW = 1_700_006_400_000
HOUR = 3_600_000


@pytest.fixture
def without_pictures(monkeypatch):
    """Leave out what takes most of a small training's time."""
    monkeypatch.setattr(detector_job, "detector_pictures", lambda *_: {})
    monkeypatch.setattr(forecaster_job, "forecast_pictures", lambda *_: {})


@pytest.fixture
def train(whole_train, without_pictures):
    return whole_train


@pytest.fixture
def whole_train(source, registry):
    """Return a function that trains a signal, hours after NOW."""

    def run(signal, *, hours: int = 0, source: FilesSource = source) -> TrainingOutcome:
        now = NOW + hours * HOUR
        return train_signal(signal, source=source, registry=registry, now_milliseconds=now)

    return run


def only(outcome: TrainingOutcome) -> ModelOutcome:
    (model,) = outcome.models
    return model


def champion_of(registry: Registry, kind="detector") -> Champion:
    champion = registry.champion("load", kind)
    assert champion is not None
    return champion


def test_the_first_detector_is_promoted_and_can_be_loaded(train, registry, signal):
    outcome = train(signal)
    model = only(outcome)
    assert (model.kind, model.status, model.version) == ("detector", "promoted", 1)
    assert model.why == "the first model of its kind"
    assert (model.n_series, model.history_seconds) == (3, 6 * 86_400.0)
    assert not outcome.has_failed
    fitted = detector_from_state(champion_of(registry).state)
    assert fitted.initial_carry().next_milliseconds == NOW


def test_a_run_holds_figures_tables_and_pictures(whole_train, registry, signal, directory):
    model = only(whole_train(signal))
    champion = champion_of(registry)
    assert champion.metrics.keys() == model.metrics.keys()
    assert champion.metrics["judged_series_days"] == pytest.approx(4.5, abs=0.1)
    artifacts = directory / "mlruns" / "artifacts" / "load"
    names = {path.name for path in artifacts.rglob("*") if path.is_file()}
    assert names == {
        "model.npz",
        "manifest.json",
        "series.json",
        "strangest_1.png",
        "strangest_2.png",
        "typical.png",
        "return_levels.png",
    }
    (table,) = artifacts.rglob("series.json")
    assert [row[0] for row in orjson.loads(table.read_bytes())["data"]] == [
        '{series="a"}',
        '{series="b"}',
        '{series="c"}',
    ]


def test_a_forecaster_is_trained_beside_the_detector(
    whole_train, registry, forecast_signal, directory
):
    outcome = whole_train(forecast_signal)
    assert [(model.kind, model.status) for model in outcome.models] == [
        ("detector", "promoted"),
        ("forecaster", "promoted"),
    ]
    champion = champion_of(registry, "forecaster")
    assert champion.metrics["forecast_error_ratio"] < 1.0
    forecast = forecaster_from_state(champion.state).predict(12, (80,))
    assert forecast.start_milliseconds == (NOW // HOUR) * HOUR
    names = {path.name for path in (directory / "mlruns/artifacts/load").rglob("*.png")}
    assert {"forecast_1.png", "forecast_2.png", "forecast_3.png"} <= names
    assert len(list((directory / "mlruns/artifacts/load").rglob("horizons.json"))) == 1


def test_training_again_on_the_same_samples_compares_the_logged_figures(train, forecast_signal):
    train(forecast_signal)
    outcome = train(forecast_signal)
    assert {model.why for model in outcome.models} == {
        "not worse than the champion, each by its own back-test"
    }
    assert [model.version for model in outcome.models] == [2, 2]


def test_a_day_later_both_are_judged_on_the_samples_that_neither_saw(train, forecast_signal):
    train(forecast_signal)
    outcome = train(forecast_signal, hours=24)
    assert {model.why for model in outcome.models} == {
        "not worse than the champion on the same unseen samples"
    }


@pytest.fixture
def spoilt(tmp_path, recording):
    """The recording whose last day but one is noise of another kind, in a learnable way."""
    table = np.loadtxt(recording, delimiter=",", skiprows=1)
    rng = np.random.default_rng(0)
    table[: -144 * 2, 1:] += 30 * rng.normal(size=table[: -144 * 2, 1:].shape)
    path = tmp_path / "spoilt.csv"
    np.savetxt(path, table, "%.4f", ",", header="timestamp,a,b,c", comments="")
    return FilesSource((path,))


def test_a_worse_candidate_is_registered_but_the_champion_stays(
    train, registry, forecast_signal, spoilt
):
    train(forecast_signal)
    outcome = train(forecast_signal, hours=24, source=spoilt)
    detector, forecaster = outcome.models
    assert (detector.status, detector.version) == ("kept", 2)
    assert "worse than the champion's" in detector.why
    assert registry.champion_version("load", "detector") == 1
    assert forecaster.status == "kept"
    assert registry.champion_version("load", "forecaster") == 1
    assert not outcome.has_failed


def test_a_changed_configuration_replaces_the_champion(train, signal, registry):
    train(signal)
    changed = signal.model_copy(update={"direction": "up"})
    assert only(train(changed)).why == (
        "the signal's configuration changed since the champion was trained"
    )
    assert registry.champion_version("load", "detector") == 2


def test_the_model_knows_the_civil_time_of_the_configuration(train, config_of, registry):
    zone = ", calendar: {timezone: Europe/Berlin, country: DE}"
    train(config_of("load", more=zone).signals[0])
    calendar = champion_of(registry).state.manifest["calendar"]
    assert [1_698_541_200_000, HOUR] in [list(each) for each in calendar["offsets"]]
    assert 19_716 in calendar["days_off"]  # Christmas Day of 2023


def test_another_calendar_makes_another_model(train, config_of):
    train(config_of("load").signals[0])
    outcome = train(config_of("load", more=", calendar: {country: DE}").signals[0])
    assert only(outcome).why == (
        "the signal's configuration changed since the champion was trained"
    )


def test_a_champion_that_cannot_be_loaded_is_replaced(train, signal, registry, directory):
    train(signal)
    (archive,) = (directory / "mlruns/artifacts").rglob("model.npz")
    archive.write_bytes(b"damaged")
    assert only(train(signal)).why.startswith("the champion cannot be loaded (")
    assert champion_of(registry).version == 2


def test_a_champion_of_an_unknown_kind_is_replaced(train, forecast_signal, monkeypatch):
    unknown = State("of tomorrow", 9, {}, {})
    with monkeypatch.context() as patched:
        patched.setattr("forewarn_models.artefact.to_bytes", lambda _state: to_bytes(unknown))
        train(forecast_signal)
    detector, forecaster = train(forecast_signal).models
    assert detector.why == "the champion cannot be read by this version"
    assert forecaster.why == "not worse than the champion, each by its own back-test"


def test_a_champion_older_than_the_history_is_replaced(train, signal):
    train(signal.model_copy(update={"history": signal.step * 500}))
    short = signal.model_copy(update={"history": signal.step * 100})
    assert only(train(short, hours=24)).why == "the champion ended before this history began"


def test_a_history_too_short_to_judge_is_promoted_when_nothing_serves(train, signal):
    short = signal.model_copy(update={"history": signal.step * 70})
    model = only(train(short))
    assert model.status == "promoted"
    assert model.metrics == {"series": 3.0, "history_seconds": 42_000.0, "masked_samples": 0.0}


def test_a_candidate_that_could_not_be_judged_does_not_replace_one_that_was(train, signal):
    train(signal)
    short = signal.model_copy(update={"history": signal.step * 70})
    model = only(train(short))
    assert model.status == "kept"
    assert "could not be measured" in model.why


def test_too_little_history_fails_with_what_is_needed_and_what_there_is(train, signal, registry):
    short = signal.model_copy(update={"history": signal.step * 30})
    model = only(train(short))
    assert (model.status, model.reason) == ("failed", "not_enough_history")
    assert "needs at least 60 samples of history, got 30" in model.why
    assert registry.champion_version("load", "detector") is None


class Broken:
    """A source that fails as it is told."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    def read_range(self, *_arguments, **_more):
        raise self.failure


def test_a_source_that_fails_is_an_outcome_and_leaves_the_champion(train, signal, registry):
    train(signal)
    outcome = train(signal, source=Broken(SourceTimeout("no answer in 30s")))
    assert outcome.has_failed
    assert (only(outcome).reason, only(outcome).why) == ("source_timeout", "no answer in 30s")
    assert registry.champion_version("load", "detector") == 1


def test_a_defect_is_an_outcome_too_and_is_logged_with_its_place(train, signal, caplog):
    outcome = train(signal, source=Broken(ZeroDivisionError("a defect")))
    assert (only(outcome).reason, only(outcome).why) == (
        "internal",
        "ZeroDivisionError: a defect",
    )
    assert "read_range" in caplog.text


def test_a_failed_detector_does_not_stop_the_forecaster(train, forecast_signal):
    few = forecast_signal.model_copy(update={"history": forecast_signal.step * 30})
    detector, forecaster = train(few).models
    assert (detector.status, forecaster.status) == ("failed", "promoted")


@pytest.mark.parametrize("model", ["prophet", "ets"])
def test_each_named_forecaster_is_trained(train, registry, forecast_signal, model):
    policy = forecast_signal.forecast.model_copy(update={"model": model})
    _, forecaster = train(forecast_signal.model_copy(update={"forecast": policy})).models
    assert (forecaster.status, forecaster.why) == ("promoted", "the first model of its kind")
    assert forecaster.metrics["forecast_error_ratio"] > 0
    assert forecaster_from_state(champion_of(registry, "forecaster").state).predict(2, (80,))


def test_a_forecast_history_too_short_to_judge_is_promoted_when_nothing_serves(
    train, forecast_signal
):
    policy = forecast_signal.forecast.model_copy(update={"history": timedelta(hours=3)})
    forecaster = train(forecast_signal.model_copy(update={"forecast": policy})).models[1]
    assert forecaster.status == "promoted"
    assert forecaster.metrics == {"series": 3.0, "history_seconds": 10_800.0, "masked_samples": 0.0}


def test_progress_is_told(source, registry, forecast_signal):
    said = []
    train_signal(
        forecast_signal,
        source=source,
        registry=registry,
        now_milliseconds=NOW,
        progress=said.append,
    )
    assert said == [
        "reading",
        "fitting 3 series",
        "back-testing",
        "storing",
        "reading for the forecast",
        "fitting forecasts of 3 series",
        "back-testing forecasts",
        "storing the forecaster",
    ]


def test_old_versions_that_cannot_be_deleted_stop_nothing(
    train, signal, registry, monkeypatch, caplog
):
    def fails(*_arguments):
        raise RegistryError("cannot be deleted")

    monkeypatch.setattr(registry, "delete_old_versions", fails)
    assert only(train(signal)).status == "promoted"
    assert "cannot be deleted" in caplog.text


def test_an_outcome_can_be_printed_by_machines(train, signal):
    outcome = train(signal)
    read = orjson.loads(orjson.dumps(outcome.as_mapping()))
    assert read["signal"] == "load"
    assert read["failed"] is False
    assert read["models"]["detector"]["status"] == "promoted"
    assert read["models"]["detector"]["version"] == 1


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from forewarn_adapters.config.reading import read_config
    from forewarn_adapters.files import FilesSource
    from forewarn_adapters.registry import Registry
    from forewarn_training import detector_job, job

    folder = Path(sys.argv[1])
    config = read_config(folder / "forewarn.yaml", environment={})
    def die_at_the_stage(what):
        if what == "storing":
            os.kill(os.getpid(), signal.SIGKILL)
    job.train_signal(
        config.signals[0],
        source=FilesSource((folder / "load.csv",)),
        registry=Registry("sqlite:///mlruns/mlflow.db", directory=folder),
        now_milliseconds=int(sys.argv[2]),
        progress=die_at_the_stage,
    )
"""


def test_being_killed_in_a_training_leaves_the_champion_intact(train, signal, registry, directory):
    train(signal)
    before = to_bytes(champion_of(registry).state)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), directory, str(NOW + HOUR)]
    assert subprocess.run(command, check=False).returncode == -signals.SIGKILL
    assert to_bytes(champion_of(registry).state) == before
    assert only(train(signal, hours=24)).status == "promoted"


def test_the_guard_lets_an_interrupt_through(signal, monkeypatch):
    def interrupted(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "train_detector", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_signal(signal, source=None, registry=None, now_milliseconds=NOW)
