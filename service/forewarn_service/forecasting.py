"""What the champion forecasters say from now on."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import numpy as np

from forewarn_adapters.clock import Clock
from forewarn_adapters.config.signals import ForecastPolicy
from forewarn_adapters.source import Source
from forewarn_models.arrays import FloatArray
from forewarn_models.catalogue import forecaster_from_state
from forewarn_models.contract import Extremes, FittedForecaster, Forecast
from forewarn_models.durations import milliseconds_of
from forewarn_models.errors import ForewarnError, RegistryError
from forewarn_models.forecast_score import scored_steps
from forewarn_service.champions import Champions
from forewarn_service.forecast_scoring import ForecastScoring
from forewarn_service.limits import limits_of, side_of
from forewarn_service.live import ForecastSnapshot
from forewarn_service.nearing import Nearing, extremes_from_now, nearing
from forewarn_service.telemetry import Telemetry
from forewarn_service.worker import Worker

# Central bands, in percent.
LEVELS = (80.0, 95.0)
_MOST_STEPS = 20_000

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Held:
    """A forecast that was made once for a champion.

    `extremes` are those that were simulated last, where there is a limit. `model` is there only
    while it is asked: it holds all of its history.
    """

    version: int
    model: FittedForecaster | None
    forecast: Forecast
    extremes: Extremes | None = None


@dataclass(frozen=True, eq=False)
class Forecasting:
    """Keeps the forecast of each worker current.

    Args:
        registry: where champions are kept.
        source: where limits that are queries are read.
        retraining: how long a champion serves; forecasts are made that much longer.
        clock: tells the time.
        telemetry: where failures are shown.
        scoring: told of each forecast.
    """

    registry: Champions
    source: Source
    retraining: timedelta
    clock: Clock
    telemetry: Telemetry
    scoring: ForecastScoring
    _held: dict[str, _Held] = field(default_factory=dict)

    def refresh(self, worker: Worker) -> None:
        """Give the worker the forecast as seen from now; a failure leaves the last one."""
        policy = worker.signal.forecast
        if policy is None:
            return
        try:
            held = self._newest(worker.signal.name, policy)
            if held is not None:
                model = partial(self._model, worker.signal.name, held)
                worker.forecast = self._seen_from_now(worker, held, policy, model)
                n_steps = held.forecast.quantiles.shape[1]
                self.scoring.follow(worker.signal, worker.forecast, model, n_steps=n_steps)
                held.model = None
        except ForewarnError as failed:
            self.telemetry.failed(failed.reason, signal=worker.signal.name)
            _log.warning("signal %s: no forecast: %s", worker.signal.name, failed)

    def _newest(self, signal: str, policy: ForecastPolicy) -> _Held | None:
        held = self._held.get(signal)
        version = self.registry.champion_version(signal, "forecaster")
        if version is None or (held is not None and held.version == version):
            return held
        champion = self.registry.champion(signal, "forecaster")
        if champion is None:
            return held
        model = forecaster_from_state(champion.state)
        n_steps = -(-(policy.horizon + 2 * self.retraining) // policy.step)
        made = _Held(champion.version, model, model.predict(min(n_steps, _MOST_STEPS), LEVELS))
        self._held[signal] = made
        self.telemetry.champion_version.labels(signal=signal, kind="forecaster").set(made.version)
        return made

    def _model(self, signal: str, held: _Held) -> FittedForecaster:
        """Return the champion's model, loaded again where it is not at hand."""
        if held.model is None:
            champion = self.registry.champion(signal, "forecaster")
            if champion is None:
                raise RegistryError(f"signal {signal!r} has no forecaster any more: train it again")
            held.model = forecaster_from_state(champion.state)
        return held.model

    def _seen_from_now(
        self,
        worker: Worker,
        held: _Held,
        policy: ForecastPolicy,
        model: Callable[[], FittedForecaster],
    ) -> ForecastSnapshot:
        now = self.clock()
        ahead = from_now(held.forecast, now=now, horizon=policy.horizon)
        horizons = horizons_of(policy)
        n_steps = [milliseconds_of(horizon) // ahead.step_milliseconds for horizon in horizons]
        values = worker.newest_values(ahead.series)
        limits = limits_of(policy.limit, ahead.series, self.source, now=now)
        if policy.limit is not None:
            held.extremes = extremes_from_now(
                model,
                held.forecast,
                side_of(policy.limit),
                now=now,
                horizon=policy.horizon,
                earlier=held.extremes,
            )
        near = _nearing(held, horizons, limits, values, now=now)
        return ForecastSnapshot(
            forecast=ahead,
            horizons=horizons,
            quantiles=_at(ahead, n_steps),
            time_to_limit_seconds=near.time_to_limit_seconds,
            breach_probability=near.breach_probability,
            limits=limits,
            values=values,
            champion_version=held.version,
            made_milliseconds=now,
        )


def _nearing(
    held: _Held,
    horizons: tuple[timedelta, ...],
    limits: FloatArray,
    values: FloatArray,
    *,
    now: int,
) -> Nearing:
    levels = held.forecast.quantile_levels
    if held.extremes is None:
        shapes = (len(limits), len(levels)), (len(limits), len(horizons))
        return Nearing(*(np.full(shape, np.nan) for shape in shapes))
    return nearing(held.extremes, limits, values, levels=levels, horizons=horizons, now=now)


def horizons_of(policy: ForecastPolicy) -> tuple[timedelta, ...]:
    """Return the distances at which a forecast is written: 1/4, 1/2 and all of the horizon.

    >>> [str(each) for each in horizons_of(ForecastPolicy(step="1h", horizon="1d"))]
    ['6:00:00', '12:00:00', '1 day, 0:00:00']
    """
    return tuple(policy.step * count for count in scored_steps(policy.horizon / policy.step))


def from_now(forecast: Forecast, *, now: int, horizon: timedelta) -> Forecast:
    """Return the slots of a forecast that come after `now`, up to the horizon."""
    step = forecast.step_milliseconds
    first = max(0, (now - forecast.start_milliseconds) // step + 1)
    count = min(milliseconds_of(horizon) // step, forecast.quantiles.shape[1])
    return replace(
        forecast,
        start_milliseconds=forecast.start_milliseconds + first * step,
        quantiles=forecast.quantiles[:, first : first + count],
    )


def _at(ahead: Forecast, n_steps: list[int]) -> FloatArray:
    """Return (n_series, n_horizons, n_quantiles); NaN where the forecast does not reach."""
    n_series, n_slots, n_levels = ahead.quantiles.shape
    found = np.full((n_series, len(n_steps), n_levels), np.nan)
    for place, count in enumerate(n_steps):
        if 0 < count <= n_slots:
            found[:, place] = ahead.quantiles[:, count - 1]
    return found
