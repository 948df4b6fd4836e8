"""What a planner asks of each series: how much is left, how fast it goes, when it is gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.contract import Forecast
from forewarn_models.labels import Labels

# Levels of the time to the limit that people are told: early, as likely as not, late.
TIME_LEVELS = (0.1, 0.5, 0.9)
_EARLY, _MIDDLE = 0, 1
_DAY_MILLISECONDS = 86_400_000


@dataclass(frozen=True, eq=False)
class Outlook:
    """The series of one signal and their limit, one row a series.

    Args:
        series: the labels of each row.
        value: (n_series,) the newest sample; NaN = not known.
        limit: (n_series,) what must not be crossed; NaN = not known.
        side: `above` when larger values are the trouble, `below` when smaller ones are.
        growth_per_day: (n_series,) of the median forecast, in the units of the signal.
        time_to_limit_seconds: (n_series, 3) the time by which the chance that the limit was
            reached is 0.1, 0.5 and 0.9; +Inf = not within the horizon, NaN = cannot say.
        horizons_seconds: (h,) distances from now, the last of them the whole horizon.
        breach_probability: (n_series, h) that the limit is reached by then; NaN = cannot say.
    """

    series: tuple[Labels, ...]
    value: FloatArray
    limit: FloatArray
    side: Literal["above", "below"]
    growth_per_day: FloatArray
    time_to_limit_seconds: FloatArray
    horizons_seconds: tuple[float, ...]
    breach_probability: FloatArray


def growth_per_day(forecast: Forecast) -> FloatArray:
    """Return how much the median grows in a day, on average over the whole forecast.

    The mean of the last day is held against that of the first, so that the hour at which a
    forecast begins and ends does not matter; of a forecast below two days, half against half.

    Returns:
        (n_series,) in the units of the signal; NaN where the median is not known, or has one slot.
    """
    median = forecast.quantiles[:, :, forecast.quantile_levels.index(0.5)]
    n_steps = median.shape[1]
    if n_steps < 2:
        return np.full(len(median), np.nan)
    n_compared = max(1, min(_DAY_MILLISECONDS // forecast.step_milliseconds, n_steps // 2))
    change = median[:, -n_compared:].mean(axis=1) - median[:, :n_compared].mean(axis=1)
    days = (n_steps - n_compared) * forecast.step_milliseconds / _DAY_MILLISECONDS
    growth: FloatArray = change / days
    return growth


def ranked(outlooks: Sequence[Outlook]) -> IntegerArray:
    """Return the rows of some signals in the order in which planners read them.

    What is likely to run out first stands first: rows are told apart by the median time, then by
    the early one, then by the chance of a breach within the horizon. Rows that cannot say come
    last; equal ones keep their order.

    Returns:
        (n, 2) which of the outlooks, and which of its rows.
    """
    if not outlooks:
        return np.empty((0, 2), np.int64)
    times = np.concatenate([each.time_to_limit_seconds for each in outlooks])
    chance = np.concatenate([each.breach_probability[:, -1] for each in outlooks])
    sizes = [len(each.series) for each in outlooks]
    which = np.repeat(np.arange(len(outlooks)), sizes)
    rows = np.concatenate([np.arange(size) for size in sizes])
    middle = times[:, _MIDDLE]
    order = np.lexsort((-np.nan_to_num(chance, nan=-1.0), times[:, _EARLY], middle))
    found: IntegerArray = np.column_stack((which, rows))[order]  # NaN is sorted to the end
    return found
