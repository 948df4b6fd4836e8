"""Seasons: where an instant stands in the cycles that human activity follows."""

from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.baseline import Cycles
from forewarn_models.calendar import DAY_MILLISECONDS, Calendar

WEEK_MILLISECONDS = 7 * DAY_MILLISECONDS
_FINEST_BIN_MILLISECONDS = 300_000
_MOST_BINS = 2_016  # a week of five minutes
_CYCLES_IN_HISTORY = 2.3  # that make a cycle worth trying
# Cycles that a profile remembers, by whether they are longer than a few days.
_MEMORY, _LONG_MEMORY = 14.0, 6.0
_LONG_MILLISECONDS = 2 * DAY_MILLISECONDS


@dataclass(frozen=True, slots=True)
class Season:
    """One cycle, cut in bins.

    Args:
        period_milliseconds: of the cycle; 0 means no season: one bin holds all.
        n_bins: of one segment of the cycle.
        days_off_apart: a second segment holds Saturdays, Sundays and holidays.
    """

    period_milliseconds: int
    n_bins: int
    days_off_apart: bool = False

    @property
    def n_all_bins(self) -> int:
        """The bins of all segments."""
        return self.n_bins * (2 if self.days_off_apart else 1)


NO_SEASON = Season(0, 1)


def season_of(
    period_milliseconds: int, step_milliseconds: int, *, days_off_apart: bool = False
) -> Season:
    """Return the season of a period, as fine as steps, five minutes and memory allow."""
    finest = max(step_milliseconds, min(_FINEST_BIN_MILLISECONDS, period_milliseconds // 60), 1)
    n_bins = max(1, min(period_milliseconds // finest, _MOST_BINS))
    return Season(period_milliseconds, int(n_bins), days_off_apart)


def candidates(
    periods_milliseconds: tuple[int, ...] | None, *, step_milliseconds: int, span_milliseconds: int
) -> tuple[Season, ...]:
    """Return the seasons that a history of this span can show, the simplest first.

    `None` stands for the usual ones: the day, the day with days off apart, the week.
    """
    usual = (DAY_MILLISECONDS, WEEK_MILLISECONDS)
    periods = usual if periods_milliseconds is None else tuple(sorted(periods_milliseconds))
    longest = span_milliseconds / _CYCLES_IN_HISTORY
    fitting = [p for p in periods if 3 * step_milliseconds < p <= longest]
    seasons = [season_of(p, step_milliseconds) for p in fitting]
    if {DAY_MILLISECONDS, WEEK_MILLISECONDS} <= set(fitting):
        apart = season_of(DAY_MILLISECONDS, step_milliseconds, days_off_apart=True)
        seasons.insert(fitting.index(WEEK_MILLISECONDS), apart)
    return (NO_SEASON, *seasons)


def first_bins(seasons: tuple[Season, ...]) -> IntegerArray:
    """Return where each season's bins begin among those of all, and how many there are at last."""
    return np.cumsum([0, *(season.n_all_bins for season in seasons)]).astype(np.int64)


def cycles_of(
    seasons: tuple[Season, ...],
    local_milliseconds: IntegerArray,
    calendar: Calendar,
    *,
    step_milliseconds: int,
    lead: int,
) -> Cycles:
    """Return where each column, at a local time, stands in each season; it begins `lead` early."""
    shape = (len(seasons), len(local_milliseconds))
    lower, upper, weight = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape)
    is_off = calendar.is_day_off(local_milliseconds)
    for kind, first in enumerate(first_bins(seasons)[:-1]):
        season = seasons[kind]
        if season.period_milliseconds:
            low, high, share = _standing(season, local_milliseconds, step_milliseconds)
            shift = first + (is_off * season.n_bins if season.days_off_apart else 0)
            lower[kind], upper[kind], weight[kind] = low + shift, high + shift, share
        else:
            lower[kind] = upper[kind] = first
    periods = np.array([season.period_milliseconds for season in seasons], dtype=np.float64)
    memory = np.where(periods > _LONG_MILLISECONDS, _LONG_MEMORY, _MEMORY)
    return Cycles(lower, upper, weight, 1.0 / memory, periods / step_milliseconds, lead)


def _standing(
    season: Season, local: IntegerArray, step: int
) -> tuple[IntegerArray, IntegerArray, FloatArray]:
    phase = local % season.period_milliseconds
    width = season.period_milliseconds / season.n_bins
    low = np.minimum((phase / width).astype(np.int64), season.n_bins - 1)
    weight = np.zeros(len(local))
    if width > 1.5 * step:  # several samples a bin: a straight line from middle to middle
        position = (phase + 0.5 * step) / width - 0.5
        low = np.floor(position).astype(np.int64)
        weight = position - low
    return low % season.n_bins, (low + 1) % season.n_bins, weight
