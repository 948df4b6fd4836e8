"""Training on a history without the times that must not be learned from."""

import logging
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from forewarn_adapters.files import FilesSource
from forewarn_adapters.local_servers import start_alertmanager
from forewarn_adapters.registry import Champion
from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.catalogue import detector_from_state
from forewarn_models.contract import State
from forewarn_models.layout import SEEN
from forewarn_models.panel import Panel
from forewarn_models.views import VALUE
from forewarn_training import detector_job, forecaster_job
from forewarn_training.job import train_signal
from forewarn_training.masking import clean_history, with_hidden
from forewarn_training.outcome import ModelOutcome, TrainingOutcome
from forewarn_training.schedule import TrainingSchedule
from forewarn_training.task import Task
from forewarn_training.telemetry import TrainingTelemetry

NOW = 1_700_006_400_000  # the fifteenth of November 2023, midnight
STEP, HOUR = 600_000, 3_600_000
DAY = 144  # slots
OUTAGE = (
    "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//tests\nBEGIN:VEVENT\nUID:1\n"
    "DTSTART:20231114T100000Z\nDTEND:20231114T160000Z\nEND:VEVENT\nEND:VCALENDAR\n"
)
MASK = ", masks: [{ical: outage.ics}]"


@pytest.fixture
def train(registry, monkeypatch):
    """Return a function that trains a signal on a file, hours after NOW."""
    monkeypatch.setattr(detector_job, "detector_pictures", lambda *_: {})
    monkeypatch.setattr(forecaster_job, "forecast_pictures", lambda *_: {})

    def run(signal, path: Path, *, hours: int = 0):
        source = FilesSource((path,))
        now = NOW + hours * HOUR
        return train_signal(signal, source=source, registry=registry, now_milliseconds=now).models

    return run


@pytest.fixture
def dirty(directory: Path, recording: Path) -> Path:
    """The recording with six hours of an outage, and the calendar that tells of it."""
    table = np.loadtxt(recording, delimiter=",", skiprows=1)
    during = (table[:, 0] >= 1_699_956_000) & (table[:, 0] < 1_699_977_600)
    table[during, 1:] = 0.0
    path = directory / "dirty.csv"
    np.savetxt(path, table, "%.4f", ",", header="timestamp,a,b,c", comments="")
    (directory / "outage.ics").write_text(OUTAGE)
    return path


def champion_of(registry, signal: str = "load") -> Champion:
    champion = registry.champion(signal, "detector")
    assert champion is not None
    return champion


@pytest.fixture
def holed(directory: Path, dirty: Path) -> Path:
    """The recording with nothing where the outage is."""
    table = np.loadtxt(dirty, delimiter=",", skiprows=1)
    path = directory / "holed.csv"
    left = table[table[:, 1] != 0]
    assert len(table) - len(left) == 36
    np.savetxt(path, left, "%.4f", ",", header="timestamp,a,b,c", comments="")
    return path


def test_what_is_masked_is_learned_from_and_judged_as_if_it_had_never_been(
    train, config_of, registry, dirty, holed
):
    (masked,) = train(config_of("load", more=MASK).signals[0], dirty)
    (never,) = train(config_of("holed").signals[0], holed)
    arrays = champion_of(registry, "holed").state.arrays
    for name, array in champion_of(registry).state.arrays.items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=name)
    assert masked.metrics["masked_samples"] == 3 * 36
    assert masked.metrics == never.metrics | {"masked_samples": 3 * 36}
    (dirtied,) = train(config_of("dirtied").signals[0], dirty)
    assert dirtied.metrics["masked_samples"] == 0
    assert dirtied.metrics["alarms"] > masked.metrics["alarms"]
    assert masked.warnings == ()


def test_how_many_samples_are_masked_is_a_metric_of_the_run(train, config_of, registry, dirty):
    train(config_of("load", more=MASK).signals[0], dirty)
    assert champion_of(registry).metrics["masked_samples"] == 3 * 36


def test_a_forecast_is_learned_without_what_is_masked(train, config_of, dirty):
    forecast = MASK + ", forecast: {step: 1h, history: 6d, horizon: 12h, model: seasonal_naive}"
    _, forecaster = train(config_of("load", more=forecast).signals[0], dirty)
    assert forecaster.metrics["masked_samples"] == 3 * 6


def test_a_mask_that_cannot_be_read_is_a_warning_and_training_goes_on(
    train, config_of, dirty, directory
):
    (directory / "outage.ics").unlink()
    (model,) = train(config_of("load", more=MASK).signals[0], dirty)
    assert model.status == "promoted"
    (warning,) = model.warnings
    assert warning.startswith("nothing is hidden by the calendar ")
    assert "must be readable: No such file or directory" in warning
    assert model.metrics["masked_samples"] == 0


