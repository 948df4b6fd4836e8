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
from forewarn_models.errors import ModelError, UnknownFormat
from forewarn_models.forecasters import ets, hybrid, prophet, seasonal_naive
from forewarn_models.stored_detector import fitted_from_state

DETECTORS: Mapping[str, Detector] = MappingProxyType({detector.KIND: RarityDetector()})
_FITTED_DETECTORS: Mapping[str, Callable[[State], FittedDetector]] = MappingProxyType(
    {detector.KIND: fitted_from_state}
)

FORECASTERS: Mapping[str, Forecaster] = MappingProxyType(
    {
        hybrid.KIND: hybrid.Hybrid(),
        seasonal_naive.KIND: seasonal_naive.SeasonalNaive(),
        prophet.KIND: prophet.ProphetForecaster(),
        ets.KIND: ets.Ets(),
    }
)
_FITTED_FORECASTERS: Mapping[str, Callable[[State], FittedForecaster]] = MappingProxyType(
    {
        hybrid.KIND: hybrid.from_state,
        seasonal_naive.KIND: seasonal_naive.from_state,
        prophet.KIND: prophet.from_state,
        ets.KIND: ets.from_state,
    }
)


def detector_from_state(state: State) -> FittedDetector:
    """Return the fitted detector that `state` stores.

    Raises UnknownFormat when there is no such kind, ModelError when a part of it is missing.
    """
    return _restored(_FITTED_DETECTORS, state)


def forecaster_from_state(state: State) -> FittedForecaster:
    """Return the fitted forecaster that `state` stores.

    Raises UnknownFormat when there is no such kind, ModelError when a part of it is missing.
    """
    return _restored(_FITTED_FORECASTERS, state)


_Fitted = TypeVar("_Fitted")


def _restored(readers: Mapping[str, Callable[[State], _Fitted]], state: State) -> _Fitted:
    if state.kind not in readers:
        raise UnknownFormat(
            f"a stored model must be one of {', '.join(sorted(readers))}, got {state.kind!r}"
        )
    try:
        return readers[state.kind](state)
    except KeyError as missing:
        raise ModelError(f"a stored {state.kind} must hold {missing}") from missing
