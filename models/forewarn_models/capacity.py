"""When a limit is reached, and how likely it is by an instant: read off the extremes of a forecast.

The chance that a limit is reached by an instant is the share of paths whose worst value up to then
is at the limit or beyond. It never falls with time; the time to the limit is where it reaches a
level.
"""

from collections.abc import Sequence

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray
from forewarn_models.contract import Extremes

# Outside the outermost quantiles nothing finer than "less likely than these" is known: the tail is
# taken as exponential, halving its mass for every such share of the inner distance.
_HALVING_SHARE = 0.5


def time_to_limit_seconds(
    extremes: Extremes, limits: FloatArray, levels: Sequence[float], *, now_milliseconds: int
) -> FloatArray:
    """Return when the chance of having reached the limit reaches each level, in seconds from now.

    The quantile 0.1 is the early one: one path in ten has reached the limit by then. Between
    instants the chance grows in a straight line.

    Args:
        extremes: of any number of series.
        limits: (n_series,) that must not be crossed, reaching them counts; NaN = none is known.
        levels: of the quantiles, each in (0, 1).
        now_milliseconds: what to count from.

    Returns:
        (n_series, n_levels), +Inf where the chance stays below the level within the horizon, NaN
        where nothing can be said. Never negative.
    """
    chance = _chance(extremes, limits)
    times = extremes.times_milliseconds.astype(np.float64)
    wanted = np.asarray(levels, np.float64)
    if not len(times):
        return np.full((len(limits), len(wanted)), np.nan)
    is_there: BooleanArray = chance[:, :, None] >= wanted
    place = is_there.argmax(axis=1)
    before = np.maximum(place - 1, 0)
    at_place, at_before = (np.take_along_axis(chance, each, 1) for each in (place, before))
    rise = at_place - at_before
    share = np.divide(wanted - at_before, rise, out=np.ones_like(rise), where=rise > 0)
    instant = times[before] + np.clip(share, 0.0, 1.0) * (times[place] - times[before])
    seconds = np.maximum(instant - now_milliseconds, 0.0) / 1000
    reached = np.where(is_there.any(axis=1), seconds, np.inf)
    return np.where(np.isnan(chance).any(axis=1, keepdims=True), np.nan, reached)


def breach_probability(
    extremes: Extremes, limits: FloatArray, *, until_milliseconds: int
) -> FloatArray:
    """Return how likely the limit is reached at least once up to an instant.

    Args:
        extremes: of any number of series.
        limits: (n_series,) that must not be crossed, reaching them counts; NaN = none is known.
        until_milliseconds: the instant; one after the last of `extremes` means the last.

    Returns:
        (n_series,) between 0 and 1; NaN where nothing can be said.
    """
    chance = _chance(extremes, limits)
    times = extremes.times_milliseconds
    if not len(times):
        return np.full(len(limits), np.nan)
    after = min(int(np.searchsorted(times, until_milliseconds)), len(times) - 1)
    before = max(after - 1, 0)
    width = max(int(times[after] - times[before]), 1)
    share = min(max((until_milliseconds - int(times[before])) / width, 0.0), 1.0)
    between: FloatArray = chance[:, before] + share * (chance[:, after] - chance[:, before])
    return between


def _chance(extremes: Extremes, limits: FloatArray) -> FloatArray:
    """Return (n_series, n_slots) the chance that the limit was reached up to each instant."""
    reached, levels, limit = extremes.reached, extremes.levels, limits[:, None]
    if extremes.side == "below":
        reached, levels, limit = -reached[:, :, ::-1], 1 - levels[::-1], -limit
    chance = 1 - _level_of(reached, levels, limit)
    # The tails' shape may differ from instant to instant; what was reached stays reached.
    never_falling: FloatArray = np.maximum.accumulate(chance, axis=1)
    return np.where(np.isnan(limit) | np.isnan(chance), np.nan, never_falling)


def _level_of(quantiles: FloatArray, levels: FloatArray, value: FloatArray) -> FloatArray:
    """Return the level at which `value` stands among quantiles along the last axis."""
    below = (quantiles < value[..., None]).sum(axis=-1)
    low = np.clip(below - 1, 0, len(levels) - 2)
    at_low = np.take_along_axis(quantiles, low[..., None], -1)[..., 0]
    at_high = np.take_along_axis(quantiles, low[..., None] + 1, -1)[..., 0]
    width = np.where(at_high > at_low, at_high - at_low, 1.0)
    with np.errstate(over="ignore"):  # between quantiles that all but touch
        share = np.clip((value - at_low) / width, 0.0, 1.0)
    inside = levels[low] + share * (levels[low + 1] - levels[low])
    outside_top = (1 - levels[-1]) * _left(quantiles, value - quantiles[..., -1])
    outside_bottom = levels[0] * _left(quantiles, quantiles[..., 0] - value)
    level = np.where(below == len(levels), 1 - outside_top, inside)
    level = np.where(below == 0, outside_bottom, level)
    return np.where(np.isnan(quantiles).any(axis=-1), np.nan, level)


def _left(quantiles: FloatArray, distance: FloatArray) -> FloatArray:
    """Return the share of a tail's mass that lies further out than `distance`."""
    reach = _HALVING_SHARE * (quantiles[..., -1] - quantiles[..., 0])
    # A point mass has no tail.
    with np.errstate(over="ignore"):
        left = 0.5 ** (np.maximum(distance, 0.0) / np.where(reach > 0, reach, 1.0))
    return np.where(reach > 0, left, 0.0)
