"""From the errors of a back-test to quantiles of the future, in the manner of conformal prediction.

The size of errors is described by step of the horizon, their shape by one table of standardised
errors for all steps: a handful of origins is enough for both. Ranks are those of conformal
prediction (Lei et al. 2018, section 2), with the number of origins, not of slots, as the sample
size, since errors of neighbouring slots say the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.errors import ConfigError

# Levels of the stored table of standardised errors.
TABLE_LEVELS = np.array(
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45]
)
TABLE_LEVELS = np.concatenate([TABLE_LEVELS, [0.5], 1 - TABLE_LEVELS[::-1]])

# A Gaussian's, in units of its mean absolute error, doubled for having seen hardly anything.
_WALKING_TABLE = 2 * ndtri(TABLE_LEVELS) * np.sqrt(np.pi / 2)

# The table is at most half the signed errors, the rest their mirror: few errors say little of skew,
# fewer than the first number nothing, and the share is whole from the second on.
_SIGNED = 0.5
_SKEW_SEEN = (6.0, 24.0)
# How much of the size of an error is that of all steps of the horizon, far ahead.
_SHARE_OF_ALL_STEPS = 0.25
# Slots of one origin that count as this many independent errors.
_INDEPENDENT_PER_ORIGIN = 3


@dataclass(frozen=True, eq=False)
class Spread:
    """How far the future strays from a point forecast.

    Args:
        scale: (n_series, n_steps) the mean absolute error at each step of the horizon.
        table: (n_series, len(TABLE_LEVELS)) quantiles of errors divided by `scale`.
    """

    scale: FloatArray
    table: FloatArray


def quantile_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Return the quantile levels of central bands of `levels` percent, with 0.5, sorted.

    >>> quantile_levels([80, 95])
    (0.025, 0.1, 0.5, 0.9, 0.975)
    """
    if not all(0 < level < 100 for level in levels):
        raise ConfigError(
            f"levels must be percentages between 0 and 100, such as 80,95, got {list(levels)}"
        )
    # Rounded so that 95 names q0.025, whatever the floats of 1 - 0.95 are.
    tails = {round((100 - level) / 200, 10) for level in levels}
    return tuple(sorted({0.5} | tails | {round(1 - tail, 10) for tail in tails}))


def spread_of(errors: FloatArray, *, values: FloatArray) -> Spread:
    """Return the spread that errors of a back-test show.

    A series too young for any origin gets that of a random walk with its own steps.

    Args:
        errors: (n_series, n_origins, n_steps) value less forecast; NaN is a gap.
        values: (n_series, n_times) the history, for series without any error.
    """
    scale = _scale(errors)
    safe = np.where(scale > 0, scale, 1.0)
    standardised = (errors / safe[:, None, :]).reshape(len(errors), -1)
    n_origins = np.isfinite(errors).any(axis=2).sum(axis=1)
    per_origin = min(_INDEPENDENT_PER_ORIGIN, errors.shape[2])
    table = _table(standardised, n_origins * per_origin)
    is_young = n_origins == 0
    walk = _step_size(values)[:, None] * np.sqrt(np.arange(1, errors.shape[2] + 1))
    scale = np.where(is_young[:, None], walk, scale)
    return Spread(scale, np.where(is_young[:, None], _WALKING_TABLE, table))


def quantiles_around(point: FloatArray, spread: Spread, levels: Sequence[float]) -> FloatArray:
    """Return (n_series, n_steps, n_levels) quantiles that never cross.

    Args:
        point: (n_series, n_steps) the forecast.
        spread: for the first steps; scales of later ones grow with the root of the horizon.
        levels: of the quantiles, sorted.
    """
    scale = _stretched(spread.scale, point.shape[1])
    shape = np.stack([np.interp(levels, TABLE_LEVELS, row) for row in spread.table])
    quantiles = point[:, :, None] + scale[:, :, None] * shape[:, None, :]
    return np.maximum.accumulate(quantiles, axis=2)


def _step_size(values: FloatArray) -> FloatArray:
    """Return (n_series,) the mean absolute change from one known value to the next."""
    order = np.argsort(~np.isfinite(values), axis=1, kind="stable")
    known_first = np.take_along_axis(values, order, 1)
    changes = np.abs(np.diff(known_first, axis=1))
    count = np.maximum(np.isfinite(changes).sum(axis=1), 1)
    size: FloatArray = np.nan_to_num(changes).sum(axis=1) / count
    return size


