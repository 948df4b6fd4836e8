import gzip
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from api_parts import CONFIG, NOW, TOKENS, snapshot, with_tokens
from api_server import served
from forewarn_models.errors import RegistryError, StoreError
from forewarn_service.exporter import Exposition
from forewarn_service.live import SOURCE, Live

SCRAPER = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


def live_of(*snapshots):
    live = Live()
    for one in snapshots:
        live.publish(one)
    return live


def without_source(one):
    return replace(one, cannot_say=np.full(len(one.series), SOURCE, np.int8))


def test_a_process_whose_loops_go_round_is_alive(shared_api):
    assert shared_api.get("/healthz").json == {"status": "ok", "reasons": []}


def test_a_process_whose_loops_stand_still_is_dead(make_parts):
    with served(make_parts(heartbeat_milliseconds=lambda: NOW - 61_000)) as api:
        answer = api.get("/healthz")
        assert (answer.status, answer.reason) == (503, "unavailable")
        assert (answer.json["reasons"]) == [
            {"reason": "no_heartbeat", "detail": "the loops were last heard of 61 s ago"}
        ]


def test_ready_says_also_what_is_partly_amiss(shared_api):
    answer = shared_api.get("/readyz")
    assert answer.status == 200
    assert answer.json["reasons"] == [
        {"reason": "not_read_yet", "detail": "1 of 2 signals not read yet"}
    ]


@pytest.mark.parametrize(
    ("snapshots", "expected"),
    [
        ((), {"starting", "not_read_yet"}),
        ((snapshot(version=None),), {"no_model", "not_read_yet", "untrained"}),
        ((without_source(snapshot()), without_source(snapshot("disk"))), {"source"}),
    ],
)
def test_not_ready_says_why(make_parts, snapshots, expected):
    with served(make_parts(live=live_of(*snapshots))) as api:
        answer = api.get("/readyz")
        assert (answer.status, answer.reason) == (503, "unavailable")
        assert expected == {reason["reason"] for reason in answer.json["reasons"]}


def test_a_service_that_still_compiles_is_not_ready(make_parts):
    waits = make_parts(logs_wait_for=lambda: ("compiling_logs", "what reads lines is compiled"))
    with served(waits) as api:
        answer = api.get("/readyz")
        assert answer.status == 503
        assert answer.json["reasons"][0] == {
            "reason": "compiling_logs",
            "detail": "what reads lines is compiled",
        }
    with served(make_parts(is_warm=lambda: False)) as api:
        answer = api.get("/readyz")
        assert answer.status == 503
        assert "compiling" in [reason["reason"] for reason in answer.json["reasons"]]
        assert api.get("/healthz").status == 200


def test_one_signal_without_its_source_leaves_the_others_ready(make_parts):
    live = live_of(snapshot(), without_source(snapshot("disk")))
    with served(make_parts(live=live)) as api:
        answer = api.get("/readyz")
        assert answer.status == 200
        assert [reason["reason"] for reason in answer.json["reasons"]] == ["source"]


class BrokenStore:
    def ping(self):
        raise StoreError("the disk is full")

    def record(self, *_actor, **_entry):
        raise StoreError("the disk is full")


def test_a_store_that_fails_is_a_reason_not_to_be_ready(make_parts):
    with served(make_parts(store=BrokenStore())) as api:
        reasons = api.get("/readyz").json["reasons"]
        assert {"reason": "store", "detail": "the store does not answer"} in reasons


def test_what_cannot_be_audited_is_not_done(make_parts):
    trained = []
    with served(make_parts(store=BrokenStore(), train=trained.append)) as api:
        answer = api.post("/api/v1/signals/cpu/train")
        assert (answer.status, answer.reason) == (503, "store")
        assert trained == []


def test_a_denied_attempt_stays_denied_when_it_cannot_be_audited(make_parts, caplog):
    parts = make_parts(store=BrokenStore(), config=with_tokens(CONFIG))
    with served(parts, token=TOKENS["read"]) as api:
        assert api.post("/api/v1/signals/cpu/train").status == 403
    assert "a denied attempt could not be audited: the disk is full" in caplog.text


@pytest.mark.parametrize("queued", [True, False])
def test_training_is_queued_and_says_whether_it_was_already(make_parts, queued):
    asked = []

    def train(name):
        asked.append(name)
        return queued

    with served(make_parts(train=train)) as api:
        answer = api.post("/api/v1/signals/cpu/train")
        assert (202, {"signal": "cpu", "queued": queued}) == (answer.status, answer.json)
        assert asked == ["cpu"]


def test_an_unknown_signal_is_not_trained(shared_api):
    assert shared_api.post("/api/v1/signals/memory/train").reason == "unknown_signal"


