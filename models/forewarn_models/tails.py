"""Tails: from how large a deviation is to how rare, in decades of samples.

The sizes of a series' deviations are counted in bins, four to an octave. Three quantiles of their
*body*, which incidents of the past hardly touch, give the scale and the shape of a generalised
Pareto tail (Pickands 1975), which is then followed outwards as far as a deviation lies. The shape
is drawn to a prior where samples are few, and never taken for lighter than `_LEAST_SHAPE`: no end
point is ever believed.
"""

from math import frexp, ldexp, log, log1p, log10

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray
from forewarn_models.compiled import compiled

N_BINS = 64
_A_OCTAVE = 4
_LOWEST_EXPONENT = -3  # of the first bin: sizes below 2 ** -4 count as nothing

# Of samples, above each of the three quantiles.
_INNER, _MIDDLE, _OUTER = 0.45, 0.145, 0.045
_SHAPE_PRIOR, _SHAPE_TRUST = 0.1, 20.0  # where it lies, and how many samples beyond it weighs
_LEAST_SHAPE, _LARGEST_SHAPE = 0.05, 1.5
_LEAST_SCALE = 0.05  # of the middle quantile
_RESTING = 0.5  # of deviations that are nothing: then the others alone are looked at

# Columns of a tail.
FROM, OUTER, SCALE, SHAPE, SHARE, BODY, REACH = range(7)
N_TAIL = 7
_PER_DECADE = 1.0 / log(10.0)
# Of noise like a Gaussian's: inner quantile, scale and shape where nothing has ever moved.
_NEVER_MOVED = (0.76, 0.6, 0.1)
_NEVER_MOVED_SHARE = 1e-3


@compiled
def bin_of(size: float) -> int:
    """Return the bin of a size; -1 where it is as good as nothing."""
    if not size > 0.0:
        return -1
    fraction, exponent = frexp(size)
    place = (exponent - _LOWEST_EXPONENT) * _A_OCTAVE + int((fraction - 0.5) * 2 * _A_OCTAVE)
    return min(place, N_BINS - 1) if place >= 0 else -1


@compiled
def edge_of(place: int) -> float:
    """Return the lower edge of a bin."""
    fraction = 0.5 + place % _A_OCTAVE / (2.0 * _A_OCTAVE)
    return ldexp(fraction, place // _A_OCTAVE + _LOWEST_EXPONENT)


@compiled
def _quantiles(row: AnyArray, sizes: int, n: float) -> tuple[float, float, float]:
    """Return the sizes that the three shares of `n` deviations exceed; 0 where they are nothing."""
    inner = middle = outer = above = 0.0
    wanted, level = _OUTER * n, 2
    for place in range(N_BINS - 1, -1, -1):
        count = row[sizes + place]
        while level >= 0 and count > 0.0 and above + count >= wanted:
            top, bottom = edge_of(place + 1), edge_of(place)
            found = top - (wanted - above) / count * (top - bottom)
            if level == 2:
                outer, wanted = found, _MIDDLE * n
            elif level == 1:
                middle, wanted = found, _INNER * n
            else:
                inner = found
            level -= 1
        if level < 0:
            break
        above += count
    return inner, middle, outer


@compiled
def fit_tail(row: AnyArray, sizes: int, n: float, exact: FloatArray, tail: int) -> None:
    """Write a tail from the counts of the sizes of `n` deviations; those not counted were nothing.

    Where most deviations are nothing (a series that rests at one value), the rest alone are
    looked at, and their share is remembered.
    """
    some = 0.0
    for place in range(N_BINS):
        some += row[sizes + place]
    if some <= 0.0:
        write_tail(exact, tail, _NEVER_MOVED, 2.0, _NEVER_MOVED_SHARE)
        return
    share = 1.0
    if some < (1.0 - _RESTING) * n:
        share, n = some / n, some
    inner, middle, outer = _quantiles(row, sizes, n)
    first = max(middle - inner, 1e-3 * middle + 1e-12)
    second = max(outer - middle, 1e-12)
    trust = n * _OUTER / (n * _OUTER + _SHAPE_TRUST)
    shape = trust * log(second / first) / log(_MIDDLE / _OUTER) + (1.0 - trust) * _SHAPE_PRIOR
    shape = min(max(shape, _LEAST_SHAPE), _LARGEST_SHAPE)
    reach = (_MIDDLE / _INNER) ** -shape - 1.0
    scale = max((middle - inner) * shape / reach, _LEAST_SCALE * middle, 1e-9)
    write_tail(exact, tail, (inner, scale, shape), outer, share)


@compiled
def write_tail(
    exact: FloatArray, tail: int, pareto: tuple[float, float, float], outer: float, share: float
) -> None:
    """Write a tail: where it begins, its scale and shape; the outer quantile; who moves at all.

    Up to the outer quantile a straight line stands for the tail: sizes that ordinary are many.
    """
    start, scale, shape = pareto
    exact[tail + FROM], exact[tail + SCALE], exact[tail + SHAPE] = pareto
    exact[tail + OUTER] = outer = max(outer, start + 1e-9)
    exact[tail + SHARE] = share
    exact[tail + BODY] = -log10(_INNER * share)
    exact[tail + REACH] = log1p(shape * (outer - start) / scale) / shape * _PER_DECADE


@compiled
def size_decades(size: float, exact: FloatArray, tail: int, moving: float) -> float:
    """Return how rare a size is, in decades of samples; it rises for ever.

    `moving` is the share of samples that deviate at all nowadays.
    """
    start, outer = float(exact[tail + FROM]), float(exact[tail + OUTER])
    body, reach = float(exact[tail + BODY]), float(exact[tail + REACH])
    if moving > exact[tail + SHARE]:
        body = -log10(_INNER * moving)
    if size <= start:
        return body * size / start if start > 0.0 else body
    if size <= outer:
        return body + reach * (size - start) / (outer - start)
    shape, scale = float(exact[tail + SHAPE]), float(exact[tail + SCALE])
    return body + log1p(shape * (size - start) / scale) / shape * _PER_DECADE


def seconds_of(decades: FloatArray) -> FloatArray:
    """Return 10 to the power of `decades`: rising for ever, and never infinite."""
    bounded = np.where(decades > 300.0, 300.0 + np.arctan(decades - 300.0), decades)
    out: FloatArray = np.power(10.0, bounded)
    return out
