"""forewarn_service.logs.role and pipeline: sources to metrics, in threads of their own."""

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import pytest
import urllib3
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_TYPE
from prometheus_client.parser import text_string_to_metric_families

from forewarn_adapters.clock import now_milliseconds
from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.config.logs import Logs
from forewarn_adapters.config.servers import RemoteWrite
from forewarn_adapters.local_servers import (
    LocalServer,
    PrometheusSettings,
    ScrapeJob,
    start_prometheus,
)
from forewarn_adapters.logs.batch import LogBatch, LogSource
from forewarn_adapters.logs.checkpoints import LogCheckpoints
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_adapters.security.rules import SecurityRules
from forewarn_adapters.store import Store
from forewarn_models.artefact import to_bytes
from forewarn_models.contract import State
from forewarn_models.errors import SourceUnavailable
from forewarn_service.lease import Lease
from forewarn_service.logs import counting, pipeline, reading
from forewarn_service.logs.counting import LineCounting
from forewarn_service.logs.keeping import Keeper
from forewarn_service.logs.means import LogMeans
from forewarn_service.logs.role import LEASE_NAME, LogRole
from forewarn_service.logs.stored import Stored
from forewarn_service.remote_queue import RemoteQueue
from forewarn_service.telemetry import Telemetry
from log_parts import NumberedSource, numbered
from webhook import wait_until


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "CUT_SECONDS", 0.02)
    monkeypatch.setattr(pipeline, "_IDLE_SECONDS", 0.02)
    monkeypatch.setattr(reading, "_PAUSES_SECONDS", (0.01,))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path}/store.sqlite") as store:
        yield store


class Site:
    """A role, what it needs, and sources that may be changed while it runs."""

    def __init__(
        self, folder: Path, store: Store, *sources: NumberedSource, holder="one", queue=None
    ) -> None:
        self.registry = CollectorRegistry()
        self.telemetry = Telemetry(self.registry, version="1")
        self.sources = {source.name: source for source in sources}
        self.settings = Logs(
            sources=tuple(
                LogSourceConfig(name=name, files=("/x.log",), poll="10ms") for name in self.sources
            )
        )
        self.folder = folder
        self.lease = Lease(
            store,
            holder=holder,
            clock=now_milliseconds,
            on_failure=self.telemetry.failed,
            ttl_milliseconds=400,
            name=LEASE_NAME,
        )
        self.role = LogRole(
            LogMeans(
                settings=self.settings,
                rules=SecurityRules.load(shipped=True),
                directory=folder,
                lease=self.lease,
                queue=queue(self) if queue else None,
                open_source=self._open,
                enrich=lambda batch, _settings: batch,
                clock=now_milliseconds,
                telemetry=self.telemetry,
            )
        )

    def _open(self, settings: LogSourceConfig) -> LogSource:
        return self.sources[settings.name]

    def __enter__(self) -> Self:
        self.role.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.role.stop()

    def lines(self, source: str = "app") -> float:
        return self.value("forewarn_log_lines_total", source=source)

    def value(self, name: str, **labels: str) -> float:
        text = self.role.exposition(openmetrics=False).decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def errors(self, reason: str) -> float:
        labels = {"reason": reason, "signal": ""}
        return self.registry.get_sample_value("forewarn_errors_total", labels) or 0.0


def test_a_line_of_each_pattern_is_told_by_its_name(tmp_path: Path, store: Store) -> None:
    with Site(tmp_path / "logs", store, NumberedSource("app", 10)) as site:
        wait_until(lambda: site.lines() == 10)
        text = site.role.exposition(openmetrics=False).decode()
        (pattern,) = set(re.findall(r'_lines_total\{.*pattern="(\w+)"', text))
        assert site.role.example(pattern) == numbered(0, 1)[0]
        for unknown in ("0" * 16, "other", "no name"):
            assert site.role.example(unknown) is None


def test_lines_of_all_sources_are_counted_and_go_on_after_a_restart(
    tmp_path: Path, store: Store
) -> None:
    app, web = NumberedSource("app", 12_345), NumberedSource("web", 77, batch_lines=5)
    with Site(tmp_path / "logs", store, app, web) as site:
        wait_until(lambda: (site.lines("app"), site.lines("web")) == (12_345, 77))
        assert site.value("forewarn_log_lines_read_total", source="app") == 12_345
        assert site.value("forewarn_log_source_up") == 2
        assert site.role.heartbeat_milliseconds() > now_milliseconds() - 5_000
    assert app.is_closed
    assert web.is_closed
    app.n_lines = 20_000
    with Site(tmp_path / "logs", store, app, web) as site:
        wait_until(lambda: (site.lines("app"), site.lines("web")) == (20_000, 77))


def test_a_source_is_told_what_is_safe_once_it_is_on_disk(tmp_path: Path, store: Store) -> None:
    source = NumberedSource("app", 5_000)
    with Site(tmp_path / "logs", store, source):
        wait_until(lambda: {"next": 5_000} in source.released)
    stored = LogCheckpoints(tmp_path / "logs").read()
    assert stored


