"""Which patterns changed most in a window of time, against the time before it.

How many lines come in the window, if nothing changed, has a negative binomial distribution: that of
a Poisson count whose rate is known from the lines before only, and which comes in bursts besides.
The rarer the count, above or below, the higher the score. A load that grows for all patterns alike
is no change: a pattern must be rare both at the rate that it had and at its share of the lines.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaln

from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.errors import DataError

# Added to the lines before: a pattern that had none may have been about to come (Jeffreys' prior).
_HALF = 0.5
# Variance of the rate between windows over its mean squared, and how many windows this is worth.
_BURSTS, _BURSTS_TRUST = 0.1, 4.0
_MOST_BURSTS = 4.0
_UNCHANGED = 2.0  # typical patterns that count as unchanged when it is asked how the load grew
_NEW_SCORE = 2.0  # from which on a pattern without lines before is new and not just seldom
_NEARLY_ONE = 0.999
_LEAST = 1e-290  # below it probabilities are known by their logarithm alone


@dataclass(frozen=True, eq=False)
class Changes:
    """How patterns changed, n of them.

    Args:
        score: (n,) decades: 2 = one of a hundred such windows would differ as much by chance.
        ratio: (n,) lines in the window over those that were to be expected there at the load of
            the window.
        is_new: (n,) whether the pattern was not there before.
        order: (n,) places of the patterns: new ones first, then by score; among equals those with
            more lines in the window, then as they came.
    """

    score: FloatArray
    ratio: FloatArray
    is_new: BooleanArray
    order: IntegerArray


def rank_changes(
    before: FloatArray,
    during: FloatArray,
    *,
    before_seconds: float,
    during_seconds: float,
    group: IntegerArray | None = None,
    is_new: BooleanArray | None = None,
) -> Changes:
    """Return how the counts of patterns changed from the time before a window to the window.

    Args:
        before: (n,) lines of each pattern before, or (n, parts) those of equal parts of that time,
            from which it is seen how much a pattern bursts by itself.
        during: (n,) lines of each pattern in the window.
        before_seconds: how long the time before is, all parts together.
        during_seconds: how long the window is.
        group: (n,) patterns of the same group, from 0, have a load of their own, as services do.
        is_new: (n,) patterns that are known to be new; without it those are that had no line
            before and are rarer in the window than one in a hundred.

    Raises DataError when counts are negative or not finite, or a time is not longer than zero.

    >>> rank_changes(
    ...     np.array([600, 12, 0, 30]), np.array([105, 90, 8, 0]),
    ...     before_seconds=3600, during_seconds=600,
    ... ).order
    array([2, 1, 3, 0])
    """
    parts = np.asarray(before, dtype=np.float64)
    parts = parts[:, None] if parts.ndim == 1 else parts
    during = np.asarray(during, dtype=np.float64)
    _check(parts, during, before_seconds, during_seconds)
    total = parts.sum(axis=1)
    group = np.zeros(len(total), dtype=np.int64) if group is None else group
    expected = (total + _HALF) * (during_seconds / before_seconds)
    load = _loads(total, during / expected, group)[group]
    shape = 1.0 / (1.0 / (total + _HALF) + _bursts(parts))
    score = np.minimum(_decades(during, expected, shape), _decades(during, load * expected, shape))
    if is_new is None:
        is_new = (total == 0.0) & (during > 0.0) & (score >= _NEW_SCORE)
    order = np.lexsort((-during, -score, ~is_new))
    return Changes(score, during / (load * expected), is_new, order)


def _check(
    parts: FloatArray, during: FloatArray, before_seconds: float, during_seconds: float
) -> None:
    if len(parts) != len(during):
        raise DataError(
            f"there must be counts before and during for each pattern, got {len(parts)} and "
            f"{len(during)}"
        )
    for counts in (parts, during):
        if not (np.isfinite(counts) & (counts >= 0.0)).all():
            raise DataError("counts of lines must be finite and not below 0")
    for name, seconds in (("before", before_seconds), ("during", during_seconds)):
        if not 0.0 < seconds < np.inf:
            raise DataError(f"{name}_seconds must be longer than zero and finite, got {seconds:g}")


def _bursts(parts: FloatArray) -> FloatArray:
    """Return the variance of each pattern's rate between parts, over its mean squared.

    It is drawn to what is usual of all patterns where one has few lines or there are few parts.
    """
    n_parts = parts.shape[1]
    if n_parts < 2:
        return np.full(len(parts), _BURSTS)
    mean = np.maximum(parts.mean(axis=1), 1e-9)
    seen = np.maximum((parts.var(axis=1, ddof=1) - mean) / mean**2, 0.0)
    trust = (n_parts - 1) * mean / (1.0 + mean)
    seen = np.minimum(seen, _MOST_BURSTS)
    usual = (trust @ seen + _BURSTS_TRUST * _BURSTS) / (trust.sum() + _BURSTS_TRUST)
    bursts: FloatArray = (trust * seen + _BURSTS_TRUST * usual) / (trust + _BURSTS_TRUST)
    return bursts


def _loads(total: FloatArray, ratio: FloatArray, group: IntegerArray) -> FloatArray:
    """Return how many times as much each group says as before: a weighted median of its patterns.

    A pattern weighs as the root of its lines before, so that what floods the window decides little.
    """
    n_groups = int(group.max(initial=-1)) + 1
    weight = np.sqrt(total)
    of_group = np.bincount(group, weight, n_groups)
    typical = of_group / np.maximum(np.bincount(group, weight > 0.0, n_groups), 1.0)
    group = np.concatenate([group, np.arange(n_groups)])
    ratio = np.concatenate([ratio, np.ones(n_groups)])
    weight = np.concatenate([weight, _UNCHANGED * typical + 1e-9])
    order = np.lexsort((ratio, group))
    group, ratio, weight = group[order], ratio[order], weight[order]
    summed = np.cumsum(weight)
    ends = np.searchsorted(group, np.arange(n_groups), side="right") - 1
    begun = np.concatenate([[0.0], summed[ends[:-1]]]) if n_groups else np.empty(0)
    half = (begun + summed[ends]) / 2.0
    loads: FloatArray = ratio[np.minimum(np.searchsorted(summed, half), ends)]
    return np.maximum(loads, 1e-3)


def _decades(count: FloatArray, expected: FloatArray, shape: FloatArray) -> FloatArray:
    """Return how rare a count is, to both sides, under a negative binomial distribution."""
    share = expected / (expected + shape)
    above = np.where(count > 0.0, _log10_tail(np.maximum(count, _HALF), shape, share), 0.0)
    below = _log10_tail(shape, count + 1.0, 1.0 - share)
    decades: FloatArray = np.maximum(-np.log10(2.0) - np.minimum(above, below), 0.0)
    return decades


def _log10_tail(first: FloatArray, second: FloatArray, share: FloatArray) -> FloatArray:
    """Return the logarithm of the regularised incomplete beta function, however small it is."""
    tail = betainc(first, second, share)
    leading = first * np.log(share) + second * np.log1p(-share)
    leading -= np.log(first) + betaln(first, second)
    # Each further term of the series is at most so many times the one before it.
    leading -= np.log1p(-np.minimum((first + second) / (first + 1.0) * share, _NEARLY_ONE))
    near = np.log10(np.maximum(tail, _LEAST))
    logarithm: FloatArray = np.where(tail > _LEAST, near, leading / np.log(10.0))
    return logarithm
