import time

import numpy as np
import orjson
import pytest

from api_parts import CONFIG, CPU, NOW, STEP, TEAM_TOKEN, MemoryChampions, sine, with_tokens
from api_server import served
from forewarn_models.catalogue import detector_from_state, forecaster_from_state
from forewarn_models.contract import State
from forewarn_models.detector import RarityDetector
from forewarn_models.errors import DataError, RegistryError, SourceTimeout
from forewarn_models.fold import FoldPolicy, fold, start_fold
from forewarn_models.offline import Schedule, score_recording
from forewarn_models.samples import Samples
from forewarn_models.views import VIEWS
from forewarn_service.api import on_demand
from forewarn_service.api.champions import loaded_champions
from forewarn_service.api.limits import Limits
from forewarn_service.api.wire import SeriesValues


def one_series(n=600, *, start=NOW, step=STEP, labels=CPU[0], spike_at=None, seed=0):
    times = start + step * np.arange(n)
    values = sine(times, seed)
    if spike_at is not None:
        values[spike_at] += 50
    return {
        "labels": dict(labels),
        "timestamps": (times / 1000).tolist(),
        "values": values.tolist(),
    }


def test_values_are_scored_by_what_their_own_first_part_teaches(shared_api):
    answer = shared_api.post(
        "/api/v1/score", {"series": [one_series(spike_at=500)], "budget": "1/1d"}
    )
    assert answer.status == 200, answer.body
    (series,) = answer.json["series"]
    assert (
        answer.json["model_version"],
        answer.json["step_seconds"],
        answer.json["budget"],
    ) == (None, 60.0, "1/1d")
    assert {600} == {len(column) for name, column in series.items() if name != "labels"}
    assert [None] * 300 == series["score"][:300] == series["anomalous"][:300]
    assert series["view"][:300] == [None] * 300
    assert series["view"][500] in VIEWS
    assert series["anomalous"][500] is True
    assert series["score"][500] >= 1
    assert series["value"] == one_series(spike_at=500)["values"]


def test_values_are_scored_as_a_recording_is(shared_api):
    sent = one_series(spike_at=500)
    answer = shared_api.post("/api/v1/score", {"series": [sent], "train_fraction": 0.4})
    samples = Samples(
        CPU[:1],
        np.zeros(600, np.int64),
        NOW + STEP * np.arange(600),
        np.array(sent["values"]),
    )
    schedule = Schedule(NOW + 240 * STEP, 86_400_000, 28 * 86_400_000)
    expected = score_recording(RarityDetector(), FoldPolicy(), samples, schedule)
    score = np.array(answer.json["series"][0]["score"], np.float64)
    np.testing.assert_array_equal(expected.sample, np.arange(240, 600))
    np.testing.assert_array_equal(expected.verdicts.score, score[240:])


def test_an_enormous_step_leaves_one_slot_and_a_forecast_without_a_band(shared_api):
    asked = {"series": [one_series()], "step": "100y", "horizon": "100y"}
    answer = shared_api.post("/api/v1/forecast", asked)
    assert answer.status in {200, 422}


def test_samples_may_come_in_any_order_with_repeats_and_nulls(shared_api):
    sent = one_series()
    sent["values"][400] = None
    sent["timestamps"].append(sent["timestamps"][450])
    sent["values"].append(90.0)
    order = np.random.default_rng(1).permutation(601)
    sent["timestamps"] = [sent["timestamps"][place] for place in order]
    sent["values"] = [sent["values"][place] for place in order]
    (series,) = shared_api.post("/api/v1/score", {"series": [sent]}).json["series"]
    assert series["timestamps"] == sorted(sent["timestamps"])
    assert (series["value"][400], series["anomalous"][400]) == (None, None)
    assert 90.0 in series["value"][450:452]


def test_groups_are_scored_too(shared_api):
    series = [one_series(labels=labels, seed=row) for row, labels in enumerate(CPU)]
    for one in series:
        one["labels"]["zone"] = "a"
    answer = shared_api.post("/api/v1/score", {"series": series, "group_by": ["zone"]})
    assert answer.json["series"][-1]["labels"] == {"series": "*", "zone": "a"}
    assert len(answer.json["series"]) == 5


