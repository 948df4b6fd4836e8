"""What remote write is given for each tick."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from forewarn_models.contract import Forecast
from forewarn_models.labels import Labels, labels_of
from forewarn_models.verdicts import Verdicts
from forewarn_service.exporter import Exposition
from forewarn_service.live import (
    GAP,
    SAYS,
    SOURCE,
    STALE,
    ForecastSnapshot,
    Missed,
    SignalSnapshot,
)
from forewarn_service.outgoing import STALE_MARKER, Batch, Encoder
from forewarn_service.verdict_rows import empty, select

ROWS = (labels_of({"machine": "a"}), labels_of({"machine": "b"}))
T = 1_800_000_000_000
ENDED = "ended"


def verdicts(*entries: tuple[int, int, float, int]) -> Verdicts:
    """Entries of row, time, score and severity; NaN as a score cannot say."""
    row, time, score, severity = zip(*entries, strict=True)
    n = len(entries)
    scores = np.array(score, np.float64)
    return replace(
        empty(ROWS, n),
        row=np.array(row),
        timestamp_milliseconds=np.array(time),
        value=np.full(n, 7.0),
        expected=np.where(np.isnan(scores), np.nan, 6.0),
        lower=np.where(np.isnan(scores), np.nan, 5.0),
        upper=np.where(np.isnan(scores), np.nan, 8.0),
        return_period_seconds=np.where(np.isnan(scores), np.nan, 60.0),
        score=scores,
        severity=np.array(severity, np.int8),
        episode_direction=np.array([1 if each else 0 for each in severity], np.int8),
    )


def snapshot(newest: Verdicts, *reasons: int, now: int = T + 1_000) -> SignalSnapshot:
    return SignalSnapshot("load", now, newest, np.array(reasons, np.int8), 1)


NEWEST = verdicts((0, T, 0.5, 0), (1, T, 0.5, 0))
NOTHING = empty(ROWS, 0)


def is_marker(value: float) -> bool:
    return np.float64(value).tobytes() == np.float64(STALE_MARKER).tobytes()


def written(batch: Batch) -> list[tuple[str, str, int, float | str]]:
    """Name, distinguishing labels, time and value of each sample; markers as `ended`."""

    def short(labels: Labels) -> tuple[str, str]:
        by_name = dict(labels)
        extra = ("machine", "direction", "severity", "reason", "view")
        shown = (by_name[name] for name in extra if name in by_name)
        return by_name["__name__"].removeprefix("forewarn_"), " ".join(shown)

    return [
        (*short(batch.series[row]), time - T, ENDED if is_marker(value) else value)
        for row, time, value in zip(
            batch.row.tolist(), batch.timestamp_milliseconds.tolist(), batch.value, strict=True
        )
    ]


def test_a_sample_becomes_seven_series_at_its_own_time_the_score_last() -> None:
    batch = Encoder("load").encode(snapshot(NEWEST, SAYS, SAYS), select(NEWEST, np.array([0])))
    assert written(batch) == [
        ("episode_active", "a none none", 0, 0.0),
        ("value", "a", 0, 7.0),
        ("return_period_seconds", "a", 0, 60.0),
        ("expected", "a", 0, 6.0),
        ("expected_lower", "a", 0, 5.0),
        ("expected_upper", "a", 0, 8.0),
        ("anomaly_score", "a", 0, 0.5),
    ]
    assert batch.row[-1] == batch.row.max()
    assert dict(batch.series[batch.row[-1]])["signal"] == "load"


def test_a_sample_that_cannot_be_judged_is_a_value_only() -> None:
    emitted = verdicts((0, T, np.nan, 0))
    batch = Encoder("load").encode(snapshot(NEWEST, SAYS, SAYS), emitted)
    assert written(batch) == [("value", "a", 0, 7.0)]


def episodes(batch: Batch) -> list[tuple[str, int, float | str]]:
    return [each[1:] for each in written(batch) if each[0] == "episode_active"]


def test_an_episode_ends_the_idle_series_and_grows_and_ends_at_its_samples() -> None:
    emitted = verdicts((0, T, 0.1, 0), (0, T + 1, 1.2, 1), (0, T + 2, 1.5, 2), (0, T + 3, 0.1, 0))
    found = sorted(episodes(Encoder("load").encode(snapshot(NEWEST, SAYS, SAYS), emitted)))
    assert found == sorted(
        [
            ("a none none", 0, 0.0),
            ("a none none", 1, ENDED),
            ("a up warning", 1, 1.0),
            ("a up warning", 2, ENDED),
            ("a up critical", 2, 1.0),
            ("a up critical", 3, ENDED),
            ("a none none", 3, 0.0),
        ]
    )


def test_an_episode_goes_on_over_ticks() -> None:
    encoder, now = Encoder("load"), snapshot(NEWEST, SAYS, SAYS)
    encoder.encode(now, verdicts((0, T, 1.2, 1)))
    assert episodes(encoder.encode(now, verdicts((0, T + 1, 1.2, 1)))) == [("a up warning", 1, 1.0)]


def test_the_view_of_an_episode_is_told_while_it_lasts_and_leaves_the_episode_as_it_is() -> None:
    emitted = verdicts((0, T, 1.2, 1), (0, T + 1, 1.3, 1), (0, T + 2, 0.7, 1), (0, T + 3, 0.1, 0))
    emitted = replace(emitted, episode_view=np.array([0, 2, 2, -1], np.int8))
    found = written(Encoder("load").encode(snapshot(NEWEST, SAYS, SAYS), emitted))
    assert [each[1:] for each in found if each[0] == "anomaly_view"] == [
        ("a change", 0, 1.0),
        ("a change", 1, ENDED),
        ("a value", 1, 1.0),
        ("a value", 2, 1.0),
        ("a value", 3, ENDED),
    ]
    assert [each[1:] for each in found if each[:2] == ("episode_active", "a up warning")] == [
        ("a up warning", 0, 1.0),
        ("a up warning", 1, 1.0),
        ("a up warning", 2, 1.0),
        ("a up warning", 3, ENDED),
    ]


def test_a_late_sample_ends_no_episode_that_went_on_after_it() -> None:
    encoder, now = Encoder("load"), snapshot(NEWEST, SAYS, SAYS)
    encoder.encode(now, verdicts((0, T + 5, 1.2, 1)))
    late = encoder.encode(now, verdicts((0, T + 1, 0.1, 0)))
    assert episodes(late) == [("a none none", 1, 0.0)]


@pytest.mark.parametrize(
    ("reason", "ended"),
    [(STALE, True), (SOURCE, True), (GAP, False)],
    ids=["stale", "source", "gap"],
)
def test_a_row_that_can_say_no_more_has_its_series_ended_after_its_newest_sample(
    reason: int, ended: bool
) -> None:
    encoder = Encoder("load")
    found = written(encoder.encode(snapshot(NEWEST, SAYS, reason), NOTHING))
    names = [
        "return_period_seconds",
        "expected",
        "expected_lower",
        "expected_upper",
        "anomaly_score",
    ]
    markers = [(name, "b", 1, ENDED) for name in [*names, *(["value"] if ended else [])]]
    markers.append(("episode_active", "b none none", 1, ENDED))
    said = [("cannot_say", f"b {('', 'gap', 'stale', '', 'source')[reason]}", 1_000, 1.0)]
    assert sorted(found, key=str) == sorted(markers + said, key=str)


def cannot_say(encoder: Encoder, *reasons: int, now: int) -> list[tuple[str, int, float | str]]:
    batch = encoder.encode(snapshot(NEWEST, *reasons, now=now), NOTHING)
    return [each[1:] for each in written(batch) if each[0] == "cannot_say"]


def test_what_cannot_be_said_is_repeated_every_half_minute_and_ended_when_over() -> None:
    encoder = Encoder("load")
    assert cannot_say(encoder, SAYS, STALE, now=T) == [("b stale", 0, 1.0)]
    assert cannot_say(encoder, SAYS, STALE, now=T + 29_999) == []
    assert cannot_say(encoder, SAYS, STALE, now=T + 30_000) == [("b stale", 30_000, 1.0)]
    assert cannot_say(encoder, SAYS, SAYS, now=T + 31_000) == [("b stale", 31_000, ENDED)]
    assert cannot_say(encoder, SAYS, SAYS, now=T + 90_000) == []


def test_another_reason_ends_the_one_before() -> None:
    encoder = Encoder("load")
    cannot_say(encoder, SAYS, GAP, now=T)
    found = cannot_say(encoder, SAYS, STALE, now=T + 10)
    assert found == [("b gap", 10, ENDED), ("b stale", 10, 1.0)]
    batch = encoder.encode(snapshot(NEWEST, SAYS, SOURCE, now=T + 20), NOTHING)
    assert ("value", "b", 1, ENDED) in written(batch)


def absences(
    encoder: Encoder, missed: dict[int, Missed], *, now: int
) -> list[tuple[str, str, int, float | str]]:
    shown = replace(snapshot(NEWEST, SAYS, STALE, now=now), missed=missed)
    return [each for each in written(encoder.encode(shown, NOTHING)) if "absen" in each[0]]


def test_a_row_that_is_missed_is_written_at_each_tick_and_ended_when_it_is_not_any_more() -> None:
    encoder = Encoder("load")
    since = ("absent_since_timestamp_seconds", "b")
    for seconds, score in ((10, 0.5), (11, 1.5)):
        assert absences(encoder, {1: Missed(score, T - 500)}, now=T + seconds) == [
            ("absence_score", "b", seconds, score),
            (*since, seconds, (T - 500) / 1000),
        ]
    ended = [("absence_score", "b", 12, ENDED), (*since, 12, ENDED)]
    assert absences(encoder, {}, now=T + 12) == ended
    assert absences(encoder, {}, now=T + 13) == []


def test_a_scrape_shows_of_a_missed_row_what_is_written() -> None:
    shown = replace(snapshot(NEWEST, SAYS, STALE), missed={1: Missed(1.5, T + 250)})
    exposition = Exposition(CollectorRegistry())
    exposition.prepare(shown)
    families = text_string_to_metric_families(exposition.body().decode())
    scraped = {
        (("__name__", sample.name), *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if "absen" in sample.name
    }
    batch = Encoder("load").encode(shown, NOTHING)
    names = [batch.series[row] for row in batch.row.tolist()]
    stored = dict(zip(names, batch.value.tolist(), strict=True))
    assert {labels: v for labels, v in stored.items() if "absen" in labels[0][1]} == scraped
    assert len(scraped) == 2


def test_at_one_time_a_row_is_said_to_be_missed_once_and_ended_later() -> None:
    encoder = Encoder("load")
    assert len(absences(encoder, {1: Missed(0.5, T)}, now=T + 10)) == 2
    assert absences(encoder, {1: Missed(0.6, T)}, now=T + 10) == []
    assert absences(encoder, {}, now=T + 10) == []
    assert len(absences(encoder, {}, now=T + 11)) == 2


def test_each_sample_knows_its_row_and_what_is_of_the_tick_knows_none() -> None:
    batch = Encoder("load").encode(snapshot(NEWEST, SAYS, STALE), select(NEWEST, np.array([0])))
    of_row = {
        each[0] for each, row in zip(written(batch), batch.verdict_row, strict=True) if row == 0
    }
    assert {"anomaly_score", "value", "episode_active"} <= of_row
    assert all(
        row == -1
        for each, row in zip(written(batch), batch.verdict_row, strict=True)
        if each[3] == ENDED or each[0] == "cannot_say"
    )
    assert batch.rows[0] == labels_of({"machine": "a", "signal": "load"})


def test_a_forecast_is_written_at_now_every_half_minute() -> None:
    made = Forecast(ROWS, T, 60_000, (0.1, 0.5, 0.9), np.zeros((2, 1, 3)), ("hybrid", "hybrid"))
    ahead = ForecastSnapshot(
        forecast=made,
        horizons=(timedelta(hours=1),),
        quantiles=np.arange(6.0).reshape(2, 1, 3),
        time_to_limit_seconds=np.full((2, 3), np.nan),
        breach_probability=np.array([[0.5], [np.nan]]),
        limits=np.array([9.0, np.nan]),
        values=np.array([1.0, 2.0]),
        champion_version=1,
        made_milliseconds=T,
    )
    encoder = Encoder("load")
    now = replace(snapshot(NEWEST, SAYS, SAYS, now=T + 5), forecast=ahead)
    batch = encoder.encode(now, NOTHING)
    found = written(batch)
    assert [value for name, _, _, value in found if name == "forecast"] == [0, 3, 1, 4, 2, 5]
    assert ("limit_breach_probability", "a", 5, 0.5) in found
    assert len(found) == 7
    assert dict(batch.series[batch.row[0]])["horizon"] == "1h"
    assert len(encoder.encode(now, NOTHING)) == 0
