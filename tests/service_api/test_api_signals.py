import pytest

from api_server import served
from forewarn_service.live import Live


def test_signals_tell_how_each_configured_signal_is(shared_api):
    assert shared_api.get("/api/v1/signals").json == {
        "signals": [
            {
                "name": "cpu",
                "query": "cpu_ratio",
                "step": "1m",
                "budget": "1/7d",
                "direction": "both",
                "team": "web",
                "model_version": 3,
                "updated": 1767225600.0,
                "series": 4,
                "anomalous": 1,
                "episodes": 1,
                "cannot_say": {"stale": 1},
            },
            {
                "name": "disk",
                "query": "disk_bytes",
                "step": "1m",
                "budget": "1/30d",
                "direction": "both",
                "team": "storage",
                "model_version": None,
                "updated": None,
                "series": 0,
                "anomalous": 0,
                "episodes": 0,
                "cannot_say": {},
            },
        ]
    }


def test_one_signal_is_what_the_list_says_of_it(shared_api):
    assert (
        shared_api.get("/api/v1/signals").json["signals"][0]
        == shared_api.get("/api/v1/signals/cpu").json
    )


def test_series_hold_the_newest_verdict_and_null_where_nothing_can_be_said(shared_api):
    answer = shared_api.get("/api/v1/signals/cpu/series").json
    assert answer["series"][1] == {
        "labels": {"instance": "web-1"},
        "timestamp": 1767225599.0,
        "value": 1.0,
        "expected": 1.1,
        "lower": 0.0,
        "upper": 2.0,
        "score": 1.4,
        "return_period_seconds": 1e6,
        "anomalous": True,
        "view": "value",
        "severity": "critical",
        "direction": "up",
        "episode_view": "slower_change",
        "episode_start": 1767225540.0,
        "cannot_say": None,
        "absence_score": None,
    }
    stale = answer["series"][2]
    assert (
        stale["value"],
        stale["expected"],
        stale["score"],
        stale["anomalous"],
        stale["cannot_say"],
        stale["absence_score"],
    ) == (2.0, None, None, None, "stale", 1.2)


@pytest.mark.parametrize(
    ("wanted", "expected"), [("true", ["web-1"]), ("false", ["web-0", "web-3"])]
)
def test_series_can_be_only_those_that_are_anomalous_or_are_not(shared_api, wanted, expected):
    answer = shared_api.get(f"/api/v1/signals/cpu/series?anomalous={wanted}").json
    assert expected == [row["labels"]["instance"] for row in answer["series"]]


def test_pages_hold_every_row_once(shared_api):
    seen, cursor = [], ""
    while cursor is not None:
        answer = shared_api.get(
            f"/api/v1/signals/cpu/series?limit=3{cursor and f'&cursor={cursor}'}"
        ).json
        seen += [row["labels"]["instance"] for row in answer["series"]]
        cursor = answer["next_cursor"]
    assert seen == ["web-0", "web-1", "web-2", "web-3"]


def test_a_cursor_of_an_earlier_model_has_expired(shared_api):
    answer = shared_api.get("/api/v1/signals/cpu/series?cursor=2.1")
    assert (answer.status, answer.reason) == (410, "cursor_expired")


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("cpu/series?limit=0", 422, "invalid_request"),
        ("cpu/series?limit=1001", 422, "invalid_request"),
        ("cpu/series?cursor=x", 422, "invalid_request"),
        ("cpu/series?anomalous=maybe", 422, "invalid_request"),
        ("0cpu", 422, "invalid_request"),
        ("memory", 404, "unknown_signal"),
        ("memory/series", 404, "unknown_signal"),
        ("disk/series", 409, "not_read_yet"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_reason(shared_api, path, status, reason):
    answer = shared_api.get(f"/api/v1/signals/{path}")
    assert (status, reason) == (answer.status, answer.reason)


def test_a_refused_parameter_is_named_and_its_value_is_not_repeated(shared_api):
    answer = shared_api.get("/api/v1/signals/cpu/series?limit=secret-text")
    assert [error["where"] for error in answer.json["errors"]] == ["query.limit"]
    assert b"secret-text" not in answer.body


def test_a_signal_without_a_snapshot_says_so(make_parts):
    with served(make_parts(live=Live())) as api:
        assert api.get("/api/v1/signals/cpu/series").status == 409
