"""Looking back whole seasons, for many series at once, with gaps."""

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.medians import finite_median

DAY_MILLISECONDS = 86_400_000
WEEK_MILLISECONDS = 7 * DAY_MILLISECONDS

# A found season must explain this much more of the series than a day does before it replaces it.
_MARGIN = 0.1
_LEAST_CORRELATION = 0.3


def weighted_mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the mean over the last axis of what is not NaN; NaN where nothing is."""
    held = np.isfinite(values)
    total = np.where(held, weights, 0.0).sum(axis=-1)
    weighted = np.where(held, values * weights, 0.0).sum(axis=-1)
    mean: FloatArray = np.divide(weighted, total, out=np.full(total.shape, np.nan), where=total > 0)
    return mean


def shrunken(values: FloatArray) -> FloatArray:
    """Return (n_rows, n_phases) medians over the last axis, drawn to zero by how unsure they are.

    Args:
        values: (n_rows, n_phases, n_seasons); NaN is a gap.
    """
    middle = finite_median(values)
    spread = 1.4826 * finite_median(np.abs(values - middle[..., None]).reshape(len(values), -1))
    held = np.maximum(np.isfinite(values).sum(axis=-1), 1)
    noise = 1.5 * (spread**2)[:, None] / held
    keep = np.maximum(0.0, 1 - noise / np.maximum(middle**2, np.finfo(np.float64).tiny))
    kept: FloatArray = np.nan_to_num(middle * keep)
    return kept


def seasons_back(
    values: FloatArray, periods: FloatArray, *, n_back: int, n_steps: int, count: int
) -> FloatArray:
    """Return the samples that lie whole seasons before each target slot.

    Args:
        values: (n_rows, n_times), the last column is the newest slot.
        periods: (n_rows,) the season in slots, not always whole; NaN = none.
        n_back: how many of the newest slots are targets too; only older slots are looked at.
        n_steps: how many slots after the newest are targets.
        count: how many seasons to look back, the nearest that is known first.

    Returns:
        (n_rows, n_back + n_steps, count); NaN where the history does not reach.
    """
    n_times = values.shape[1]
    targets = np.arange(-n_back, n_steps, dtype=np.float64)
    usable = np.where(np.isfinite(periods), periods, 1.0)[:, None]
    first = np.maximum(1.0, np.ceil((targets + 1) / usable))
    lags = (first[:, :, None] + np.arange(count)) * usable[:, :, None]
    place = (n_times + targets[:, None] - np.rint(lags)).astype(np.int64)
    rows = np.arange(len(values))[:, None, None]
    found = values[rows, np.maximum(place, 0)]
    return np.where((place >= 0) & np.isfinite(periods)[:, None, None], found, np.nan)


def moving_mean(values: FloatArray, periods: FloatArray) -> FloatArray:
    """Return the mean over one season around each slot; at the ends over the nearest whole one."""
    n_times = values.shape[1]
    width = np.clip(np.where(np.isfinite(periods), np.rint(periods), 1), 1, n_times)
    width = width.astype(np.int64)[:, None]
    low = np.clip(np.arange(n_times) - width // 2, 0, n_times - width)
    counts = _cumulative(np.isfinite(values).astype(np.float64))
    sums = _cumulative(np.nan_to_num(values))
    n_held = np.take_along_axis(counts, low + width, 1) - np.take_along_axis(counts, low, 1)
    total = np.take_along_axis(sums, low + width, 1) - np.take_along_axis(sums, low, 1)
    empty = np.full(total.shape, np.nan)
    mean: FloatArray = np.divide(total, n_held, out=empty, where=n_held > 0.5)
    return mean


def short_periods(values: FloatArray, step_milliseconds: int) -> FloatArray:
    """Return the season of each row in slots: a day, or what the row's correlation shows; or NaN.

    A day is taken where two of them are held, unless another lag repeats itself clearly better.
    """
    day = DAY_MILLISECONDS / step_milliseconds
    n_times = values.shape[1]
    correlation = _correlation(values)
    has_day = day >= 2 and 2 * day <= n_times
    at_day = correlation[:, round(day)] if has_day else np.full(len(values), _LEAST_CORRELATION)
    lags = _first_peaks(correlation, n_times // 3)
    at_peak = np.take_along_axis(correlation, lags[:, None], 1)[:, 0]
    is_found = (lags > 0) & (at_peak > at_day + _MARGIN)
    return np.where(is_found, lags.astype(np.float64), day if has_day else np.nan)


def long_period(n_times: int, step_milliseconds: int) -> float:
    """Return a week in slots, or NaN where the history does not hold one and a half."""
    week = WEEK_MILLISECONDS / step_milliseconds
    return week if week >= 2 and 1.5 * week <= n_times else float("nan")


def _cumulative(values: FloatArray) -> FloatArray:
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)


def _correlation(values: FloatArray) -> FloatArray:
    """Return the autocorrelation at lags 0 up to n_times; gaps count as the mean."""
    held = np.isfinite(values)
    centre = finite_median(values)[:, None]
    spread = finite_median(np.abs(values - centre))[:, None]
    # Clipping keeps one outage from deciding which lag repeats.
    limit = np.where(spread > 0, 5 * spread, np.inf)
    centred = np.where(held, np.clip(values - centre, -limit, limit), 0.0)
    size = 1 << int(2 * values.shape[1] - 1).bit_length()
    largest = np.abs(centred).max(axis=1, initial=0.0)[:, None]
    centred = centred / np.where(largest > 0, largest, 1.0)
    spectrum = np.abs(np.fft.rfft(centred, size)) ** 2
    products = np.fft.irfft(spectrum, size)[:, : values.shape[1]]
    pairs = values.shape[1] - np.arange(values.shape[1])
    scaled = products / pairs
    power = scaled[:, :1]
    relative: FloatArray = np.divide(scaled, power, out=np.zeros_like(scaled), where=power > 1e-12)
    return relative


def _first_peaks(correlation: FloatArray, longest: int) -> IntegerArray:
    """Return the lag of each row's first high peak behind its first fall below zero, or 0.

    Multiples of a season correlate as well as the season: the shortest peak wins that is hardly
    lower than the highest.
    """
    if longest < 2:
        return np.zeros(len(correlation), dtype=np.int64)
    lags = np.arange(1, correlation.shape[1] - 1)
    has_fallen = (np.cumsum(correlation < 0, axis=1) > 0)[:, 1:-1]
    here = correlation[:, 1:-1]
    is_peak = (here >= correlation[:, :-2]) & (here >= correlation[:, 2:])
    is_open = has_fallen & is_peak & (lags >= 2) & (lags <= longest)
    highest = np.where(is_open, here, -np.inf).max(axis=1, initial=-np.inf)
    is_high = is_open & (here >= highest[:, None] - _MARGIN)
    return np.where(is_high.any(axis=1), lags[is_high.argmax(axis=1)], 0)
