"""Watches for new champions and gets them ready while the old ones go on scoring."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from forewarn_adapters.checkpoint import Checkpoint, CheckpointFolder
from forewarn_adapters.clock import Clock
from forewarn_adapters.source import Source
from forewarn_models.artefact import to_bytes
from forewarn_models.catalogue import detector_from_state
from forewarn_models.contract import FittedDetector, State
from forewarn_models.errors import ForewarnError, ModelError
from forewarn_models.fold import FoldPolicy, FoldState, fits, fold_state_from_bytes, start_fold
from forewarn_service.scorer import Scorer
from forewarn_service.telemetry import Telemetry
from forewarn_service.worker import Ready, Worker

Kind = Literal["detector", "forecaster"]

_log = logging.getLogger(__name__)


class Stored(Protocol):
    """A stored model."""

    @property
    def version(self) -> int: ...

    @property
    def state(self) -> State: ...


class Champions(Protocol):
    """Where champions are kept."""

    def champion(self, signal: str, kind: Kind) -> Stored | None: ...

    def champion_version(self, signal: str, kind: Kind) -> int | None: ...

    def log_live(
        self,
        signal: str,
        kind: Kind,
        number: int,
        metrics: Mapping[str, float],
        *,
        at_milliseconds: int,
    ) -> None:
        """Add what was measured while a version serves to the run of its training."""
        ...


@dataclass(frozen=True, eq=False)
class ChampionWatch:
    """Offers each worker its newest champion.

    Args:
        registry: where champions are kept.
        source: where a new champion's recent past is read.
        checkpoints: where the loop's state is kept over a restart.
        written_until: returns a time up to which a signal's scores are stored, None = none known.
        clock: tells the time.
        telemetry: where failures are counted.
    """

    registry: Champions
    source: Source
    checkpoints: CheckpointFolder
    written_until: Callable[[str], int | None]
    clock: Clock
    telemetry: Telemetry

    def look(self, worker: Worker) -> None:
        """Get a new champion ready if there is one; a failure leaves the old one serving."""
        name = worker.signal.name
        try:
            version = self.registry.champion_version(name, "detector")
            if version is None or version == worker.version:
                return
            found = self.registry.champion(name, "detector")
            if found is not None:
                worker.offer(self._ready(worker, found))
        except ForewarnError as failed:
            self.telemetry.failed(failed.reason, signal=name)
            _log.warning("signal %s: its champion cannot be used: %s", name, failed)

    def _ready(self, worker: Worker, found: Stored) -> Ready:
        model = detector_from_state(found.state)
        _check_step(model, worker)
        mark = _mark(found.state)
        policy = FoldPolicy(worker.signal.budget)
        if worker.is_scoring:
            scorer = Scorer(model, policy, timing=worker.timing, start=start_fold(model, policy))
            worker.read_silently(scorer, self.clock())
            return Ready(found.version, mark, scorer, 0)
        start, emitted_until = self._place(worker, model, policy, mark)
        scorer = Scorer(model, policy, timing=worker.timing, start=start)
        return Ready(found.version, mark, scorer, emitted_until)

    def _place(
        self, worker: Worker, model: FittedDetector, policy: FoldPolicy, mark: int
    ) -> tuple[FoldState, int]:
        """Return where the fold goes on after a start, and up to when scores are handed out."""
        name = worker.signal.name
        try:
            facts, state = self._kept(name, model, mark)
        except ModelError as unusable:
            _log.info("signal %s: no checkpoint: %s", name, unusable)
            written = self.written_until(name)
            return start_fold(model, policy), self.clock() if written is None else written
        worker.quality.restore(facts)
        if facts.get("champion") == mark:
            return state, int(facts.get("emitted_until_milliseconds", 0))
        return start_fold(model, policy), state.carry.next_milliseconds - 1

    def _kept(
        self, signal: str, model: FittedDetector, mark: int
    ) -> tuple[Mapping[str, float], FoldState]:
        """Return what the checkpoint holds; ModelError when this release cannot go on from it."""
        found = self.checkpoints.read(signal)
        if not isinstance(found, Checkpoint):
            raise ModelError(found.detail)
        state = fold_state_from_bytes(found.fold_state)
        if found.facts.get("champion") == mark and not fits(model, state):
            raise ModelError("its arrays must have the shapes of the model's, got others")
        return found.facts, state


def _check_step(model: FittedDetector, worker: Worker) -> None:
    if model.step_milliseconds != worker.timing.step:
        raise ModelError(
            f"signal {worker.signal.name!r}: its champion must have the step of the configuration, "
            f"{worker.timing.step} ms, got {model.step_milliseconds} ms: train it again"
        )


def _mark(state: State) -> int:
    """Return a number that tells one state from another; JSON holds it exactly."""
    return int.from_bytes(hashlib.sha256(to_bytes(state)).digest()[:6], "big")