def _scale(errors: FloatArray) -> FloatArray:
    """Return (n_series, n_steps) the mean absolute error around each step of the horizon.

    Around is half as far as the step is ahead, at most a sixth of the horizon: errors of the first
    steps are small where a series walks, and are not told from those of later ones. From a sixth
    of the horizon on, a quarter is the mean of all steps, the less the nearer before that.
    """
    size = np.abs(errors)
    total = np.nan_to_num(size).sum(axis=1)
    count = np.isfinite(size).sum(axis=1).astype(np.float64)
    n_steps = size.shape[2]
    farthest = max(1, n_steps // 6)
    ahead = np.arange(1, n_steps + 1)
    reach = np.minimum(-(-ahead // 2), farthest)
    first, after = np.maximum(ahead - 1 - reach, 0), np.minimum(ahead + reach, n_steps)
    near = _sums(total, first, after) / np.maximum(_sums(count, first, after), 1.0)
    overall = total.sum(axis=1) / np.maximum(count.sum(axis=1), 1.0)
    share = _SHARE_OF_ALL_STEPS * np.minimum(ahead / farthest, 1.0)
    scale: FloatArray = (1 - share) * near + share * overall[:, None]
    return scale


def _sums(values: FloatArray, first: IntegerArray, after: IntegerArray) -> FloatArray:
    """Return (n_series, n_sums) sums of the columns from `first` to before `after`."""
    sums = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    between: FloatArray = sums[:, after] - sums[:, first]
    return between


def _table(standardised: FloatArray, sample_sizes: FloatArray) -> FloatArray:
    """Return quantiles at TABLE_LEVELS, widened as conformal ranks for the sample size."""
    size = np.maximum(sample_sizes, 1).astype(np.float64)[:, None]
    # A rank beyond the sample would be certainty: a quarter of the tail always stays outside.
    inner = 0.5 - np.minimum(TABLE_LEVELS, 1 - TABLE_LEVELS)
    inner = np.minimum(inner * (1 + 1 / size), 0.5 - (0.5 - inner) / 4)
    wanted = 0.5 + np.sign(TABLE_LEVELS - 0.5) * inner
    reached = np.clip(wanted, 0.5 / (size + 1), 1 - 0.5 / (size + 1))
    both = np.concatenate([standardised, -standardised], axis=1)
    signed = _quantiles(standardised, reached)
    mirrored = _quantiles(both, reached)
    share = _SIGNED * np.interp(size, _SKEW_SEEN, (0.0, 1.0))
    table = share * signed + (1 - share) * mirrored
    # Beyond what the sample reaches, tails go on as a Gaussian's would.
    beyond = ndtri(wanted) / np.where(reached == 0.5, 1, ndtri(reached))
    table = table * np.where(np.abs(wanted - reached) > 1e-12, np.abs(beyond), 1.0)
    table[:, TABLE_LEVELS == 0.5] = 0.0
    below, above = TABLE_LEVELS < 0.5, TABLE_LEVELS > 0.5
    table[:, below] = np.minimum(table[:, below], 0)
    table[:, above] = np.maximum(table[:, above], 0)
    return np.maximum.accumulate(table, axis=1)


def _quantiles(values: FloatArray, levels: FloatArray) -> FloatArray:
    """Return (n_rows, n_levels) quantiles of what is not NaN, each row at its own levels."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(values).sum(axis=1)[:, None]
    place = np.clip(levels * count - 0.5, 0, np.maximum(count - 1, 0))
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    part = place - low
    at_low = np.take_along_axis(ordered, low, 1)
    at_high = np.take_along_axis(ordered, high, 1)
    return np.where(count > 0, at_low * (1 - part) + at_high * part, 0.0)


def _stretched(scale: FloatArray, n_steps: int) -> FloatArray:
    n_known = scale.shape[1]
    if n_steps <= n_known:
        return scale[:, :n_steps]
    growth = np.sqrt(np.arange(n_known + 1, n_steps + 1) / n_known)
    return np.concatenate([scale, scale[:, -1:] * growth], axis=1)
