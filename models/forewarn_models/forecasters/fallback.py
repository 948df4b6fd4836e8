"""Forecasts of series that are too young for a slow model: what was seen one season ago."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray
from forewarn_models.contract import Forecast, State
from forewarn_models.forecasters.mixture import FittedMixture, fitted_mixture_of, within
from forewarn_models.forecasters.seasonal_naive import KIND

_PREFIX = "fallback/"


@dataclass(frozen=True, eq=False)
class Fallback:
    """A fitted seasonal naive that stands in for the rows that another model leaves out."""

    fitted: FittedMixture

    def complete(
        self, quantiles: FloatArray, kind: str, *, n_steps: int, levels: Sequence[float]
    ) -> Forecast:
        """Return a forecast in which rows of NaN are the fallback's, and all are in its range.

        Args:
            quantiles: (n_series, n_steps, n_levels) of the other model; NaN rows are left out.
            kind: the other model's name.
            n_steps: of the horizon.
            levels: of the bands, in percent.
        """
        own = self.fitted.predict(n_steps, levels)
        quantiles = within(quantiles, self.fitted.learned)
        is_left_out = np.isnan(quantiles).sum(axis=(1, 2)) > 0
        names = zip(is_left_out.tolist(), own.model, strict=True)
        return Forecast(
            own.series,
            own.start_milliseconds,
            own.step_milliseconds,
            own.quantile_levels,
            np.where(is_left_out[:, None, None], own.quantiles, quantiles),
            tuple(name if left_out else kind for left_out, name in names),
        )

    def stored(self, manifest: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> State:
        """Return the state of the other model with this one inside; its kind and format are 1."""
        own = self.fitted.state()
        inside = {_PREFIX + name: array for name, array in own.arrays.items()}
        return State(
            str(manifest["kind"]),
            1,
            {**manifest, "fallback": dict(own.manifest)},
            {**arrays, **inside},
        )


def fallback_of(state: State) -> Fallback:
    """Return the fallback that `Fallback.stored` put into a state."""
    arrays = {
        name.removeprefix(_PREFIX): array
        for name, array in state.arrays.items()
        if name.startswith(_PREFIX)
    }
    return Fallback(fitted_mixture_of(State(KIND, 1, state.manifest["fallback"], arrays)))
