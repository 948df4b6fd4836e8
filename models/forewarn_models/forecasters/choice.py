"""From the name of a forecaster, as configuration and commands write it, to the forecaster."""

from datetime import timedelta

from forewarn_models.bounds import UNKNOWN, Bounds
from forewarn_models.calendar import UTC, Calendar
from forewarn_models.contract import Forecaster
from forewarn_models.errors import ConfigError
from forewarn_models.forecasters.ets import Ets
from forewarn_models.forecasters.hybrid import Hybrid
from forewarn_models.forecasters.prophet import ProphetForecaster
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_models.panel import Panel

NAMES = ("auto", "hybrid", "seasonal_naive", "prophet", "ets")


def forecaster_for(
    name: str,
    *,
    horizon: timedelta | None,
    bounds: Bounds = UNKNOWN,
    calendar: Calendar = UTC,
    regressor: Panel | None = None,
) -> Forecaster:
    """Return the forecaster of a name, judged at the horizon that it will be asked for.

    `auto` is the hybrid, which chooses for each series among cheap candidates. No forecast leaves
    `bounds`. Only the hybrid follows the days and the clock of a `calendar`, and a `regressor`.

    Raises ConfigError for a name that is not in NAMES.
    """
    if name not in NAMES:
        raise ConfigError(f"a forecaster must be one of {', '.join(NAMES)}, got {name!r}")
    if name == "prophet":
        return ProphetForecaster(bounds=bounds)
    if name == "ets":
        return Ets(bounds)
    if name == "seasonal_naive":
        return SeasonalNaive(horizon, bounds)
    return Hybrid(horizon, bounds, calendar, regressor)
