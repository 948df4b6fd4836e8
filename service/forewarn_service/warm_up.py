"""The start of a service: what scores is compiled before the first tick, not in it."""

import logging
import threading
from collections.abc import Callable, Sequence

from forewarn_adapters.clock import Clock
from forewarn_models.warming import warm
from forewarn_service.telemetry import Telemetry

_WORTH_TELLING_MILLISECONDS = 2_000

_log = logging.getLogger(__name__)


class WarmUp:
    """Compiles in a thread of its own, so that questions about health are answered meanwhile.

    Args:
        then: begins what must not wait for a compiler; not called after `stop`.
        clock: tells how long it takes.
        telemetry: where a failure is counted.
        first: compile what others wait for, or wait for it.
        is_needed: whether anything but that is to be compiled.
    """

    def __init__(
        self,
        then: Callable[[], None],
        *,
        clock: Clock,
        telemetry: Telemetry,
        first: Sequence[Callable[[], None]] = (),
        is_needed: bool = True,
    ) -> None:
        self._then = then
        self._first = first
        self._is_needed = is_needed
        self._clock = clock
        self._telemetry = telemetry
        self._began_milliseconds = 0
        self._lock = threading.Lock()
        self._is_stopped = False
        self._is_done = False

    def start(self) -> None:
        """Begin to compile, or to read what is kept."""
        self._began_milliseconds = self._clock()
        threading.Thread(target=self._run, name="warm-up", daemon=True).start()

    def stop(self) -> None:
        """Let nothing begin any more; a compiler that runs ends with the process."""
        with self._lock:
            self._is_stopped = True

    def is_done(self) -> bool:
        """Return whether all is compiled and what waited for it has begun."""
        return self._is_done

    def _run(self) -> None:
        try:
            for compile_it in self._first:
                compile_it()
            if self._is_needed:
                warm(self._tell)
        except Exception:  # noqa: BLE001  scoring may still be possible, only later
            self._telemetry.failed("internal")
            _log.exception("compiling ahead failed: it is tried again when it is needed")
        with self._lock:
            if not self._is_stopped:
                self._tell_time()
                self._then()
                self._is_done = True

    def _tell(self, part: str) -> None:
        if self._milliseconds() >= _WORTH_TELLING_MILLISECONDS:
            _log.info("compiling, once for each release, before scoring begins: %s", part)

    def _tell_time(self) -> None:
        taken = self._milliseconds()
        if taken >= _WORTH_TELLING_MILLISECONDS:
            _log.info("compiled in %.0f s, kept for the next start", taken / 1000)

    def _milliseconds(self) -> int:
        return self._clock() - self._began_milliseconds
