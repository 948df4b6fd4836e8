"""Forecasts and capacity, as the newest snapshots hold them."""

from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest

from api_parts import CONFIG, CPU, NOW, TEAM_TOKEN, TOKENS, forecast_snapshot, snapshot, with_tokens
from api_server import served
from forewarn_adapters.config.schema import Config
from forewarn_service.live import Live

DISK = {"name": "disk", "query": "disk_bytes", "step": "1m", "team": "storage"}
DISK |= {"forecast": {"step": "1m", "history": "1d", "horizon": "1h", "limit": {"below": 1}}}


def ahead(api, query=""):
    return api.get(f"/api/v1/forecasts?signal=cpu{query}")


def live_of(*snapshots):
    live = Live()
    for each in snapshots:
        live.publish(each)
    return live


def two_signals():
    """Config and snapshots of two signals with a limit, of two teams."""
    made = forecast_snapshot(CPU[:2])
    never = replace(made, time_to_limit_seconds=np.array([[600.0] * 5, [np.inf] * 5]))
    disk = replace(snapshot("disk", series=CPU[:2]), forecast=never)
    config = {**CONFIG, "signals": [CONFIG["signals"][0], DISK]}
    return config, live_of(snapshot(), disk)


def test_a_forecast_is_shown_at_the_horizons_of_the_metrics(shared_api):
    page = ahead(shared_api).json
    assert {name: page[name] for name in page if name != "series"} == {
        "signal": "cpu",
        "model_version": 5,
        "made": NOW / 1000,
        "step_seconds": 60.0,
        "timestamps": [NOW / 1000 + 60 * minutes for minutes in (15, 30, 60)],
        "quantile_levels": [0.025, 0.1, 0.5, 0.9, 0.975],
        "next_cursor": None,
    }
    first = page["series"][0]
    assert (first["labels"], first["model"], first["value"]) == ({"instance": "web-0"}, "hybrid", 3)
    np.testing.assert_allclose(first["quantiles"][2], [3 + 14 / 30, 3 + 29 / 30, 3 + 59 / 30])
    assert page["series"][2]["quantiles"] == [[None] * 3] * 5
    assert page["series"][2]["value"] is None


def test_horizons_and_quantiles_can_be_chosen(shared_api):
    page = ahead(shared_api, "&horizon=1m&horizon=20m&quantile=0.9&quantile=0.5").json
    assert page["timestamps"] == [NOW / 1000 + 60, NOW / 1000 + 1200]
    assert page["quantile_levels"] == [0.5, 0.9]
    np.testing.assert_allclose(
        page["series"][0]["quantiles"], [[3, 3 + 19 / 30], [3.1, 3.1 + 19 / 30]]
    )


def test_a_path_has_every_step_or_a_multiple_of_it(shared_api):
    assert len(ahead(shared_api, "&path=true").json["timestamps"]) == 60
    page = ahead(shared_api, "&path=true&step=20m").json
    assert page["timestamps"] == [NOW / 1000 + 60 * minutes for minutes in (20, 40, 60)]
    assert page["quantile_levels"] == [0.025, 0.1, 0.5, 0.9, 0.975]


def test_beyond_its_end_a_forecast_is_null_and_its_path_is_short(make_parts):
    made = forecast_snapshot()
    short = replace(made.forecast, quantiles=made.forecast.quantiles[:, :20])
    state = replace(snapshot(), forecast=replace(made, forecast=short))
    with served(make_parts(live=live_of(state))) as api:
        assert len(ahead(api, "&path=true").json["timestamps"]) == 20
        page = ahead(api, "&quantile=0.5").json
        assert page["series"][1]["quantiles"] == [[3.0, None, None]]


