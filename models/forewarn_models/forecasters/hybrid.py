"""The good default: simple robust forecasts, weighed for each series by a rolling back-test."""

from dataclasses import dataclass
from datetime import timedelta

from forewarn_models.bounds import UNKNOWN, Bounds
from forewarn_models.calendar import UTC, Calendar
from forewarn_models.contract import State
from forewarn_models.forecasters.candidates import CANDIDATES, OF_HISTORY
from forewarn_models.forecasters.fitting import Recipe, fit_mixture
from forewarn_models.forecasters.mixture import FittedMixture, fitted_mixture_of
from forewarn_models.forecasters.regressor import regressors_of
from forewarn_models.panel import Panel

KIND = "hybrid"


@dataclass(frozen=True, slots=True)
class Hybrid:
    """A mixture of thirteen simple forecasts, weighed for each series by how well they did.

    Good at: seasons of a day and a week, levels that move, outliers, gaps, fleets (no loop over
    series). Bad at: seasons of a year, steps announced in advance, growth that accelerates.
    Cost: about twenty passes over the history. Sources: Bates and Granger 1969 (combining),
    Box and Jenkins 1970 (regression on lags), Gardner and McKenzie 1985 (damped trends), Lei et
    al. 2018 (conformal bands).

    Args:
        horizon: how far ahead the candidates are judged; None = two days. Set it to what will be
            asked: bands beyond it are extrapolated.
        bounds: that no forecast leaves.
        calendar: whose days and clock the series follow; its holidays are forecast as holidays.
        regressor: what may drive the series, such as traffic drives CPU: a fourteenth candidate
            draws a line from its own forecast. A fit looks at nothing of it that came later.
    """

    horizon: timedelta | None = None
    bounds: Bounds = UNKNOWN
    calendar: Calendar = UTC
    regressor: Panel | None = None

    def fit(self, history: Panel) -> FittedMixture:
        """Return the mixture for each series; one with a single sample or none cannot say."""
        drivers = None if self.regressor is None else regressors_of(history, self.regressor)
        recipe = Recipe(
            kind=KIND,
            candidates=OF_HISTORY if drivers is None else tuple(CANDIDATES),
            horizon=self.horizon,
            bounds=self.bounds,
            calendar=self.calendar,
        )
        return fit_mixture(history, recipe, drivers)


def from_state(state: State) -> FittedMixture:
    """Return the fitted forecaster that `state` holds."""
    return fitted_mixture_of(state)
