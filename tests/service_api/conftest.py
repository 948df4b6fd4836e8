"""Parts of an API that are real where they can be: store, live, models; the source is a fake."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from api_parts import CONFIG, NOW, MemoryChampions, SineSource, snapshot, trained, with_tokens
from api_server import Api, served
from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.schema import Config
from forewarn_adapters.store import Store
from forewarn_service.api.parts import Parts
from forewarn_service.live import Live


@pytest.fixture(scope="session")
def champions() -> MemoryChampions:
    return trained()


Make = Callable[..., Parts]


def _maker(directory: Path, champions: MemoryChampions) -> Iterator[Make]:
    store = Store(f"sqlite:///{directory / 'store.sqlite'}")

    def make(**changes) -> Parts:
        live = Live()
        live.publish(snapshot())
        parts = Parts(
            config=Config.model_validate(CONFIG),
            live=live,
            store=store,
            champions=champions,
            source=SineSource(),
            metrics=lambda *, openmetrics: b"up 1\n" + b"# EOF\n" * openmetrics,
            train=lambda _signal: True,
            now_milliseconds=ManualClock(NOW),
            heartbeat_milliseconds=lambda: NOW - 1_000,
        )
        return replace(parts, **changes)

    yield make
    store.close()


@pytest.fixture
def make_parts(tmp_path: Path, champions: MemoryChampions) -> Iterator[Make]:
    """Return a function that makes parts; its keywords replace parts."""
    yield from _maker(tmp_path, champions)


@pytest.fixture
def api(make_parts: Make) -> Iterator[Api]:
    """The API without tokens."""
    with served(make_parts()) as running:
        yield running


@pytest.fixture(scope="session")
def shared_api(
    tmp_path_factory: pytest.TempPathFactory, champions: MemoryChampions
) -> Iterator[Api]:
    """One API for many hostile cases: nothing that one sends may spoil it for the next."""
    for make in _maker(tmp_path_factory.mktemp("api"), champions):
        with served(make()) as running:
            yield running


@pytest.fixture
def guarded(make_parts: Make) -> Iterator[Api]:
    """The API with a token of each role."""
    with served(make_parts(config=with_tokens(CONFIG))) as running:
        yield running


@pytest.fixture(scope="session")
def shared_guarded(
    tmp_path_factory: pytest.TempPathFactory, champions: MemoryChampions
) -> Iterator[Api]:
    """One API with a token of each role, for many cases that leave nothing behind."""
    for make in _maker(tmp_path_factory.mktemp("guarded"), champions):
        with served(make(config=with_tokens(CONFIG))) as running:
            yield running
