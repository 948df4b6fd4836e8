from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from forewarn_adapters.checkpoint import CheckpointFolder
from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.signals import ForecastPolicy, Limit, Signal
from forewarn_adapters.store import Store
from forewarn_models.catalogue import FORECASTERS
from forewarn_models.errors import SourceUnavailable
from forewarn_models.labels import labels_of
from forewarn_models.panel import Panel
from forewarn_service.forecast_scoring import ForecastScoring
from forewarn_service.forecasting import Forecasting, from_now, horizons_of
from forewarn_service.telemetry import Telemetry
from forewarn_service.worker import Worker
from service_parts import Collected, Held, MemoryChampions, MemorySource, samples_of

HOUR = 3_600_000
END = 1_800_000_000_000 - 1_800_000_000_000 % HOUR
SERIES = tuple(labels_of({"disk": name}) for name in "ab")


def growing(*, steepness: float = 1.0) -> Panel:
    times = np.arange(240.0)
    noise = np.random.default_rng(2).normal(0, 0.5, (2, 240))
    values = steepness * times + noise + np.array([[0.0], [1_000.0]])
    return Panel(values, SERIES, END - 240 * HOUR, HOUR)


@dataclass
class Stand:
    folder: Path
    limit: Limit | None = None
    clock: ManualClock = field(default_factory=lambda: ManualClock(END + HOUR // 2))
    champions: MemoryChampions = field(default_factory=MemoryChampions)

    def __post_init__(self) -> None:
        self.source = MemorySource(samples_of({}))
        self.collectors = CollectorRegistry()
        telemetry = Telemetry(self.collectors, version="1")
        policy = ForecastPolicy(
            step=timedelta(hours=1), horizon=timedelta(days=2), limit=self.limit
        )
        signal = Signal(name="disk", query="used", step=timedelta(seconds=30), forecast=policy)
        self.worker = Worker(
            signal,
            source=self.source,
            output=Collected(),
            checkpoints=CheckpointFolder(self.folder),
            telemetry=telemetry,
        )
        self.store = Store(f"sqlite:///{self.folder}/store.db")
        shared = {
            "registry": self.champions,
            "source": self.source,
            "retraining": timedelta(days=1),
            "clock": self.clock,
            "telemetry": telemetry,
        }
        scoring = ForecastScoring(store=self.store, train=lambda _signal: False, **shared)
        self.forecasting = Forecasting(scoring=scoring, **shared)

    def train(self, panel: Panel, *, version: int = 1) -> None:
        state = FORECASTERS["seasonal_naive"].fit(panel).state()
        self.champions.held["disk", "forecaster"] = Held(version, state)

    def refresh(self):
        self.forecasting.refresh(self.worker)
        return self.worker.forecast


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def test_without_a_champion_there_is_no_forecast(stand: Stand) -> None:
    assert stand.refresh() is None


def test_a_signal_without_a_policy_is_left_alone(stand: Stand) -> None:
    stand.worker.signal = stand.worker.signal.model_copy(update={"forecast": None})
    stand.train(growing())
    assert stand.refresh() is None


def test_a_forecast_is_seen_from_now_at_three_horizons(stand: Stand) -> None:
    stand.train(growing())
    made = stand.refresh()
    assert made.horizons == (timedelta(hours=12), timedelta(days=1), timedelta(days=2))
    assert made.forecast.start_milliseconds == END + HOUR
    assert made.forecast.quantile_levels == (0.025, 0.1, 0.5, 0.9, 0.975)
    assert made.quantiles.shape == (2, 3, 5)
    assert np.array_equal(made.quantiles[:, 1], made.forecast.quantiles[:, 23])
    assert np.isnan(made.time_to_limit_seconds).all()
    assert np.isnan(made.breach_probability).all()


def test_as_time_goes_on_the_same_forecast_is_seen_later(stand: Stand) -> None:
    stand.train(growing())
    first = stand.refresh()
    stand.clock.advance(milliseconds=5 * HOUR)
    later = stand.refresh()
    assert later.forecast.start_milliseconds == first.forecast.start_milliseconds + 5 * HOUR
    assert np.array_equal(later.quantiles[:, 0], first.forecast.quantiles[:, 16])


def test_a_new_champion_replaces_the_forecast(stand: Stand) -> None:
    stand.train(growing())
    stand.refresh()
    stand.train(growing(steepness=2.0), version=2)
    assert stand.refresh().champion_version == 2


def test_beyond_its_end_a_forecast_says_nothing(stand: Stand) -> None:
    stand.train(growing())
    stand.clock.advance(milliseconds=1_000 * HOUR)
    made = stand.refresh()
    assert np.isnan(made.quantiles).all()
    assert made.forecast.quantiles.shape[1] == 0


def test_a_limit_that_is_far_away_is_never_reached(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Limit(above=1e9))
    stand.train(growing())
    made = stand.refresh()
    assert np.isposinf(made.time_to_limit_seconds).all()
    assert (made.breach_probability < 0.05).all()


def test_a_model_is_loaded_again_to_look_further_ahead(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Limit(above=270.0))
    stand.train(growing())
    first = stand.refresh().time_to_limit_seconds[0, 2]
    stand.clock.advance(milliseconds=10 * HOUR)
    later = stand.refresh().time_to_limit_seconds[0, 2]
    assert 9 <= (first - later) / 3600 <= 11


def test_a_model_that_is_gone_leaves_the_last_forecast(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Limit(above=270.0))
    stand.train(growing())
    before = stand.refresh()
    version = stand.champions.champion_version("disk", "forecaster")
    stand.champions.champion_version = lambda _signal, _kind: version
    stand.champions.held.clear()
    stand.clock.advance(milliseconds=10 * HOUR)
    assert stand.refresh() is before
    labels = {"reason": "registry", "signal": "disk"}
    assert stand.collectors.get_sample_value("forewarn_errors_total", labels) == 1


def test_a_limit_that_is_crossed_already_is_reached_now(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Limit(below=500.0))
    stand.train(growing())
    made = stand.refresh()
    assert made.time_to_limit_seconds[0, 2] <= 3_600
    assert made.breach_probability[0, 0] > 0.9
    assert np.isposinf(made.time_to_limit_seconds[1]).all()


@pytest.mark.parametrize(
    ("limits", "crossed"),
    [
        ({(): 500.0}, [False, True]),
        ({SERIES[0]: 1.0, SERIES[1]: 1e9}, [True, False]),
        ({SERIES[0]: 1.0, labels_of({"disk": "z"}): 1.0}, [True, None]),
    ],
    ids=["one-for-all", "each-its-own", "none-for-one"],
)
def test_a_limit_may_be_a_query(tmp_path: Path, limits: dict, crossed: list) -> None:
    stand = Stand(tmp_path, Limit(above="size * 0.9"))
    stand.train(growing())
    now = END + HOUR // 2
    stand.source.samples = samples_of({labels: [(now, value)] for labels, value in limits.items()})
    chance = stand.refresh().breach_probability[:, 2]
    found = [None if np.isnan(each) else bool(each > 0.5) for each in chance]
    assert found == crossed


def test_the_limits_and_newest_values_stand_beside_the_forecast(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Limit(above=500.0))
    stand.train(growing())
    made = stand.refresh()
    assert made.limits.tolist() == [500.0, 500.0]
    assert np.array_equal(made.values, stand.worker.newest_values(SERIES), equal_nan=True)


def test_a_limit_that_cannot_be_read_leaves_the_last_forecast(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Limit(above="size"))
    stand.train(growing())
    before = stand.refresh()
    stand.source.failure = SourceUnavailable("down")
    stand.clock.advance(milliseconds=HOUR)
    assert stand.refresh() is before
    labels = {"reason": "source_unavailable", "signal": "disk"}
    assert stand.collectors.get_sample_value("forewarn_errors_total", labels) == 1


def test_a_forecast_that_cannot_be_scored_is_given_all_the_same(stand: Stand) -> None:
    stand.train(growing())
    stand.store.close()
    (stand.folder / "store.db").write_bytes(b"no database" * 500)
    assert stand.refresh() is not None
    labels = {"reason": "store", "signal": "disk"}
    assert stand.collectors.get_sample_value("forewarn_errors_total", labels) == 1


def test_a_short_horizon_has_fewer_distances() -> None:
    policy = ForecastPolicy(step=timedelta(hours=1), horizon=timedelta(hours=2))
    assert horizons_of(policy) == (timedelta(hours=1), timedelta(hours=2))


def test_from_before_its_start_a_forecast_is_seen_whole(stand: Stand) -> None:
    stand.train(growing())
    made = stand.refresh().forecast
    seen = from_now(made, now=0, horizon=timedelta(hours=3))
    assert (seen.start_milliseconds, seen.quantiles.shape[1]) == (made.start_milliseconds, 3)
