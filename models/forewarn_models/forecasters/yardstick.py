"""The seasonal naive forecast that a fitted forecaster is held against: of its own history."""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from forewarn_models.contract import FittedForecaster
from forewarn_models.errors import ModelError
from forewarn_models.forecasters.ets import FittedEts
from forewarn_models.forecasters.mixture import FittedMixture, Learned
from forewarn_models.forecasters.prophet import FittedProphet
from forewarn_models.forecasters.seasonal_naive import KIND
from forewarn_models.labels import Labels


def naive_twin(fitted: FittedForecaster, series: Sequence[Labels]) -> FittedMixture:
    """Return the seasonal naive forecaster of some series, of the history that `fitted` knows.

    Its seasons are those that `fitted` found; its bands are not to be used. ModelError for a
    forecaster that keeps no history, or for a series that it does not know.
    """
    own = _with_history(fitted)
    place = {labels: row for row, labels in enumerate(own.series)}
    if unknown := [labels for labels in series if labels not in place]:
        raise ModelError(f"a series must be one that the forecaster knows, got {unknown[0]}")
    rows = np.array([place[labels] for labels in series], dtype=np.int64)
    learned = Learned(*(getattr(own.learned, field.name)[rows] for field in fields(Learned)))
    has_season = np.isfinite(learned.period)
    weights = np.column_stack([~has_season, has_season]).astype(np.float64)
    return replace(
        own,
        kind=KIND,
        candidates=("last_value", "naive_short"),
        series=tuple(series),
        thinning=1,
        learned=replace(learned, weights=weights, detail=np.zeros((len(rows), 1))),
        regressor=None,
    )


def _with_history(fitted: FittedForecaster) -> FittedMixture:
    if isinstance(fitted, FittedMixture):
        return fitted
    if isinstance(fitted, FittedEts | FittedProphet):
        return fitted.fallback.fitted
    raise ModelError(f"a forecaster must keep its history, got {type(fitted).__name__}")
