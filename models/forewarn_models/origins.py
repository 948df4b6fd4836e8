"""From where growth by shares is measured: zero, where swings would vanish, or below it all."""

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray
from forewarn_models.paths import Past

# How far below all that was growth is measured from, in units of the history's range, and how far
# from zero that must be for zero itself to do.
_MARGIN = 0.5
_LEAST_SHARE = 0.02
# Swings that grow with the level must do so over so many weeks, by so many standard errors.
_LEAST_WEEKS = 6
_CLEAR = 8.0


def origins(past: Past, zero: FloatArray, *, week: int) -> FloatArray:
    """Return from where growth of each series is measured.

    Zero, where it lies clear below all that was. Else where the swings of a week would vanish if
    they went on shrinking with the level, so that what is left of a disk is foretold as well as
    what is used. Else a bit below all that was.

    Args:
        past: of the series.
        zero: (n_series,) where zero lies; NaN = on the other side.
        week: how many cells it has.
    """
    held = np.arange(past.level.shape[1]) >= past.first[:, None]
    least = np.where(held, past.level, np.inf).min(axis=1)
    reach = np.where(held, past.highest, -np.inf).max(axis=1) - least
    origin: FloatArray = least - _MARGIN * np.where(reach > 0, reach, 1.0)
    for place in (_still(past, week), zero):
        far = np.where(np.isnan(place), -np.inf, least - place)
        origin = np.where(far > _LEAST_SHARE * reach, place, origin)
    return origin


def _still(past: Past, week: int) -> FloatArray:
    """Return (n_series,) the level at which swings would vanish; NaN = they do not grow with it."""
    n_cells = past.level.shape[1]
    count = n_cells // week
    if count < _LEAST_WEEKS or week < 2:
        return np.full(len(past.level), np.nan)
    parted = past.level[:, n_cells - count * week :].reshape(len(past.level), count, week)
    level = parted.mean(axis=2)
    ramp = np.linspace(-1.0, 1.0, week)
    growth = (parted @ ramp)[:, :, None] * ramp / (ramp @ ramp)
    swing = (parted - level[:, :, None] - growth).std(axis=2)
    held = np.isfinite(swing)
    n_weeks = held.sum(axis=1)
    mean_level, mean_swing = (_mean(part, held) for part in (level, swing))
    off_level, off_swing = (
        np.where(held, part - mean[:, None], 0.0)
        for part, mean in ((level, mean_level), (swing, mean_swing))
    )
    square, product = (off_level**2).sum(axis=1), (off_level * off_swing).sum(axis=1)
    slope = np.divide(product, square, out=np.zeros_like(square), where=square > 0)
    left = ((off_swing - slope[:, None] * off_level) ** 2).sum(axis=1)
    error = np.sqrt(left / np.maximum(n_weeks - 2, 1))
    is_clear = (slope * np.sqrt(square) > _CLEAR * error) & (n_weeks >= _LEAST_WEEKS)
    step = np.divide(mean_swing, slope, out=np.full_like(slope, np.nan), where=is_clear)
    still: FloatArray = mean_level - step
    return still


def _mean(values: FloatArray, held: BooleanArray) -> FloatArray:
    total: FloatArray = np.where(held, values, 0.0).sum(axis=1)
    mean: FloatArray = total / np.maximum(held.sum(axis=1), 1)
    return mean
