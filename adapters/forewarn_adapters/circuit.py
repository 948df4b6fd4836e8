"""A circuit breaker: a server that keeps failing is left alone for a while."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from purgatory import SyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from forewarn_models.errors import SourceError, SourceRejected, SourceUnavailable

FAILURES_BEFORE_OPENING = 5
PAUSE_SECONDS = 15.0


class Circuit:
    """Lets requests through until too many in a row have failed, then refuses them for a while.

    After the pause requests are let through again: the first answer decides which way it goes.
    Only a SourceError counts as failure; a SourceRejected is an answer, so the server is well.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = FAILURES_BEFORE_OPENING,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        self._name = name
        self._failures = failures
        self._pause_seconds = pause_seconds
        self._lock = threading.Lock()
        factory = SyncCircuitBreakerFactory(
            default_threshold=failures,
            default_ttl=pause_seconds,
            exclude=[SourceRejected, (BaseException, _says_nothing_of_the_server)],
        )
        self._breaker = factory.get_breaker(name)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Hold while a request is made; SourceUnavailable at once while the circuit is open."""
        self._enter()
        try:
            yield
        except BaseException as failure:
            self._leave(failure)
            raise
        self._leave(None)

    def _enter(self) -> None:
        # The library's object is shared by all threads and does not lock by itself.
        with self._lock:
            try:
                self._breaker.__enter__()
            except OpenedState as opened:
                # It is one object that is raised each time: its traceback would grow for ever.
                opened.__traceback__ = None
                raise SourceUnavailable(
                    f"{self._name} is left alone for {self._pause_seconds:g} s at a time because "
                    f"it failed {self._failures} times in a row"
                ) from None

    def _leave(self, failure: BaseException | None) -> None:
        with self._lock:
            self._breaker.__exit__(type(failure) if failure else None, failure, None)


def _says_nothing_of_the_server(failure: BaseException) -> bool:
    return not isinstance(failure, SourceError)
