"""forewarn_service.logs.exposition, outgoing: both paths out give the same series."""

import time
from collections.abc import Sequence

import numpy as np
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

from forewarn_models.labels import Labels, labels_of
from forewarn_service.logs.changes import PatternChange
from forewarn_service.logs.exposition import LogExposition
from forewarn_service.logs.news import NewPattern
from forewarn_service.logs.outgoing import LogEncoder
from forewarn_service.logs.snapshot import Snapshot, SourceTally
from forewarn_service.outgoing import REPEAT_MILLISECONDS, STALE_MARKER, Batch
from log_parts import NOW, batch_of, counting_of, numbered, statement


def snapshot_of(n_lines: int = 5, *, at: int = NOW) -> Snapshot:
    counting = counting_of(("app", 'we"b'))
    counting.tallies["app"].is_up = True
    counting.take("app", batch_of(numbered(0, n_lines), level="info"), now_milliseconds=NOW)
    lines = ['say "quoted" \\ and \x1b[1mbold\x1b[0m', "", statement(1)]
    counting.take('we"b', batch_of(lines, services=("a\nb", "")), now_milliseconds=NOW)
    row = int(counting.miner.mine(*batch_of(["disk full"]).messages)[0])
    counting.news.shown.append(NewPattern("app", "shop", 5, row, 1.5, NOW / 1000 + 900))
    return counting.cut(now_milliseconds=at).snapshot


def exposed(
    snapshot: Snapshot, *, is_open: bool, changes: Sequence[PatternChange] = ()
) -> dict[Labels, float]:
    exposition = LogExposition()
    exposition.prepare(snapshot, changes)
    body = exposition.body(openmetrics=is_open).decode()
    families = list(openmetrics(body + "# EOF\n") if is_open else text(body))
    assert all(family.type in {"counter", "gauge"} for family in families)
    return {
        labels_of({"__name__": sample.name, **sample.labels}): sample.value
        for family in families
        for sample in family.samples
    }


def written(batch: Batch) -> dict[Labels, float]:
    assert batch.row.tolist() == list(range(len(batch.series)))
    return dict(zip(batch.series, batch.value.tolist(), strict=True))


def bits(value: float) -> bytes:
    return np.float64(value).tobytes()


@pytest.mark.parametrize("is_open", [False, True])
def test_both_paths_give_the_same_series_and_values(is_open: bool) -> None:
    snapshot = snapshot_of()
    changes = [PatternChange("shop", "00000000000000ff", "disk <*>", 3.25)]
    shown = exposed(snapshot, is_open=is_open, changes=changes)
    assert shown == written(LogEncoder().encode(snapshot, changes))
    assert {name for labels in shown for label, name in labels if label == "__name__"} == {
        "forewarn_log_lines_total",
        "forewarn_log_pattern_info",
        "forewarn_log_pattern_first_seen_timestamp_seconds",
        "forewarn_log_pattern_last_seen_timestamp_seconds",
        "forewarn_log_patterns",
        "forewarn_log_new_patterns_total",
        "forewarn_log_new_pattern_score",
        "forewarn_log_pattern_change_score",
        "forewarn_log_lines_read_total",
        "forewarn_log_bytes_read_total",
        "forewarn_log_lines_ended_total",
        "forewarn_log_read_lag_seconds",
        "forewarn_log_source_up",
    }
    labels = {label: value for pairs in shown for label, value in pairs}
    assert all(value for value in labels.values())


def test_labels_and_values_are_what_was_counted() -> None:
    shown = exposed(snapshot_of(), is_open=True)
    (lines,) = [
        (dict(labels), value)
        for labels, value in shown.items()
        if ("__name__", "forewarn_log_lines_total") in labels and ("service", "shop") in labels
    ]
    assert lines[1] == 5.0
    assert lines[0]["source"] == "app"
    assert lines[0]["level"] == "info"
    info = labels_of(
        {
            "__name__": "forewarn_log_pattern_info",
            "pattern": lines[0]["pattern"],
            "template": "request <*> took <*> ms",
        }
    )
    assert shown[info] == 1.0
    up = {"__name__": "forewarn_log_source_up", "source": "app"}
    assert shown[labels_of(up)] == 1.0
    assert shown[labels_of(up | {"source": 'we"b'})] == 0.0


def test_nothing_is_shown_before_the_first_snapshot() -> None:
    assert LogExposition().body(openmetrics=True) == b""


