"""Simple forecasts that the hybrid chooses from, each for many rows at once.

A row is one series as it was known at one origin: all origins of all series lie in one matrix, so
nothing here loops over either.
"""

from collections.abc import Callable

import numpy as np

from forewarn_models.arrays import FloatArray
from forewarn_models.demand import demand_curve
from forewarn_models.forecasters.day_types import day_type
from forewarn_models.forecasters.fourier import robust_waves
from forewarn_models.forecasters.lagged import lagged
from forewarn_models.forecasters.lookback import (
    DAY_MILLISECONDS,
    moving_mean,
    seasons_back,
    weighted_mean,
)
from forewarn_models.forecasters.rows import Rows
from forewarn_models.medians import finite_median

# How fast a trend dies out, from one slot to the next, in units of the season (Gardner and
# McKenzie 1985: damped trends win over straight ones at all but the shortest horizons).
_TREND_SEASONS = 2.0
_N_SHORT = 7
_N_LONG = 4
_FORTNIGHT = 14
_LEAST_FOR_TREND = 16

Candidate = Callable[[Rows, int], FloatArray]


def last_value(rows: Rows, n_steps: int) -> FloatArray:
    """Return the newest known value for all steps."""
    return np.repeat(newest(rows.values)[:, None], n_steps, axis=1)


def recent_level(rows: Rows, n_steps: int) -> FloatArray:
    """Return the median of the newest season, or of the newest twelve slots without one."""
    width = np.where(np.isfinite(rows.short), np.rint(rows.short), 12)
    return np.repeat(_median_of_newest(rows.values, width)[:, None], n_steps, axis=1)


def damped_drift(rows: Rows, n_steps: int) -> FloatArray:
    """Return the newest season's level and its change since the one before, dying out."""
    width = np.where(np.isfinite(rows.short), np.rint(rows.short), 12)
    level = _median_of_newest(rows.values, width)
    before = _median_of_newest(rows.values, 2 * width)
    slope = 2 * (level - before) / width
    keep = np.exp(-1 / (_TREND_SEASONS * width))[:, None]
    travelled = keep * (1 - keep ** np.arange(1, n_steps + 1)) / (1 - keep)
    drifted: FloatArray = newest(rows.values)[:, None] + slope[:, None] * travelled
    return drifted


def straight_trend(rows: Rows, n_steps: int) -> FloatArray:
    """Return the line through the medians of the halves of the history, from the newest level."""
    n_times = rows.values.shape[1]
    half = n_times // 2
    late, early = finite_median(rows.values[:, half:]), finite_median(rows.values[:, :half])
    slope = (late - early) / (n_times / 2)
    width = np.where(np.isfinite(rows.short), np.rint(rows.short), 12)
    level = _median_of_newest(rows.values, width)
    ahead = np.arange(1, n_steps + 1) + (width[:, None] - 1) / 2
    is_shown = np.isfinite(rows.values).sum(axis=1) >= _LEAST_FOR_TREND
    slope = np.where(is_shown, slope, np.nan)
    trend: FloatArray = level[:, None] + slope[:, None] * ahead
    return trend


def naive_short(rows: Rows, n_steps: int) -> FloatArray:
    """Return the value one season before, or more seasons where that is a gap."""
    return _first_known(rows.values, rows.short, n_steps)


def short_median(rows: Rows, n_steps: int) -> FloatArray:
    """Return the median of the same phase in the newest seasons."""
    return finite_median(
        seasons_back(rows.values, rows.short, n_back=0, n_steps=n_steps, count=_N_SHORT)
    )


def long_median(rows: Rows, n_steps: int) -> FloatArray:
    """Return the median of the same phase in the newest weeks."""
    back = seasons_back(rows.values, rows.long_periods, n_back=0, n_steps=n_steps, count=_N_LONG)
    return finite_median(back)


def short_on_level(rows: Rows, n_steps: int) -> FloatArray:
    """Return the newest season's level plus the usual deviation of the phase from it."""
    # Older slots have no part in it.
    count = int((_N_SHORT + 2) * np.nanmax(rows.short, initial=1.0))
    values = rows.values[:, -count:]
    level = moving_mean(values, rows.short)
    deviation = values - level
    back = seasons_back(deviation, rows.short, n_back=0, n_steps=n_steps, count=_N_SHORT)
    return weighted_mean(back, _fading_weights(0.7, _N_SHORT)) + newest(level)[:, None]


def long_on_short_level(rows: Rows, n_steps: int) -> FloatArray:
    """Return last weeks' shape, moved by how the newest season differs from what weeks said."""
    return _moved_by_newest(rows.values, rows.long_periods, rows.short, n_steps=n_steps)


def waves_correlated(rows: Rows, n_steps: int) -> FloatArray:
    """Return the robust Fourier terms plus the newest error, as far as errors persist."""
    fitted = robust_waves(rows.values, step_milliseconds=rows.step_milliseconds, n_steps=n_steps)
    return persisting(rows.values, fitted, n_steps)


