"""Noise that is a pure function of absolute time, so that two programs agree on every sample.

A counter-based generator: the random number of a slot is a hash of (seed, stream, slot), never a
step of hidden state. A back-fill of last week and an exporter that runs now therefore continue one
another, at any step, in any order. The hash is SplitMix64 (Steele, Lea and Flood, "Fast splittable
pseudorandom number generators", OOPSLA 2014).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from forewarn_models.arrays import FloatArray, IntegerArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)

# Correlation times and shares of the variance: mostly fresh noise at each second, the rest in
# waves of a minute, a quarter of an hour and three hours, as load on real services has.
_OCTAVES_MILLISECONDS = (1_000, 60_000, 900_000, 10_800_000)
_VARIANCE_SHARES = (0.4, 0.2, 0.2, 0.2)


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))


def uniform_of_slot(slots: IntegerArray, *, seed: int, stream: int) -> FloatArray:
    """Return one number in (0, 1) for each slot; the same slot, seed and stream give the same.

    >>> uniform_of_slot(np.array([5, 6, 5]), seed=1, stream=0).round(3)
    array([0.638, 0.188, 0.638])
    """
    key = np.array([(seed * 0x1_0000 + stream) % 2**64], dtype=np.uint64)
    with np.errstate(over="ignore"):
        start = _mixed(key * _GOLDEN + _GOLDEN)
        bits = _mixed(_mixed(slots.astype(np.uint64) * _GOLDEN + start))
    uniform: FloatArray = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    return uniform


def normal_of_slot(slots: IntegerArray, *, seed: int, stream: int) -> FloatArray:
    """Return one standard normal number for each slot."""
    normal: FloatArray = ndtri(uniform_of_slot(slots, seed=seed, stream=stream))
    return normal


def noise_at(times_milliseconds: IntegerArray, *, seed: int) -> FloatArray:
    """Return noise of mean 0 and variance 1 at each time, correlated over seconds to hours.

    It is a sum of independent parts, one for each correlation time: normal numbers on a lattice,
    joined by straight lines whose weights are scaled so that the variance is the same everywhere.
    The finest part is constant within a second.
    """
    total = np.zeros(len(times_milliseconds))
    parts = zip(_OCTAVES_MILLISECONDS, _VARIANCE_SHARES, strict=True)
    for stream, (octave_milliseconds, share) in enumerate(parts):
        slot = times_milliseconds // octave_milliseconds
        left = normal_of_slot(slot, seed=seed, stream=stream)
        if stream > 0:
            weight = (times_milliseconds % octave_milliseconds) / octave_milliseconds
            right = normal_of_slot(slot + 1, seed=seed, stream=stream)
            left = ((1 - weight) * left + weight * right) / np.hypot(1 - weight, weight)
        total += np.sqrt(share) * left
    return total
