"""Views: dimensionless statistics of each row, brought to one scale and combined.

A channel is one side of one view: the residual above and below, the fast change, the residual
that lasts, and how isolated the features are together. Each is read as decades of rarity among
healthy samples, so that they compare; the largest is the combined statistic, whose tail `rarity`
learns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray, SmallIntegerArray
from forewarn_models.kernels import CHANGE, DRIFT, RESIDUAL, strongest

Direction: TypeAlias = Literal["both", "up", "down"]

_UP, _DOWN, _UP_FAST, _DOWN_FAST, _UP_LONG, _DOWN_LONG, _ISOLATION = range(7)
_UPWARDS, _DOWNWARDS = (_UP, _UP_FAST, _UP_LONG), (_DOWN, _DOWN_FAST, _DOWN_LONG)
_SHARES = np.array([0.5, 0.8, 0.9, 0.95, 0.98])
_DECADES = -np.log10(1.0 - _SHARES)


@dataclass(frozen=True, eq=False)
class Standards:
    """How rare each level of each channel is among healthy samples.

    Args:
        knots: (n_rows, n_channels, n_knots) rising levels; NaN channels are passed over.
        slopes: (n_rows, n_channels) decades of rarity for each unit beyond the last knot.
    """

    knots: FloatArray
    slopes: FloatArray

    def arrays(self) -> dict[str, AnyArray]:
        """Return everything that is learned, by name."""
        return {"knots": self.knots, "slopes": self.slopes}

    def combine(self, channels: FloatArray) -> tuple[FloatArray, AnyArray]:
        """Return the combined statistic, in decades, and the channel that it comes from."""
        statistic, which = strongest(channels, self.knots, _DECADES, self.slopes)
        return statistic, which


def standards_of(arrays: Mapping[str, AnyArray]) -> Standards:
    """Return the standards whose `arrays` these are."""
    return Standards(arrays["knots"], arrays["slopes"])


def series_channels(
    features: FloatArray, isolation: FloatArray, direction: Direction
) -> FloatArray:
    """Return the channels of series, (n_rows, n_times, 7); a side that never alarms is zero."""
    residual, change = features[..., RESIDUAL], features[..., CHANGE]
    drift = features[..., DRIFT]
    sides = [residual, -residual, change, -change, drift, -drift]
    out = np.stack([*(np.maximum(side, 0.0) for side in sides), isolation], axis=-1)
    if direction != "both":
        other = list(_DOWNWARDS if direction == "up" else _UPWARDS)
        out[..., other] *= 0.0  # a gap stays a gap
        wrong = residual <= 0 if direction == "up" else residual >= 0
        out[..., _ISOLATION][wrong] = 0.0
    return out


def direction_of(which: AnyArray, features: FloatArray) -> SmallIntegerArray:
    """Return +1 where the deviation is upwards, -1 downwards, 0 where nothing is known."""
    residual = np.where(features[..., RESIDUAL] < 0, -1, 1)
    sign = np.where(np.isin(which, _UPWARDS), 1, residual)
    sign = np.where(np.isin(which, _DOWNWARDS), -1, sign)
    return np.where(which < 0, 0, sign).astype(np.int8)


def group_channels(statistic: FloatArray, isolation: FloatArray) -> FloatArray:
    """Return the channels of groups, (n_groups, n_times, 3), from the members' statistics.

    `statistic` is (n_groups, n_members, n_times), NaN where there is no member or no value: the
    strangest member, how strange they are together, and how unusual their combination is.
    """
    known = ~np.isnan(statistic)
    n = known.sum(axis=1)
    top = np.max(statistic, axis=1, initial=0.0, where=known)
    mean = np.sum(np.minimum(statistic, 5.0), axis=1, where=known) / np.maximum(n, 1)
    top, mean = (np.where(n > 0, channel, np.nan) for channel in (top, mean))
    return np.stack([top, mean, isolation], axis=-1)


# Half of what Gaussian noise of one spread shows: a row that was ever calmer is not believed to
# stay so. The last is a running mean of some ten residuals.
_GAUSSIAN_SIDE = np.array([0.0, 0.842, 1.282, 1.645, 2.054])
SERIES_CALMEST = 0.5 * np.outer([1.0, 1.0, 1.0, 1.0, 0.2, 0.2, 0.0], _GAUSSIAN_SIDE)


def fit_standards(channels: FloatArray, *, calmest: FloatArray | float = 0.0) -> Standards:
    """Return how rare the levels of healthy `channels` (n_rows, n_times, n_channels) are.

    `calmest` (n_channels, n_knots) are the least levels.
    """
    ordered = np.sort(channels, axis=1)  # NaN last
    n = np.isfinite(channels).sum(axis=1)
    shares = np.append(_SHARES, 0.99)
    place = np.floor(shares[:, None, None] * np.maximum(n - 1, 0)).astype(np.int64)
    levels = np.take_along_axis(ordered, np.moveaxis(place, 0, 1), axis=1)
    levels = np.moveaxis(levels, 1, 2)  # (n_rows, n_channels, n_knots + 1)
    knots = np.maximum(levels[..., :-1], calmest)
    body = knots[..., -1] - knots[..., 0]
    halving = np.maximum(levels[..., -1] - knots[..., -1], 0.1 * body)
    halving = np.where(halving > 1e-12, halving, 1.0)  # a channel that never moved
    rising = 1e-12 * np.arange(len(_SHARES)) * (1.0 + np.abs(knots))
    return Standards(np.maximum.accumulate(knots, axis=-1) + rising, np.log10(2.0) / halving)
