"""Exponential smoothing with additive errors, one series after another; statsmodels does the work.

Good at: levels and trends that move, one short season. Bad at: two seasons at once, outliers,
fleets. Cost: about a tenth of a second to seconds for each series. Source: Hyndman, Koehler, Ord
and Snyder 2008, "Forecasting with Exponential Smoothing".
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from forewarn_models.arrays import FloatArray
from forewarn_models.bounds import UNKNOWN, Bounds
from forewarn_models.contract import Extremes, Forecast, Side, State
from forewarn_models.errors import UnknownFormat
from forewarn_models.forecasters.bands import quantile_levels
from forewarn_models.forecasters.extremes import simulated_extremes
from forewarn_models.forecasters.fallback import Fallback, fallback_of
from forewarn_models.forecasters.lookback import DAY_MILLISECONDS, WEEK_MILLISECONDS
from forewarn_models.forecasters.mixture import check_steps
from forewarn_models.forecasters.quiet import quietly
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_models.forecasters.usable import usable_values
from forewarn_models.labels import Labels
from forewarn_models.panel import Panel

KIND = "ets"
_FORMAT = 1
# A longer season has more states than a series can teach.
_LONGEST_SEASON = 48
_LEAST_SAMPLES = 10
_MOST_SAMPLES = 2_000
_MOST_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Ets:
    """Additive level, damped trend, and the season of a day (or week) where it is short enough.

    Args:
        bounds: that no forecast leaves.
    """

    bounds: Bounds = UNKNOWN

    def fit(self, history: Panel) -> "FittedEts":
        """Return smoothing parameters of each series; young ones fall back to seasonal naive.

        Raises NotEnoughHistory when no series has two samples.
        """
        fallback = Fallback(SeasonalNaive(bounds=self.bounds).fit(history))
        values = usable_values(history, what=f"the forecaster {KIND!r}")[:, -_MOST_SAMPLES:]
        season = _season(values.shape[1], history.step_milliseconds)
        filled = np.stack([_filled(row) for row in values])
        parameters = [_parameters(row, season) for row in filled]
        width = max(len(row) for row in parameters)
        padded = [np.pad(row, (0, width - len(row)), constant_values=np.nan) for row in parameters]
        return FittedEts(season, filled, np.stack(padded), fallback)


@dataclass(frozen=True, eq=False)
class FittedEts:
    """Smoothing parameters, and the history that they smooth.

    Args:
        season: in slots, 0 without one.
        values: (n_series, n_times) without gaps; rows that are too young are NaN.
        parameters: (n_series, n_parameters) as statsmodels orders them.
        fallback: for the rows that are too young.
    """

    season: int
    values: FloatArray
    parameters: FloatArray
    fallback: Fallback

    @property
    def series(self) -> tuple[Labels, ...]:
        return self.fallback.fitted.series

    @property
    def step_milliseconds(self) -> int:
        return self.fallback.fitted.step_milliseconds

    def predict(self, n_steps: int, levels: Sequence[float]) -> Forecast:
        """Return quantiles of the `n_steps` slots after the history; NaN rows cannot be said."""
        wanted = quantile_levels(levels)
        check_steps(n_steps)
        rows = zip(self.values, self.parameters, strict=True)
        quantiles = [_quantiles(row, own, self.season, n_steps, wanted) for row, own in rows]
        return self.fallback.complete(np.stack(quantiles), KIND, n_steps=n_steps, levels=levels)

    def extremes(
        self, n_steps: int, side: Side, *, since_milliseconds: int | None = None
    ) -> Extremes:
        """Return the worst values that paths over the `n_steps` slots after the history reach."""
        check_steps(n_steps)
        return simulated_extremes(
            self, self.fallback.fitted, n_steps, side, since_milliseconds=since_milliseconds
        )

    def state(self) -> State:
        """Return what `from_state` restores."""
        return self.fallback.stored(
            {"kind": KIND, "season": self.season},
            {"values": self.values, "parameters": self.parameters},
        )


def from_state(state: State) -> FittedEts:
    """Return the fitted forecaster that `state` holds."""
    if state.format_version != _FORMAT:
        raise UnknownFormat(f"an ets of format {_FORMAT} is needed, got {state.format_version}")
    return FittedEts(
        int(state.manifest["season"]),
        state.arrays["values"],
        state.arrays["parameters"],
        fallback_of(state),
    )


def _season(n_times: int, step_milliseconds: int) -> int:
    for season in (DAY_MILLISECONDS, WEEK_MILLISECONDS):
        slots, rest = divmod(season, step_milliseconds)
        if not rest and 2 <= slots <= _LONGEST_SEASON and n_times >= 3 * slots:
            return slots
    return 0


def _filled(row: FloatArray) -> FloatArray:
    """Return a row with its gaps bridged by lines, or all NaN where too little is held."""
    held = np.flatnonzero(np.isfinite(row))
    if len(held) < _LEAST_SAMPLES:
        return np.full(len(row), np.nan)
    return np.interp(np.arange(len(row)), held, row[held])


def _parameters(row: FloatArray, season: int) -> FloatArray:
    if not np.isfinite(row).all():
        return np.full(1, np.nan)
    centre, size = _shape(row)
    with _quiet():
        fitted = _model((row - centre) / size, season).fit(disp=False, maxiter=_MOST_ROUNDS)
    return np.asarray(fitted.params, dtype=np.float64)


def _quantiles(
    row: FloatArray,
    parameters: FloatArray,
    season: int,
    n_steps: int,
    levels: tuple[float, ...],
) -> FloatArray:
    quantiles = np.full((n_steps, len(levels)), np.nan)
    if not np.isfinite(row).all():
        return quantiles
    centre, size = _shape(row)
    with _quiet():
        smoothed = _model((row - centre) / size, season).smooth(parameters[np.isfinite(parameters)])
        predicted = smoothed.get_prediction(start=len(row), end=len(row) + n_steps - 1)
        for place, level in enumerate(levels):
            quantiles[:, place] = _quantile(predicted, level)
    return np.maximum.accumulate(quantiles, axis=1) * size + centre


def _quantile(predicted: Any, level: float) -> FloatArray:
    if level == 0.5:
        return np.asarray(predicted.predicted_mean, dtype=np.float64)
    bounds = np.asarray(predicted.pred_int(alpha=2 * min(level, 1 - level)), dtype=np.float64)
    side: FloatArray = bounds[:, 0 if level < 0.5 else 1]
    return side


def _model(row: FloatArray, season: int) -> Any:
    import pandas as pd
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    return ETSModel(
        pd.Series(row),
        error="add",
        trend="add",
        damped_trend=True,
        seasonal="add" if season else None,
        seasonal_periods=season or None,
        initialization_method="heuristic",
    )


def _shape(row: FloatArray) -> tuple[float, float]:
    """Return centre and size, so that huge and tiny series are fitted alike."""
    size = float(np.abs(row - np.median(row)).mean())
    return float(np.median(row)), size if size > 0 else 1.0


@contextmanager
def _quiet() -> Iterator[None]:
    # Importing it first: statsmodels asks to be heard always when it is imported.
    import statsmodels.tsa.exponential_smoothing.ets  # noqa: F401  see above

    # A search that stops early still gives parameters, and a constant series no likelihood.
    with quietly(), np.errstate(all="ignore"):
        yield
