import re

import orjson
import pytest

from api_parts import CONFIG, TEAM_TOKEN, TOKENS, with_tokens
from api_server import served
from forewarn_adapters.config.addresses import is_loopback
from forewarn_adapters.config.api import Api
from forewarn_adapters.config.schema import Config
from forewarn_models.errors import ConfigError
from forewarn_service.api.access import tokens_of
from forewarn_service.api.app import create_app
from forewarn_service.api.limits import Limits

# The weakest role that may; each stronger one may too.
ROUTES = {
    ("GET", "/api/v1/signals"): "read",
    ("GET", "/api/v1/signals/cpu"): "read",
    ("GET", "/api/v1/signals/cpu/series"): "read",
    ("GET", "/api/v1/forecasts?signal=cpu"): "read",
    ("GET", "/api/v1/capacity"): "read",
    ("POST", "/api/v1/score"): "score",
    ("POST", "/api/v1/forecast"): "score",
    ("POST", "/api/v1/signals/cpu/train"): "operate",
    ("GET", "/api/v1/audit"): "admin",
}
ROLES = list(TOKENS)


def bearer(token):
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(("route", "needed"), ROUTES.items(), ids=str)
def test_a_route_is_open_to_its_role_and_stronger_ones(shared_guarded, route, needed):
    method, path = route
    for role in ROLES:
        answer = shared_guarded.call(method, path, headers=bearer(TOKENS[role]))
        if ROLES.index(role) < ROLES.index(needed):
            assert (answer.status, answer.reason) == (403, "access_denied")
        else:
            assert answer.status in {200, 202, 415}


@pytest.mark.parametrize("route", ROUTES, ids=str)
@pytest.mark.parametrize(
    "header",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer "},
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer wrong-token-0123456789"},
        {"authorization": f"Bearer {TOKENS['admin']}x"},
    ],
)
def test_nobody_enters_without_a_token_that_is_known(shared_guarded, route, header):
    answer = shared_guarded.call(*route, headers=header)
    assert (answer.status, answer.reason) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith('Bearer realm="forewarn"')


def test_a_team_sees_its_signals_and_no_others(shared_guarded):
    own = bearer(TEAM_TOKEN)
    names = [one["name"] for one in shared_guarded.get("/api/v1/signals", **own).json["signals"]]
    assert names == ["cpu"]
    assert shared_guarded.get("/api/v1/signals/cpu/series", **own).status == 200
    assert shared_guarded.get("/api/v1/signals/disk", **own).reason == "unknown_signal"
    assert shared_guarded.post("/api/v1/signals/disk/train", **own).status == 404
    assert shared_guarded.post("/api/v1/signals/cpu/train", **own).status == 202


def test_a_team_may_not_send_queries_and_the_attempt_is_audited(guarded):
    answer = guarded.post("/api/v1/score", {"query": "secrets"}, **bearer(TEAM_TOKEN))
    assert (answer.status, answer.reason) == (403, "access_denied")
    newest = guarded.get("/api/v1/audit", **bearer(TOKENS["admin"])).json["entries"][0]
    assert (newest["actor"], newest["action"]) == ("webber", "denied")
    assert orjson.loads(newest["detail"])["query"] == "secrets"


def test_what_shows_all_teams_is_closed_to_a_team(make_parts):
    tokens = [{"name": "a", "token": TEAM_TOKEN, "role": "admin", "team": "web"}]
    api = {"tokens": tokens, "listen": "0.0.0.0:9464"}
    config = Config.model_validate({**CONFIG, "api": api})
    with served(make_parts(config=config), token=TEAM_TOKEN) as running:
        assert running.get("/api/v1/audit").status == 403
        assert running.get("/metrics").status == 403


def test_metrics_beyond_loopback_need_a_token_and_health_does_not(make_parts):
    config = with_tokens(CONFIG, listen="0.0.0.0:9464")
    with served(make_parts(config=config)) as running:
        assert running.get("/metrics").status == 401
        assert running.get("/metrics", **bearer(TOKENS["read"])).status == 200
        assert running.get("/healthz").status == 200
        assert running.get("/readyz").status == 200


def test_metrics_on_loopback_need_no_token_unless_asked_by_another_name(shared_guarded):
    assert shared_guarded.get("/metrics").status == 200
    assert shared_guarded.get("/metrics", host="attacker.example").status == 401


