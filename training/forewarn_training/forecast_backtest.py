"""What would have been forecast: rolling origins of a signal or a file, by distance and series."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from forewarn_adapters.config.signals import ForecastPolicy, Signal
from forewarn_adapters.masks import MaskReading, Window, read_masks
from forewarn_adapters.source import Source
from forewarn_models.arrays import FloatArray
from forewarn_models.bounds import UNKNOWN, Bounds
from forewarn_models.calendar import UTC, Calendar
from forewarn_models.durations import milliseconds_of
from forewarn_models.errors import NotEnoughHistory
from forewarn_models.forecast_score import BANDS, ForecastFigures, scored_steps
from forewarn_models.forecasters.choice import forecaster_for
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_models.labels import Labels, label_text
from forewarn_models.masks import masked
from forewarn_models.panel import Panel
from forewarn_training.bounding import found_bounds
from forewarn_training.civil import calendar_for
from forewarn_training.forecast_judging import (
    ForecastQuality,
    Trial,
    back_test,
    mean_of_known,
    median_of_known,
    over,
)
from forewarn_training.forecaster_job import most_judged
from forewarn_training.history import history_span, read_history
from forewarn_training.regressing import found_regressor
from forewarn_training.task import Progress

_MOST_ORIGINS = 8


@dataclass(frozen=True, eq=False)
class ForecastCase:
    """What is back-tested.

    Args:
        name: of the signal or file.
        history: with gaps where a mask hides it.
        horizon: how far ahead is forecast.
        model: the name of the forecaster.
        bounds: that no forecast leaves.
        calendar: whose days and clock the series follow.
        regressor: what may drive the series; None = nothing is known to.
        from_slot: of the history, before which nothing is forecast; None = its newer half.
        name_of: what a series is called.
        warnings: what it goes on without.
    """

    name: str
    history: Panel
    horizon: timedelta
    model: str
    bounds: Bounds = UNKNOWN
    calendar: Calendar = UTC
    regressor: Panel | None = None
    from_slot: int | None = None
    name_of: Callable[[Labels], str] = label_text
    warnings: tuple[str, ...] = ()


class Stretch(NamedTuple):
    """Distances that are judged together: after the first of these steps, up to the last."""

    after_steps: int
    to_steps: int


@dataclass(frozen=True, eq=False)
class SeriesFigures:
    """How each series was forecast over a stretch; arrays are (n_series,), NaN = not known.

    Args:
        error: mean |error| in the units of the series.
        naive_error: the same of the seasonal naive forecast.
        error_ratio: the first over the second; below 1 is better.
        coverage: (n_series, 2) share of values inside the 80 % and the 95 % band.
        bias_ratio: 1 = always forecast too high, -1 = always too low.
    """

    error: FloatArray
    naive_error: FloatArray
    error_ratio: FloatArray
    coverage: FloatArray
    bias_ratio: FloatArray


@dataclass(frozen=True, eq=False)
class ForecastBacktest:
    """What would have been forecast, and how it turned out."""

    case: ForecastCase
    quality: ForecastQuality

    @property
    def n_steps(self) -> int:
        """How far ahead was forecast: less than the horizon where the history is short."""
        return int(self.quality.error.shape[1])

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """Up to a quarter of the horizon, from there to half of it, and to all of it."""
        ends = scored_steps(self.n_steps)
        return tuple(Stretch(*each) for each in zip((0, *ends[:-1]), ends, strict=True))

    @property
    def whole(self) -> Stretch:
        """All distances together."""
        return Stretch(0, self.n_steps)

    def ahead(self, stretch: Stretch) -> timedelta:
        """Return how far ahead a stretch ends."""
        return timedelta(seconds=stretch.to_steps * self.quality.step_seconds)

    def by_series(self, stretch: Stretch) -> SeriesFigures:
        """Return how each series was forecast over a stretch."""
        quality, steps = self.quality, slice(stretch.after_steps, stretch.to_steps)
        error = mean_of_known(quality.error[:, steps])
        naive = mean_of_known(quality.naive_error[:, steps])
        return SeriesFigures(
            error,
            naive,
            over(error, naive),
            mean_of_known(quality.inside[:, steps].swapaxes(1, 2)),
            over(mean_of_known(quality.excess[:, steps]), error),
        )

    def together(self, stretch: Stretch) -> ForecastFigures:
        """Return the figures of all series, as the service shows them of what it forecasts."""
        each = self.by_series(stretch)
        return ForecastFigures(
            float(self.quality.n_origins),
            median_of_known(each.error_ratio),
            dict(zip(BANDS, mean_of_known(each.coverage.T).tolist(), strict=True)),
            median_of_known(each.bias_ratio),
        )

    def origins_milliseconds(self) -> Iterator[int]:
        """Yield the instants from which was forecast, the oldest first."""
        history = self.case.history
        for origin in self.quality.origins:
            yield history.start_milliseconds + origin * history.step_milliseconds


def signal_case(
    signal: Signal,
    source: Source,
    *,
    now_milliseconds: int,
    days: float | None,
    model: str | None,
) -> ForecastCase:
    """Return what is forecast of a signal; one without `forecast` is tried with the defaults.

    Args:
        signal: of the configuration.
        source: of its samples.
        now_milliseconds: what lies after it is not read.
        days: that are judged; None = the newer half of the signal's history.
        model: in place of the signal's own.

    Raises SourceError, DataError where the history is too large, NotEnoughHistory where there is
    none.
    """
    policy = signal.forecast or ForecastPolicy()
    history = policy.history + timedelta(days=days or 0.0)
    span = history_span(now_milliseconds=now_milliseconds, history=history, step=policy.step)
    panel = read_history(source, signal.query, span=span)
    if not panel.n_series:
        raise NotEnoughHistory("a forecast", needed=4, got=0)
    masks = read_masks(signal, source, Window(*span))
    hidden = tuple(each for mask in masks for each in mask.intervals)
    regressor = found_regressor(policy, source, span, history=panel).without(hidden)
    return ForecastCase(
        signal.name,
        masked(panel, hidden),
        policy.horizon,
        model or policy.model,
        bounds=found_bounds(signal, source, panel).bounds,
        calendar=calendar_for(signal, span),
        regressor=regressor.panel,
        from_slot=None if days is None else newest_days(panel, days),
        warnings=(*_unread(masks), *regressor.warnings),
    )


def _unread(masks: Iterable[MaskReading]) -> Iterator[str]:
    for mask in masks:
        if mask.problem:
            yield f"nothing is hidden by {mask.name}: {mask.problem}"


def newest_days(history: Panel, days: float) -> int:
    """Return the slot at which the last days of a history begin."""
    n_slots = milliseconds_of(timedelta(days=days)) // history.step_milliseconds
    return max(0, history.n_times - n_slots)


def run_forecast_backtest(
    case: ForecastCase, *, progress: Progress, most_shown: int = 0
) -> ForecastBacktest:
    """Return how a case was forecast, with the forecasts of up to `most_shown` series.

    Raises NotEnoughHistory when there is no earlier instant to forecast from.
    """
    trial = Trial(
        case.horizon,
        most_series=most_judged(case.model),
        most_origins=_MOST_ORIGINS,
        from_slot=case.from_slot,
        n_kept=most_shown,
    )
    quality = back_test(
        forecaster_for(
            case.model,
            horizon=case.horizon,
            bounds=case.bounds,
            calendar=case.calendar,
            regressor=case.regressor,
        ),
        case.history,
        naive=SeasonalNaive(case.horizon, case.bounds),
        trial=trial,
        progress=progress,
    )
    return ForecastBacktest(case, quality)
