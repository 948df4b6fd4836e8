"""The range of a signal's values: as it is configured, or as far as it can be known."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

from forewarn_adapters.config.signals import Signal
from forewarn_adapters.presumed_bounds import presumed_bounds
from forewarn_models.arrays import FloatArray
from forewarn_models.bounds import Bounds, kept_by

_CONFIGURED = "its `bounds`"


@dataclass(frozen=True, slots=True)
class FoundBounds:
    """The range of a signal's values; `str` says it with its reason.

    Args:
        bounds: the range.
        why: by which sign it was found, empty where there was none.
        warnings: what is wrong with it.
    """

    bounds: Bounds
    why: str
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.bounds}: {self.why}" if self.why else f"{self.bounds}"

    def plain(self) -> dict[str, float | str | None]:
        """Return what machines are told; None for a side without a bound."""
        low, high = (
            side if side is not None and isfinite(side) else None
            for side in (self.bounds.low, self.bounds.high)
        )
        return {"low": low, "high": high, "why": self.why}


def bounds_of_signal(
    signal: Signal, metric_types: Mapping[str, str], history: FloatArray
) -> FoundBounds:
    """Return the range of a signal's values.

    One that is configured holds, whatever the history says. One that is presumed holds on those
    sides that the history never left.

    Args:
        signal: whose query and `bounds` are read.
        metric_types: those that are known, by the names of the metrics.
        history: any array that holds its least and its greatest value; NaN is a gap.
    """
    if signal.bounds == "auto":
        presumed = presumed_bounds(signal.query, metric_types)
        kept = kept_by(history, presumed.bounds)
        but = "" if kept == presumed.bounds else f", but {_extent(history)}"
        return FoundBounds(kept, presumed.why + but)
    low, high = signal.bounds
    bounds = Bounds(-inf if low is None else low, inf if high is None else high)
    if kept_by(history, bounds) == bounds:
        return FoundBounds(bounds, _CONFIGURED)
    beyond = f"{_extent(history)}, beyond its `bounds`: widen them, or write `bounds: auto`"
    return FoundBounds(bounds, _CONFIGURED, (beyond,))


def _extent(history: FloatArray) -> str:
    return f"its history goes from {np.nanmin(history):g} to {np.nanmax(history):g}"