def test_values_are_scored_with_the_champion_as_the_fold_scores_them(shared_api, champions):
    sent = one_series(30, spike_at=20)
    answer = shared_api.post("/api/v1/score", {"series": [sent], "signal": "cpu"})
    model = detector_from_state(champions.states["cpu", "detector"])
    samples = Samples(
        CPU[:1],
        np.zeros(30, np.int64),
        NOW + STEP * np.arange(30),
        np.array(sent["values"]),
    )
    policy = FoldPolicy(shared_api.parts.config.signals[0].budget)
    expected, _ = fold(
        model, policy, samples, start_fold(model, policy), until_milliseconds=NOW + 30 * STEP
    )
    (series,) = answer.json["series"]
    assert answer.json["model_version"] == 3
    np.testing.assert_allclose(
        expected.score[:30], np.array(series["score"], np.float64), rtol=1e-9
    )
    assert series["anomalous"][20] is True


@pytest.mark.parametrize("days", [-3, 40])
def test_the_champion_scores_any_time(shared_api, days):
    sent = one_series(30, start=NOW + days * 86_400_000 + 12_345, spike_at=20)
    answer = shared_api.post("/api/v1/score", {"series": [sent], "signal": "cpu"})
    assert answer.status == 200, answer.body
    assert answer.json["series"][0]["anomalous"][20] is True


def test_a_query_is_read_from_the_source_and_audited(api):
    answer = api.post("/api/v1/score", {"query": "x_3", "history": "6h", "step": "1m"})
    assert answer.status == 200, answer.body
    assert [len(series["value"]) for series in answer.json["series"]] == [361] * 3
    (entry,) = api.parts.store.audit_entries()
    assert (entry.actor, entry.action, entry.subject) == ("local", "query", "/api/v1/score")
    assert orjson.loads(entry.detail) == {"query": "x_3", "history": "6h", "step": "1m"}


def test_values_are_forecast(shared_api):
    asked = {"series": [one_series(1440)], "horizon": "1h", "levels": [80, 95]}
    answer = shared_api.post("/api/v1/forecast", asked)
    assert answer.status == 200, answer.body
    body = answer.json
    assert pytest.approx(body["quantile_levels"]) == [0.025, 0.1, 0.5, 0.9, 0.975]
    assert [NOW / 1000 + 60 * (1440 + step) for step in range(60)] == body["timestamps"]
    quantiles = np.array(body["series"][0]["quantiles"])
    assert quantiles.shape == (5, 60)
    assert np.all(np.diff(quantiles, axis=0) >= 0)


def test_a_query_is_forecast_and_audited(api):
    answer = api.post("/api/v1/forecast", {"query": "x_2", "horizon": "10m", "levels": [50]})
    assert (answer.status, len(answer.json["series"])) == (200, 2)
    assert api.parts.store.audit_entries()[0].subject == "/api/v1/forecast"


def test_a_signal_is_forecast_from_now_by_its_champion(api):
    api.parts.now_milliseconds.advance(milliseconds=90_500)
    body = api.post("/api/v1/forecast", {"signal": "cpu", "horizon": "10m"}).json
    assert body["model_version"] == 3
    assert [NOW / 1000 + 60 * step for step in range(2, 12)] == body["timestamps"]
    assert [dict(labels) for labels in CPU] == [one["labels"] for one in body["series"]]


@pytest.mark.parametrize("path", ["score", "forecast"])
def test_a_signal_that_was_never_trained_cannot_be_asked(shared_api, path):
    asked = {"signal": "disk"}
    asked |= {"series": [one_series(3)]} if path == "score" else {"horizon": "1h"}
    answer = shared_api.post(f"/api/v1/{path}", asked)
    assert (answer.status, answer.reason) == (409, "untrained")


def test_a_team_may_score_with_its_own_signal_only(make_parts):
    with served(make_parts(config=with_tokens(CONFIG)), token=TEAM_TOKEN) as api:
        asked = {"series": [one_series(30)]}
        assert api.post("/api/v1/score", asked | {"signal": "cpu"}).status == 200
        assert api.post("/api/v1/score", asked | {"signal": "disk"}).status == 404


