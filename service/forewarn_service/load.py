"""What watching a signal asks of others: how it is read, what it writes, what it keeps."""

from dataclasses import dataclass

import numpy as np

from forewarn_adapters.config.signals import ForecastPolicy
from forewarn_models.contract import Forecast
from forewarn_models.durations import milliseconds_of
from forewarn_models.forecasters.bands import quantile_levels
from forewarn_service.exporter import forecast_columns
from forewarn_service.forecasting import LEVELS, horizons_of
from forewarn_service.live import ForecastSnapshot
from forewarn_service.timing import timing_of

_MINUTE_MILLISECONDS = 60_000


@dataclass(frozen=True, slots=True)
class ReadLoad:
    """How the service reads a signal, if each series has a sample a step.

    Args:
        queries_per_minute: one a tick.
        samples_a_query: of one series, on the average: late samples are read again.
    """

    queries_per_minute: float
    samples_a_query: float


def read_load(step_milliseconds: int) -> ReadLoad:
    """Return how a signal of this step is read.

    Most ticks read a little behind the newest sample, and now and then one reads the whole window.

    >>> read_load(30_000)
    ReadLoad(queries_per_minute=2.0, samples_a_query=6.6)
    """
    timing = timing_of(step_milliseconds)
    ticks = -(-timing.sweep // timing.step)
    usual, whole = timing.lateness / timing.step + 1, timing.window / timing.step + 1
    samples = ((ticks - 1) * usual + whole) / ticks
    return ReadLoad(_MINUTE_MILLISECONDS / timing.step, samples)


def forecast_families(policy: ForecastPolicy | None) -> int:
    """Return how many series are written of the forecast of one series."""
    if policy is None:
        return 0
    levels = quantile_levels(LEVELS)
    horizons = horizons_of(policy)
    limit = 0.0 if policy.limit is not None else np.nan
    step = milliseconds_of(policy.step)
    quantiles = np.zeros((1, len(horizons), len(levels)))
    made = ForecastSnapshot(
        forecast=Forecast(((),), 0, step, levels, quantiles, ("",)),
        horizons=horizons,
        quantiles=quantiles,
        time_to_limit_seconds=np.full((1, len(levels)), limit),
        breach_probability=np.full((1, len(horizons)), limit),
        limits=np.array([limit]),
        values=np.zeros(1),
        champion_version=1,
        made_milliseconds=0,
    )
    return sum(bool(np.isfinite(values).all()) for _, _, values in forecast_columns(made))
