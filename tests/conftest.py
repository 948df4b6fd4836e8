"""Fixtures that more than one room uses: real servers, started once for each worker that tests."""

import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from forewarn.demo.receiver import PageReceiver
from forewarn_adapters.local_servers import (
    LocalServer,
    PrometheusSettings,
    start_alertmanager,
    start_prometheus,
)

hypothesis.settings.register_profile("forewarn", deadline=None)  # a busy machine is no mistake
hypothesis.settings.load_profile("forewarn")

LONGEST = (
    "tests/command/test_demo.py",
    "tests/flow/",
    "tests/command/test_readme.py",
    "tests/command/test_plan_command.py",
    "tests/adapters/test_registry.py",
)


@pytest.hookimpl(trylast=True)  # after the order was made random
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first: the last one to begin keeps one worker while others are idle."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let programs that tests start be interrupted: a shell's `&` has them ignore it otherwise."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