def test_without_tokens_everyone_on_this_machine_is_the_administrator(api):
    assert api.post("/api/v1/signals/cpu/train").status == 202
    newest = api.get("/api/v1/audit").json["entries"][0]
    assert (newest["actor"], newest["action"], newest["subject"]) == ("local", "train", "cpu")


def test_denied_attempts_at_changes_are_audited_with_who_and_why(guarded):
    guarded.post("/api/v1/signals/cpu/train", **bearer(TOKENS["read"]))
    guarded.post("/api/v1/signals/cpu/train", **bearer("wrong-token-0123456789"))
    entries = guarded.get("/api/v1/audit", **bearer(TOKENS["admin"])).json["entries"]
    assert [
        (entry["actor"], entry["action"], orjson.loads(entry["detail"])["status"])
        for entry in entries
    ] == [("anonymous", "denied", 401), ("read", "denied", 403)]


def test_a_flood_of_denied_attempts_is_counted_not_written(make_parts):
    parts = make_parts(config=with_tokens(CONFIG), limits=Limits(denied_per_minute=2))
    with served(parts) as running:
        for _ in range(5):
            running.post("/api/v1/score", {})
        assert len(parts.store.audit_entries()) == 2
        parts.now_milliseconds.advance(milliseconds=60_000)
        running.post("/api/v1/score", {})
        assert orjson.loads(parts.store.audit_entries()[0].detail)["unrecorded_before"] == 3


def test_tokens_are_in_no_log_and_no_answer(shared_guarded, caplog):
    with caplog.at_level("DEBUG"):
        bodies = [
            shared_guarded.call(method, path, headers=bearer(token)).body
            for method, path in ROUTES
            for token in (*TOKENS.values(), "wrong-token-0123456789")
        ]
    assert not re.search(r"token-0123", caplog.text + b"".join(bodies).decode())


def test_listening_beyond_loopback_without_tokens_is_refused(make_parts):
    config = Config.model_construct(api=Api.model_construct(listen="0.0.0.0:1", tokens=()))
    with pytest.raises(ConfigError, match=r"api.tokens must hold at least one token"):
        create_app(make_parts(config=config))


def test_the_same_token_twice_is_refused():
    token = {"token": "0123456789abcdef"}
    api = Api.model_construct(
        listen="127.0.0.1:1",
        tokens=tuple(
            Config.model_fields["api"]
            .annotation.model_validate({"tokens": [{"name": name, **token}]})
            .tokens[0]
            for name in "ab"
        ),
    )
    with pytest.raises(ConfigError, match="differ from each other"):
        tokens_of(api)


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:1", True),
        ("127.8.8.8:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("10.0.0.1:1", False),
        ("example.org:1", False),
        ("localhost.example.org:1", False),
        (":1", False),
        ("LOCALHOST:1", True),
    ],
)
def test_loopback_is_told_from_the_rest(listen, expected):
    assert expected == is_loopback(Api(listen=listen).host)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:9464", 200),
        ("localhost:80", 200),
        ("[::1]:9464", 200),
        ("attacker.example", 421),
        ("localhost.attacker.example:9464", 421),
        ("127.0.0.1.attacker.example", 421),
        ("[::1", 421),
        ("", 421),
    ],
)
def test_without_tokens_the_host_must_be_this_machine(shared_api, host, status):
    assert status == shared_api.get("/api/v1/signals", host=host).status


def test_with_tokens_any_host_name_will_do(shared_guarded):
    answer = shared_guarded.get(
        "/api/v1/signals", host="forewarn.example", **bearer(TOKENS["read"])
    )
    assert answer.status == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://attacker.example", 403), ("null", 403), ("http://[", 403), ("http://me:1", 202)],
)
def test_a_page_of_another_host_may_change_nothing(shared_guarded, origin, status):
    headers = {"origin": origin, "host": "me:1", **bearer(TOKENS["operate"])}
    assert status == shared_guarded.post("/api/v1/signals/cpu/train", **headers).status


def test_a_page_of_another_host_is_given_no_leave_to_read(shared_api):
    answer = shared_api.get("/api/v1/signals", origin="https://attacker.example")
    assert "access-control-allow-origin" not in answer.headers


def test_answers_carry_security_headers(shared_api):
    for answer in (
        shared_api.get("/healthz"),
        shared_api.get("/nothing"),
        shared_api.get("/", host="evil"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert (
            (answer.headers["content-security-policy"])
            == "default-src 'none'; frame-ancestors 'none'"
        )
        assert "server" not in answer.headers