REFUSED = {
    "nothing": ({}, 422, "invalid_request"),
    "query_and_series": ({"query": "x", "series": [one_series(3)]}, 422, "invalid_request"),
    "history_without_query": (
        {"series": [one_series(3)], "history": "1d"},
        422,
        "invalid_request",
    ),
    "signal_with_own_budget": (
        {"series": [one_series(3)], "signal": "cpu", "budget": "1/1d"},
        422,
        "invalid_request",
    ),
    "unknown_signal": ({"series": [one_series(3)], "signal": "x"}, 404, "unknown_signal"),
    "unknown_series": (
        {"series": [one_series(3, labels=(("a", "b"),))], "signal": "cpu"},
        422,
        "data",
    ),
    "too_little": ({"series": [one_series(3)]}, 422, "not_enough_history"),
    "budget_without_count": ({"series": [one_series()], "budget": "0/1d"}, 422, "config"),
    "step_with_series": ({"series": [one_series()], "step": "1m"}, 422, "invalid_request"),
    "century_between": (
        {"series": [{"timestamps": [0, 1, 2, 3, 4, 4e9], "values": [1] * 6}]},
        422,
        "data",
    ),
    "enormous_history": ({"query": "x", "history": "99y", "step": "1ms"}, 422, "data"),
    "refused_query": ({"query": "refused("}, 422, "source_rejected"),
    "too_many_series": ({"query": "x_1001"}, 422, "data"),
    "no_series": ({"query": "x_0"}, 422, "data"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_score_that_cannot_be_made_is_refused_with_a_reason(shared_api, case):
    asked, status, reason = REFUSED[case]
    answer = shared_api.post("/api/v1/score", asked)
    assert (status, reason) == (answer.status, answer.reason), answer.body


REFUSED_FORECASTS = {
    "step_zero": ({"series": [one_series()], "step": "0s"}, 422, "config"),
    "tiny_step": ({"series": [one_series()], "step": "1ms"}, 422, "data"),
    "beyond_a_century": ({"series": [one_series()], "step": "101y"}, 422, "config"),
    "one_sample": (
        {"series": [{"timestamps": [1, 1], "values": [1, 2]}]},
        422,
        "not_enough_history",
    ),
    "two_things": ({"query": "x", "signal": "cpu"}, 422, "invalid_request"),
    "signal_with_step": ({"signal": "cpu", "step": "1m"}, 422, "invalid_request"),
    "negative_horizon": ({"signal": "cpu", "horizon": "-1h"}, 422, "invalid_request"),
    "level_of_nothing": ({"signal": "cpu", "levels": [0]}, 422, "invalid_request"),
    "eleven_levels": ({"signal": "cpu", "levels": list(range(1, 12))}, 422, "invalid_request"),
    "far_horizon": ({"signal": "cpu", "horizon": "1y"}, 422, "data"),
    "large_answer": ({"query": "x_100", "horizon": "10d"}, 422, "data"),
    "slow_model": ({"query": "x_11", "model": "prophet"}, 422, "data"),
}


@pytest.mark.parametrize("case", REFUSED_FORECASTS)
def test_a_forecast_that_cannot_be_made_is_refused_with_a_reason(shared_api, case):
    asked, status, reason = REFUSED_FORECASTS[case]
    answer = shared_api.post("/api/v1/forecast", {"horizon": "1h"} | asked)
    assert (status, reason) == (answer.status, answer.reason), answer.body


def test_what_is_missing_is_said_in_our_own_words(shared_api):
    answer = shared_api.post("/api/v1/score", {})
    assert answer.json["detail"] == "body: give `series`, or `series` and `signal`, or `query`"


def test_a_forecaster_of_long_ago_is_not_stretched(api):
    api.parts.now_milliseconds.advance(milliseconds=60 * 86_400_000)
    answer = api.post("/api/v1/forecast", {"signal": "cpu", "horizon": "1h"})
    assert (answer.status, answer.reason) == (422, "data")


def test_the_steps_since_the_training_count_for_the_size_of_a_forecast(champions, monkeypatch):
    model = forecaster_from_state(champions.states["cpu", "forecaster"])
    size = {"horizon_milliseconds": STEP, "levels": (80.0,)}
    monkeypatch.setattr(on_demand, "MAX_FORECAST_VALUES", 100 * 3 * len(model.series))
    start = model.predict(1, ()).start_milliseconds
    made = on_demand.forecast_with(model, now=start + 99 * STEP, **size)
    assert made.quantiles.shape[1] == 1
    with pytest.raises(DataError, match=r"at most 1200 quantiles, got 4 series x 101 steps x 3"):
        on_demand.forecast_with(model, now=start + 100 * STEP, **size)


def test_a_source_that_does_not_answer_is_said_to(make_parts):
    class Silent:
        def read_range(self, _query, **_span):
            raise SourceTimeout("the source must answer in 30 s")

    with served(make_parts(source=Silent())) as api:
        answer = api.post("/api/v1/score", {"query": "x"})
        assert (answer.status, answer.reason) == (504, "source_timeout")


class Slow:
    """A source that answers when it is told to."""

    def __init__(self):
        self.may_end = False

    def read_range(self, _query, **_span):
        while not self.may_end:
            time.sleep(0.01)
        raise SourceTimeout("too late")


def test_work_past_its_deadline_keeps_its_place_until_it_ends(make_parts):
    source = Slow()
    limits = Limits(workers=1, waiting=0, deadline_seconds=0.3)
    with served(make_parts(source=source, limits=limits)) as api:
        answer = api.post("/api/v1/score", {"query": "x"})
        assert (answer.status, answer.reason) == (503, "deadline")
        answer = api.post("/api/v1/score", {"query": "x"})
        assert (answer.status, answer.reason, answer.headers["retry-after"]) == (503, "busy", "2")
        source.may_end = True
        while api.post("/api/v1/score", {}).status == 503:
            time.sleep(0.01)
        assert api.post("/api/v1/score", {}).status == 422


def test_work_that_waited_past_its_deadline_is_never_begun(make_parts):
    source = Slow()
    limits = Limits(workers=1, waiting=1, deadline_seconds=0.3)
    with served(make_parts(source=source, limits=limits)) as api:
        assert api.post("/api/v1/score", {"query": "x"}).reason == "deadline"
        assert api.post("/api/v1/score", {"query": "x"}).reason == "deadline"
        source.may_end = True


def test_a_service_that_stops_waits_for_no_abandoned_work(make_parts):
    source = Slow()
    limits = Limits(workers=1, waiting=0, deadline_seconds=0.2)
    with served(make_parts(source=source, limits=limits)) as api:
        assert api.post("/api/v1/score", {"query": "x"}).reason == "deadline"
    source.may_end = True


def values_of(n, *, timestamp=None, labels=None):
    times = [float(timestamp if timestamp is not None else place) for place in range(n)]
    return SeriesValues(labels=labels or {}, timestamps=times, values=[1.0] * n)


def test_samples_of_all_series_together_are_limited():
    series = [values_of(100_001, labels={"a": name}) for name in "xy"]
    with pytest.raises(DataError, match="at most 200000 samples, got 200002"):
        on_demand.samples_of(series)


def test_two_series_of_the_same_labels_are_refused():
    with pytest.raises(DataError, match="labels of its own"):
        on_demand.samples_of([values_of(2), values_of(2)])


def test_a_timestamp_without_a_value_is_refused():
    uneven = SeriesValues(timestamps=[1.0, 2.0], values=[1.0])
    with pytest.raises(DataError, match="got 2 timestamps and 1 values"):
        on_demand.samples_of([uneven])


def test_very_many_samples_in_one_slot_are_refused():
    samples = on_demand.samples_of([values_of(1_002, timestamp=5)])
    with pytest.raises(DataError, match="at most 1000 samples may share a slot"):
        on_demand.check_grid(samples, 0, step_milliseconds=1_000, rows=1)


def test_a_panel_of_too_many_slots_is_refused():
    far = SeriesValues(timestamps=[0.0, 2_000_001.0], values=[1.0, 2.0])
    with pytest.raises(DataError, match="at most 2000000, got 1 x 2000002 slots of 1 s"):
        on_demand.panel_of(on_demand.samples_of([far]), step_milliseconds=1_000)


def test_a_forecast_of_values_has_no_history_of_its_own(shared_api):
    asked = {"series": [one_series(3)], "history": "1d", "horizon": "1h"}
    assert shared_api.post("/api/v1/forecast", asked).reason == "invalid_request"


def test_a_new_champion_takes_over_and_the_oldest_loaded_ones_are_dropped(champions):
    state = champions.states["cpu", "detector"]
    many = MemoryChampions({(f"s{number}", "detector"): state for number in range(9)})
    loaded = loaded_champions(many).detectors
    models = [loaded.newest(f"s{number}") for number in range(9)]
    assert loaded.newest("s8") is models[8]
    assert loaded.newest("s0") is not models[0]
    many.version = 4
    assert loaded.newest("s8")[0] == 4


def test_while_the_registry_fails_the_last_model_goes_on_serving(champions, caplog):
    class Failing(MemoryChampions):
        def champion_version(self, _signal, _kind):
            raise RegistryError("the registry must answer")

    good = MemoryChampions(champions.states)
    loaded = loaded_champions(good).detectors
    model = loaded.newest("cpu")
    good.__class__ = Failing
    assert loaded.newest("cpu") is model
    assert "signal cpu: an older detector serves: the registry must answer" in caplog.text
    with pytest.raises(RegistryError):
        loaded.newest("disk")


def test_a_new_champion_that_cannot_be_read_leaves_the_last_one_serving(champions):
    changing = MemoryChampions(dict(champions.states))
    loaded = loaded_champions(changing).detectors
    model = loaded.newest("cpu")
    changing.states["cpu", "detector"] = State("of_the_future", 99)
    changing.version = 4
    assert loaded.newest("cpu") is model
