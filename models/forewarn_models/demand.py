"""What a resource costs per unit of demand, and when a limit is reached under another load.

The part of a resource that demand does not move (an idle process, what lies on a disk from the
start) is its base; the rest grows with demand and is shared by the nodes.
"""

from dataclasses import dataclass, replace

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.contract import Extremes
from forewarn_models.errors import ConfigError
from forewarn_models.medians import finite_median

_BINS = 20
_LEAST_SAMPLES = 40


@dataclass(frozen=True, eq=False)
class DemandCurve:
    """A straight line from demand to resource. Arrays are (n_series,); NaN = not known.

    Args:
        base: the resource without any demand.
        per_demand: how much more one more unit of demand takes.
        explained_ratio: how much smaller the typical error of the line is than that of the
            resource's median alone: 1 explains all, 0 nothing.
    """

    base: FloatArray
    per_demand: FloatArray
    explained_ratio: FloatArray


def demand_curve(resource: FloatArray, demand: FloatArray) -> DemandCurve:
    """Return the robust relation of a resource to demand.

    The slots are sorted by demand into twenty bins of as many slots; the line has the median slope
    between the medians of all pairs of bins (Theil 1950, Sen 1968), so that outages and bursts of a
    twentieth of the time do not move it.

    Args:
        resource: (n_series, n_times) NaN is a gap.
        demand: (n_series, n_times) at the same slots.

    Returns:
        NaN for series with fewer than 40 slots that have both, or whose demand never moves.
    """
    both = np.isfinite(resource) & np.isfinite(demand)
    known, known_demand = (np.where(both, values, np.nan) for values in (resource, demand))
    base, per_demand = _lines(known, known_demand)
    line = base[:, None] + per_demand[:, None] * known_demand
    off = finite_median(np.abs(known - line))
    usual = finite_median(np.abs(known - finite_median(known)[:, None]))
    share = np.divide(off, usual, out=np.ones_like(off), where=usual > 0)
    explained = np.where(np.isnan(base), np.nan, np.clip(1 - share, 0.0, 1.0))
    return DemandCurve(base, per_demand, explained)


def demand_at_limit(curve: DemandCurve, limits: FloatArray) -> FloatArray:
    """Return (n_series,) the demand at which the resource is at its limit; NaN = not known.

    +Inf where more demand never takes it there.
    """
    missing = limits - curve.base
    leads_there = missing * curve.per_demand > 0
    at = np.divide(missing, curve.per_demand, out=np.full_like(missing, np.inf), where=leads_there)
    return np.where(np.isnan(missing * curve.per_demand), np.nan, at)


def load_factor(growth: float, *, n_nodes: int = 1, n_added: int = 0) -> float:
    """Return what load there is on each node, in units of today's.

    >>> load_factor(1.5, n_nodes=4, n_added=2)
    1.0

    Args:
        growth: of demand, in units of today's.
        n_nodes: that share it today.
        n_added: that are put beside them; negative = taken away.

    Raises ConfigError when growth is negative or no number, or no node is left.
    """
    if not 0 <= growth < np.inf:
        raise ConfigError(f"growth must be a factor of at least 0, such as 1.5, got {growth:g}")
    if n_nodes < 1 or n_nodes + n_added < 1:
        raise ConfigError(
            f"nodes must be at least 1 before and after, got {n_nodes} and {n_nodes + n_added}"
        )
    return growth * n_nodes / (n_nodes + n_added)


def under_load(extremes: Extremes, base: FloatArray, factor: float) -> Extremes:
    """Return how far paths go when the part of the resource that demand moves is multiplied.

    Limits stay as they are. What is left of something (free bytes) has its size as base.

    Args:
        extremes: under today's load.
        base: (n_series,) what demand does not move; 0 where nothing better is known.
        factor: of the load, such as `load_factor` gives it.

    Raises ConfigError when the factor is negative or no number.
    """
    if not 0 <= factor < np.inf:
        raise ConfigError(f"a factor of load must be at least 0, got {factor:g}")
    ground = base[:, None, None]
    return replace(extremes, reached=ground + factor * (extremes.reached - ground))


def _lines(resource: FloatArray, demand: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (n_series,) base and slope; NaN = not known. Both are NaN at the same slots."""
    order = np.argsort(demand, axis=1, kind="stable")  # gaps come last
    count = np.isfinite(demand).sum(axis=1)[:, None]
    size, rest = np.divmod(count, _BINS)
    # The first bins take one slot more each where slots do not come out even.
    bins = np.arange(_BINS)
    starts = bins * size + np.minimum(bins, rest)
    sizes = size + (bins < rest)
    place = np.arange(demand.shape[1])
    larger = rest * (size + 1)
    own = np.where(
        place < larger, place // (size + 1), rest + (place - larger) // np.maximum(size, 1)
    )
    own[place >= count] = _BINS
    across, up = (
        _medians(np.take_along_axis(values, order, 1), own, starts, sizes)
        for values in (demand, resource)
    )
    first, second = np.triu_indices(_BINS, 1)
    run, rise = (each[:, second] - each[:, first] for each in (across, up))
    least = 1e-9 * (np.abs(across).max(axis=1, initial=0.0) + np.finfo(np.float64).tiny)
    is_apart = (run > least[:, None]) & (count >= _LEAST_SAMPLES)
    slope = finite_median(np.divide(rise, run, out=np.full_like(run, np.nan), where=is_apart))
    return finite_median(up - slope[:, None] * across), slope


def _medians(
    values: FloatArray, own: IntegerArray, starts: IntegerArray, sizes: IntegerArray
) -> FloatArray:
    """Return (n_series, n_bins) medians.

    Args:
        values: (n_series, n_times) bin by bin.
        own: (n_series, n_times) the bin of each value.
        starts: (n_series, n_bins) the first place of each bin.
        sizes: (n_series, n_bins)
    """
    ordered = np.take_along_axis(values, np.lexsort((values, own), axis=1), 1)
    last = values.shape[1] - 1
    low, high = (
        np.take_along_axis(ordered, np.clip(starts + middle // 2, 0, last), 1)
        for middle in (sizes - 1, sizes)
    )
    middle: FloatArray = low / 2 + high / 2
    return middle
