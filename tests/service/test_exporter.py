"""The exposition: its exact text, read back by two parsers."""

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from forewarn_adapters.local_servers import PROMTOOL, find_program
from forewarn_models.contract import Forecast
from forewarn_models.labels import labels_of
from forewarn_models.verdicts import Verdicts
from forewarn_service.exporter import Exposition, accepts_openmetrics, content_type
from forewarn_service.families import JUDGED
from forewarn_service.live import (
    GAP,
    NO_MODEL,
    SAYS,
    SOURCE,
    STALE,
    UNTRAINED,
    ForecastSnapshot,
    Missed,
    SignalSnapshot,
)
from forewarn_service.telemetry import Telemetry
from forewarn_service.verdict_rows import empty

GOLDEN = Path(__file__).parents[1] / "golden" / "exposition.txt"
SERIES = (
    labels_of({"machine": "a", "severity": "high"}),
    labels_of({"machine": 'quo"te\\and\nline'}),
    labels_of({"machine": "c"}),
    labels_of({"machine": "d"}),
    labels_of({"machine": "e"}),
    labels_of({"series": "*"}),
)


def verdicts() -> Verdicts:
    nan = np.nan
    return Verdicts(
        series=SERIES,
        row=np.arange(6),
        timestamp_milliseconds=np.array([5_000, 5_000, 1_000, 5_000, 0, 5_000]),
        value=np.array([1.5, 0.25, 9.0, 4.0, nan, nan]),
        expected=np.array([1.0, 0.2, 8.0, nan, nan, nan]),
        lower=np.array([0.5, 0.1, 7.0, nan, nan, nan]),
        upper=np.array([1.25, 1e-07, 1e21, nan, nan, nan]),
        return_period_seconds=np.array([2.592e9, 60.0, 60.0, nan, nan, 120.0]),
        score=np.array([2.0, 0.0, 0.0, nan, nan, 0.125]),
        direction=np.array([1, 0, 0, 0, 0, 0], np.int8),
        view=np.array([0, -1, 2, -1, -1, -1], np.int8),
        severity=np.array([2, 0, 1, 0, 0, 0], np.int8),
        episode_direction=np.array([1, 0, -1, 0, 0, 0], np.int8),
        episode_view=np.array([1, -1, 2, -1, -1, -1], np.int8),
        episode_start_milliseconds=np.array([4_000, 0, 900, 0, 0, 0]),
    )


def forecast() -> ForecastSnapshot:
    made = Forecast(
        series=SERIES[:2],
        start_milliseconds=0,
        step_milliseconds=3_600_000,
        quantile_levels=(0.1, 0.5, 0.9),
        quantiles=np.zeros((2, 1, 3)),
        model=("hybrid", "hybrid"),
    )
    return ForecastSnapshot(
        forecast=made,
        horizons=(timedelta(hours=6), timedelta(days=1)),
        quantiles=np.arange(12.0).reshape(2, 2, 3),
        time_to_limit_seconds=np.array([[np.inf, 7200.0, 3600.0], [np.nan] * 3]),
        breach_probability=np.array([[0.25, 0.75], [np.nan, np.nan]]),
        limits=np.array([9.0, np.nan]),
        values=np.array([1.0, 2.0]),
        champion_version=2,
        made_milliseconds=5_000,
    )


def snapshot(signal: str = "load") -> SignalSnapshot:
    reasons = np.array([SAYS, SAYS, STALE, UNTRAINED, GAP, SAYS], np.int8)
    missed = {2: Missed(1.25, 1_500)}
    return SignalSnapshot(signal, 6_000, verdicts(), reasons, 3, forecast(), missed)


def untrained() -> SignalSnapshot:
    return SignalSnapshot("idle", 6_000, empty(((),), 1), np.array([NO_MODEL], np.int8), None)


def exposition(*snapshots: SignalSnapshot) -> Exposition:
    registry = CollectorRegistry()
    Gauge("forewarn_leader", "1 when this replica writes.", registry=registry).set(1)
    made = Exposition(registry)
    for each in snapshots:
        made.prepare(each)
    return made


def values(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, labels_of(sample.labels)): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_the_whole_text_is_as_recorded() -> None:
    assert exposition(snapshot(), untrained()).body().decode() == GOLDEN.read_text()


def test_the_openmetrics_parser_of_prometheus_client_reads_every_value_back() -> None:
    found = values(exposition(snapshot()).body())
    quoted = (("machine", 'quo"te\\and\nline'), ("signal", "load"))
    renamed = (("machine", "a"), ("signal", "load"), ("source_severity", "high"))
    assert found["forewarn_expected_upper", quoted] == 1e-07
    assert found["forewarn_anomaly_score", renamed] == 2.0
    assert found["forewarn_anomaly_score", (("series", "*"), ("signal", "load"))] == 0.125
    assert found["forewarn_absence_score", (("machine", "c"), ("signal", "load"))] == 1.25
    assert len(found) == 44