def test_the_audit_comes_in_pages_newest_first(api):
    for number in range(5):
        api.parts.store.record(
            "somebody", action="did", subject=str(number), now_milliseconds=NOW + number
        )
    first = api.get("/api/v1/audit?limit=3").json
    second = api.get(f"/api/v1/audit?limit=3&cursor={first['next_cursor']}").json
    entries = first["entries"] + second["entries"]
    assert [entry["subject"] for entry in entries] == ["4", "3", "2", "1", "0"]
    assert second["next_cursor"] is None
    assert first["entries"][0] == {
        "sequence": 5,
        "timestamp": (NOW + 4) / 1000,
        "actor": "somebody",
        "action": "did",
        "subject": "4",
        "detail": "",
    }


def test_the_audit_can_be_of_one_subject(api):
    for subject in ("a", "b"):
        api.parts.store.record("x", action="did", subject=subject, now_milliseconds=NOW)
    entries = api.get("/api/v1/audit?subject=b").json["entries"]
    assert [entry["subject"] for entry in entries] == ["b"]


def test_metrics_are_openmetrics_where_the_scraper_accepts_them(make_parts):
    exposition = Exposition(CollectorRegistry())
    exposition.prepare(snapshot())
    with served(make_parts(metrics=exposition.body)) as api:
        answer = api.get("/metrics", accept=SCRAPER)
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        assert answer.body.endswith(b"# EOF\n")
        assert b'forewarn_value{instance="web-0",signal="cpu"} 0' in answer.body
        plain = api.get("/metrics", accept="text/plain")
        assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert b"# EOF" not in plain.body
        assert b'forewarn_value{instance="web-0",signal="cpu"} 0' in plain.body


def test_who_scrapes_is_told_by_address_and_others_who_look_are_not(make_parts):
    scrapers: list[str] = []
    with served(make_parts(scraped=scrapers.append)) as api:
        api.get("/metrics")
        assert scrapers == []
        api.get("/metrics", x_prometheus_scrape_timeout_seconds="10")
    assert scrapers == ["127.0.0.1"]


def test_metrics_are_compressed_where_that_is_accepted(shared_api):
    answer = shared_api.get("/metrics", accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == b"up 1\n"
    for refused in ("identity", "gzip;q=0", "gzip; q=0.000", "x-gzip-like"):
        answer = shared_api.get("/metrics", accept_encoding=refused)
        assert "content-encoding" not in answer.headers
    for accepted in ("deflate, gzip;q=0.5", "gzip; q=1.0", "GZIP"):
        answer = shared_api.get("/metrics", accept_encoding=accepted)
        assert answer.headers["content-encoding"] == "gzip"


def test_an_error_nobody_expected_is_told_by_its_number_alone_and_counted(make_parts, caplog):
    counted = []

    def metrics(*, openmetrics):
        raise RuntimeError("a detail of the inside")

    with served(make_parts(metrics=metrics, count_error=counted.append)) as api:
        answer = api.get("/metrics")
        assert (answer.status, answer.reason) == (500, "internal")
        assert b"inside" not in answer.body
        assert counted == ["internal"]
        record = next(one for one in caplog.records if one.exc_info)
        assert answer.headers["x-request-id"] in record.getMessage()
        assert api.get("/healthz").status == 200


def test_our_own_errors_take_their_status_from_the_table(make_parts):
    def train(name):
        raise RegistryError("the registry must answer")

    with served(make_parts(train=train)) as api:
        answer = api.post("/api/v1/signals/cpu/train")
        assert (
            answer.status,
            answer.reason,
            answer.headers["retry-after"],
        ) == (503, "registry", "5")


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/docs", 404, "not_found"),
        ("DELETE", "/api/v1/signals", 405, "method_not_allowed"),
        ("GET", "/api/v1/score", 405, "method_not_allowed"),
    ],
)
def test_errors_of_the_framework_are_problems_too(shared_api, method, path, status, reason):
    answer = shared_api.call(method, path)
    assert (status, reason) == (answer.status, answer.reason)


def test_a_process_that_does_not_score_is_ready_without_signals(make_parts):
    with served(make_parts(live=live_of(), scores=False)) as api:
        answer = api.get("/readyz")
    assert answer.status == 200
    assert answer.json["reasons"] == []


def test_a_file_of_logs_alone_is_ready_without_signals(make_parts):
    parts = make_parts(live=live_of())
    parts = replace(parts, config=parts.config.model_copy(update={"signals": ()}))
    with served(parts) as api:
        answer = api.get("/readyz")
    assert answer.status == 200
    assert answer.json["reasons"] == []
