"""The scoring loop: a thread for each signal, so that a slow one never delays the others."""

import logging
import threading
from collections.abc import Callable, Sequence

from forewarn_adapters.clock import Clock
from forewarn_models.errors import ConfigError
from forewarn_service.champions import ChampionWatch
from forewarn_service.forecasting import Forecasting
from forewarn_service.telemetry import Telemetry
from forewarn_service.timing import Phase
from forewarn_service.worker import Worker

MOST_SIGNALS = 1_000
CHECKPOINT_MILLISECONDS = 5_000
WATCH_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Loop:
    """Runs the workers at their steps, and looks for new champions beside them.

    Args:
        workers: one for each signal.
        watch: gets new champions ready.
        forecasting: keeps forecasts current.
        clock: tells the time.
        telemetry: where skipped ticks are counted.

    Raises ConfigError when there are more signals than threads that make sense in one process.
    """

    def __init__(
        self,
        workers: Sequence[Worker],
        *,
        watch: ChampionWatch,
        clock: Clock,
        telemetry: Telemetry,
        forecasting: Forecasting,
    ) -> None:
        if len(workers) > MOST_SIGNALS:
            raise ConfigError(
                f"one process must score at most {MOST_SIGNALS} signals, got {len(workers)}: "
                "split the configuration over several, or let one signal return more series"
            )
        self._workers = workers
        self._clock = clock
        self._telemetry = telemetry
        self._stop = threading.Event()
        looks = (watch.look, forecasting.refresh, self._say_if_stuck)
        self._pokes = {look: threading.Event() for look in looks}
        self._threads = [
            threading.Thread(target=self._run, args=(worker,), name=worker.signal.name, daemon=True)
            for worker in workers
        ]
        self._threads += [
            threading.Thread(target=self._look, args=item, name="look", daemon=True)
            for item in self._pokes.items()
        ]

    def start(self) -> None:
        """Begin to score."""
        for thread in self._threads:
            thread.start()

    def stop(self, *, seconds: float = 1.0) -> None:
        """End after the ticks that run now, and write the checkpoints; wait for `seconds` each."""
        self._stop.set()
        self.look_now()
        for thread in self._threads:
            if thread.is_alive():  # not so before `start`
                thread.join(seconds)

    def look_now(self) -> None:
        """Look for new champions at once: one has just been trained."""
        for poke in self._pokes.values():
            poke.set()

    def heartbeat_milliseconds(self) -> int:
        """Return when the newest tick of any signal ended."""
        return max((worker.last_tick_milliseconds for worker in self._workers), default=0)

    def _run(self, worker: Worker) -> None:
        phase = Phase(worker.timing.step)
        checkpointed = 0
        now = self._clock()
        while not self._stop.is_set():
            worker.tick(now)
            phase.learn(worker.newest_milliseconds, now=now)
            if worker.is_scoring and self._clock() - checkpointed >= CHECKPOINT_MILLISECONDS:
                checkpointed = self._clock()
                worker.write_checkpoint(checkpointed)
            now = self._wait(worker, phase, now)
        worker.write_checkpoint(self._clock())

    def _wait(self, worker: Worker, phase: Phase, ticked: int) -> int:
        """Wait for the next tick and return its time; count those that are left out."""
        now = self._clock()
        step = worker.timing.step
        missed = max(0, (now - phase.next_tick(ticked)) // step)
        self._telemetry.skipped_ticks.labels(signal=worker.signal.name).inc(missed)
        # Bounded by the step: a clock that is set back must not put the loop to sleep.
        self._stop.wait(min(step, phase.next_tick(now) - now) / 1000)
        return self._clock()

    def _say_if_stuck(self, worker: Worker) -> None:
        worker.say_if_stuck(self._clock())

    def _guarded(self, each: Callable[[Worker], None], worker: Worker) -> None:
        try:
            each(worker)
        except Exception:  # noqa: BLE001  one signal's mistake must not end the watch over all others
            self._telemetry.failed("internal", signal=worker.signal.name)
            _log.exception("signal %s: looking after it failed", worker.signal.name)

    def _look(self, each: Callable[[Worker], None], poke: threading.Event) -> None:
        """Go through the workers every few seconds, and at once when poked."""
        while not self._stop.is_set():
            poke.clear()
            for worker in self._workers:
                if not self._stop.is_set():
                    self._guarded(each, worker)
            if not self._stop.is_set():
                poke.wait(WATCH_SECONDS)
