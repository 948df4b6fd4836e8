"""Which patterns of logs changed, asked of a real Prometheus that holds their counters."""

import time
from urllib.parse import quote, urlencode

import numpy as np
import pytest

from api_parts import CONFIG, TEAM_TOKEN, TOKENS, snapshot, with_tokens
from api_server import served
from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.servers import Prometheus, RemoteWrite
from forewarn_adapters.prometheus import PrometheusSource
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_models.labels import labels_of
from forewarn_service.live import Live

SHOP, TILL = 'shop "a+b"', "till"
STEADY, GROWN, NEW, VANISHED = (f"00000000000000a{number}" for number in range(4))
OTHERS = [f"00000000000000b{number}" for number in range(8)]
MINUTES = 9
A_MINUTE = 12


def lines(name, service, pattern, *, level="info"):
    labels = {"__name__": f"forewarn_log_{name}", "service": service, "pattern": pattern}
    return labels_of({**labels, "source": "files", **({"level": level} if level else {})})


def counters(end):
    """Return series and their values at a sample in each quarter of a minute, up to `end`."""
    times = end - 15_000 * np.arange(4 * MINUTES, -1, -1)
    minutes = (times - times[0]) / 60_000
    last = np.maximum(minutes - (MINUTES - 1), 0)
    steady = A_MINUTE * minutes
    held = {lines("lines_total", SHOP, pattern): steady for pattern in OTHERS}
    held |= {
        lines("lines_total", SHOP, STEADY): steady,
        lines("lines_total", SHOP, GROWN): steady,
        lines("lines_total", SHOP, GROWN, level="error"): 300 * last,
        lines("lines_total", SHOP, NEW, level="error"): np.where(last > 0, 3.0, np.nan),
        lines("lines_total", SHOP, VANISHED): A_MINUTE * np.minimum(minutes, MINUTES - 1),
        lines("lines_total", TILL, STEADY): steady,
    }
    first = {GROWN: 1.0, STEADY: 1.0, VANISHED: 1.0, NEW: end / 1000 - 30}
    for pattern, seconds in first.items():
        series = lines("pattern_first_seen_timestamp_seconds", SHOP, pattern, level=None)
        held[series] = np.full(len(times), seconds)
        info = {"__name__": "forewarn_log_pattern_info", "pattern": pattern}
        held[labels_of({**info, "template": f"line {pattern[-1]} <*>"})] = np.ones(len(times))
    return times, held


@pytest.fixture(scope="module")
def end(prometheus):
    """When the window ends, in seconds; the counters are in Prometheus."""
    end = int(time.time()) * 1000
    times, held = counters(end)
    values = np.stack(list(held.values()))
    row, column = np.nonzero(np.isfinite(values))
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write"))
    outcome = writer.send(list(held), row, times[column], values[row, column])
    writer.close()
    assert outcome.accepted == len(row)
    return end // 1000


@pytest.fixture
def source(prometheus):
    source = PrometheusSource(Prometheus(url=prometheus.url))
    yield source
    source.close()


@pytest.fixture
def api(make_parts, source, end):
    examples = {NEW: "line 2 of three"}.get
    clock = lambda: 1000 * end  # noqa: E731  a clock that stands
    with served(make_parts(source=source, log_example=examples, now_milliseconds=clock)) as running:
        yield running


def changes(api, headers=None, **asked):
    query = urlencode({"window": "1m", **asked})
    return api.get(f"/api/v1/logs/changes?{query}", **(headers or {}))


def names(answer):
    return [each["pattern"] for each in answer.json["patterns"]]


def test_what_changed_in_a_service_is_named_the_new_pattern_first(api, end):
    answer = changes(api, service=SHOP, at=end)
    assert answer.status == 200, answer.body
    page = answer.json
    assert (page["before_start"], page["start"], page["end"]) == (end - 420, end - 60, end)
    assert page["services"] == [SHOP]
    new, grown, vanished = page["patterns"]
    assert [each["rank"] for each in page["patterns"]] == [1, 2, 3]
    scores = [new.pop("score"), grown.pop("score"), vanished.pop("score")]
    assert (min(scores) > 1, scores[1] > 5) == (True, True)
    assert new == {
        "rank": 1,
        "service": SHOP,
        "pattern": NEW,
        "template": "line 2 <*>",
        "level": "error",
        "before": 0.0,
        "during": 3.0,
        "ratio": pytest.approx(36, rel=0.2),
        "is_new": True,
        "example": "line 2 of three",
    }
    assert (grown["pattern"], grown["level"], grown["is_new"]) == (GROWN, "error", False)
    assert (grown["before"], grown["during"]) == (72, 312)
    assert (vanished["pattern"], vanished["during"], vanished["example"]) == (VANISHED, 0, None)


