"""Seasons: where an instant stands in the cycles that human activity follows."""

from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.kernels import Clock

HOUR_MILLISECONDS = 3_600_000
DAY_MILLISECONDS = 24 * HOUR_MILLISECONDS
WEEK_MILLISECONDS = 7 * DAY_MILLISECONDS
_FINEST_BIN_MILLISECONDS = 300_000
_MOST_BINS = 2_016  # a week of five minutes
_EPOCH_WEEKDAY = 3  # the first of January 1970 was a Thursday


@dataclass(frozen=True, slots=True)
class Season:
    """One cycle, cut in bins.

    Args:
        period_milliseconds: of the cycle; 0 means no season: one bin holds all.
        n_bins: of one segment of the cycle.
        n_spread_bins: the coarser bins in which spreads are learned.
        weekend_apart: a second segment holds Saturdays and Sundays, UTC.
    """

    period_milliseconds: int
    n_bins: int
    n_spread_bins: int
    weekend_apart: bool = False

    @property
    def n_segments(self) -> int:
        return 2 if self.weekend_apart else 1

    @property
    def block_milliseconds(self) -> int:
        """The span over which a level is removed before the cycle is averaged."""
        return WEEK_MILLISECONDS if self.weekend_apart else self.period_milliseconds


NO_SEASON = Season(0, 1, 1)


def season_of(period_milliseconds: int, step_milliseconds: int, *, weekend: bool = False) -> Season:
    """Return the season of a period, as fine as steps, five minutes and memory allow."""
    finest = max(step_milliseconds, min(_FINEST_BIN_MILLISECONDS, period_milliseconds // 60), 1)
    n_bins = max(1, min(period_milliseconds // finest, _MOST_BINS))
    coarse = 24 * max(1, min(7, period_milliseconds // DAY_MILLISECONDS))
    return Season(period_milliseconds, int(n_bins), int(min(n_bins, coarse)), weekend)


def candidates(
    periods_milliseconds: tuple[int, ...] | None, *, step_milliseconds: int, span_milliseconds: int
) -> tuple[Season, ...]:
    """Return the seasons that a history of this span can show, the simplest first.

    `None` stands for the usual ones: the hour, the day, the day with weekends apart, the week.
    A cycle must be seen one and a half times in the two thirds that are learned from before it is
    tried on the rest.
    """
    usual = (HOUR_MILLISECONDS, DAY_MILLISECONDS, WEEK_MILLISECONDS)
    periods = usual if periods_milliseconds is None else tuple(sorted(periods_milliseconds))
    longest = span_milliseconds * 0.65 / 1.5
    fitting = [p for p in periods if 3 * step_milliseconds < p <= longest]
    seasons = [season_of(p, step_milliseconds) for p in fitting]
    if {DAY_MILLISECONDS, WEEK_MILLISECONDS} <= set(fitting):
        weekend = season_of(DAY_MILLISECONDS, step_milliseconds, weekend=True)
        seasons.insert(fitting.index(WEEK_MILLISECONDS), weekend)
    return (NO_SEASON, *seasons)


def clock_of(
    seasons: tuple[Season, ...], times_milliseconds: IntegerArray, step_milliseconds: int
) -> Clock:
    """Return where each column stands in each season: bins (n_seasons, n_times) and weights."""
    shape = (len(seasons), len(times_milliseconds))
    lower, upper = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    weight, spread = np.zeros(shape), np.zeros(shape, np.int64)
    for kind, season in enumerate(seasons):
        if season.period_milliseconds:
            lower[kind], upper[kind], weight[kind], spread[kind] = _standing(
                season, times_milliseconds, step_milliseconds
            )
    return Clock(lower, upper, weight, spread)


def _standing(
    season: Season, times: IntegerArray, step: int
) -> tuple[IntegerArray, IntegerArray, FloatArray, IntegerArray]:
    phase = times % season.period_milliseconds
    width = season.period_milliseconds / season.n_bins
    bins = np.minimum((phase / width).astype(np.int64), season.n_bins - 1)
    spread = bins * season.n_spread_bins // season.n_bins
    low, weight = bins, np.zeros(len(times))
    if width > 1.5 * step:  # several samples a bin: a straight line from middle to middle
        position = (phase + 0.5 * step) / width - 0.5
        low = np.floor(position).astype(np.int64)
        weight = position - low
    segment = is_weekend(times).astype(np.int64) if season.weekend_apart else np.zeros_like(bins)
    shift = segment * season.n_bins
    high = (low + 1) % season.n_bins
    low = low % season.n_bins
    return low + shift, high + shift, weight, spread + segment * season.n_spread_bins


def is_weekend(times_milliseconds: IntegerArray) -> IntegerArray:
    """Return where an instant is on a Saturday or a Sunday, UTC."""
    weekday = (times_milliseconds // DAY_MILLISECONDS + _EPOCH_WEEKDAY) % 7
    return np.asarray(weekday >= 5, dtype=np.int64)
