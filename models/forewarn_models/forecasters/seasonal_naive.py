"""The yardstick and the fallback: what was seen one season ago."""

from dataclasses import dataclass
from datetime import timedelta

from forewarn_models.bounds import UNKNOWN, Bounds
from forewarn_models.contract import State
from forewarn_models.forecasters.fitting import Recipe, fit_mixture
from forewarn_models.forecasters.mixture import FittedMixture, fitted_mixture_of
from forewarn_models.panel import Panel

KIND = "seasonal_naive"


@dataclass(frozen=True, slots=True)
class SeasonalNaive:
    """The value one season before; the newest value for a series without a season.

    The season is a day where the history holds two, unless another lag repeats itself better.
    Good at: being hard to beat and impossible to break. Bad at: noise, which it repeats.

    Args:
        horizon: how far ahead the bands are judged; None = two days.
        bounds: that no forecast leaves.
    """

    horizon: timedelta | None = None
    bounds: Bounds = UNKNOWN

    def fit(self, history: Panel) -> FittedMixture:
        """Return the last season of each series; one with a single sample or none cannot say."""
        recipe = Recipe(
            kind=KIND,
            candidates=("last_value", "naive_short"),
            horizon=self.horizon,
            is_weighed=False,
            bounds=self.bounds,
        )
        return fit_mixture(history, recipe)


def from_state(state: State) -> FittedMixture:
    """Return the fitted forecaster that `state` holds."""
    return fitted_mixture_of(state)