def test_now_is_the_default_and_the_list_is_cut(api, end):
    answer = changes(api, service=SHOP, limit=1)
    assert (answer.json["end"], names(answer)) == (end, [NEW])


def test_all_services_are_looked_at_where_none_is_named(api):
    answer = changes(api, limit=100)
    assert answer.json["services"] == []
    assert {NEW, GROWN, VANISHED} <= set(names(answer))


def test_before_anything_was_counted_nothing_changed(api, end):
    assert names(changes(api, service="nobody")) == []
    assert names(changes(api, service=SHOP, at=end - 80_000)) == []


def test_the_services_of_a_signal_are_those_that_its_labels_name(make_parts, source, end):
    series = ((("service", TILL),), (("service", SHOP),), (("app", SHOP),), (("instance", "a"),))
    live = Live()
    live.publish(snapshot(series=series))
    clock = lambda: 1000 * end  # noqa: E731  a clock that stands
    with served(make_parts(source=source, live=live, now_milliseconds=clock)) as api:
        episode = changes(api, signal="cpu")
        assert (episode.json["services"], names(episode)[0]) == ([SHOP], NEW)
        quiet = changes(api, signal="cpu", match='{instance=""}', at=end)
        assert quiet.json["services"] == [SHOP]
        chosen = changes(api, signal="cpu", match=f'{{service="{TILL}"}}')
        assert (chosen.json["services"], names(chosen)) == ([TILL], [])
        nobody = changes(api, signal="cpu", match='{instance="a"}')
        assert (nobody.status, nobody.reason) == (422, "data")
        assert "from 1 to 20 services by one of the labels service_name" in nobody.json["detail"]


def test_several_services_of_a_signal_are_looked_at_together(make_parts, source, end):
    series = ((("service", TILL),), (("service", SHOP),))
    live = Live()
    still = snapshot(series=series)
    still.newest.severity[:] = 0
    live.publish(still)
    clock = lambda: 1000 * end  # noqa: E731  a clock that stands
    with served(make_parts(source=source, live=live, now_milliseconds=clock)) as api:
        answer = changes(api, signal="cpu")
        assert (answer.json["services"], names(answer)[0]) == ([TILL, SHOP], NEW)


def test_the_labels_that_name_a_service_are_those_of_the_configuration(make_parts, source, end):
    logs = {"sources": [{"name": "a", "files": ["a.log"], "service_labels": ["instance"]}]}
    config = Config.model_validate({**CONFIG, "logs": logs})
    with served(make_parts(source=source, config=config)) as api:
        answer = changes(api, signal="cpu", match='{instance="web-2"}', at=end)
        assert answer.json["services"] == ["web-2"]


def test_a_team_asks_by_its_signals_only(make_parts, source, end):
    team, reader = ({"authorization": f"Bearer {each}"} for each in (TEAM_TOKEN, TOKENS["read"]))
    with served(make_parts(source=source, config=with_tokens(CONFIG))) as api:
        assert changes(api).status == 401
        refused = changes(api, team, service=SHOP)
        assert (refused.status, refused.reason) == (403, "access_denied")
        assert changes(api, team, signal="disk").reason == "unknown_signal"
        assert changes(api, team, signal="cpu").reason == "data"
        assert changes(api, reader, service=SHOP, at=end).status == 200


def test_a_signal_that_was_not_read_yet_names_no_service(make_parts):
    with served(make_parts(live=Live())) as api:
        answer = changes(api, signal="cpu")
        assert (answer.status, answer.reason) == (409, "not_read_yet")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("window=59s", "data"),
        ("window=2d", "data"),
        ("window=90500ms", "data"),
        ("at=100", "data"),
        ("at=-1", "invalid_request"),
        ("service=a&signal=cpu", "invalid_request"),
        ("match={a=%22b%22}", "invalid_request"),
        ("signal=cpu&match=rate(x)", "data"),
        ("windows_before=1", "invalid_request"),
        ("limit=101", "invalid_request"),
        ("service=", "invalid_request"),
        ("what=1", "invalid_request"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(shared_api, query, reason):
    answer = shared_api.get(f"/api/v1/logs/changes?{quote(query, safe='=&%')}")
    assert (answer.status, answer.reason) == (422, reason)


def test_a_source_that_does_not_answer_is_named(make_parts):
    source = PrometheusSource(Prometheus(url="http://127.0.0.1:9", timeout="1s"))
    with served(make_parts(source=source)) as api:
        answer = changes(api, service=SHOP)
        assert (answer.status, answer.reason) == (503, "source_unavailable")
    source.close()
