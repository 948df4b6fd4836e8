"""Which series a training run shows, and their pictures: a few, however many there are."""

import numpy as np

from forewarn_adapters.config.signals import Signal
from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.contract import FittedForecaster
from forewarn_models.labels import label_text
from forewarn_models.panel import Panel
from forewarn_reports.plots import (
    ForecastPicture,
    SeriesPicture,
    forecast_plot,
    return_levels_plot,
    series_plot,
)
from forewarn_training.forecast_judging import LEVELS
from forewarn_training.judging import RETURN_LEVELS_SECONDS, Quality

_N_WORST = 2
_MOST_STEPS = 2_000


def detector_pictures(signal: str, quality: Quality) -> dict[str, bytes]:
    """Return PNGs by name: the two strangest series, a typical one, promised and seen rarity."""
    if not quality.judged.any():
        return {}
    pictures = {
        name: _series(signal, quality, row) for name, row in _chosen(quality.peak_score, quality)
    }
    seconds = float(quality.judged_seconds.sum())
    pictures["return_levels"] = return_levels_plot(
        f"{signal}: promised and seen return periods, all series pooled",
        levels_seconds=np.array(RETURN_LEVELS_SECONDS),
        seen=quality.exceedances.sum(axis=0).astype(np.float64),
        expected=seconds / np.array(RETURN_LEVELS_SECONDS),
    )
    return pictures


def forecast_pictures(signal: Signal, history: Panel, fitted: FittedForecaster) -> dict[str, bytes]:
    """Return PNGs by name: the forecasts of up to three series, evenly chosen."""
    policy = signal.forecast
    if policy is None:
        return {}
    n_steps = min(max(1, policy.horizon // policy.step), _MOST_STEPS)
    known = np.flatnonzero(np.isfinite(history.values).any(axis=1))
    if not len(known):
        return {}
    rows = np.unique(known[np.linspace(0, len(known) - 1, 3).astype(np.int64)])
    forecast = fitted.predict(n_steps, LEVELS)
    limit = policy.limit
    bounds = () if limit is None else (limit.above, limit.below)
    numbers = [bound for bound in bounds if isinstance(bound, float)]
    shown = history.columns(max(0, history.n_times - 2 * n_steps), history.n_times)
    return {
        f"forecast_{number}": forecast_plot(
            ForecastPicture(
                title=f"{signal.name}{label_text(history.series[row])}",
                times_milliseconds=shown.times_milliseconds,
                value=shown.values[row],
                forecast=forecast,
                row=forecast.series.index(history.series[row]),
                limit=numbers[0] if numbers else None,
            )
        )
        for number, row in enumerate(rows, start=1)
    }


def _chosen(peak: FloatArray, quality: Quality) -> list[tuple[str, int]]:
    """Return names and rows of the series to show, among those whose columns were kept."""
    kept = peak[: len(quality.pictures["value"])]
    known: IntegerArray = np.flatnonzero(np.isfinite(kept))
    ordered = known[np.argsort(-kept[known], kind="stable")]
    chosen = {f"strangest_{place + 1}": int(row) for place, row in enumerate(ordered[:_N_WORST])}
    if len(ordered) > _N_WORST:
        chosen["typical"] = int(ordered[len(ordered) // 2])
    return list(chosen.items())


def _series(signal: str, quality: Quality, row: int) -> bytes:
    columns = {name: matrix[row].astype(np.float64) for name, matrix in quality.pictures.items()}
    step = round(quality.step_seconds * 1000)
    times = quality.pictures_start_milliseconds + step * np.arange(len(columns["value"]))
    title = f"{signal}{label_text(quality.series[row])}: back-test on unseen samples"
    return series_plot(SeriesPicture(title=title, times_milliseconds=times, **columns))
