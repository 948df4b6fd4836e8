"""forewarn_service.logs.receivers: listening before anything is compiled, and what is counted."""

import logging
import socket
import threading
from functools import partial
from pathlib import Path

import pytest
import urllib3
from otlp_bodies import protobuf, record, request
from prometheus_client import CollectorRegistry

from forewarn_adapters.clock import now_milliseconds
from forewarn_adapters.config.log_sources import LogSourceConfig, Otlp, Syslog
from forewarn_adapters.config.logs import Logs
from forewarn_adapters.local_servers import free_port
from forewarn_adapters.logs.batch import LogSource
from forewarn_adapters.logs.enrichment import enrich
from forewarn_adapters.logs.opening import open_log_source
from forewarn_adapters.security.rules import SecurityRules
from forewarn_adapters.store import Store
from forewarn_models.errors import ConfigError
from forewarn_models.lines.warming import warm_lines
from forewarn_service.lease import Lease
from forewarn_service.logs import role as roles
from forewarn_service.logs.means import LogMeans
from forewarn_service.logs.receivers import ReceiverCollector, Receivers
from forewarn_service.logs.role import LEASE_NAME, LogRole
from forewarn_service.telemetry import Telemetry
from webhook import wait_until

PROTOBUF = {"Content-Type": "application/x-protobuf"}


def sources_of(otlp: int, syslog: int) -> tuple[LogSourceConfig, ...]:
    return (
        LogSourceConfig(name="s", syslog=Syslog(listen=f"127.0.0.1:{syslog}"), poll="10ms"),
        LogSourceConfig(name="f", files=("/nothing/*.log",)),
        LogSourceConfig(name="o", otlp=Otlp(listen=f"127.0.0.1:{otlp}"), poll="10ms"),
    )


def post(port: int, *lines: str, **headers: str) -> int:
    body = protobuf(request(*(record(line) for line in lines), service__name="shop"))
    url = f"http://127.0.0.1:{port}/v1/logs"
    return urllib3.request("POST", url, body=body, headers=PROTOBUF | headers, timeout=10.0).status


def test_receivers_keep_what_is_sent_while_reading_is_not_possible_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(roles, "_WORTH_TELLING_SECONDS", 0.0)
    may_compile, otlp, syslog = threading.Event(), free_port(), free_port()
    monkeypatch.setattr(roles, "warm_lines", lambda: may_compile.wait() and warm_lines())
    telemetry = Telemetry(CollectorRegistry(), version="1")
    with Store(f"sqlite:///{tmp_path}/store.sqlite") as store:
        role = LogRole(
            LogMeans(
                settings=Logs(sources=sources_of(otlp, syslog)),
                rules=SecurityRules.load(shipped=False),
                directory=tmp_path / "logs",
                lease=Lease(
                    store,
                    holder="one",
                    clock=now_milliseconds,
                    on_failure=telemetry.failed,
                    name=LEASE_NAME,
                ),
                queue=None,
                open_source=partial(open_log_source, directory=tmp_path / "logs"),
                enrich=enrich,
                clock=now_milliseconds,
                telemetry=telemetry,
            )
        )

        def value(name: str, **labels: str) -> float | None:
            return telemetry.registry.get_sample_value(name, labels)

        role.start()
        try:
            wait_until(lambda: value("forewarn_log_journal_bytes", source="s") is not None)
            assert post(otlp, "one", "two") == 200
            assert post(otlp, "one", "two") == 200
            with socket.create_connection(("127.0.0.1", syslog)) as connection:
                connection.sendall(b"<13>Oct 11 22:14:15 h p: three\n")
            wait_until(lambda: value("forewarn_log_received_lines_total", source="s") == 1.0)
            assert role.waits_for() == roles.COMPILING
            assert roles.COMPILING[1] in caplog.messages
            assert role.exposition(openmetrics=False) == b""
            assert value("forewarn_log_received_lines_total", source="o") == 2.0
            assert value("forewarn_log_received_requests_total", source="o") == 2.0
            assert value("forewarn_log_repeated_requests_total", source="o") == 1.0
            assert value("forewarn_log_refused_total", source="o", reason="token") == 0.0
            assert value("forewarn_log_refused_total", source="s", reason="network") == 0.0
            assert value("forewarn_log_journal_limit_bytes", source="o") == 1 << 30
            may_compile.set()
            read = 'forewarn_log_lines_read_total{source="%s"} %d.0\n'
            for of_source in (read % ("o", 2), read % ("s", 1)):
                wait_until(
                    lambda of=of_source: of in role.exposition(openmetrics=False).decode(),
                    seconds=180.0,
                )
            assert role.waits_for() is None
        finally:
            may_compile.set()
            role.stop()


def test_what_is_open_is_not_opened_again(tmp_path: Path) -> None:
    opened = []

    def open_source(settings: LogSourceConfig) -> LogSource:
        opened.append(settings.name)
        return open_log_source(settings, directory=tmp_path)

    receivers = Receivers(open_source)
    sources = sources_of(free_port(), free_port())
    receivers.open(sources)
    receivers.open(sources)
    receivers.close()
    assert sorted(opened) == ["o", "s"]


def test_what_nobody_took_is_closed_and_what_it_kept_is_there_after_it(tmp_path: Path) -> None:
    otlp, syslog = free_port(), free_port()
    receivers = Receivers(partial(open_log_source, directory=tmp_path))
    receivers.open(sources_of(otlp, syslog))
    assert post(otlp, "one") == 200
    receivers.close()
    again = Receivers(partial(open_log_source, directory=tmp_path))
    again.open(sources_of(otlp, syslog))
    taken = again.take(sources_of(otlp, syslog)[2])
    again.close()
    assert taken.read(None).n_lines == 1  # nobody else closes what was taken
    assert again.figures()["o"][1].journal_bytes > 0
    taken.close()


def test_what_cannot_be_opened_is_told_to_who_reads_it(tmp_path: Path) -> None:
    otlp, syslog = free_port(), free_port()
    receivers = Receivers(partial(open_log_source, directory=tmp_path))
    with socket.create_server(("127.0.0.1", otlp)):
        receivers.open(sources_of(otlp, syslog))
        assert list(receivers.figures()) == ["s"]
        with pytest.raises(ConfigError):
            receivers.take(sources_of(otlp, syslog)[2])
    receivers.close()


def test_refusals_are_counted_by_reason(tmp_path: Path) -> None:
    port = free_port()
    token = "a token of enough bytes"
    settings = LogSourceConfig(
        name="o", otlp=Otlp(listen=f"127.0.0.1:{port}", bearer_token=token), buffer_bytes=1 << 20
    )
    receivers = Receivers(partial(open_log_source, directory=tmp_path))
    receivers.open([settings])
    shown = {"Authorization": f"Bearer {token}"}
    try:
        assert post(port, "one") == 401
        assert post(port, "x" * 500_000, **shown) == 413
        fill = [post(port, f"{n}" + "y" * 200_000, **shown) for n in range(6)]
        assert fill[-1] == 503
        url = f"http://127.0.0.1:{port}/v1/logs"
        for body in (b"\xff", b"nothing"):
            assert urllib3.request("POST", url, body=body, headers=PROTOBUF | shown).status == 400
        registry = CollectorRegistry()
        registry.register(ReceiverCollector(receivers))
        counted = {
            sample.labels["reason"]: sample.value
            for family in registry.collect()
            for sample in family.samples
            if sample.name == "forewarn_log_refused_total"
        }
        n_full = fill.count(503)
        assert counted == {"token": 1.0, "too_large": 1.0, "full": n_full, "malformed": 2.0}
    finally:
        receivers.close()
