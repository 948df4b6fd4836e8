"""How a forecaster did at earlier instants: rolling origins beside the seasonal naive forecast."""

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.contract import Forecast, Forecaster
from forewarn_models.durations import milliseconds_of
from forewarn_models.errors import NotEnoughHistory
from forewarn_models.labels import Labels
from forewarn_models.panel import Panel

LEVELS = (80.0, 95.0)
_BANDS = ((0.1, 0.9), (0.025, 0.975))
_MOST_ORIGINS = 4
_CELLS = 20_000_000  # of quantiles that one forecast of a back-test may take
_DAY_MILLISECONDS = 86_400_000


@dataclass(frozen=True, eq=False)
class ForecastQuality:
    """Mean errors over the origins, one row a back-tested series; NaN = not known.

    Args:
        series: the rows: all of the signal, or evenly chosen ones of very many.
        error: (n_series, n_steps) |value - median forecast|, by step ahead.
        naive_error: (n_series, n_steps) the same of the seasonal naive forecast.
        pinball: (n_series,) mean loss over all quantiles.
        coverage: (n_series, 2) share of values inside the 80 % and the 95 % band.
        scale: (n_series,) mean |change over one season| in the history: the unit of MASE.
        n_origins: how many earlier instants were tried.
        step_seconds: of the forecast.
    """

    series: tuple[Labels, ...]
    error: FloatArray
    naive_error: FloatArray
    pinball: FloatArray
    coverage: FloatArray
    scale: FloatArray
    n_origins: int
    step_seconds: float

    def metrics(self) -> dict[str, float]:
        """Return the figures of the typical series (medians) and the bands' mean coverage."""
        error, naive = _mean(self.error), _mean(self.naive_error)
        return {
            "mase": _median(_over(error, self.scale)),
            "forecast_error_ratio": _median(_over(error, naive)),
            "forecast_coverage_80_ratio": float(_mean(self.coverage[None, :, 0])[0]),
            "forecast_coverage_95_ratio": float(_mean(self.coverage[None, :, 1])[0]),
            "forecast_origins": float(self.n_origins),
        }


def back_test(
    forecaster: Forecaster,
    history: Panel,
    *,
    naive: Forecaster,
    horizon: timedelta,
    most_series: int = 1_000_000,
) -> ForecastQuality:
    """Return how `forecaster` would have done at up to four earlier instants.

    At most `most_series` are tried, evenly chosen: some forecasters take seconds a series.

    NotEnoughHistory when the history holds no earlier instant to forecast from.
    """
    wanted = max(1, milliseconds_of(horizon) // history.step_milliseconds)
    n_steps = min(wanted, history.n_times // 4)
    if n_steps < 1:
        raise NotEnoughHistory("a back-test of forecasts", needed=4, got=history.n_times)
    chosen = evenly_chosen(history, min(most_series, max(1, _CELLS // (n_steps * 5))))
    origins = _origins(history.n_times, n_steps)
    ours = [_errors(forecaster, chosen, origin, n_steps) for origin in origins]
    theirs = [_errors(naive, chosen, origin, n_steps) for origin in origins]
    return ForecastQuality(
        series=chosen.series,
        error=_mean(np.stack([each.error for each in ours], axis=-1)),
        naive_error=_mean(np.stack([each.error for each in theirs], axis=-1)),
        pinball=_mean(np.stack([each.pinball for each in ours], axis=-1)),
        coverage=_mean(np.stack([each.coverage for each in ours], axis=-1)),
        scale=_seasonal_scale(chosen),
        n_origins=len(origins),
        step_seconds=history.step_seconds,
    )


def pinball_loss(forecast: Forecast, actual: FloatArray) -> FloatArray:
    """Return each row's mean pinball loss over slots and quantiles; `actual` is (n, n_steps)."""
    levels = np.asarray(forecast.quantile_levels)
    over = actual[:, :, None] - forecast.quantiles
    loss = np.maximum(levels * over, (levels - 1.0) * over)
    return _mean(loss.reshape(len(loss), -1))


@dataclass(frozen=True, eq=False)
class _Errors:
    error: FloatArray
    pinball: FloatArray
    coverage: FloatArray


def _errors(forecaster: Forecaster, history: Panel, origin: int, n_steps: int) -> _Errors:
    actual = history.columns(origin, origin + n_steps).values
    forecast = forecaster.fit(history.columns(0, origin)).predict(n_steps, LEVELS)
    place = {round(level, 6): index for index, level in enumerate(forecast.quantile_levels)}
    inside = []
    for low, high in _BANDS:
        lower, upper = (forecast.quantiles[:, :, place[level]] for level in (low, high))
        inside.append(_mean(_where_known((lower <= actual) & (actual <= upper), actual, lower)))
    return _Errors(
        np.abs(actual - forecast.quantiles[:, :, place[0.5]]),
        pinball_loss(forecast, actual),
        np.stack(inside, axis=-1),
    )


def _where_known(is_inside: BooleanArray, actual: FloatArray, lower: FloatArray) -> FloatArray:
    return np.where(np.isfinite(actual) & np.isfinite(lower), is_inside.astype(np.float64), np.nan)


def _origins(n_times: int, n_steps: int) -> list[int]:
    """Return the instants to forecast from, over the second half, a horizon apart at most."""
    last = n_times - n_steps
    first = max(n_times // 2, last - (_MOST_ORIGINS - 1) * n_steps, 2)
    return sorted({int(place) for place in np.linspace(min(first, last), last, _MOST_ORIGINS)})


def evenly_chosen(history: Panel, most_series: int) -> Panel:
    """Return at most that many rows of a history, evenly chosen."""
    if history.n_series <= most_series:
        return history
    rows: IntegerArray = np.linspace(0, history.n_series - 1, most_series).astype(np.int64)
    series = tuple(history.series[row] for row in rows)
    return replace(history, values=history.values[rows], series=series)


def _seasonal_scale(history: Panel) -> FloatArray:
    day = _DAY_MILLISECONDS // history.step_milliseconds
    lag = day if 1 <= day <= history.n_times // 2 else 1
    return _mean(np.abs(history.values[:, lag:] - history.values[:, :-lag]))


def _mean(values: FloatArray) -> FloatArray:
    """Return the mean over the last axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    total = np.sum(values, axis=-1, where=known)
    mean: FloatArray = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


def _over(part: FloatArray, whole: FloatArray) -> FloatArray:
    is_known = np.isfinite(whole) & (whole > 0)
    out: FloatArray = np.divide(part, whole, out=np.full(len(part), np.nan), where=is_known)
    return out


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
