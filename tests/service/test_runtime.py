"""The service in this process, on a real Prometheus that is fed by remote write."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import urllib3

from forewarn_adapters.clock import now_milliseconds
from forewarn_adapters.config.reading import parse_config
from forewarn_adapters.config.servers import RemoteWrite
from forewarn_adapters.local_servers import LocalServer, free_port
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_adapters.source import Source
from forewarn_adapters.store import Store
from forewarn_models.errors import ConfigError
from forewarn_models.labels import labels_of
from forewarn_models.samples import Samples
from forewarn_service.loop import MOST_SIGNALS, Loop
from forewarn_service.read_back import written_until
from forewarn_service.runtime import Service, Surroundings
from service_parts import MemoryChampions, fitted, history
from webhook import wait_until

_NUMBERS = itertools.count()
SERIES = tuple(labels_of({"machine": name}) for name in "ab")


@dataclass
class Stand:
    prometheus: LocalServer
    folder: Path
    name: str = field(default_factory=lambda: f"load{next(_NUMBERS)}")
    champions: MemoryChampions = field(default_factory=MemoryChampions)

    def __post_init__(self) -> None:
        self.url = f"{self.prometheus.url}/api/v1/write"
        self.writer = RemoteWriter(RemoteWrite(url=self.url))
        model = fitted(history(SERIES, end_milliseconds=now_milliseconds()))
        self.champions.put(self.name, model)

    def surroundings(
        self, store: Store, *, remote: bool = True, scores: bool = True
    ) -> Surroundings:
        text = (
            f"prometheus: {{url: '{self.prometheus.url}'}}\n"
            + (f"remote_write: {{url: '{self.url}'}}\n" if remote else "")
            + "api: {listen: '127.0.0.1:0'}\n"
            f"state_directory: '{self.folder}'\n"
            f"signals: [{{name: {self.name}, query: {self.name}_ratio, step: 1s, history: 1h}}]\n"
        )
        config = parse_config(text, environment={})
        return Surroundings(config=config, store=store, registry=self.champions, scores=scores)

    def feed(self, *times: int, machine: str = "a", value: float = 1.0) -> None:
        series = [labels_of({"__name__": f"{self.name}_ratio", "machine": machine})]
        stamps = np.array(times, np.int64)
        rows = np.zeros(len(times), np.int64)
        self.writer.send(series, rows, stamps, np.full(len(times), value))

    def scored(self, source: Source, machine: str = "a") -> list[int]:
        now = now_milliseconds()
        found: Samples = source.read_newest(
            f'forewarn_anomaly_score{{signal="{self.name}",machine="{machine}"}}',
            after_milliseconds=now - 60_000,
            until_milliseconds=now,
            step_milliseconds=1_000,
        )
        return found.timestamp_milliseconds.tolist()


@pytest.fixture
def stand(prometheus: LocalServer, tmp_path: Path) -> Iterator[Stand]:
    made = Stand(prometheus, tmp_path)
    yield made
    made.writer.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path}/store.db") as opened:
        yield opened


def test_a_sample_that_comes_late_is_scored_once_at_its_own_timestamp(
    stand: Stand, store: Store
) -> None:
    service = Service(stand.surroundings(store))
    service.start()
    try:
        wait_until(lambda: version(service, stand) == 1)
        start = now_milliseconds()
        stand.feed(start, start + 1, machine="b")
        stand.feed(start)
        wait_until(lambda: stand.scored(service.source) == [start])
        time.sleep(max(0.0, (start + 4_500 - now_milliseconds()) / 1_000))
        stand.feed(start + 4_000)
        wait_until(lambda: stand.scored(service.source) == [start, start + 4_000])
        stand.feed(start + 2_000)
        expected = [start, start + 2_000, start + 4_000]
        wait_until(lambda: stand.scored(service.source) == expected)
        assert stand.scored(service.source, "b") == [start, start + 1]
        stored = written_until(service.source, stand.name, now_milliseconds=now_milliseconds())
        assert stored == start + 4_000 - 10_000
    finally:
        service.stop()


def test_metrics_and_api_are_served_beside_the_scores(stand: Stand, store: Store) -> None:
    service = Service(stand.surroundings(store, remote=False))
    service.start()
    try:
        wait_until(lambda: stand.name in service.live.snapshots())
        stand.feed(now_milliseconds(), value=9.0)
        wait_until(lambda: b"\nforewarn_anomaly_score{" in service.exposition(openmetrics=True))
        text = urllib3.request("GET", f"{service.url}/metrics").data.decode()
        assert f'machine="a",signal="{stand.name}"' in text
        assert urllib3.request("GET", f"{service.url}/readyz").status == 200
        assert service.live.snapshots()[stand.name].newest.severity[0] > 0
    finally:
        service.stop()
    assert (stand.folder / "checkpoints" / f"{stand.name}.checkpoint").exists()


def test_a_new_champion_is_taken_up_when_told(stand: Stand, store: Store) -> None:
    service = Service(stand.surroundings(store, remote=False))
    service.start()
    try:
        wait_until(lambda: version(service, stand) == 1)
        model = fitted(history(SERIES, end_milliseconds=now_milliseconds(), seed=9))
        stand.champions.put(stand.name, model, version=2)
        service.champions_changed()
        wait_until(lambda: version(service, stand) == 2, seconds=5)
    finally:
        service.stop()


def version(service: Service, stand: Stand) -> int | None:
    snapshot = service.live.snapshots().get(stand.name)
    return snapshot.champion_version if snapshot else None


def test_a_defect_in_a_champion_does_not_end_the_watch_for_new_ones(
    stand: Stand, store: Store
) -> None:
    good = stand.champions.held.pop((stand.name, "detector"))
    stand.champions.held[stand.name, "detector"] = None  # type: ignore[assignment]  # the defect
    service = Service(stand.surroundings(store, remote=False))
    stand.champions.champion_version = lambda *_: 1 // 0  # type: ignore[method-assign]  # another
    service.start()
    try:
        labels = {"reason": "internal", "signal": stand.name}
        registry = service.telemetry.registry
        wait_until(lambda: bool(registry.get_sample_value("forewarn_errors_total", labels)))
        del stand.champions.champion_version
        stand.champions.held[stand.name, "detector"] = good
        service.champions_changed()
        wait_until(lambda: version(service, stand) == 1)
    finally:
        service.stop()


def test_a_process_that_does_not_score_serves_the_api_alone(stand: Stand, store: Store) -> None:
    service = Service(stand.surroundings(store, scores=False))
    service.start()
    try:
        service.champions_changed()
        assert urllib3.request("GET", f"{service.url}/healthz").status == 200
        shown = urllib3.request("GET", f"{service.url}/metrics").data
        assert b"forewarn_build_info" in shown
        # Nobody waits for it to write: that no lease is held is no news here.
        assert b"forewarn_leader" not in shown
        assert service.live.snapshots() == {}
    finally:
        service.stop()


def test_an_address_in_use_is_refused_with_its_key(stand: Stand, store: Store) -> None:
    given = stand.surroundings(store, scores=False)
    first = Service(given)
    listen = first.url.removeprefix("http://")
    api = given.config.api.model_copy(update={"listen": listen})
    again = Surroundings(
        config=given.config.model_copy(update={"api": api}),
        store=store,
        registry=stand.champions,
        scores=False,
    )
    with pytest.raises(ConfigError, match=r"api\.listen must be an address that is free"):
        Service(again)
    first.stop()


def test_more_signals_than_one_process_can_score_are_refused(stand: Stand, store: Store) -> None:
    service = Service(stand.surroundings(store))
    assert service._loop is not None
    worker = service._loop._workers[0]
    with pytest.raises(ConfigError, match="at most 1000 signals, got 1001"):
        Loop(
            [worker] * (MOST_SIGNALS + 1),
            watch=None,  # type: ignore[arg-type]  # refused before they are looked at
            forecasting=None,  # type: ignore[arg-type]
            clock=now_milliseconds,
            telemetry=service.telemetry,
        )
    service._server.stop()


def test_what_is_stored_is_not_known_while_the_source_is_down(stand: Stand, store: Store) -> None:
    given = stand.surroundings(store)
    assert given.config.prometheus is not None
    away = given.config.prometheus.model_copy(
        update={"url": f"http://127.0.0.1:{free_port()}", "retries": 0}
    )
    config = given.config.model_copy(update={"prometheus": away})
    service = Service(Surroundings(config=config, store=store, registry=stand.champions))
    now = now_milliseconds()
    assert written_until(service.source, "x", now_milliseconds=now) is None
    assert service._written_until("x") is None
    service._server.stop()
    service.source.close()