def test_a_source_that_is_down_stops_no_other_and_is_seen(tmp_path: Path, store: Store) -> None:
    app, web = NumberedSource("app", 5_000), NumberedSource("web", 5_000)
    app.failures = [SourceUnavailable("it is down")] * 100_000
    with Site(tmp_path / "logs", store, app, web) as site:
        wait_until(lambda: site.lines("web") == 5_000)
        assert site.value("forewarn_log_source_up", source="app") == 0
        app.failures = []
        wait_until(lambda: site.lines("app") == 5_000)
        wait_until(lambda: site.value("forewarn_log_source_up", source="app") == 1)


def test_only_one_of_two_replicas_counts_and_the_other_goes_on_from_there(
    tmp_path: Path, store: Store
) -> None:
    source = NumberedSource("app", 3_000)
    first = Site(tmp_path / "logs", store, source, holder="one")
    second = Site(tmp_path / "logs", store, source, holder="two")
    with first:
        wait_until(lambda: first.lines() == 3_000)
        with second:
            assert second.role.exposition(openmetrics=True) == b""
            first.role.stop()
            source.n_lines = 4_000
            wait_until(lambda: second.lines() == 4_000)


def test_counting_that_fails_goes_on_from_the_last_checkpoint(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = NumberedSource("app", 3_000)
    take, failures = counting.LineCounting.take, [ZeroDivisionError("oh")]

    def sometimes(self, source: str, batch: LogBatch, *, now_milliseconds: int) -> None:
        if batch.cursor == {"next": 2_000} and failures:
            raise failures.pop()
        take(self, source, batch, now_milliseconds=now_milliseconds)

    monkeypatch.setattr(counting.LineCounting, "take", sometimes)
    monkeypatch.setattr("forewarn_service.logs.role._PAUSE_SECONDS", 0.01)
    with Site(tmp_path / "logs", store, source) as site:
        wait_until(lambda: site.lines() == 3_000)
        assert site.errors("internal") == 1.0


def test_reading_is_tried_though_compiling_ahead_failed(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("forewarn_service.logs.role.warm_lines", fail)
    with Site(tmp_path / "logs", store, NumberedSource("app", 10)) as site:
        wait_until(lambda: site.lines() == 10)
        assert site.errors("internal") == 1.0


def test_a_checkpoint_with_wrong_content_is_set_aside(tmp_path: Path, store: Store) -> None:
    state = State("log_lines", 1, {"facts": {}, "miner": ["x", 1, {}]}, {})
    LogCheckpoints(tmp_path / "logs").write(to_bytes(state))
    with Site(tmp_path / "logs", store, NumberedSource("app", 10)) as site:
        wait_until(lambda: site.lines() == 10)
        assert site.errors("checkpoint") == 1.0
    assert len(list((tmp_path / "logs").glob("lines.checkpoint.refused-*"))) == 1


def test_a_fast_source_waits_for_the_counting(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_count = threading.Event()
    take = counting.LineCounting.take

    def slowly(self, *batch: object, **now: int) -> None:
        may_count.wait(10.0)
        take(self, *batch, **now)

    monkeypatch.setattr(counting.LineCounting, "take", slowly)
    source = NumberedSource("app", 50_000)
    with Site(tmp_path / "logs", store, source) as site:
        wait_until(lambda: len(source.asked) == pipeline._MOST_WAITING + 2)
        may_count.wait(0.1)
        assert len(source.asked) == pipeline._MOST_WAITING + 2
        may_count.set()
        wait_until(lambda: site.lines() == 50_000)


def test_it_stops_soon_while_a_source_has_more_than_can_be_counted(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = counting.LineCounting.take

    def slowly(self, *batch: object, **now: int) -> None:
        threading.Event().wait(0.05)
        take(self, *batch, **now)

    monkeypatch.setattr(counting.LineCounting, "take", slowly)
    source = NumberedSource("app", 10**9, batch_lines=10)
    with Site(tmp_path / "logs", store, source) as site:
        wait_until(lambda: len(source.asked) > pipeline._MOST_WAITING + 2)
        began = now_milliseconds()
        site.role.stop()
        assert now_milliseconds() - began < 5_000
    assert source.is_closed


def test_a_full_disk_holds_up_nothing_and_all_is_stored_after_it(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    source = NumberedSource("app", 3_000)
    with Site(tmp_path / "logs", store, source) as site:
        wait_until(lambda: site.lines() == 3_000 and {"next": 3_000} in source.released)
        with monkeypatch.context() as broken:
            broken.setattr("forewarn_adapters.logs.checkpoints.os.fsync", full)
            broken.setattr("forewarn_adapters.logs.checkpoints.os.fdatasync", full)
            source.n_lines = 5_000
            wait_until(lambda: site.lines() == 5_000)
            wait_until(lambda: site.errors("store") > 1)
            assert {"next": 5_000} not in source.released
        wait_until(lambda: {"next": 5_000} in source.released)
    with Site(tmp_path / "logs", store, NumberedSource("app", 5_000)) as site:
        wait_until(lambda: site.lines() == 5_000)


class Exposed:
    """Serves the exposition of a site to scrapers, on a real socket."""

    def __init__(self, site: Site) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert "X-Prometheus-Scrape-Timeout-Seconds" in self.headers
                site.role.scraped(self.client_address[0])
                body = site.role.exposition(openmetrics=True) + b"# EOF\n"
                self.send_response(200)
                self.send_header("Content-Type", OPENMETRICS_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep the terminal quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.target = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def stored(server: LocalServer) -> dict[tuple[tuple[str, str], ...], str]:
    """What Prometheus has of lines, without the labels of the target and what depends on now."""
    fields = {"query": '{__name__=~"forewarn_(log|security)_.*",__name__!~".*(lag|_seen_).*"}'}
    answer = urllib3.request("GET", f"{server.url}/api/v1/query", fields=fields).json()
    return {
        tuple(
            sorted((k, v) for k, v in series["metric"].items() if k not in {"job", "instance"})
        ): (series["value"][1])
        for series in answer["data"]["result"]
    }


def increased(server: LocalServer, pattern: str) -> float:
    """By how much lines of patterns with this template increased, as Prometheus sees it."""
    query = (
        "sum(increase(forewarn_log_lines_total[1m]) * on (pattern) group_left () "
        f'max by (pattern) (forewarn_log_pattern_info{{template=~"{pattern}"}}))'
    )
    fields = {"query": query}
    answer = urllib3.request("GET", f"{server.url}/api/v1/query", fields=fields).json()
    return sum(float(series["value"][1]) for series in answer["data"]["result"])


def test_a_scrape_and_remote_write_store_the_same_series_and_values(tmp_path: Path) -> None:
    failed = "Failed password for root from 203.0.113.7 port 4022 ssh2"
    lines = [*numbered(0, 500), failed, 'say "quoted" \\ twice']
    prometheus = start_prometheus(tmp_path / "written", PrometheusSettings())

    def queue(site: Site) -> RemoteQueue:
        return RemoteQueue(
            RemoteWriter(RemoteWrite(url=f"{prometheus.url}/api/v1/write")),
            read_back=lambda *_, **__: None,
            may_write=site.lease.is_held,
            clock=now_milliseconds,
            telemetry=site.telemetry,
            most_samples=100_000,
        )

    def source() -> NumberedSource:
        return NumberedSource("app", len(lines), lines=lines, services=("sshd", "a\nb"))

    with ExitStack() as stack:
        stack.callback(prometheus.stop)
        stores = [Store(f"sqlite:///{tmp_path}/{name}.sqlite") for name in ("one", "two")]
        for store in stores:
            stack.enter_context(store)
        sources = [source(), source()]
        stack.enter_context(Site(tmp_path / "two", stores[1], sources[0], queue=queue))
        site = stack.enter_context(Site(tmp_path / "one", stores[0], sources[1]))
        exposed = Exposed(site)
        stack.callback(exposed.close)
        job = ScrapeJob("forewarn", exposed.target, honor_labels=True)
        scraping = start_prometheus(tmp_path / "scraping", PrometheusSettings(jobs=(job,)))
        stack.callback(scraping.stop)
        wait_until(lambda: len(stored(scraping)) > 10, every=0.1)
        wait_until(lambda: stored(scraping) == stored(prometheus), every=0.1)
        names = {dict(labels)["__name__"] for labels in stored(scraping)}
        assert {"forewarn_log_lines_total", "forewarn_security_events_total"} <= names
        lines += ["the disk of the shop is full"] * 50
        for each in sources:
            each.n_lines = len(lines)
        for server in (scraping, prometheus):  # all 50, though it is a new series
            wait_until(lambda one=server: increased(one, "the disk .*") >= 50.0, every=0.1)
        wait_until(lambda: stored(scraping) == stored(prometheus), every=0.1)


def test_many_changes_become_one_whole_state(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Keeper, "is_long", True)
    source = NumberedSource("app", 3_000, batch_lines=10)
    with Site(tmp_path / "logs", store, source) as site:
        wait_until(lambda: site.lines() == 3_000)
    assert len(LogCheckpoints(tmp_path / "logs").read()) == 1


def test_making_room_for_services_while_counting_loses_no_line(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST_SERVICES", 2)
    monkeypatch.setattr(pipeline, "_ROOM_SECONDS", 0.0)
    rooms: list[LineCounting] = []
    restore = LineCounting.restore

    def counted(self: LineCounting, stored: Stored) -> None:
        rooms.append(self)
        restore(self, stored)

    monkeypatch.setattr(LineCounting, "restore", counted)
    source = NumberedSource("app", 5_000, batch_lines=50, services=("a", "b", "c"))
    with Site(tmp_path / "logs", store, source) as site:
        wait_until(lambda: site.lines() == 5_000)
    assert len(rooms) > 1
