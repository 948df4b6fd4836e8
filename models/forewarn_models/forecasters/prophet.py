"""Prophet, one series after another.

Good at: trends with bends, holidays when told, long histories of daily values. Bad at: sharp
daily shapes, fleets (about a second for each series). Source: Taylor and Letham 2018,
"Forecasting at scale".
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
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

KIND = "prophet"
_FORMAT = 1
_SAMPLES = 500
# With less it fits perfectly and believes itself certain.
_LEAST_SAMPLES = 20
# They tell of plotting and of the optimiser.
_LOGGERS = ("cmdstanpy", "prophet", "prophet.plot")


@dataclass(frozen=True, slots=True)
class ProphetForecaster:
    """Prophet with its defaults, seasons of day and week said explicitly.

    Left to itself it drops the weekly season of exactly two weeks of history.

    Args:
        seed: of the sampled futures that give the quantiles.
        bounds: that no forecast leaves.
    """

    seed: int = 0
    bounds: Bounds = UNKNOWN

    def fit(self, history: Panel) -> "FittedProphet":
        """Return a Prophet for each series; young ones fall back to seasonal naive.

        Raises NotEnoughHistory when no series has two samples.
        """
        values = usable_values(history, what=f"the forecaster {KIND!r}")
        span = history.n_times * history.step_milliseconds
        models = tuple(
            _fitted(row, history, span) if np.isfinite(row).sum() >= _LEAST_SAMPLES else None
            for row in values
        )
        fallback = Fallback(SeasonalNaive(bounds=self.bounds).fit(history))
        return FittedProphet(self.seed, models, fallback)


@dataclass(frozen=True, eq=False)
class FittedProphet:
    """Prophets in their stored form.

    Args:
        seed: of the sampled futures.
        models: for each row the JSON text that Prophet reads back; None = too young.
        fallback: for the rows that are too young.
    """

    seed: int
    models: tuple[str | None, ...]
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
        ahead = self.step_milliseconds * np.arange(n_steps, dtype=np.int64)
        times = self.fallback.fitted.end_milliseconds + ahead
        quantiles = np.stack([self._quantiles(model, times, wanted) for model in self.models])
        return self.fallback.complete(quantiles, KIND, n_steps=n_steps, levels=levels)

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
            {"kind": KIND, "seed": self.seed, "models": list(self.models)}, {}
        )

    def _quantiles(
        self, model: str | None, times: IntegerArray, levels: tuple[float, ...]
    ) -> FloatArray:
        if model is None:
            return np.full((len(times), len(levels)), np.nan)
        with quietly(_LOGGERS), _seeded(self.seed):
            from prophet.serialize import model_from_json

            restored = model_from_json(model)
            drawn = restored.predictive_samples(_frame(times))["yhat"]
        return np.quantile(drawn, levels, axis=1).T


def from_state(state: State) -> FittedProphet:
    """Return the fitted forecaster that `state` holds."""
    if state.format_version != _FORMAT:
        raise UnknownFormat(f"a prophet of format {_FORMAT} is needed, got {state.format_version}")
    return FittedProphet(
        int(state.manifest["seed"]),
        tuple(state.manifest["models"]),
        fallback_of(state),
    )


def _fitted(row: FloatArray, history: Panel, span_milliseconds: int) -> str:
    held = np.isfinite(row)
    frame = _frame(history.times_milliseconds[held])
    frame["y"] = row[held]
    with quietly(_LOGGERS):
        from prophet import Prophet
        from prophet.serialize import model_to_json

        model = Prophet(
            daily_seasonality=_holds(DAY_MILLISECONDS, history, span_milliseconds),
            weekly_seasonality=_holds(WEEK_MILLISECONDS, history, span_milliseconds),
            uncertainty_samples=_SAMPLES,
        )
        # Its optimiser starts from a seed of its own unless it is told one.
        model.fit(frame, seed=1)
        text: str = model_to_json(model)
    return text


def _holds(season_milliseconds: int, history: Panel, span_milliseconds: int) -> bool:
    is_fine = history.step_milliseconds < season_milliseconds // 2
    return is_fine and span_milliseconds >= 2 * season_milliseconds


def _frame(times_milliseconds: IntegerArray) -> Any:
    import pandas as pd

    return pd.DataFrame({"ds": pd.to_datetime(times_milliseconds, unit="ms")})


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    # Prophet draws from NumPy's global generator and takes no other; it is put back afterwards.
    # `quietly` around it keeps other threads' draws for Prophet out of these.
    before = np.random.get_state()  # noqa: NPY002  see above
    np.random.seed(seed)  # noqa: NPY002  see above
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002  see above
