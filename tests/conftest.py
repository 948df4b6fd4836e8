"""Fixtures that more than one room uses: real servers, started once for the whole session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from forewarn.demo.receiver import PageReceiver
from forewarn_adapters.local_servers import (
    LocalServer,
    PrometheusSettings,
    start_alertmanager,
    start_prometheus,
)


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A Prometheus that scrapes nothing and accepts remote write, up to an hour late."""
    server = start_prometheus(tmp_path_factory.mktemp("prometheus"), PrometheusSettings())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def webhook() -> Iterator[PageReceiver]:
    receiver = PageReceiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def alertmanager(
    tmp_path_factory: pytest.TempPathFactory, webhook: PageReceiver
) -> Iterator[LocalServer]:
    directory = tmp_path_factory.mktemp("alertmanager")
    server = start_alertmanager(directory, webhook_url=webhook.url)
    yield server
    server.stop()


@pytest.fixture
def clean_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
