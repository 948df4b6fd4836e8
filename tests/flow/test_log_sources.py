"""Sources that can repeat themselves, in one `forewarn run` that is killed: exact counts."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3
from fake_elasticsearch import FakeElasticsearch
from fake_loki import FakeLoki
from fake_victorialogs import FakeVictoriaLogs
from otlp_bodies import protobuf, record, request

from forewarn_adapters.local_servers import LocalServer, free_port
from log_parts import numbered
from log_service import log_samples, log_service
from webhook import wait_until

N_LINES = 40_000  # of each source, five of them
PORTION_LINES = 1_000
LINES_AT_AN_INSTANT = 10
PROTOBUF = {"Content-Type": "application/x-protobuf"}

Send = Callable[[list[str]], None]


def stamped(lines: list[str]) -> list[tuple[int, str]]:
    now = time.time_ns()
    return [(now + place // LINES_AT_AN_INSTANT, line) for place, line in enumerate(lines)]


def send_otlp(url: str, lines: list[str]) -> None:
    """Send as a collector does: again, until it is taken."""
    body = protobuf(
        request(
            *(record(line, timeUnixNano=str(at)) for at, line in stamped(lines)),
            service__name="shop",
        )
    )
    while True:
        try:
            answer = urllib3.request(
                "POST", url, body=body, headers=PROTOBUF, timeout=5.0, retries=False
            )
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
            continue
        if answer.status == 200:
            return
        time.sleep(0.05)


@pytest.fixture
def loki() -> Iterator[FakeLoki]:
    server = FakeLoki()
    yield server
    server.close()


@pytest.fixture
def victorialogs() -> Iterator[FakeVictoriaLogs]:
    server = FakeVictoriaLogs(seen_after_seconds=0.5)
    yield server
    server.close()


@pytest.fixture
def elasticsearch() -> Iterator[FakeElasticsearch]:
    server = FakeElasticsearch()
    yield server
    server.close()


def service_of(
    folder: Path, loki: str, victorialogs: str, elasticsearch: str, otlp: str
) -> LocalServer:
    return log_service(
        folder,
        [
            f"{{name: files, files: ['{folder}/app.log']}}",
            f"{{name: loki, loki: {{url: '{loki}', query: '{{app=\"shop\"}}'}}}}",
            f"{{name: victorialogs, victorialogs: {{url: '{victorialogs}', query: '*'}}}}",
            f"{{name: elasticsearch, elasticsearch: {{url: '{elasticsearch}', index: logs-1}}}}",
            f"{{name: otlp, otlp: {{listen: '{otlp}'}}}}",
        ],
    )


def by_source(server: LocalServer, name: str) -> dict[str, float]:
    """The sums of a metric over all its labels but the source."""
    sums: dict[str, float] = {}
    for sample in log_samples(server):
        if sample.name == name:
            source = sample.labels["source"]
            sums[source] = sums.get(source, 0.0) + sample.value
    return sums


def test_no_source_loses_or_doubles_a_line_when_the_process_is_killed(
    tmp_path: Path,
    loki: FakeLoki,
    victorialogs: FakeVictoriaLogs,
    elasticsearch: FakeElasticsearch,
) -> None:
    log = tmp_path / "app.log"
    log.touch()
    otlp = f"127.0.0.1:{free_port()}"
    server = service_of(tmp_path, loki.url, victorialogs.url, elasticsearch.url, otlp)

    def append(lines: list[str]) -> None:
        with log.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    senders: dict[str, Send] = {
        "files": append,
        "loki": lambda lines: loki.push({"app": "shop"}, stamped(lines)) and None,
        "victorialogs": lambda lines: victorialogs.push(stamped(lines)),
        "elasticsearch": lambda lines: elasticsearch.push(stamped(lines)),
        "otlp": lambda lines: send_otlp(f"http://{otlp}/v1/logs", lines),
    }

    def send(name: str) -> None:
        for first in range(0, N_LINES, PORTION_LINES):
            senders[name](numbered(first, first + PORTION_LINES))
            time.sleep(0.1)  # so that the kill comes in the middle

    try:
        server.start()
        up = dict.fromkeys(senders, 1.0)
        wait_until(lambda: by_source(server, "forewarn_log_source_up") == up, seconds=180.0)
        threads = [threading.Thread(target=send, args=(name,), daemon=True) for name in senders]
        for thread in threads:
            thread.start()
        wait_until(
            lambda: min(by_source(server, "forewarn_log_lines_total").values(), default=0.0) > 0,
            seconds=60.0,
        )
        server.kill()
        server.start()
        all_lines = dict.fromkeys(senders, float(N_LINES))
        wait_until(
            lambda: by_source(server, "forewarn_log_lines_total") == all_lines, seconds=120.0
        )
        time.sleep(6.0)  # what is read again for late lines must not be counted again
        assert by_source(server, "forewarn_log_lines_total") == all_lines
        assert by_source(server, "forewarn_log_lines_read_total") == all_lines
        for thread in threads:
            thread.join()
    finally:
        server.stop()
