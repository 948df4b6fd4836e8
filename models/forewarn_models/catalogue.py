"""The one list of models: name to default instance, and stored state back to a fitted model."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from forewarn_models import detector
from forewarn_models.contract import (
    Detector,
    FittedDetector,
    FittedForecaster,
    Forecaster,
    State,
)
from forewarn_models.detector import RarityDetector
from forewarn_models.errors import UnknownFormat

DETECTORS: Mapping[str, Detector] = MappingProxyType({"rarity": RarityDetector()})
_FITTED_DETECTORS: Mapping[str, Callable[[State], FittedDetector]] = MappingProxyType(
    {detector.KIND: detector.fitted_from_state}
)

FORECASTERS: Mapping[str, Forecaster] = MappingProxyType({})
_FITTED_FORECASTERS: Mapping[str, Callable[[State], FittedForecaster]] = MappingProxyType({})


def detector_from_state(state: State) -> FittedDetector:
    """Return the fitted detector that `state` stores; UnknownFormat when there is no such kind."""
    return _reader(_FITTED_DETECTORS, state)(state)


def forecaster_from_state(state: State) -> FittedForecaster:
    """Return the fitted forecaster that `state` stores; UnknownFormat when it is no such kind."""
    return _reader(_FITTED_FORECASTERS, state)(state)


_Fitted = TypeVar("_Fitted")


def _reader(
    readers: Mapping[str, Callable[[State], _Fitted]], state: State
) -> Callable[[State], _Fitted]:
    if state.kind not in readers:
        raise UnknownFormat(
            f"a stored model must be one of {', '.join(sorted(readers))}, got {state.kind!r}"
        )
    return readers[state.kind]