def test_promtool_complains_of_nothing_but_the_quantiles_of_forecasts() -> None:
    promtool = find_program(PROMTOOL)
    assert promtool is not None
    registry = CollectorRegistry()
    Telemetry(registry, version="1.0").failed("source", signal="load")
    made = Exposition(registry)
    made.prepare(snapshot())
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=made.body(openmetrics=False),
        capture_output=True,
        check=False,
    )
    # A forecast's quantiles are gauges on purpose: promtool would have them be a summary.
    complaints = checked.stderr.decode().splitlines()
    assert [line for line in complaints if '"quantile" label' not in line] == []
    assert {line.split()[0] for line in complaints} == {
        "forewarn_forecast",
        "forewarn_time_to_limit_seconds",
    }


def test_a_row_that_cannot_say_has_neither_score_nor_return_period_nor_band() -> None:
    found = values(exposition(snapshot()).body())
    for machine, reason in (("c", "stale"), ("d", "untrained"), ("e", "gap")):
        of_row = {
            name: value for (name, labels), value in found.items() if ("machine", machine) in labels
        }
        assert of_row.pop("forewarn_cannot_say") == 1.0
        assert (
            "forewarn_cannot_say",
            labels_of({"machine": machine, "reason": reason, "signal": "load"}),
        ) in found
        assert of_row.keys() & {family.name for family in JUDGED} == set()


def test_the_value_of_a_row_is_shown_while_it_is_new_even_where_nothing_can_be_said() -> None:
    found = values(exposition(snapshot()).body())
    shown = {dict(labels).get("machine") for name, labels in found if name == "forewarn_value"}
    assert shown == {"a", 'quo"te\\and\nline', "d"}


def test_an_episode_on_a_row_that_cannot_say_is_held() -> None:
    found = values(exposition(snapshot()).body())
    labels = labels_of(
        {"machine": "c", "signal": "load", "direction": "down", "severity": "warning"}
    )
    assert found["forewarn_episode_active", labels] == 1.0


def test_every_row_that_says_has_exactly_one_episode_series() -> None:
    found = [
        labels
        for name, labels in values(exposition(snapshot()).body())
        if name == "forewarn_episode_active"
    ]
    assert len(found) == 4
    assert (
        labels_of({"direction": "none", "severity": "none", "series": "*", "signal": "load"})
        in found
    )


def test_only_rows_that_are_missed_have_an_absence() -> None:
    shown = {key for key in values(exposition(snapshot()).body()) if "absen" in key[0]}
    labels = (("machine", "c"), ("signal", "load"))
    names = "forewarn_absence_score", "forewarn_absent_since_timestamp_seconds"
    assert shown == {(name, labels) for name in names}


def test_while_the_source_fails_no_value_is_shown() -> None:
    failing = replace(snapshot(), cannot_say=np.full(6, SOURCE, np.int8))
    names = {name for name, _ in values(exposition(failing).body())}
    assert "forewarn_value" not in names
    assert "forewarn_cannot_say" in names


def test_a_new_snapshot_replaces_the_old_one() -> None:
    made = exposition(snapshot())
    made.prepare(untrained())
    made.prepare(
        SignalSnapshot("load", 7_000, empty(((),), 1), np.array([NO_MODEL], np.int8), None)
    )
    found = values(made.body())
    assert {labels for name, labels in found if name == "forewarn_cannot_say"} == {
        labels_of({"signal": signal, "reason": "no_model"}) for signal in ("load", "idle")
    }


def test_a_replica_that_does_not_write_shows_itself_only() -> None:
    assert set(values(exposition(snapshot()).body(only_own=True))) == {("forewarn_leader", ())}


def test_the_classic_text_has_no_end_mark() -> None:
    assert b"# EOF" not in exposition(snapshot()).body(openmetrics=False)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            "application/openmetrics-text",
        ),
        ("text/plain;version=0.0.4", "text/plain"),
        ("", "text/plain"),
    ],
)
def test_the_content_type_is_what_the_scraper_accepts(accept: str, expected: str) -> None:
    assert content_type(openmetrics=accepts_openmetrics(accept)).startswith(expected)


def test_a_source_label_that_is_reserved_twice_keeps_both_values() -> None:
    series = (labels_of({"signal": "inner", "source_signal": "other"}),)
    found = values(
        exposition(SignalSnapshot("x", 1, empty(series, 1), np.array([GAP], np.int8), 1)).body()
    )
    labels = labels_of(
        {"signal": "x", "source_signal": "other", "source_source_signal": "inner", "reason": "gap"}
    )
    assert found["forewarn_cannot_say", labels] == 1.0
