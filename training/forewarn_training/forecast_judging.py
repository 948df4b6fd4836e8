"""How a forecaster did at earlier instants: rolling origins beside the seasonal naive forecast."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.contract import Forecast, Forecaster
from forewarn_models.durations import milliseconds_of
from forewarn_models.errors import NotEnoughHistory
from forewarn_models.forecast_score import BANDS
from forewarn_models.labels import Labels
from forewarn_models.panel import Panel

LEVELS = (80.0, 95.0)
_CELLS = 20_000_000  # of quantiles that one forecast of a back-test may take
_DAY_MILLISECONDS = 86_400_000


@dataclass(frozen=True, eq=False)
class ForecastQuality:
    """Mean errors over the origins, one row a back-tested series; NaN = not known.

    Args:
        series: the rows: all of the signal, or evenly chosen ones of very many.
        error: (n_series, n_steps) |value - median forecast|, by step ahead.
        excess: (n_series, n_steps) median forecast - value.
        naive_error: (n_series, n_steps) |value - seasonal naive forecast|.
        inside: (n_series, n_steps, 2) share of values inside the 80 % and the 95 % band.
        pinball: (n_series,) mean loss over all quantiles.
        scale: (n_series,) mean |change over one season| in the history: the unit of MASE.
        step_seconds: of the forecast.
        origins: the slots of the history from which was forecast, the oldest first.
        forecasts: what was forecast from each, of the rows that were asked for.
    """

    series: tuple[Labels, ...]
    error: FloatArray
    excess: FloatArray
    naive_error: FloatArray
    inside: FloatArray
    pinball: FloatArray
    scale: FloatArray
    step_seconds: float
    origins: tuple[int, ...]
    forecasts: tuple[Forecast, ...] = ()

    @property
    def n_origins(self) -> int:
        """How many earlier instants were tried."""
        return len(self.origins)

    @property
    def coverage(self) -> FloatArray:
        """(n_series, 2) share of values inside the 80 % and the 95 % band."""
        return mean_of_known(self.inside.swapaxes(1, 2))

    def metrics(self) -> dict[str, float]:
        """Return the figures of the typical series (medians) and the bands' mean coverage."""
        error, naive = mean_of_known(self.error), mean_of_known(self.naive_error)
        return {
            "mase": median_of_known(over(error, self.scale)),
            "forecast_error_ratio": median_of_known(over(error, naive)),
            "forecast_coverage_80_ratio": float(mean_of_known(self.coverage[None, :, 0])[0]),
            "forecast_coverage_95_ratio": float(mean_of_known(self.coverage[None, :, 1])[0]),
            "forecast_origins": float(self.n_origins),
        }


@dataclass(frozen=True, slots=True)
class Trial:
    """How a back-test goes about it.

    Args:
        horizon: how far ahead is forecast; at most a quarter of the history.
        most_series: that are tried, evenly chosen: some forecasters take seconds a series.
        most_origins: how many earlier instants are tried, a horizon apart at most.
        from_slot: before which none lies; None = the newer half of the history is judged.
        n_kept: of how many rows, evenly chosen, the forecasts are kept.
    """

    horizon: timedelta
    most_series: int = 1_000_000
    most_origins: int = 4
    from_slot: int | None = None
    n_kept: int = 0


