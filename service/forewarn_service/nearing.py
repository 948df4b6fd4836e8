"""When the series of a forecast reach their limits, as seen from now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray
from forewarn_models.capacity import breach_probability, time_to_limit_seconds
from forewarn_models.contract import Extremes, FittedForecaster, Forecast, Side
from forewarn_models.durations import milliseconds_of


@dataclass(frozen=True, eq=False)
class Nearing:
    """How near the limits are, one row a series; NaN where no limit is known.

    Args:
        time_to_limit_seconds: (n_series, n_levels) +Inf = beyond the horizon.
        breach_probability: (n_series, n_horizons) that the limit is reached by then.
    """

    time_to_limit_seconds: FloatArray
    breach_probability: FloatArray


def extremes_from_now(
    model: Callable[[], FittedForecaster],
    forecast: Forecast,
    side: Side,
    *,
    now: int,
    horizon: timedelta,
    earlier: Extremes | None,
) -> Extremes | None:
    """Return the extremes from now to the horizon; None beyond the end of the forecast.

    Simulating takes long for many series: `earlier` ones do until their second instant has passed,
    and only then `model` is called for.
    """
    since_start = now - forecast.start_milliseconds
    if since_start >= forecast.quantiles.shape[1] * forecast.step_milliseconds:
        return None
    if earlier is not None and now < earlier.times_milliseconds[:2][-1]:
        return earlier
    wanted = -(-(since_start + milliseconds_of(horizon)) // forecast.step_milliseconds) + 1
    n_steps = max(1, min(wanted, forecast.quantiles.shape[1]))
    return model().extremes(n_steps, side, since_milliseconds=now)


def nearing(
    extremes: Extremes,
    limits: FloatArray,
    values: FloatArray,
    *,
    levels: Sequence[float],
    horizons: Sequence[timedelta],
    now: int,
) -> Nearing:
    """Return when the limits are reached.

    Args:
        extremes: from now on.
        limits: (n_series,) NaN = none is known.
        values: (n_series,) the newest of each series; one beyond its limit has reached it now.
        levels: of the times, each in (0, 1).
        horizons: of the probabilities.
        now: milliseconds since the epoch.
    """
    is_reached = _is_beyond(values, limits, extremes.side)[:, None]
    seconds = time_to_limit_seconds(extremes, limits, levels, now_milliseconds=now)
    ends = [now + milliseconds_of(horizon) for horizon in horizons]
    chances = [breach_probability(extremes, limits, until_milliseconds=end) for end in ends]
    chance = np.stack(chances, axis=1)
    return Nearing(np.where(is_reached, 0.0, seconds), np.where(is_reached, 1.0, chance))


def _is_beyond(values: FloatArray, limits: FloatArray, side: Side) -> BooleanArray:
    # NaN, on either side, is beyond nothing.
    is_beyond: BooleanArray = values >= limits if side == "above" else values <= limits
    return is_beyond
