"""When a forecast reaches its limit, and how likely it does within the horizon."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from forewarn_models.arrays import FloatArray
from forewarn_models.contract import Forecast

# Outside the forecast's outermost quantiles nothing finer than "less likely than these" is known:
# the tail is taken as exponential, halving its mass for every such share of the inner distance.
_HALVING_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Limit:
    """A value that must not be crossed.

    Args:
        value: in the units of the signal.
        side: `above` when larger values are the trouble, `below` when smaller ones are.
    """

    value: float
    side: Literal["above", "below"] = "above"


def time_to_limit_seconds(
    forecast: Forecast, limit: Limit, *, now_milliseconds: int | None = None
) -> FloatArray:
    """Return when each quantile's path first reaches the limit, in seconds from now.

    A path is the quantile of each slot, joined; it is no possible future of its own, but the time
    at which the chance of being beyond the limit at that very time reaches the level. Nothing is
    interpolated between slots: the answer is the time of a slot.

    Args:
        forecast: of any number of series.
        limit: that must not be crossed; reaching it counts.
        now_milliseconds: what to count from; None = one step before the first slot.

    Returns:
        (n_series, n_levels), +Inf where the limit is not reached within the horizon, NaN where
        nothing can be said. Never negative.
    """
    if now_milliseconds is None:
        now_milliseconds = forecast.start_milliseconds - forecast.step_milliseconds
    quantiles = forecast.quantiles
    is_beyond = _signed(quantiles, limit) >= _signed(np.asarray(limit.value), limit)
    place = is_beyond.argmax(axis=1)
    offset = forecast.start_milliseconds - now_milliseconds
    seconds = np.maximum(offset + place * forecast.step_milliseconds, 0) / 1000
    reached = np.where(is_beyond.any(axis=1), seconds, np.inf)
    return np.where(np.isnan(quantiles).any(axis=1), np.nan, reached)


def breach_probability(
    forecast: Forecast, limit: Limit, *, n_steps: int | None = None
) -> FloatArray:
    """Return how likely the value is beyond the limit at the worst slot of the horizon.

    The chance at one slot is read off its quantiles, with straight lines between levels. The
    answer is the largest of them: a lower bound of the chance that the limit is reached at any
    slot, exact where errors of a series move together, as capacity's do.

    Args:
        forecast: of any number of series.
        limit: that must not be crossed.
        n_steps: how many of the slots to look at; None = all.

    Returns:
        (n_series,) between 0 and 1; NaN where nothing can be said.
    """
    quantiles = _signed(forecast.quantiles[:, :n_steps], limit)
    levels = np.array(forecast.quantile_levels)
    if limit.side == "below":
        quantiles, levels = quantiles[:, :, ::-1], 1 - levels[::-1]
    chance = 1 - _level_of(quantiles, levels, float(_signed(np.asarray(limit.value), limit)))
    # NaN wins over any number in `max`: a series that cannot be said at a slot cannot be said.
    worst: FloatArray = chance.max(axis=1)
    return worst


def _signed(values: FloatArray, limit: Limit) -> FloatArray:
    return values if limit.side == "above" else -values


def _level_of(quantiles: FloatArray, levels: FloatArray, value: float) -> FloatArray:
    """Return the level at which `value` stands among quantiles along the last axis."""
    if len(levels) == 1:
        quantiles, levels = np.repeat(quantiles, 2, axis=-1), np.repeat(levels, 2)
    below = (quantiles < value).sum(axis=-1)
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
