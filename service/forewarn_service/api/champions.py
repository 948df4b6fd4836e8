"""The champions that on-demand requests use: loaded once a version, a few of them kept."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from forewarn_models.catalogue import detector_from_state, forecaster_from_state
from forewarn_models.contract import FittedDetector, FittedForecaster, State
from forewarn_models.errors import ModelError, RegistryError
from forewarn_service.api.faults import Refusal

Kind = Literal["detector", "forecaster"]
_LOG = logging.getLogger(__name__)
Model = TypeVar("Model")
_KEPT = 8


class ChampionFacts(Protocol):
    """A stored model that the service scores or forecasts with."""

    @property
    def version(self) -> int: ...

    @property
    def state(self) -> State: ...


class Champions(Protocol):
    """Where champions are kept; calls block."""

    def champion(self, signal: str, kind: Kind) -> ChampionFacts | None: ...

    def champion_version(self, signal: str, kind: Kind) -> int | None: ...


class Loaded(Generic[Model]):
    """Champions of one kind as fitted models, the newest versions; safe to use from any thread."""

    def __init__(
        self, champions: Champions, *, kind: Kind, build: Callable[[State], Model]
    ) -> None:
        self._champions = champions
        self._kind = kind
        self._build = build
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[int, Model]] = OrderedDict()

    def newest(self, signal: str) -> tuple[int, Model]:
        """Return the version and the model; Refusal with 409 when nothing was trained yet.

        While the registry fails, or its model cannot be read, the last one goes on serving.
        """
        with self._lock:
            kept = self._kept.get(signal)
        try:
            version = self._champions.champion_version(signal, self._kind)
            if kept is not None and kept[0] == version:
                return kept
            champion = self._champions.champion(signal, self._kind)
            loaded = (champion.version, self._build(champion.state)) if champion else None
        except (ModelError, RegistryError) as failed:
            if kept is None:
                raise
            _LOG.warning("signal %s: an older %s serves: %s", signal, self._kind, failed)
            return kept
        if loaded is None:
            detail = f"the signal {signal!r} has no {self._kind} yet: train it first"
            raise Refusal(409, "untrained", detail)
        self._keep(signal, loaded)
        return loaded

    def _keep(self, signal: str, loaded: tuple[int, Model]) -> None:
        with self._lock:
            self._kept[signal] = loaded
            self._kept.move_to_end(signal)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


@dataclass(frozen=True, eq=False)
class LoadedChampions:
    """The champions of both kinds."""

    detectors: Loaded[FittedDetector]
    forecasters: Loaded[FittedForecaster]


def loaded_champions(champions: Champions) -> LoadedChampions:
    """Return the champions that `champions` holds, nothing loaded yet."""
    return LoadedChampions(
        Loaded(champions, kind="detector", build=detector_from_state),
        Loaded(champions, kind="forecaster", build=forecaster_from_state),
    )
