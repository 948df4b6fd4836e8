"""The range that a metric cannot leave: what is expected of it and forecast stays inside."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray
from forewarn_models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range that a metric cannot leave; `str` gives it in words.

    Args:
        low: its least value, -inf where there is none. None where that is not known: then each
            series' own history decides, and one that was never negative never will be.
        high: its greatest value, inf where there is none or none is known.
    """

    low: float | None = None
    high: float = inf

    def __post_init__(self) -> None:
        if not (-inf if self.low is None else self.low) < self.high:
            raise ConfigError(f"bounds must be a low and a higher value, got {self.plain()}")

    def __str__(self) -> str:
        has_low = self.low is not None and self.low > -inf
        if has_low and self.high < inf:
            return f"{self.low:g} to {self.high:g}"
        if has_low:
            return f"at least {self.low:g}"
        if self.high < inf:
            return f"at most {self.high:g}"
        return "not known" if self.low is None else "none"

    def plain(self) -> list[float | str | None]:
        """Return what `bounds_of_plain` restores, as JSON can hold it."""
        low = str(self.low) if self.low == -inf else self.low
        return [low, None if self.high == inf else self.high]


# What a model is told where nothing is known.
UNKNOWN = Bounds()


def bounds_of_plain(stored: Sequence[float | str | None]) -> Bounds:
    """Return the bounds that `Bounds.plain` gave.

    >>> bounds_of_plain([0, None])
    Bounds(low=0.0, high=inf)
    """
    low, high = stored
    return Bounds(None if low is None else float(low), inf if high is None else float(high))


def kept_by(values: FloatArray, bounds: Bounds) -> Bounds:
    """Return the bounds without the sides that values lie beyond; NaN lies nowhere.

    >>> kept_by(np.array([0.2, 1.3]), Bounds(0.0, 1.0))
    Bounds(low=0.0, high=inf)
    """
    low, high = bounds.low, bounds.high
    return Bounds(
        None if low is not None and (values < low).any() else low,
        inf if (values > high).any() else high,
    )


def floors(bounds: Bounds, *, is_never_negative: AnyArray) -> FloatArray:
    """Return (n_series,) the least possible value of each series, -inf where there is none."""
    if bounds.low is not None:
        return np.full(len(is_never_negative), bounds.low)
    return np.where(is_never_negative, 0.0, -np.inf)
