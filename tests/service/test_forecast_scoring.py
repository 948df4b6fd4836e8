"""forewarn_service.forecast_scoring, on a real store and a real registry where it matters."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from forewarn_adapters.checkpoint import CheckpointFolder
from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.servers import Prometheus, RemoteWrite
from forewarn_adapters.config.signals import ForecastPolicy, Signal
from forewarn_adapters.forecast_ledger import Asked, ForecastLedger
from forewarn_adapters.local_servers import LocalServer
from forewarn_adapters.prometheus import PrometheusSource
from forewarn_adapters.registry import Registry, TrainingRecord
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_adapters.store import Store
from forewarn_models.catalogue import FORECASTERS
from forewarn_models.contract import Forecast
from forewarn_models.errors import ConfigError, SourceUnavailable
from forewarn_models.labels import Labels, labels_of
from forewarn_models.panel import Panel
from forewarn_service.forecast_scoring import MOST_SERIES, MOST_WAITING, ForecastScoring
from forewarn_service.forecasting import Forecasting
from forewarn_service.live import ForecastSnapshot
from forewarn_service.telemetry import Telemetry
from forewarn_service.worker import Worker
from service_parts import Collected, MemoryChampions, MemorySource, samples_of

HOUR = 3_600_000
DAY = 24 * HOUR
END = 1_800_000_000_000 // DAY * DAY
HORIZONS = (timedelta(hours=2), timedelta(hours=6))
LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
SERIES = tuple(labels_of({"disk": name}) for name in "ab")


def wave(at: int) -> float:
    """What comes: a daily shape, one higher since the champion's training than ever before."""
    return float(10 * np.sin(at / DAY * 2 * np.pi) + (at >= END))


