"""One file of `forewarn forecast`: read, fit, predict, write."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from forewarn_adapters.civil_time import calendar_of
from forewarn_adapters.config.learning import CivilTime
from forewarn_adapters.files import SeriesFile, read_series_file
from forewarn_adapters.outputs import output_path, write_columns
from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.contract import Forecast
from forewarn_models.durations import milliseconds_of, parse_duration
from forewarn_models.errors import ConfigError, DataError, NotEnoughHistory
from forewarn_models.forecasters.bands import quantile_levels
from forewarn_models.forecasters.choice import forecaster_for
from forewarn_models.panel import Panel
from forewarn_models.samples import grid

_COUNT = re.compile(r"\d{1,9}", re.ASCII)  # of steps
_MOST_STEPS = 100_000
_MOST_SLOTS = 50_000_000
_LONGEST_STEP_MILLISECONDS = 365 * 86_400_000


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far ahead: a number of steps, or a duration."""

    text: str

    def check(self) -> None:
        """Raise ConfigError when no step could make sense of the text."""
        self.steps(_LONGEST_STEP_MILLISECONDS)

    def steps(self, step_milliseconds: int) -> int:
        """Return the number of steps; ConfigError when it cannot be meant."""
        if _COUNT.fullmatch(self.text):
            steps = int(self.text)
        else:
            steps = -(-milliseconds_of(parse_duration(self.text)) // step_milliseconds)
        if not 1 <= steps <= _MOST_STEPS:
            raise ConfigError(
                f"--horizon must be 1 to {_MOST_STEPS} steps or a duration of as many, "
                f"got {self.text}"
            )
        return steps


@dataclass(frozen=True, slots=True)
class ForecastJob:
    """What `forewarn forecast` was told.

    Args:
        out: the folder for the outputs.
        horizon: how far ahead.
        levels: of the central bands, in percent.
        model: the name of the forecaster.
        place: whose clocks and holidays the series follow.
    """

    out: Path
    horizon: Horizon
    levels: tuple[float, ...]
    model: str
    place: CivilTime

    def __call__(self, path: Path) -> str | None:
        """Write the forecasts of a file; return a warning when nothing could be said of it."""
        target = output_path(self.out, path)
        file = read_series_file(path)
        step = file.step_milliseconds or 1000
        n_steps = self.horizon.steps(step)
        warning = None
        try:
            forecast = self._forecast(panel_of_file(file), n_steps)
            warning = _unsaid(file, forecast)
        except NotEnoughHistory as too_little:
            warning = f"nothing can be said: {too_little.fact}"
            forecast = _nothing(file, n_steps, quantile_levels(self.levels))
        write_columns(target, _output(file, forecast))
        return warning

    def _forecast(self, panel: Panel, n_steps: int) -> Forecast:
        horizon = timedelta(milliseconds=n_steps * panel.step_milliseconds)
        calendar = calendar_of(
            self.place,
            first_milliseconds=panel.start_milliseconds,
            last_milliseconds=panel.end_milliseconds + milliseconds_of(horizon),
        )
        forecaster = forecaster_for(self.model, horizon=horizon, calendar=calendar)
        return forecaster.fit(panel).predict(n_steps, self.levels)


def panel_of_file(file: SeriesFile) -> Panel:
    """Return the series on a grid whose last slot is at the last timestamp.

    Raises NotEnoughHistory for a single timestamp and DataError where gaps make it too large.
    """
    samples, step = file.samples, file.step_milliseconds
    times = samples.timestamp_milliseconds
    if not step:
        raise NotEnoughHistory("a forecast", needed=2, got=1)
    first, last = int(times.min()), int(times.max())
    n_times = (last - first + step // 2) // step + 1
    if n_times * len(samples.series) > _MOST_SLOTS:
        raise DataError(
            f"a file must fit {_MOST_SLOTS} slots of its median step, got {n_times} for "
            f"{len(samples.series)} series: cut it at its long gaps"
        )
    start = last - (n_times - 1) * step
    # Samples stand in the middle of slots, so that jitter moves none into its neighbour's.
    laid = grid(
        samples,
        step_milliseconds=step,
        start_milliseconds=start - step // 2,
        n_times=n_times + 1,
    )
    return replace(laid.panel, start_milliseconds=start).columns(0, n_times)


def _nothing(file: SeriesFile, n_steps: int, levels: tuple[float, ...]) -> Forecast:
    times = file.samples.timestamp_milliseconds
    n_series = len(file.names)
    return Forecast(
        file.samples.series,
        int(times.max()) + (file.step_milliseconds or 1000),
        file.step_milliseconds or 1000,
        levels,
        np.full((n_series, n_steps, len(levels)), np.nan),
        ("none",) * n_series,
    )


def _unsaid(file: SeriesFile, forecast: Forecast) -> str | None:
    silent = [n for n, model in zip(file.names, forecast.model, strict=True) if model == "none"]
    if not silent:
        return None
    return f"nothing can be said of {len(silent)} series with less than 2 samples: {silent[0]!r}"


def _output(file: SeriesFile, forecast: Forecast) -> dict[str, AnyArray]:
    n_series, n_steps, _ = forecast.quantiles.shape
    times = forecast.start_milliseconds + forecast.step_milliseconds * np.arange(n_steps)
    columns: dict[str, AnyArray] = {
        "timestamp": np.tile(_time_text(file, times), n_series),
        "series": np.repeat(np.array(file.names, dtype=object), n_steps),
    }
    for place, level in enumerate(forecast.quantile_levels):
        columns[f"q{level:g}"] = forecast.quantiles[:, :, place].reshape(-1)
    columns["model"] = np.repeat(np.array(forecast.model, dtype=object), n_steps)
    return columns


def _time_text(file: SeriesFile, times_milliseconds: IntegerArray) -> AnyArray:
    """Return timestamps in the form that the file has: seconds since the epoch, or ISO-8601."""
    is_number = _is_number(str(file.timestamp_text[0]))
    has_parts = bool((times_milliseconds % 1000).any())
    if is_number:
        return np.array(
            [
                f"{time / 1000:.3f}" if has_parts else str(time // 1000)
                for time in times_milliseconds
            ],
            dtype=object,
        )
    unit = "ms" if has_parts else "s"
    instants = times_milliseconds.astype("datetime64[ms]").astype(f"datetime64[{unit}]")
    return np.array([f"{text}Z" for text in np.datetime_as_string(instants)], dtype=object)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
