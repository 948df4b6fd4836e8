"""How fast fleets are forecast: fit, choice among candidates and bands of a week.

    python benchmarks/bench_forecast.py [--quick]

10,000 series of 28 days at five minutes, whose days, weekends, noise and growth differ; a week
ahead. Beside prophet, statsmodels' exponential smoothing and, where it is installed, the one of
statsforecast, each on a few of the series. Errors are over those of seasonal naive, on these few.
Exponential smoothing gets hourly means: a season of 288 slots takes it minutes. Seconds are of
processor time, children's too.
"""

import importlib.util
import logging
import resource
import sys
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from os import times as process_times

import numpy as np
import pandas as pd

from forewarn_models.arrays import FloatArray
from forewarn_models.forecasters.hybrid import Hybrid
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_models.labels import labels_of
from forewarn_models.panel import Panel

STEP_MILLISECONDS = 300_000
DAY_SLOTS = 288
HISTORY_SLOTS, AHEAD_SLOTS = 28 * DAY_SLOTS, 7 * DAY_SLOTS
HOUR_SLOTS = 12
START_MILLISECONDS = 1_700_006_400_000
LEVELS = (80.0, 95.0)
TARGET = "10,000 series within 120 s of one core"

Work = Callable[[FloatArray], FloatArray]


def processor_seconds() -> float:
    """Return what this process and its children have used; prophet's work is done by a child."""
    children = process_times()
    return time.process_time() + children.children_user + children.children_system


def load(n_series: int) -> FloatArray:
    """Return history and future of series with a day, weekends, growth and noise that remembers."""
    generator = np.random.default_rng(1)
    slots = np.arange(HISTORY_SLOTS + AHEAD_SLOTS)
    size, weekend, growth = (
        generator.uniform(low, high, (n_series, 1))
        for low, high in ((2.0, 20.0), (0.0, 0.8), (-0.2, 0.2))
    )
    is_weekend = slots // DAY_SLOTS % 7 >= 5
    wave = np.sin(2 * np.pi * slots / DAY_SLOTS) * (1 - weekend * is_weekend)
    values = 100.0 + size * wave + growth * slots / DAY_SLOTS
    noise = np.zeros(n_series)
    for slot in slots:
        noise = 0.9 * noise + generator.standard_normal(n_series)
        values[:, slot] += noise
    return values


def panel_of(values: FloatArray) -> Panel:
    series = tuple(labels_of({"instance": f"{row}:9100"}) for row in range(len(values)))
    return Panel(values, series, START_MILLISECONDS, STEP_MILLISECONDS)


def hybrid(values: FloatArray) -> FloatArray:
    fitted = Hybrid(timedelta(days=7)).fit(panel_of(values))
    return fitted.predict(AHEAD_SLOTS, LEVELS).quantiles[:, :, 2]


def seasonal_naive(values: FloatArray) -> FloatArray:
    fitted = SeasonalNaive(timedelta(days=7)).fit(panel_of(values))
    return fitted.predict(AHEAD_SLOTS, LEVELS).quantiles[:, :, 2]


def prophet(values: FloatArray) -> FloatArray:
    for logger in ("cmdstanpy", "prophet.plot"):
        logging.getLogger(logger).disabled = True
    from prophet import Prophet

    times = pd.date_range("2026-01-01", periods=HISTORY_SLOTS + AHEAD_SLOTS, freq="5min")
    rows = []
    for row in values:
        model = Prophet(daily_seasonality=True, weekly_seasonality=True)
        model.fit(pd.DataFrame({"ds": times[:HISTORY_SLOTS], "y": row}))
        future = pd.DataFrame({"ds": times[HISTORY_SLOTS:]})
        rows.append(model.predict(future)["yhat"].to_numpy())
    return np.stack(rows)


def statsmodels_ets(values: FloatArray) -> FloatArray:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    rows = []
    for row in hourly(values):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = ETSModel(
                row,
                error="add",
                trend="add",
                damped_trend=True,
                seasonal="add",
                seasonal_periods=24,
            )
            rows.append(model.fit(disp=False).forecast(AHEAD_SLOTS // HOUR_SLOTS))
    return np.repeat(np.stack(rows), HOUR_SLOTS, axis=1)


def statsforecast_ets(values: FloatArray) -> FloatArray:
    from statsforecast.models import AutoETS  # type: ignore[import-not-found]  # where installed

    rows = [
        AutoETS(season_length=24).forecast(y=row, h=AHEAD_SLOTS // HOUR_SLOTS, level=[80, 95])
        for row in hourly(values)
    ]
    return np.repeat(np.stack([row["mean"] for row in rows]), HOUR_SLOTS, axis=1)


def hourly(values: FloatArray) -> FloatArray:
    mean: FloatArray = values.reshape(len(values), -1, HOUR_SLOTS).mean(axis=2)
    return mean


def timed(work: Work, values: FloatArray) -> tuple[float, FloatArray]:
    """Return processor seconds, and the medians that are forecast."""
    began = processor_seconds()
    forecast = work(values[:, :HISTORY_SLOTS])
    return processor_seconds() - began, forecast


def relative_error(forecast: FloatArray, values: FloatArray) -> float:
    future = values[:, HISTORY_SLOTS:]
    naive = seasonal_naive(values[:, :HISTORY_SLOTS])
    return float(np.abs(forecast - future).mean() / np.abs(naive - future).mean())


def main() -> None:
    n_series, n_few = (300, 2) if "--quick" in sys.argv else (10_000, 10)
    values = load(n_series)
    print(f"target: {TARGET}")
    seconds, forecast = timed(hybrid, values)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    few = values[:n_few]
    ours = n_series / seconds
    print(f"{n_series:,} series of 28 days at five minutes, a week ahead: {seconds:.1f} s")
    print(
        f"  memory at most          {most:9.0f} MB, of which {values.nbytes / 1e6:.0f} the series"
    )
    print(
        f"  {'hybrid':23} {ours:9.1f} series/s   error {relative_error(forecast[:n_few], few):5.2f}"
    )
    others: list[tuple[str, Work]] = [
        ("prophet", prophet),
        ("statsmodels ETS, hourly", statsmodels_ets),
    ]
    if importlib.util.find_spec("statsforecast"):
        others.append(("statsforecast ETS, hourly", statsforecast_ets))
    for name, work in others:
        seconds, forecast = timed(work, few)
        other, error = n_few / seconds, relative_error(forecast, few)
        print(f"  {name:23} {other:9.1f} series/s   error {error:5.2f}   ratio {ours / other:8.1f}")


if __name__ == "__main__":
    main()
