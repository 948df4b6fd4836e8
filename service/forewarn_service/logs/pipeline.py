"""Sources to counters: readers put batches into a short queue, one thread counts them.

Every few seconds what was counted is cut: stored with the cursors of all sources as one unit, and
shown. A process that is killed goes on from the last unit: each line is counted exactly once.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from forewarn_adapters.logs.batch import LogBatch
from forewarn_service.logs.counting import LineCounting
from forewarn_service.logs.keeping import Keeper, Kept
from forewarn_service.logs.means import LogMeans
from forewarn_service.logs.reading import Means, Reader
from forewarn_service.logs.security import SecurityCounting
from forewarn_service.logs.stored import Stored, unpacked

CUT_SECONDS = 5.0
_FIRST_CUT_SECONDS = 1.0
_MOST_CUT_SECONDS = 60.0
_SHARE_OF_CUTS = 20  # cutting takes at most one part in so many of the time
_MOST_WAITING = 4  # batches
_IDLE_SECONDS = 0.2
_JOIN_SECONDS = 1.0
_MOST_CLOSED_AT_ONCE = 16
_ROOM_SECONDS = 3_600.0

_log = logging.getLogger(__name__)


class Pipeline:
    """Reads and counts from the last checkpoint on, between `run` and its end.

    Args:
        means: sources, bounds, rules, and how sources are opened.
        keeper: stores and shows what was counted.
    """

    def __init__(self, means: LogMeans, keeper: Keeper) -> None:
        self._settings, self._rules = means.settings, means.rules
        self._keeper = keeper
        self._clock = means.clock
        readers = Means(means.open_source, means.enrich, self._give, means.telemetry)
        self._waiting: queue.Queue[tuple[str, LogBatch]] = queue.Queue(_MOST_WAITING)
        self._is_over = threading.Event()
        self._counting = keeper.restored(self._new)
        self._readers = {
            source.name: Reader(source, self._counting.tallies[source.name].cursor, readers)
            for source in self._settings.sources
        }
        self._cut_seconds = _FIRST_CUT_SECONDS
        self._room_due = 0.0

    def run(self, goes_on: Callable[[], bool]) -> None:
        """Count for as long as `goes_on`; what was counted is stored when this returns."""
        last = self._cut()
        for reader in self._readers.values():
            reader.start()
        try:
            due = time.monotonic() + self._cut_seconds
            while goes_on():
                self._take(min(_IDLE_SECONDS, max(0.0, due - time.monotonic())))
                if time.monotonic() >= due and last.done():
                    self._learn(last.result())
                    last = self._cut()
                    due = time.monotonic() + self._cut_seconds
        finally:
            self._is_over.set()
            with ThreadPoolExecutor(_MOST_CLOSED_AT_ONCE) as closing:
                closing.map(Reader.stop, self._readers.values())
            end = time.monotonic() + _JOIN_SECONDS
            for reader in self._readers.values():
                reader.join(max(0.0, end - time.monotonic()))
        self._learn(last.result())
        self._cut().result()

    def _give(self, source: str, batch: LogBatch) -> bool:
        while not self._is_over.is_set():
            try:
                self._waiting.put((source, batch), timeout=_IDLE_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def _take(self, seconds: float) -> None:
        try:
            source, batch = self._waiting.get(timeout=seconds)
        except queue.Empty:
            return
        self._counting.take(source, batch, now_milliseconds=self._clock())

    def _learn(self, kept: Kept) -> None:
        """Let go of lines that are safe; store those again that are not."""
        if not kept.is_stored:
            self._counting.store_whole()
        for name, cursor in kept.cursors.items():
            self._readers[name].release(cursor)

    def _make_room(self) -> None:
        """Go on from a state, which forgets services that were silent for a week."""
        self._counting.store_whole()
        state = self._counting.cut(now_milliseconds=self._clock()).state
        if state is not None:
            self._counting = self._new(unpacked([state]))

    def _cut(self) -> Future[Kept]:
        """Let what was counted so far be stored and shown."""
        began = time.perf_counter()
        if self._counting.services.is_full and began >= self._room_due:
            self._room_due = began + _ROOM_SECONDS
            self._make_room()
        for name, reader in self._readers.items():
            self._counting.tallies[name].is_up = reader.is_up
        if self._keeper.is_long:
            self._counting.store_whole()
        cut = self._counting.cut(now_milliseconds=self._clock())
        kept = self._keeper.keep(cut)
        taken = time.perf_counter() - began
        usual = min(2 * self._cut_seconds, CUT_SECONDS)
        self._cut_seconds = min(max(usual, _SHARE_OF_CUTS * taken), _MOST_CUT_SECONDS)
        return kept

    def _new(self, stored: Stored | None) -> LineCounting:
        settings = self._settings
        counting = LineCounting(
            {source.name: source.kind for source in settings.sources},
            most_patterns=settings.most_patterns,
            patterns_per_service=settings.patterns_per_service,
            budget=settings.new_patterns,
            security=SecurityCounting(self._rules, settings.sources),
        )
        if stored is not None:
            counting.restore(stored)
            n_lines = sum(tally.lines for tally in counting.tallies.values())
            _log.info("counters of log lines go on after %d lines", n_lines)
        return counting
