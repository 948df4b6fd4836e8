from prometheus_client import CollectorRegistry, generate_latest

from forewarn_training.outcome import ModelOutcome, TrainingOutcome
from forewarn_training.telemetry import TrainingTelemetry


class Recorder:
    def __init__(self) -> None:
        self.said = []

    def failed(self, reason, *, signal=""):
        self.said.append(("failed", reason, signal))

    def succeeded(self, job, *, signal, now_milliseconds):
        self.said.append(("succeeded", job, signal, now_milliseconds))


def told(*models: ModelOutcome) -> tuple[list, list[str]]:
    metrics, recorder = CollectorRegistry(), Recorder()
    TrainingTelemetry(metrics, recorder).finished(
        TrainingOutcome("load", models), duration_seconds=2.5, now_milliseconds=9
    )
    lines = generate_latest(metrics).decode().splitlines()
    return recorder.said, [line for line in lines if line[0] != "#" and "_created" not in line]


def test_a_success_sets_the_time_the_duration_and_the_count():
    said, lines = told(ModelOutcome("detector", "promoted", "first"))
    assert said == [("succeeded", "training", "load", 9)]
    assert lines == [
        'forewarn_training_duration_seconds{signal="load"} 2.5',
        'forewarn_trainings_total{kind="detector",signal="load",status="promoted"} 1.0',
    ]


def test_a_candidate_that_is_kept_back_is_a_success_of_the_job():
    assert told(ModelOutcome("detector", "kept", "worse"))[0] == [
        ("succeeded", "training", "load", 9)
    ]


def test_a_failure_is_counted_by_its_reason_and_is_no_success():
    said, _ = told(
        ModelOutcome("detector", "failed", "x", reason="source"),
        ModelOutcome("forecaster", "promoted", "first"),
    )
    assert said == [("failed", "source", "load")]