def back_test(
    forecaster: Forecaster,
    history: Panel,
    *,
    naive: Forecaster,
    trial: Trial,
    progress: Callable[[str], None] = lambda _what: None,
) -> ForecastQuality:
    """Return how `forecaster` would have done at some earlier instants.

    NotEnoughHistory when the history holds no earlier instant to forecast from.
    """
    wanted = max(1, milliseconds_of(trial.horizon) // history.step_milliseconds)
    n_steps = min(wanted, history.n_times // 4)
    if n_steps < 1:
        raise NotEnoughHistory("a back-test of forecasts", needed=4, got=history.n_times)
    most = min(trial.most_series, max(1, _CELLS // (n_steps * 5)))
    chosen = evenly_chosen(history, most)
    kept = evenly_chosen(chosen, trial.n_kept).series if trial.n_kept else ()
    origins = _origins(history.n_times, n_steps, trial)
    ours, theirs, forecasts = _RunningMeans(), _RunningMeans(), []
    for number, origin in enumerate(origins, start=1):
        progress(f"forecasting from instant {number} of {len(origins)}")
        known, actual = chosen.columns(0, origin), chosen.columns(origin, origin + n_steps)
        forecast = forecaster.fit(known).predict(n_steps, LEVELS)
        ours.add(_outcome(forecast, actual.values))
        theirs.add(_outcome(naive.fit(known).predict(n_steps, LEVELS), actual.values))
        forecasts.append(_rows(forecast, kept))
    return ForecastQuality(
        series=chosen.series,
        **ours.means(),
        naive_error=theirs.means()["error"],
        scale=_seasonal_scale(chosen),
        step_seconds=history.step_seconds,
        origins=origins,
        forecasts=tuple(forecasts) if kept else (),
    )


def pinball_loss(forecast: Forecast, actual: FloatArray) -> FloatArray:
    """Return each row's mean pinball loss over slots and quantiles; `actual` is (n, n_steps)."""
    levels = np.asarray(forecast.quantile_levels)
    over = actual[:, :, None] - forecast.quantiles
    loss = np.maximum(levels * over, (levels - 1.0) * over)
    return mean_of_known(loss.reshape(len(loss), -1))


@dataclass(eq=False)
class _RunningMeans:
    """Means of arrays by name over origins, of what is known: no origin is kept."""

    totals: dict[str, tuple[FloatArray, FloatArray]] = field(default_factory=dict)

    def add(self, outcome: dict[str, FloatArray]) -> None:
        for name, values in outcome.items():
            total, count = self.totals.get(name, (np.zeros(1), np.zeros(1)))
            known = np.isfinite(values)
            self.totals[name] = (total + np.where(known, values, 0.0), count + known)

    def means(self) -> dict[str, FloatArray]:
        return {name: over(total, count) for name, (total, count) in self.totals.items()}


def _outcome(forecast: Forecast, actual: FloatArray) -> dict[str, FloatArray]:
    place = {round(level, 6): index for index, level in enumerate(forecast.quantile_levels)}
    excess = forecast.quantiles[:, :, place[0.5]] - actual
    inside = []
    for low, high in BANDS.values():
        lower, upper = (forecast.quantiles[:, :, place[level]] for level in (low, high))
        is_inside = (lower <= actual) & (actual <= upper)
        inside.append(np.where(np.isfinite(excess), is_inside.astype(np.float64), np.nan))
    return {
        "error": np.abs(excess),
        "excess": excess,
        "inside": np.stack(inside, axis=-1),
        "pinball": pinball_loss(forecast, actual),
    }


def _rows(forecast: Forecast, series: tuple[Labels, ...]) -> Forecast:
    rows = [forecast.series.index(labels) for labels in series]
    model = tuple(forecast.model[row] for row in rows)
    return replace(forecast, series=series, quantiles=forecast.quantiles[rows], model=model)


def _origins(n_times: int, n_steps: int, trial: Trial) -> tuple[int, ...]:
    """Return the instants to forecast from, a horizon apart at most, the oldest first."""
    last = n_times - n_steps
    earliest = n_times // 2 if trial.from_slot is None else trial.from_slot
    first = max(earliest, last - (trial.most_origins - 1) * n_steps, 2)
    places = np.linspace(min(first, last), last, trial.most_origins)
    return tuple(sorted({int(place) for place in places}))


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
    return mean_of_known(np.abs(history.values[:, lag:] - history.values[:, :-lag]))


def mean_of_known(values: FloatArray) -> FloatArray:
    """Return the mean over the last axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    total = np.sum(values, axis=-1, where=known)
    mean: FloatArray = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


def over(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Return part / whole; NaN where the whole is not positive or not known."""
    is_known = np.isfinite(whole) & (whole > 0)
    out: FloatArray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=is_known)
    return out


def median_of_known(values: FloatArray) -> float:
    """Return the median of what is known; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