@pytest.mark.parametrize(
    ("match", "instances"),
    [
        ('{instance="web-1"}', ["web-1"]),
        ('{instance=~"web-[12]",job=""}', ["web-1", "web-2"]),
        ('{instance!~"web-.*"}', []),
        ("{}", ["web-0", "web-1", "web-2", "web-3"]),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/forecasts?signal=cpu", "/api/v1/capacity?signal=cpu"])
def test_a_selector_chooses_series(shared_api, path, match, instances):
    page = shared_api.get(f"{path}&match={quote(match)}").json
    assert sorted(each["labels"]["instance"] for each in page["series"]) == instances


def test_pages_of_a_forecast_join_to_all_of_it(shared_api):
    whole = ahead(shared_api).json["series"]
    found, cursor = [], ""
    for _ in range(4):
        page = ahead(shared_api, f"&limit=1{cursor}").json
        found += page["series"]
        cursor = f"&cursor={page['next_cursor']}"
    assert found == whole
    assert page["next_cursor"] is None


def test_a_cursor_of_an_earlier_forecaster_is_refused(shared_api):
    answer = ahead(shared_api, "&cursor=4.1")
    assert (answer.status, answer.reason) == (410, "cursor_expired")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("&horizon=30s", "from the forecast's step, 60 s, to its whole horizon, 3600 s, got 30s"),
        ("&horizon=2h", "got 2h"),
        ("&path=true&step=90s", "`step` must be a multiple of the forecast's, 60 s, got 90s"),
        ("&path=true&step=30s", "got 30s"),
        ("&quantile=0.4", "`quantile` must be one of 0.025, 0.1, 0.5, 0.9, 0.975, got 0.4"),
        ("&match=rate(x)", "`match` must be a selector such as"),
        ("&match=" + quote('{a=~"("}'), "`match` must be a selector such as"),
        ("&match=" + quote("{" + 'a="x",' * 11 + "}"), "at most 10 conditions, got 11"),
    ],
)
def test_what_a_forecast_does_not_have_is_refused_with_what_it_has(shared_api, query, says):
    answer = ahead(shared_api, query)
    assert (answer.status, answer.reason) == (422, "data")
    assert says in answer.json["detail"]


HOSTILE = [
    "&horizon=" + "1s" * 100,
    "&horizon=1m" * 21,
    "&horizon=0",
    "&horizon=1h&path=true",
    "&step=1m",
    "&step=99999999999999999999y&path=true",
    "&quantile=0",
    "&quantile=nan",
    "&quantile=1e999",
    "&quantile=0.5" * 22,
    "&match=" + "x" * 501,
    "&match=",
    "&limit=0",
    "&limit=1001",
    "&limit=1e3",
    "&cursor=-1",
    "&cursor=1." + "9" * 10,
    "&cursor=\u0661.\u0661",
    "&threshold=1",
    "&path=perhaps",
]


@pytest.mark.parametrize("query", HOSTILE)
def test_a_question_that_is_not_as_declared_is_refused(shared_api, query):
    answer = ahead(shared_api, quote(query, safe="&=+"))
    assert (answer.status, answer.reason) == (422, "invalid_request")
    assert len(answer.body) < 10_000


@pytest.mark.parametrize("query", ["limit=0", "cursor=1.1", "signal=..%2Fetc", "match=", "what=1"])
def test_a_ranking_that_is_asked_for_wrongly_is_refused(shared_api, query):
    answer = shared_api.get(f"/api/v1/capacity?{query}")
    assert (answer.status, answer.reason) == (422, "invalid_request")


def test_a_forecast_needs_a_signal(shared_api):
    assert shared_api.get("/api/v1/forecasts").status == 422
    answer = shared_api.get("/api/v1/forecasts?signal=unknown")
    assert (answer.status, answer.reason) == (404, "unknown_signal")


def test_a_page_of_too_many_quantiles_is_refused(make_parts):
    series = tuple((("n", str(number)),) for number in range(700))
    made = forecast_snapshot()
    wide = replace(
        made.forecast, series=series, quantiles=np.zeros((700, 60, 5)), model=("hybrid",) * 700
    )
    state = replace(snapshot(), forecast=replace(made, forecast=wide, values=np.zeros(700)))
    with served(make_parts(live=live_of(state))) as api:
        answer = ahead(api, "&path=true&limit=700")
        assert (answer.status, answer.reason) == (422, "data")
        assert "at most 200000 quantiles, got 700 series x 60 slots x 5" in answer.json["detail"]
        assert len(ahead(api, "&path=true&limit=700&quantile=0.5").json["series"]) == 700