@dataclass
class Stand:
    """A signal whose forecast is off by a constant; `tick` brings the next hour."""

    folder: Path
    off: float = 0.5
    spread: float = 1.0
    version: int = 1
    series: tuple[Labels, ...] = SERIES
    horizons: tuple[timedelta, ...] = HORIZONS
    queued: Callable[[str], bool] = lambda _signal: True
    champions: MemoryChampions = field(default_factory=MemoryChampions)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = ManualClock(END + HOUR // 2)
        hours = range(END - 2 * DAY, END + 5 * DAY, HOUR)
        rows = {labels: [(at, wave(at)) for at in hours] for labels in self.series}
        self.source = MemorySource(samples_of(rows))
        self.store = Store(f"sqlite:///{self.folder}/store.db")
        known = [[wave(at) for at in range(END - 4 * DAY, END, HOUR)]] * len(self.series)
        panel = Panel(np.array(known), self.series, END - 4 * DAY, HOUR)
        self.model = FORECASTERS["seasonal_naive"].fit(panel)
        policy = ForecastPolicy(step=timedelta(hours=1), horizon=self.horizons[-1])
        self.signal = Signal(name="disk", query="used", step=timedelta(minutes=1), forecast=policy)
        self.start()

    def start(self) -> None:
        """Begin as a new process does."""
        self.collectors = CollectorRegistry()
        self.scoring = ForecastScoring(
            store=self.store,
            registry=self.champions,
            source=self.source,
            retraining=timedelta(days=1),
            clock=self.clock,
            telemetry=Telemetry(self.collectors, version="1"),
            train=self._train,
        )

    def _train(self, signal: str) -> bool:
        is_queued = self.queued(signal)
        self.asked += [signal] * is_queued
        return is_queued

    @property
    def ledger(self) -> ForecastLedger:
        return ForecastLedger(self.store, "disk")

    def follow(self) -> None:
        """Give a forecast that is off by what it is to be off."""
        now = self.clock()
        first = now // HOUR * HOUR + HOUR
        times = first + HOUR * np.arange(self.horizons[-1] // timedelta(hours=1))
        median = np.tile(np.vectorize(wave)(times) + self.off, (len(self.series), 1))
        width = self.spread * np.array([-2.0, -1.5, 0.0, 1.5, 2.0])
        quantiles = median[:, :, None] + width
        places = [horizon // timedelta(hours=1) - 1 for horizon in self.horizons]
        shape = (len(self.series), len(self.horizons))
        made = ForecastSnapshot(
            forecast=Forecast(
                self.series, first, HOUR, LEVELS, quantiles, ("test",) * len(self.series)
            ),
            horizons=self.horizons,
            quantiles=quantiles[:, places],
            time_to_limit_seconds=np.full((shape[0], 5), np.nan),
            breach_probability=np.full(shape, np.nan),
            limits=np.full(shape[0], np.nan),
            values=np.full(shape[0], np.nan),
            champion_version=self.version,
            made_milliseconds=now,
        )
        self.scoring.follow(self.signal, made, lambda: self.model, n_steps=20 * 24)

    def tick(self, hours: int = 1) -> None:
        for _ in range(hours):
            self.follow()
            self.clock.advance(milliseconds=HOUR)

    def shown(self, what: str, horizon: str = "2h", **labels: str) -> float | None:
        names = {"signal": "disk", "horizon": horizon, **labels}
        return self.collectors.get_sample_value(f"forewarn_forecast_{what}", names)

    def errors(self, reason: str) -> float | None:
        labels = {"reason": reason, "signal": "disk"}
        return self.collectors.get_sample_value("forewarn_errors_total", labels)


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def test_nothing_is_shown_before_the_first_outcome(stand: Stand) -> None:
    stand.tick(2)
    assert stand.shown("outcomes") is None
    stand.tick()
    assert stand.shown("outcomes") == 1
    assert stand.shown("outcomes", "6h") is None


def test_forecasts_are_scored_by_distance_when_their_time_has_come(stand: Stand) -> None:
    # Off by 0.5 where the seasonal naive forecast is off by 1.
    stand.tick(12)
    for horizon, outcomes in (("2h", 10), ("6h", 6)):
        faded = (1 - 0.995**outcomes) / 0.005
        assert stand.shown("outcomes", horizon) == pytest.approx(faded)
        assert stand.shown("error_ratio", horizon) == pytest.approx(0.5)
        assert stand.shown("bias_ratio", horizon) == pytest.approx(1.0)
        assert stand.shown("coverage_ratio", horizon, band="0.8") == 1.0
        assert stand.shown("coverage_ratio", horizon, band="0.95") == 1.0
    assert stand.asked == []


def test_one_record_a_step_is_issued_however_often_it_is_looked_at(stand: Stand) -> None:
    for _ in range(5):
        stand.follow()
    waiting = stand.ledger.due(until_milliseconds=END + DAY, limit=99)
    assert [record.due_milliseconds for record in waiting] == [END + 2 * HOUR, END + 6 * HOUR]


def test_far_distances_are_issued_at_longer_intervals(tmp_path: Path) -> None:
    stand = Stand(tmp_path, horizons=(timedelta(hours=3 * MOST_WAITING),))
    stand.tick(12)
    waiting = stand.ledger.due(until_milliseconds=END + 99 * DAY, limit=99)
    apart = np.diff([record.due_milliseconds for record in waiting])
    assert apart.tolist() == [3 * HOUR] * 3


def test_of_very_many_series_always_the_same_are_scored(tmp_path: Path) -> None:
    many = tuple(labels_of({"disk": str(number)}) for number in range(MOST_SERIES + 200))
    stand = Stand(tmp_path, series=many)
    stand.follow()
    (first, *_) = stand.ledger.due(until_milliseconds=END + DAY, limit=99)
    assert len(set(first.issued.series)) == MOST_SERIES
    later = Stand(tmp_path, series=many[100:], version=2)  # the others stay chosen, in their order
    later.clock.advance(milliseconds=HOUR)
    later.follow()
    newest = stand.ledger.due(until_milliseconds=END + DAY, limit=99)[-1].issued.series
    assert set(first.issued.series) & set(many[100:]) <= set(newest)
    assert list(newest) == sorted(newest, key=many.index)


def test_a_restart_loses_nothing_and_shows_at_once_what_is_known(stand: Stand) -> None:
    stand.tick(4)
    before = stand.shown("outcomes")
    stand.start()
    stand.follow()
    assert stand.shown("outcomes") > before
    stand.tick(3)
    assert stand.shown("outcomes") == pytest.approx((1 - 0.995**5) / 0.005)


def test_what_came_while_the_service_was_down_is_read_from_the_source(stand: Stand) -> None:
    stand.tick(3)
    stand.clock.advance(milliseconds=2 * DAY)
    stand.start()
    stand.follow()
    # all that was issued before: three records of each distance, less the one that was due then
    assert stand.shown("outcomes") == pytest.approx((1 - 0.995**3) / 0.005)
    assert stand.shown("outcomes", "6h") == pytest.approx((1 - 0.995**3) / 0.005)


def test_a_source_that_fails_only_puts_it_off(stand: Stand) -> None:
    stand.tick(3)
    stand.source.failure = SourceUnavailable("down")
    stand.tick(4)
    assert stand.shown("outcomes") == 1
    assert stand.errors("source_unavailable") == 4
    stand.source.failure = None
    stand.tick(1)
    assert stand.shown("outcomes") == pytest.approx((1 - 0.995**6) / 0.005)


def test_a_series_that_cannot_be_said_is_not_issued(tmp_path: Path) -> None:
    stand = Stand(tmp_path, off=np.nan)
    stand.tick(5)
    assert stand.ledger.due(until_milliseconds=END + DAY, limit=9) == ()


@pytest.mark.parametrize(
    ("off", "spread", "why"),
    [
        (1.5, 2.0, "2h ahead its error is 1.50 times the seasonal naive forecast's"),
        (0.5, 0.1, "2h ahead its 80% band holds 0% of what came"),
    ],
    ids=["no-better-than-naive", "bands-too-narrow"],
)
def test_a_champion_that_loses_its_skill_is_trained_again_once(
    tmp_path: Path, off: float, spread: float, why: str
) -> None:
    stand = Stand(tmp_path, off=off, spread=spread)
    stand.tick(30)
    assert stand.asked == []  # it may be bad luck
    stand.tick(10)
    assert stand.asked == ["disk"]
    (entry,) = stand.store.audit_entries(subject="disk")
    assert (entry.actor, entry.action) == ("forewarn", "train")
    assert entry.detail.startswith(why)
    stand.start()
    stand.tick(10)
    assert stand.asked == ["disk"]  # not again, restarts or not
    stand.tick(20)
    assert stand.asked == ["disk", "disk"]  # a day later


def test_the_next_champion_is_judged_by_its_own_forecasts(tmp_path: Path) -> None:
    stand = Stand(tmp_path, off=1.5, spread=2.0)
    stand.tick(45)
    assert stand.asked == ["disk"]
    stand.version, stand.off = 2, 0.25
    stand.follow()
    assert stand.shown("outcomes") == 0
    assert stand.shown("error_ratio") is None
    stand.tick(45)
    assert stand.shown("error_ratio") == pytest.approx(0.25)
    assert stand.asked == ["disk"]


def test_a_champion_that_was_not_lost_hands_its_score_on(stand: Stand) -> None:
    stand.tick(5)
    stand.version = 2
    stand.tick(1)
    assert stand.shown("outcomes") == pytest.approx((1 - 0.995**4) / 0.005)


@pytest.mark.parametrize("failure", [ConfigError("another process trains"), None])
def test_a_training_that_cannot_be_queued_is_asked_for_again(
    tmp_path: Path, failure: Exception | None
) -> None:
    def refused(_signal: str) -> bool:
        if failure:
            raise failure
        return False

    stand = Stand(tmp_path, off=1.5, spread=2.0, queued=refused)
    stand.tick(40)
    assert stand.store.audit_entries(subject="disk") == ()
    assert stand.ledger.asked() == Asked(0, 0)
    stand.queued = lambda _signal: True
    stand.tick()
    assert stand.asked == ["disk"]


def test_the_runs_of_champions_are_told_once_an_hour(stand: Stand) -> None:
    stand.tick(3)
    assert [(signal, number) for signal, number, _ in stand.champions.live] == [("disk", 1)]
    metrics = stand.champions.live[0][2]
    assert metrics["live_error_ratio_2h"] == pytest.approx(0.5)
    assert metrics["live_coverage_80_ratio_2h"] == 1.0
    stand.follow()
    stand.follow()
    assert len(stand.champions.live) == 2


def test_the_score_of_a_real_champion_on_a_real_prometheus_stands_in_its_run(
    prometheus: LocalServer, tmp_path: Path
) -> None:
    step, known, later = 15_000, 180, 20
    now = time.time_ns() // 1_000_000 // step * step
    times = now - step * np.arange(known + later)[::-1]
    noise = np.random.default_rng(1).normal(0, 0.1, known + later)
    values = 10 + np.sin(np.arange(known + later) * 2 * np.pi / 12) + noise
    writer = RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write"))
    series = [labels_of({"__name__": "forecast_scored", "disk": "a"})]
    writer.send(series, np.zeros(known + later, np.int64), times, values)
    writer.close()
    panel = Panel(values[None, :known], SERIES[:1], int(times[0]), step)
    state = FORECASTERS["hybrid"].fit(panel).state()
    registry = Registry("sqlite:///mlruns/mlflow.db", directory=tmp_path)
    version = registry.log_training(TrainingRecord("disk", "forecaster", state, now))
    registry.promote("disk", "forecaster", version)
    policy = ForecastPolicy(step=timedelta(seconds=15), horizon=timedelta(minutes=1))
    signal = Signal(
        name="disk", query="forecast_scored", step=timedelta(seconds=15), forecast=policy
    )
    clock, source = ManualClock(0), PrometheusSource(Prometheus(url=prometheus.url))
    telemetry = Telemetry(CollectorRegistry(), version="1")
    shared = {
        "registry": registry,
        "source": source,
        "retraining": timedelta(days=1),
        "clock": clock,
        "telemetry": telemetry,
    }
    worker = Worker(
        signal,
        source=source,
        output=Collected(),
        checkpoints=CheckpointFolder(tmp_path),
        telemetry=telemetry,
    )
    with Store(f"sqlite:///{tmp_path}/store.db") as store:
        scoring = ForecastScoring(store=store, train=lambda _signal: False, **shared)
        forecasting = Forecasting(scoring=scoring, **shared)
        for at in times[known:].tolist():
            clock.advance(milliseconds=at - clock())
            forecasting.refresh(worker)
        tallies = ForecastLedger(store, "disk").tallies()
    source.close()
    assert list(tallies) == [15_000, 30_000, 60_000]
    assert tallies[15_000].series == SERIES[:1]
    assert tallies[15_000].error_ratio[0] < 0.95  # many cycles tell more than the last
    champion = registry.champion("disk", "forecaster")
    assert champion is not None
    assert champion.metrics["live_error_ratio_15s"] > 0  # of the first outcome
    assert 0 <= champion.metrics["live_coverage_95_ratio_15s"] <= 1
