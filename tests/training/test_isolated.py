import os
import signal as signals

import pytest

from forewarn_models.errors import ConfigError
from forewarn_training import isolated
from forewarn_training.isolated import train_apart, train_configured

NOW = 1_700_006_400_000


def test_a_training_apart_gives_the_outcome_and_promotes(config_of, directory, registry):
    outcome = train_apart(config_of("load"), "load", directory=directory, now_milliseconds=NOW)
    assert [(model.kind, model.status) for model in outcome.models] == [("detector", "promoted")]
    assert registry.champion_version("load", "detector") == 1


def test_a_training_that_is_killed_is_a_failure(config_of, directory, registry):
    outcome = train_apart(
        config_of("load"),
        "load",
        directory=directory,
        now_milliseconds=NOW,
        started=lambda process: os.kill(process.pid, signals.SIGKILL),
    )
    assert [(model.status, model.reason) for model in outcome.models] == [("failed", "killed")]
    assert outcome.models[0].why == "the training process ended with code -9: out of memory?"
    assert registry.champion_version("load", "detector") is None


def test_a_source_that_cannot_be_opened_is_a_failure(config_of, directory):
    config = config_of("load")
    (directory / "load.csv").unlink()
    outcome = train_configured(config, "load", directory=directory, now_milliseconds=NOW)
    assert outcome.has_failed
    assert "load.csv" in outcome.models[0].why


def test_a_training_in_place_closes_what_it_opened(config_of, directory, registry):
    outcome = train_configured(config_of("load"), "load", directory=directory, now_milliseconds=NOW)
    assert not outcome.has_failed
    assert registry.champion_version("load", "detector") == 1


def test_the_child_sends_what_it_trained(config_of, directory, monkeypatch):
    monkeypatch.setattr(isolated.os, "nice", lambda _by: 0)
    sent = []

    class Answer:
        def send(self, outcome):
            sent.append(outcome)

        def __enter__(self):
            return self

        def __exit__(self, *_error):
            return None

    isolated._child(Answer(), config_of("load"), "load", directory, NOW)
    assert [outcome.signal for outcome in sent] == ["load"]


@pytest.mark.parametrize("what", [ConfigError("no source")])
def test_every_failure_to_open_is_told(config_of, directory, monkeypatch, what):
    def refuse(_config):
        raise what

    monkeypatch.setattr(isolated, "open_source", refuse)
    outcome = train_configured(config_of("load"), "load", directory=directory, now_milliseconds=NOW)
    assert (outcome.models[0].reason, outcome.models[0].why) == ("config", "no source")