@pytest.mark.parametrize("path", ["/api/v1/forecasts?signal=disk", "/api/v1/capacity?signal=disk"])
def test_a_signal_without_a_forecast_or_limit_has_nothing_to_show(shared_api, path):
    answer = shared_api.get(path)
    assert (answer.status, answer.reason) == (404, "no_forecast")


def test_before_the_first_forecast_there_is_none(make_parts):
    with served(make_parts(live=Live())) as api:
        answer = ahead(api)
        assert (answer.status, answer.reason) == (409, "not_read_yet")
        assert api.get("/api/v1/capacity").json == {
            "series": [],
            "waiting": ["cpu"],
            "next_cursor": None,
        }


def test_what_runs_out_first_stands_first_with_all_that_a_planner_asks(shared_api):
    found = shared_api.get("/api/v1/capacity").json["series"]
    assert [each["labels"]["instance"] for each in found] == ["web-3", "web-0", "web-1", "web-2"]
    assert [each["rank"] for each in found] == [1, 2, 3, 4]
    growth = found[1].pop("growth_per_day")
    assert growth == pytest.approx(2 * 24)
    assert found[1] == {
        "rank": 2,
        "signal": "cpu",
        "labels": {"instance": "web-0"},
        "value": 3.0,
        "limit": 4.0,
        "side": "above",
        "time_to_limit_seconds": {"p10": 1200.0, "p50": 1800.0, "p90": 2700.0},
        "breach": [
            {"horizon_seconds": 900.0, "probability": 0.1},
            {"horizon_seconds": 1800.0, "probability": 0.5},
            {"horizon_seconds": 3600.0, "probability": 0.95},
        ],
        "made": NOW / 1000,
        "model_version": 5,
    }


def test_never_and_cannot_say_are_told_apart_by_the_probability(shared_api):
    *_, never, unknown = shared_api.get("/api/v1/capacity").json["series"]
    nothing = {"p10": None, "p50": None, "p90": None}
    assert (never["time_to_limit_seconds"], unknown["time_to_limit_seconds"]) == (nothing, nothing)
    assert [each["probability"] for each in never["breach"]] == [0.0, 0.0, 0.01]
    assert [each["probability"] for each in unknown["breach"]] == [None] * 3


def test_series_of_all_signals_are_ranked_together_page_by_page(make_parts):
    config, live = two_signals()
    with served(make_parts(config=Config.model_validate(config), live=live)) as api:
        whole = api.get("/api/v1/capacity").json
        first = api.get("/api/v1/capacity?limit=4").json
        second = api.get(f"/api/v1/capacity?limit=4&cursor={first['next_cursor']}").json
    names = [(each["signal"], each["labels"]["instance"]) for each in whole["series"]]
    assert names[:3] == [("cpu", "web-3"), ("disk", "web-0"), ("cpu", "web-0")]
    assert [each["side"] for each in whole["series"][:2]] == ["above", "below"]
    assert first["series"] + second["series"] == whole["series"]
    assert (len(whole["series"]), second["next_cursor"]) == (6, None)


def test_a_team_sees_its_own_signals_only(make_parts):
    config, live = two_signals()
    team, reader = ({"authorization": f"Bearer {each}"} for each in (TEAM_TOKEN, TOKENS["read"]))
    with served(make_parts(config=with_tokens(config), live=live)) as api:
        mine = api.get("/api/v1/capacity", **team).json["series"]
        assert {each["signal"] for each in mine} == {"cpu"}
        assert len(api.get("/api/v1/capacity", **reader).json["series"]) == 6
        for path in ("/api/v1/capacity?signal=disk", "/api/v1/forecasts?signal=disk"):
            assert api.get(path, **team).reason == "unknown_signal"
            assert api.get(path, **reader).status == 200
