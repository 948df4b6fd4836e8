import socket
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from forewarn_data.faults import Fault
from forewarn_data.generator import demo_series, simulate
from forewarn_data.live_exporter import SimulatedExporter, clock_milliseconds
from forewarn_models.errors import DataError

NOW = 1_790_000_000_123
QUEUE = "demo_queue_length"


@pytest.fixture
def exporter() -> Iterator[SimulatedExporter]:
    with SimulatedExporter(seed=2, clock=lambda: NOW) as running:
        yield running


def scraped(exporter: SimulatedExporter) -> dict[str, float]:
    with urlopen(exporter.url) as reply:
        families = list(text_string_to_metric_families(reply.read().decode()))
    return {
        sample.name + "".join(f'{{{name}="{value}"}}' for name, value in sample.labels.items()): (
            sample.value
        )
        for family in families
        for sample in family.samples
    }


def test_what_it_serves_is_what_a_history_holds_at_that_time(exporter: SimulatedExporter) -> None:
    series = demo_series(2)
    panel = simulate(series, np.array([NOW - 1_000, NOW]))
    expected = {one.text: panel.values[row, 1] for row, one in enumerate(series)}
    assert scraped(exporter) == expected


def test_a_planted_fault_shows_and_a_dropout_leaves_its_series_out(
    exporter: SimulatedExporter,
) -> None:
    healthy = scraped(exporter)
    search = 'demo_error_ratio{service="search"}'
    faults = (
        Fault("level_shift", QUEUE, NOW, NOW + 1, factor=3.0),
        Fault("dropout", search, NOW, NOW + 1),
    )
    for fault in faults:
        exporter.plant(fault)
    broken = scraped(exporter)
    assert exporter.faults == faults
    assert broken[QUEUE] == 3.0 * healthy[QUEUE]
    assert set(healthy) - set(broken) == {search}


def test_a_fault_on_no_series_is_refused(exporter: SimulatedExporter) -> None:
    with pytest.raises(DataError, match=r"on one of demo_requests.*, got 'queue'"):
        exporter.plant(Fault("spike", "queue", NOW, NOW + 1))


def test_other_paths_are_not_found(exporter: SimulatedExporter) -> None:
    with pytest.raises(HTTPError) as refused:
        urlopen(exporter.url.replace("/metrics", "/"))
    assert refused.value.code == 404
    refused.value.close()


def test_closing_frees_the_port() -> None:
    exporter = SimulatedExporter()
    exporter.close()
    host, port = exporter.target.split(":")
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect((host, int(port)))


def test_the_clock_is_that_of_the_system_unless_told() -> None:
    with SimulatedExporter() as exporter:
        assert len(scraped(exporter)) == 11
    assert clock_milliseconds() > NOW - 10**12