def test_what_changed_is_written_at_once_and_the_rest_every_half_minute() -> None:
    encoder = LogEncoder()
    first = written(encoder.encode(snapshot_of()))
    again = written(encoder.encode(snapshot_of(6, at=NOW + 5_000)))
    changed = {dict(labels)["__name__"] for labels in again}
    assert changed == {
        "forewarn_log_lines_total",
        "forewarn_log_lines_read_total",
        "forewarn_log_bytes_read_total",
    }
    later = encoder.encode(snapshot_of(6, at=NOW + REPEAT_MILLISECONDS))
    assert written(later).keys() == first.keys()
    assert set(later.timestamp_milliseconds.tolist()) == {NOW + REPEAT_MILLISECONDS}
    assert set(later.verdict_row.tolist()) == {-1}


def test_a_series_that_is_there_no_longer_is_ended() -> None:
    encoder = LogEncoder()
    encoder.encode(snapshot_of())
    gone = written(encoder.encode(snapshot_of(at=NOW + 900_000)))
    ended = [labels for labels, value in gone.items() if bits(value) == bits(STALE_MARKER)]
    assert [dict(labels)["__name__"] for labels in ended] == ["forewarn_log_new_pattern_score"]
    assert not any(
        bits(value) == bits(STALE_MARKER)
        for value in written(encoder.encode(snapshot_of(at=NOW + 905_000))).values()
    )


def test_fifty_thousand_series_are_ready_soon() -> None:
    n = 25_000
    snapshot = Snapshot(
        milliseconds=NOW,
        sources={"app": SourceTally("files")},
        services=tuple(("app", f"service-{number}") for number in range(250)),
        n_patterns=np.full(250, 100),
        series={
            "service": np.arange(n) // 100,
            "level": np.arange(n) % 7,
            "pattern": (np.arange(n) % 5_000 + 2**60).astype(np.uint64),
            "count": np.arange(n),
        },
        places={
            "service": np.arange(n // 2) // 50,
            "pattern": (np.arange(n // 2) % 5_000 + 2**60).astype(np.uint64),
            "first": np.full(n // 2, NOW * 10**6),
            "last": np.full(n // 2, NOW * 10**6),
        },
        news={"service": np.empty(0, int), "level": np.empty(0, int), "count": np.empty(0, int)},
        templates={number + 2**60: f"template {number}" for number in range(5_000)},
        shown=(),
    )
    exposition = LogExposition()
    began = time.process_time()
    exposition.prepare(snapshot)
    seconds = time.process_time() - began
    assert exposition.body(openmetrics=True).count(b"\n") > 50_000
    assert seconds < 2.0  # 0.04 on a quiet machine


def test_a_counter_that_begins_is_written_as_zero_at_the_time_of_the_snapshot_before() -> None:
    encoder = LogEncoder()
    first = encoder.encode(snapshot_of(0))
    assert set(first.timestamp_milliseconds.tolist()) == {NOW}
    batch = encoder.encode(snapshot_of(5, at=NOW + 5_000))
    times = zip(batch.row.tolist(), batch.timestamp_milliseconds.tolist(), strict=True)
    samples: dict[Labels, list[tuple[int, float]]] = {}
    for (row, at), value in zip(times, batch.value.tolist(), strict=True):
        samples.setdefault(batch.series[row], []).append((at, value))
    begun = {labels: found for labels, found in samples.items() if len(found) > 1}
    assert {dict(labels)["__name__"] for labels in begun} == {
        "forewarn_log_lines_total",
        "forewarn_log_new_patterns_total",
    }
    for found in begun.values():
        assert found[0] == (NOW + 1, 0.0)
        assert found[1][0] == NOW + 5_000
        assert found[1][1] > 0


def test_what_was_counted_elsewhere_is_written_as_it_is() -> None:
    encoder = LogEncoder()
    encoder.encode(snapshot_of(0))
    encoder.begin_anew()
    batch = encoder.encode(snapshot_of(5, at=NOW + 5_000))
    assert set(batch.timestamp_milliseconds.tolist()) == {NOW + 5_000}


def test_nothing_is_written_of_before_where_the_clock_was_set_back() -> None:
    encoder = LogEncoder()
    encoder.encode(snapshot_of(0))
    batch = encoder.encode(snapshot_of(5, at=NOW - 60_000))
    assert set(batch.timestamp_milliseconds.tolist()) == {NOW - 60_000}
