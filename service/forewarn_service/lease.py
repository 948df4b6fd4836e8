"""The lease that picks, of two replicas, the one that writes."""

import logging
import threading
from collections.abc import Callable

from forewarn_adapters.clock import Clock
from forewarn_adapters.store import Store
from forewarn_models.errors import StoreError

LEASE_NAME = "writer"
TTL_MILLISECONDS = 4_000
_RENEWALS_IN_TTL = 4

_log = logging.getLogger(__name__)


class Lease:
    """Holds or waits for the lease in a thread of its own.

    A holder that cannot renew stops writing when its time is over, whatever the store does then:
    another may have the lease by that time.

    Args:
        store: where the lease is kept; both replicas use the same one.
        holder: the name of this replica, unlike all others.
        clock: tells the time; the replicas' clocks may differ by less than half the lease's time.
        on_failure: told the reason when the store fails.
        name: what its holder is; there is one of each name.
    """

    def __init__(
        self,
        store: Store,
        *,
        holder: str,
        clock: Clock,
        on_failure: Callable[[str], None],
        ttl_milliseconds: int = TTL_MILLISECONDS,
        name: str = LEASE_NAME,
    ) -> None:
        self._store = store
        self._name = name
        self._holder = holder
        self._clock = clock
        self._on_failure = on_failure
        self._ttl = ttl_milliseconds
        self._held_until = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def start(self) -> None:
        """Ask once now, then go on asking in the background."""
        self._renew()
        self._thread.start()

    def is_held(self) -> bool:
        """Return whether this replica may write at this moment."""
        return self._clock() < self._held_until

    def stop(self) -> None:
        """Give the lease back, so that the other replica need not wait."""
        self._stop.set()
        self._thread.join()
        self._held_until = 0
        try:
            self._store.release_lease(self._name, holder=self._holder)
        except StoreError as failed:
            _log.warning("the lease could not be given back: %s", failed)

    def _run(self) -> None:
        while not self._stop.wait(self._ttl / _RENEWALS_IN_TTL / 1000):
            self._renew()

    def _renew(self) -> None:
        now = self._clock()
        try:
            is_mine = self._store.hold_lease(
                self._name, holder=self._holder, now_milliseconds=now, ttl_milliseconds=self._ttl
            )
        except StoreError as failed:
            self._on_failure(failed.reason)
            _log.warning("the lease could not be renewed: %s", failed)
            return
        if is_mine != (self._held_until > 0):
            _log.info("this replica is %s the %s", "now" if is_mine else "not", self._name)
        self._held_until = now + self._ttl if is_mine else 0