@pytest.fixture
def with_a_past(directory: Path, recording: Path) -> Path:
    """The recording, whose first day once stood at six times its level for three hours."""
    table = np.loadtxt(recording, delimiter=",", skiprows=1)
    table[:, 1:][DAY + 60 : DAY + 78] *= 6.0
    path = directory / "past.csv"
    np.savetxt(path, table, "%.4f", ",", header="timestamp,a,b,c", comments="")
    (directory / "outage.ics").write_text(OUTAGE)
    return path


def seen(registry) -> list[int]:
    exact = champion_of(registry).state.arrays["exact"]
    return [int(count) for count in exact[:, SEEN]]


def novelty_of_the_past(registry, signal: str) -> float:
    """Return how rare the value is to the champion that the first day once stood at, in decades."""
    model = detector_from_state(champion_of(registry, signal).state)
    end = model.initial_carry().next_milliseconds
    recent = Panel(np.full((3, 6), 550.0), model.series, end, STEP)
    said = model.views(recent, model.initial_carry())
    return float(said[:, -1, VALUE].min())


def test_a_second_training_knows_what_is_older_than_its_history(
    train, config_of, registry, with_a_past, panel_of
):
    short = config_of("load").signals[0]
    short = short.model_copy(update={"history": short.step * 5 * DAY})
    train(short.model_copy(update={"history": short.step * 6 * DAY}), with_a_past)
    assert seen(registry) == [6 * DAY] * 3
    (model,) = train(short, with_a_past, hours=24)
    assert model.status == "promoted"
    assert seen(registry) == [7 * DAY] * 3
    alone = short.model_copy(update={"name": "alone"})
    train(alone, with_a_past, hours=24)
    assert novelty_of_the_past(registry, "load") < novelty_of_the_past(registry, "alone") - 1


def test_a_champion_that_saw_what_is_masked_by_now_hands_nothing_down(
    train, config_of, registry, dirty
):
    train(config_of("load").signals[0], dirty)
    train(config_of("load", more=MASK).signals[0], dirty, hours=12)
    assert seen(registry) == [6 * DAY - 36] * 3
    train(config_of("load", more=MASK).signals[0], dirty, hours=24)
    assert seen(registry) == [6 * DAY - 36 + 72] * 3


def test_a_champion_of_another_recipe_hands_nothing_down(train, config_of, registry, with_a_past):
    train(config_of("load").signals[0], with_a_past)
    train(config_of("load", more=", direction: up").signals[0], with_a_past, hours=24)
    assert seen(registry) == [6 * DAY] * 3


@pytest.fixture
def alertmanager(tmp_path):
    server = start_alertmanager(tmp_path / "am", webhook_url="http://127.0.0.1:1")
    yield server
    server.stop()


def test_what_an_alertmanager_has_forgotten_stays_masked(config_of, panel_of, alertmanager):
    masks = f", masks: [{{silences: {{url: '{alertmanager.url}'}}}}, {{ical: outage.ics}}]"
    signal = config_of("load", more=masks).signals[0]
    silences, calendar = f"the silences of {alertmanager.url}", "the calendar outage.ics"
    told = [
        [silences, NOW - 4 * HOUR, NOW - 2 * HOUR, [["series", "=~", "a|b"]]],
        [calendar, NOW - 9 * HOUR, NOW - 8 * HOUR, []],
        ["the silences of another", NOW - 9 * HOUR, NOW - 8 * HOUR, []],
    ]
    champion = Champion(1, State("any", 1, {"masked": told}, {}), {}, NOW - 24 * HOUR)
    task = Task(FilesSource(()), None, NOW, lambda _what: None)
    history = panel_of(np.ones((3, 2 * DAY)))
    clean = clean_history(history, signal, task, champion)
    hidden = np.isnan(clean.panel.values).sum(axis=1)
    assert hidden.tolist() == [12, 12, 0]
    assert clean.n_masked == 24
    stored = from_bytes(to_bytes(with_hidden(State("any", 1, {}, {}), clean)))
    assert stored.manifest["masked"] == told[:1]


class Quiet:
    """Records nothing."""

    def failed(self, reason: str, *, signal: str = "") -> None:
        raise AssertionError(reason, signal)

    def succeeded(self, job: str, *, signal: str, now_milliseconds: int) -> None:
        pass


def test_warnings_of_masks_are_logged_by_the_schedule(caplog, directory, registry, config_of):
    config = config_of("load")
    schedule = TrainingSchedule(
        directory / "forewarn.yaml",
        config.model_copy(update={"state_directory": directory}),
        registry=registry,
        telemetry=TrainingTelemetry(CollectorRegistry(), Quiet()),
        clock=lambda: NOW,
    )
    model = ModelOutcome(
        "detector", "promoted", "good", warnings=("nothing is hidden by a mask: gone",)
    )
    with caplog.at_level(logging.WARNING):
        schedule._report(TrainingOutcome("load", (model,)), began_milliseconds=NOW)
    assert "signal load: detector: nothing is hidden by a mask: gone" in caplog.text