def lags_and_day(rows: Rows, n_steps: int) -> FloatArray:
    """Return the value one day before, and how it will have changed since: a regression on lags."""
    return _lagged(rows, n_steps, 1)


def lags_and_fortnight(rows: Rows, n_steps: int) -> FloatArray:
    """Return the mean of the phase in a fortnight, and how it is strayed from, by regression."""
    return _lagged(rows, n_steps, _FORTNIGHT)


def regressed(rows: Rows, n_steps: int) -> FloatArray:
    """Return what the line from regressor to series makes of the regressor's forecast.

    Plus the newest error of the line, as far as errors persist. NaN where there is no line.
    """
    if rows.driver is None:
        return np.full((len(rows.values), n_steps), np.nan)
    known = rows.as_known(rows.driver.known)
    curve = demand_curve(rows.values, known)
    whole = np.concatenate([known, rows.driver.ahead.reshape(-1, n_steps)], axis=1)
    line = curve.base[:, None] + curve.per_demand[:, None] * whole
    return persisting(rows.values, line, n_steps)


CANDIDATES: dict[str, Candidate] = {
    function.__name__: function
    for function in (
        last_value,
        recent_level,
        damped_drift,
        straight_trend,
        naive_short,
        short_median,
        long_median,
        short_on_level,
        long_on_short_level,
        day_type,
        waves_correlated,
        lags_and_day,
        lags_and_fortnight,
        regressed,
    )
}
OF_HISTORY = tuple(name for name in CANDIDATES if name != regressed.__name__)


def newest(values: FloatArray) -> FloatArray:
    """Return the newest value of each row that is not NaN."""
    held = np.isfinite(values)
    place = values.shape[1] - 1 - held[:, ::-1].argmax(axis=1)
    return np.take_along_axis(values, place[:, None], 1)[:, 0]


def persisting(values: FloatArray, predicted: FloatArray, n_steps: int) -> FloatArray:
    """Return predictions plus the newest error times the errors' correlation to the lag's power.

    Args:
        values: (n_rows, n_times)
        predicted: (n_rows, n_known + n_steps), where the first are of the newest slots.
        n_steps: how many of the predictions are of the future.
    """
    n_known = predicted.shape[1] - n_steps
    error = values[:, values.shape[1] - n_known :] - predicted[:, :n_known]
    limit = 4 * finite_median(np.abs(error))[:, None]
    error = np.clip(error, -limit, limit)
    product = np.nan_to_num(error[:, 1:] * error[:, :-1]).sum(axis=1)
    both = np.isfinite(error[:, 1:]) & np.isfinite(error[:, :-1])
    power = np.where(both, error[:, :-1] ** 2, 0.0).sum(axis=1)
    rho = np.divide(product, power, out=np.zeros_like(power), where=power > 0)
    decay = np.clip(rho, 0, 0.999)[:, None] ** np.arange(1, n_steps + 1)
    corrected: FloatArray = predicted[:, n_known:] + np.nan_to_num(newest(error))[:, None] * decay
    return corrected


def _lagged(rows: Rows, n_steps: int, n_seasons: int) -> FloatArray:
    day = DAY_MILLISECONDS / rows.step_milliseconds
    forecasts = lagged(
        rows.history,
        rows.ages,
        # Found seasons of some days are those of a week, which has a term of its own.
        np.where(rows.period > day, day, rows.period) if day >= 2 else rows.period,
        week=rows.long,
        keep=(1.0,) * n_seasons,
        n_steps=n_steps,
    )
    return forecasts.reshape(-1, n_steps)


def _median_of_newest(values: FloatArray, width: FloatArray) -> FloatArray:
    near = values[:, -int(np.nanmax(width, initial=1.0)) :]
    age = np.arange(near.shape[1])[::-1]
    return finite_median(np.where(age < width[:, None], near, np.nan))


def _first_known(values: FloatArray, periods: FloatArray, n_steps: int) -> FloatArray:
    back = seasons_back(values, periods, n_back=0, n_steps=n_steps, count=4)
    place = np.isfinite(back).argmax(axis=2)
    return np.take_along_axis(back, place[:, :, None], 2)[:, :, 0]


def _moved_by_newest(
    values: FloatArray, periods: FloatArray, width: FloatArray, *, n_steps: int
) -> FloatArray:
    widest = np.nanmax(width, initial=1.0)
    count = int(min(values.shape[1], np.rint(widest)))
    back = seasons_back(values, periods, n_back=count, n_steps=n_steps, count=_N_LONG)
    shape = finite_median(back)
    error = values[:, values.shape[1] - count :] - shape[:, :count]
    moved: FloatArray = shape[:, count:] + _median_of_newest(error, width)[:, None]
    return moved


def _fading_weights(keep: float, count: int) -> FloatArray:
    weights: FloatArray = np.power(keep, np.arange(count))
    return weights
