"""Prophet, one series after another.

Good at: trends with bends, holidays when told, long histories of daily values. Bad at: sharp
daily shapes, fleets (about a second for each series). Source: Taylor and Letham 2018,
"Forecasting at scale".
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.contract import Forecast, State
from forewarn_models.errors import UnknownFormat
from forewarn_models.forecasters.bands import quantile_levels
from forewarn_models.forecasters.lookback import DAY_MILLISECONDS, WEEK_MILLISECONDS
from forewarn_models.forecasters.mixture import LEAST_SAMPLES, check_steps, usable_values
from forewarn_models.labels import Labels
from forewarn_models.panel import Panel

KIND = "prophet"
_FORMAT = 1
_SAMPLES = 500


@dataclass(frozen=True, slots=True)
class ProphetForecaster:
    """Prophet with its defaults, seasons of day and week said explicitly.

    Left to itself it drops the weekly season of exactly two weeks of history.

    Args:
        seed: of the sampled futures that give the quantiles.
    """

    seed: int = 0

    def fit(self, history: Panel) -> "FittedProphet":
        """Return a Prophet for each series; one with a single sample or none cannot say.

        Raises NotEnoughHistory when no series has two samples.
        """
        values = usable_values(history, what=f"the forecaster {KIND!r}")
        span = history.n_times * history.step_milliseconds
        models = tuple(
            _fitted(row, history, span) if np.isfinite(row).sum() >= LEAST_SAMPLES else None
            for row in values
        )
        is_never_negative = ~(np.nan_to_num(values) < 0).any(axis=1)
        return FittedProphet(
            history.series,
            history.end_milliseconds,
            history.step_milliseconds,
            self.seed,
            models,
            np.where(is_never_negative, 0.0, -np.inf),
        )


@dataclass(frozen=True, eq=False)
class FittedProphet:
    """Prophets in their stored form.

    Args:
        series: the labels of the rows.
        end_milliseconds: the time of the first slot after the history.
        step_milliseconds: from one slot to the next.
        seed: of the sampled futures.
        models: for each row the JSON text that Prophet reads back; None = cannot say.
        floor: (n_series,) 0 for a series that was never negative, else -inf.
    """

    series: tuple[Labels, ...]
    end_milliseconds: int
    step_milliseconds: int
    seed: int
    models: tuple[str | None, ...]
    floor: FloatArray

    def predict(self, n_steps: int, levels: Sequence[float]) -> Forecast:
        """Return quantiles of the `n_steps` slots after the history; NaN rows cannot be said."""
        wanted = quantile_levels(levels)
        check_steps(n_steps)
        times = self.end_milliseconds + self.step_milliseconds * np.arange(n_steps, dtype=np.int64)
        quantiles = np.stack([self._quantiles(model, times, wanted) for model in self.models])
        return Forecast(
            self.series,
            self.end_milliseconds,
            self.step_milliseconds,
            wanted,
            np.maximum(quantiles, self.floor[:, None, None]),
            tuple("none" if model is None else KIND for model in self.models),
        )

    def state(self) -> State:
        """Return what `from_state` restores."""
        manifest = {
            "series": [dict(labels) for labels in self.series],
            "end_milliseconds": self.end_milliseconds,
            "step_milliseconds": self.step_milliseconds,
            "seed": self.seed,
            "models": list(self.models),
        }
        return State(KIND, _FORMAT, manifest, {"floor": self.floor})

    def _quantiles(
        self, model: str | None, times: IntegerArray, levels: tuple[float, ...]
    ) -> FloatArray:
        if model is None:
            return np.full((len(times), len(levels)), np.nan)
        from prophet.serialize import model_from_json

        restored = model_from_json(model)
        with _quiet(), _seeded(self.seed):
            drawn = restored.predictive_samples(_frame(times))["yhat"]
        return np.quantile(drawn, levels, axis=1).T


def from_state(state: State) -> FittedProphet:
    """Return the fitted forecaster that `state` holds."""
    if state.format_version != _FORMAT:
        raise UnknownFormat(f"a prophet of format {_FORMAT} is needed, got {state.format_version}")
    manifest = state.manifest
    return FittedProphet(
        tuple(tuple(sorted(labels.items())) for labels in manifest["series"]),
        int(manifest["end_milliseconds"]),
        int(manifest["step_milliseconds"]),
        int(manifest["seed"]),
        tuple(manifest["models"]),
        state.arrays["floor"],
    )


def _fitted(row: FloatArray, history: Panel, span_milliseconds: int) -> str:
    from prophet import Prophet
    from prophet.serialize import model_to_json

    model = Prophet(
        daily_seasonality=span_milliseconds >= 2 * DAY_MILLISECONDS
        and history.step_milliseconds < DAY_MILLISECONDS // 2,
        weekly_seasonality=span_milliseconds >= 2 * WEEK_MILLISECONDS
        and history.step_milliseconds < WEEK_MILLISECONDS // 2,
        uncertainty_samples=_SAMPLES,
    )
    held = np.isfinite(row)
    frame = _frame(history.times_milliseconds[held])
    frame["y"] = row[held]
    with _quiet():
        # Its optimiser starts from a seed of its own unless it is told one.
        model.fit(frame, seed=1)
    text: str = model_to_json(model)
    return text


def _frame(times_milliseconds: IntegerArray) -> Any:
    import pandas as pd

    return pd.DataFrame({"ds": pd.to_datetime(times_milliseconds, unit="ms")})


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    # Prophet draws from NumPy's global generator and takes no other; it is put back afterwards.
    before = np.random.get_state()  # noqa: NPY002  see above
    np.random.seed(seed)  # noqa: NPY002  see above
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002  see above


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the optimiser's log lines of each series away from the user."""
    logger = logging.getLogger("cmdstanpy")
    was_disabled = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = was_disabled
