"""A service says an error that it never said before: one page, with the line, and no other."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import urllib3

from forewarn.demo.receiver import PageReceiver
from forewarn_adapters.local_servers import (
    LocalServer,
    PrometheusSettings,
    ScrapeJob,
    start_prometheus,
)
from forewarn_rules.shipped import read_rules
from log_service import log_service
from webhook import wait_until

DAY_SECONDS = 86_400
# What the service says, and how often in an hour.
STATEMENTS = {
    "INFO request served route=/cart status=200 duration_ms={number}": 40.0,
    "INFO order {number} accepted total={number}.20": 20.0,
    "DEBUG cache refreshed keys={number}": 6.0,
    "WARN upstream slow host=10.0.0.{small} duration_ms={number}": 2.0,
    "ERROR payment declined order={number} code=51": 1.0,
    "INFO backup finished bytes={number}": 1 / 24,
    "ERROR connection to 10.0.0.{small}:5432 reset, retried": 1 / 70,
}
NEW = "ERROR ledger diverged: account 4711 expected 12.50 found 99.10 token=s3cr3t-of-a-customer"


def written(line: str, seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat(timespec='milliseconds')} {line}\n"


def healthy(begin: float, end: float, *, times: float = 1.0) -> Iterator[str]:
    dice = random.Random(int(begin))
    said = [
        (begin + dice.random() * (end - begin), statement)
        for statement, per_hour in STATEMENTS.items()
        for _ in range(round(per_hour * times * (end - begin) / 3_600))
    ]
    for seconds, statement in sorted(said):
        line = statement.format(number=dice.randint(1, 90_000), small=dice.randint(1, 250))
        yield written(line, seconds)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LocalServer]:
    source = f"{{name: shop, files: ['{tmp_path}/shop.log'], service: shop}}"
    server = log_service(tmp_path, [source])
    yield server
    server.stop()


def test_a_new_error_pages_with_its_line_and_a_healthy_hour_with_none(
    tmp_path: Path, service: LocalServer, alertmanager: LocalServer, webhook: PageReceiver
) -> None:
    log, now = tmp_path / "shop.log", time.time()
    with log.open("w") as file:
        file.writelines(healthy(now - 40 * DAY_SECONDS, now - 3_600))
        file.writelines(healthy(now - 3_600, now, times=50.0))
    n_lines = len(log.read_text().splitlines())
    rules = tmp_path / "alerts.yml"
    rules.write_text(read_rules("alerts"))
    service.start()
    job = ScrapeJob("forewarn", service.url.removeprefix("http://"), honor_labels=True)
    prometheus = start_prometheus(
        tmp_path / "prometheus",
        PrometheusSettings(
            jobs=(job,),
            rule_files=(rules,),
            alertmanager=alertmanager.url.removeprefix("http://"),
        ),
    )

    def answer(expression: str) -> list[float]:
        url = f"{prometheus.url}/api/v1/query"
        found = urllib3.request("GET", url, fields={"query": expression}).json()["data"]["result"]
        return [float(series["value"][1]) for series in found]

    def pages() -> list[dict[str, dict[str, str]]]:
        return [page for page in webhook.firing() if page["labels"].get("service") == "shop"]

    try:
        wait_until(lambda: answer("forewarn_log_lines_read_total") == [n_lines], seconds=120.0)
        wait_until(lambda: bool(answer("count(ALERTS) or vector(0)")))
        with log.open("a") as file:
            file.write(written(NEW, time.time()))
            file.writelines(healthy(time.time(), time.time() + 60, times=50.0))
        wait_until(lambda: bool(pages()), seconds=60.0)
        assert [page["labels"]["alertname"] for page in pages()] == ["ForewarnNewLogPattern"]
        (page,) = pages()
        assert page["labels"]["severity"] == "critical"
        assert "ledger diverged" in page["annotations"]["template"]
        assert "account 4711 expected 12.50" in page["annotations"]["example"]
        assert "s3cr3t" not in str(page)
    finally:
        prometheus.stop()
