from collections.abc import Iterator
from pathlib import Path

import pytest

from forewarn_adapters.clock import ManualClock
from forewarn_adapters.store import Store
from forewarn_models.errors import StoreError
from forewarn_service.lease import Lease
from webhook import wait_until

TTL = 400


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path}/store.db") as opened:
        yield opened


def lease(
    store: Store, holder: str, clock: ManualClock, failures: list[str] | None = None
) -> Lease:
    told = failures if failures is not None else []
    return Lease(store, holder=holder, clock=clock, on_failure=told.append, ttl_milliseconds=TTL)


def test_of_two_replicas_the_first_holds_the_lease(store: Store) -> None:
    clock = ManualClock(1_000)
    first, second = lease(store, "first", clock), lease(store, "second", clock)
    first.start()
    second.start()
    assert (first.is_held(), second.is_held()) == (True, False)
    first.stop()
    second.stop()


def test_a_lease_that_is_given_back_is_taken_by_the_other(store: Store) -> None:
    clock = ManualClock(1_000)
    first, second = lease(store, "first", clock), lease(store, "second", clock)
    first.start()
    second.start()
    first.stop()
    assert not first.is_held()
    wait_until(second.is_held)
    second.stop()


def test_a_lease_is_renewed_before_it_ends(store: Store) -> None:
    clock = ManualClock(1_000)
    held = lease(store, "first", clock)
    held.start()
    clock.advance(milliseconds=TTL - 1)
    wait_until(lambda: held._held_until == 1_000 + TTL - 1 + TTL)
    held.stop()


def test_a_holder_that_cannot_renew_stops_writing_when_its_time_is_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, failures = ManualClock(1_000), []
    held = lease(store, "first", clock, failures)
    held.start()

    def broken(*_: object, **__: object) -> bool:
        raise StoreError("locked")

    monkeypatch.setattr(Store, "hold_lease", broken)
    monkeypatch.setattr(Store, "release_lease", broken)
    wait_until(lambda: bool(failures))
    assert held.is_held()
    clock.advance(milliseconds=TTL)
    assert not held.is_held()
    assert set(failures) == {"store"}
    held.stop()
