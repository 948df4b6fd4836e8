"""Rarity: from a statistic without a unit to the return period of an episode that reaches it.

Below the tail threshold the rate of clusters is counted. Above it, declustered peaks follow a
generalised Pareto distribution (Pickands 1975; Davison and Smith 1990). Its two parameters are
not estimated but averaged over their posterior on a grid, so that the return period is a
*predictive* one: with little history the tail is heavy, because it may be. The shape's prior is
learned from all series of the signal. Clusters far outside anything that the rest supports are
incidents of the past and do not shape the tail.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray
from forewarn_models.kernels import cluster_peaks, read_tail

_SHAPES = np.linspace(-0.3, 0.6, 13) + 1e-4  # off zero, where the formula needs a limit
_SCALES = np.linspace(-1.0, 1.0, 11)  # times the posterior's width, in logarithms
_SHAPE_PRIOR = (0.05, 0.15)  # mean and spread: light to moderate tails
_DECADE = 1.0 / np.log(10.0)  # mean excess of a statistic in decades of rarity, when exact
_SCALE_PRIOR_SPREAD = 1.0
_BELOW = np.array([0.5, 0.7, 0.8, 0.9, 0.95, 0.98])
# The statistic is in decades of rarity; a history calmer than half of that is not believed.
_CALMEST = 0.5 * (-np.log10(0.5) - np.log10(1.0 - _BELOW))
_MOST_EXCEEDANCES = 4_000
_LEAST_EXCEEDANCES = 10
_EXCESS = np.concatenate([np.geomspace(0.1, 1e4, 31)])
_GROSS_SHAPE = 0.3  # beyond what even such a tail gives once in twenty histories: an incident
_POOLED_FROM = 5  # series needed before their common shape says more than the prior


@dataclass(frozen=True, eq=False)
class Exceedances:
    """What the healthy history says of each row.

    Args:
        knots: (n_rows, n_levels) rising levels of the statistic; the last is the tail threshold.
        rates: (n_rows, n_levels) clusters a second that exceed each level, never rising.
        peaks: (n_rows, n) declustered peaks above the threshold, NaN where there are fewer.
        exposure_seconds: (n_rows,) how long the row was watched; 0 means it is not trained.
    """

    knots: FloatArray
    rates: FloatArray
    peaks: FloatArray
    exposure_seconds: FloatArray


@dataclass(frozen=True, eq=False)
class Tails:
    """Return periods by level, one row each; NaN rows cannot say.

    Args:
        knots: (n_rows, n_knots) strictly rising levels of the statistic.
        log_seconds: (n_rows, n_knots) natural logarithm of the return period at each.
        power: (n_rows,) how it goes on beyond the last knot, for each e-fold of the level.
    """

    knots: FloatArray
    log_seconds: FloatArray
    power: FloatArray

    def arrays(self) -> dict[str, AnyArray]:
        """Return everything that is learned, by name."""
        return {"knots": self.knots, "log_seconds": self.log_seconds, "power": self.power}

    def return_period_seconds(self, statistic: FloatArray) -> FloatArray:
        """Return the return period of each cell of `statistic` (n_rows, n_times)."""
        logarithm = read_tail(statistic, self.knots, self.log_seconds, self.power)
        seconds: FloatArray = np.exp(np.minimum(logarithm, 700.0 + np.arctan(logarithm - 700.0)))
        return seconds


def tails_of(arrays: Mapping[str, AnyArray]) -> Tails:
    """Return the tails whose `arrays` these are."""
    return Tails(arrays["knots"], arrays["log_seconds"], arrays["power"])


def cluster_gap(step_seconds: float) -> int:
    """Return the quiet steps that part two episodes: half an hour, at least six steps."""
    return max(6, int(np.ceil(1800.0 / step_seconds)))


def exceedances(statistic: FloatArray, *, step_seconds: float, least: int) -> Exceedances:
    """Return the clusters of `statistic` (n_rows, n_times), an out-of-sample one; NaN is a gap.

    Rows with fewer than `least` values are not trained.
    """
    counts = np.isfinite(statistic).sum(axis=1)
    exposure = np.where(counts >= least, counts * step_seconds, 0.0)
    knots = np.maximum(_levels(statistic, counts), _CALMEST)
    gap = cluster_gap(step_seconds)
    nothing = np.empty((len(statistic), 0))
    totals = np.column_stack(
        [cluster_peaks(statistic, knots[:, level], gap, nothing) for level in range(len(_BELOW))]
    )
    # at low levels clusters melt into one another: the rate of a level is at least that above it
    most = np.maximum.accumulate(totals[:, ::-1], axis=1)[:, ::-1]
    peaks = np.full((len(statistic), int(totals[:, -1].max(initial=0))), np.nan)
    cluster_peaks(statistic, knots[:, -1], gap, peaks)
    rates = (most + 0.5) / np.maximum(exposure, step_seconds)[:, None]
    rates[:, 0] = np.maximum(rates[:, 1], 1.0 / step_seconds)  # what is ordinary is always there
    return Exceedances(knots, rates, peaks, exposure)


def together(parts: list[Exceedances]) -> Exceedances:
    """Return the rows of several parts, one after the other."""
    width = max(part.peaks.shape[1] for part in parts)
    peaks = [
        np.pad(p.peaks, ((0, 0), (0, width - p.peaks.shape[1])), constant_values=np.nan)
        for p in parts
    ]
    return Exceedances(
        np.concatenate([p.knots for p in parts]),
        np.concatenate([p.rates for p in parts]),
        np.concatenate(peaks),
        np.concatenate([p.exposure_seconds for p in parts]),
    )


def fit_tails(healthy: Exceedances, *, excess_scale: float = _DECADE) -> Tails:
    """Return the return periods of all rows; `excess_scale` is the mean excess to expect."""
    threshold = healthy.knots[:, -1]
    excess = _without_incidents(np.sort(healthy.peaks - threshold[:, None], axis=1))
    weights, scales = _posterior(excess, excess_scale)
    typical = np.sum(weights * scales, axis=(1, 2))
    beyond = typical[:, None] * _EXCESS
    survival = _survival(beyond, weights, scales)
    log_above = -np.log(healthy.rates[:, -1:]) - np.log(survival)
    knots = np.concatenate([healthy.knots, threshold[:, None] + beyond], axis=1)
    log_seconds = np.concatenate([-np.log(healthy.rates), log_above], axis=1)
    return _finished(knots, log_seconds, healthy.exposure_seconds > 0)


def _finished(knots: FloatArray, log_seconds: FloatArray, is_trained: AnyArray) -> Tails:
    """Return tails whose knots rise strictly and whose untrained rows are NaN."""
    nudge = 1e-9 * (1.0 + np.abs(knots[:, -1:])) * np.arange(knots.shape[1])
    knots = np.maximum.accumulate(knots, axis=1) + nudge
    log_seconds = np.maximum.accumulate(log_seconds, axis=1)
    span = np.log(knots[:, -1] - knots[:, 0]) - np.log(knots[:, -2] - knots[:, 0])
    power = (log_seconds[:, -1] - log_seconds[:, -2]) / span
    bad = ~is_trained
    knots[bad], log_seconds[bad], power[bad] = np.nan, np.nan, np.nan
    return Tails(knots, log_seconds, power)


def _levels(statistic: FloatArray, counts: AnyArray) -> FloatArray:
    """Return the levels of each row, the last of them the tail threshold.

    The threshold is the 98 % quantile, lower where that leaves too few exceedances and higher
    where it leaves needlessly many, and never further out than the body of the row supports: a
    long incident in the history must not hide in it.
    """
    ordered = np.sort(statistic, axis=1)  # NaN last
    n = np.maximum(counts, 1)
    top = np.clip(1.0 - _LEAST_EXCEEDANCES / n, 0.5, _BELOW[-1])
    top = np.maximum(top, 1.0 - _MOST_EXCEEDANCES / n)
    shares = np.concatenate([np.minimum(_BELOW[:-1], top[:, None]), top[:, None]], axis=1)
    place = np.floor(shares * (n[:, None] - 1)).astype(np.int64)
    levels = np.nan_to_num(np.take_along_axis(ordered, place, axis=1))
    half, tenth = levels[:, 0], levels[:, 3]
    reach = np.where(tenth > half, tenth + 3.0 * (tenth - half), np.inf)
    levels[:, -1] = np.minimum(levels[:, -1], reach)
    out: FloatArray = np.minimum(levels, levels[:, -1:])
    return out


def _without_incidents(excess: FloatArray) -> FloatArray:
    """Return excesses without the gross ones: at most a tenth of a row's clusters, or three."""
    n = np.isfinite(excess).sum(axis=1)
    if excess.shape[1] == 0:
        return excess
    middle = excess[np.arange(len(excess)), np.maximum((n - 1) // 2, 0)]
    reach = ((20.0 * np.maximum(n, 1)) ** _GROSS_SHAPE - 1.0) / (2.0**_GROSS_SHAPE - 1.0)
    is_gross = excess > (middle * reach)[:, None]
    allowed = np.minimum(np.maximum(3, n // 10), n // 4)
    rank_from_top = n[:, None] - np.arange(excess.shape[1])
    out: FloatArray = np.where(is_gross & (rank_from_top <= allowed[:, None]), np.nan, excess)
    return out


def _posterior(excess: FloatArray, excess_scale: float) -> tuple[FloatArray, FloatArray]:
    """Return weights and scales, (n_rows, n_shapes, n_scales) each.

    The first pass uses a weak prior of the shape; the second the one that the rows share.
    """
    fit, scales = _log_likelihoods(excess, excess_scale)
    weights = _weights(fit, *_SHAPE_PRIOR)
    n = np.isfinite(excess).sum(axis=1)
    informed = n >= 20
    if informed.sum() < _POOLED_FROM:
        return weights, scales
    own = np.sum(weights * _SHAPES[None, :, None], axis=(1, 2))[informed]
    common = float(np.median(own))
    apart = float(1.4826 * np.median(np.abs(own - common)))
    return _weights(fit, common, max(apart, 0.08)), scales


def _weights(fit: FloatArray, mean: float, spread: float) -> FloatArray:
    logarithm = fit - 0.5 * ((_SHAPES[None, :, None] - mean) / spread) ** 2
    logarithm = logarithm - logarithm.max(axis=(1, 2), keepdims=True)
    # no shape is ever ruled out: the tail stays open beyond a finite end point
    weights = np.exp(logarithm) + 1e-12
    out: FloatArray = weights / weights.sum(axis=(1, 2), keepdims=True)
    return out


def _log_likelihoods(excess: FloatArray, excess_scale: float) -> tuple[FloatArray, FloatArray]:
    n = np.isfinite(excess).sum(axis=1)
    known = np.nan_to_num(excess)
    mean = (known.sum(axis=1) + 2.0 * excess_scale) / (n + 2.0)
    prior = np.log(np.where(n > 0, mean, excess_scale))
    width = np.minimum(2.0, 4.0 / np.sqrt(n + 2.0))
    shape = (len(excess), len(_SHAPES), len(_SCALES))
    fit, scales = np.empty(shape), np.empty(shape)
    for i, xi in enumerate(_SHAPES):
        middle = np.log(_best_scale(known, n, mean, float(xi)))
        for j, step in enumerate(_SCALES):
            log_scale = middle + width * step
            scales[:, i, j] = np.exp(log_scale)
            fit[:, i, j] = _log_likelihood(known, n, np.exp(log_scale), float(xi))
            fit[:, i, j] -= 0.5 * ((log_scale - prior) / _SCALE_PRIOR_SPREAD) ** 2
    return fit, scales


def _best_scale(known: FloatArray, n: AnyArray, mean: FloatArray, xi: float) -> FloatArray:
    """Return the scale of the largest likelihood at one shape, by its fixed point."""
    scale: FloatArray = mean * (1.0 - xi)
    largest = known.max(axis=1, initial=0.0)
    for _ in range(8):
        scale = np.maximum(scale, -1.001 * xi * largest)
        ratio = known / (scale[:, None] + xi * known)
        better = (1.0 + xi) / np.maximum(n, 1) * scale * ratio.sum(axis=1)
        scale = np.where((n > 0) & (better > 0), better, scale)
    out: FloatArray = np.maximum(scale, np.maximum(-1.001 * xi * largest, 1e-300))
    return out


def _log_likelihood(known: FloatArray, n: AnyArray, scale: FloatArray, xi: float) -> FloatArray:
    inside = 1.0 + xi * known / scale[:, None]
    is_possible = (inside > 0).all(axis=1)
    total = np.log(np.where(inside > 0, inside, 1.0)).sum(axis=1)
    fit = -n * np.log(scale) - (1.0 + 1.0 / xi) * total
    out: FloatArray = np.where(is_possible, fit, -1e12)
    return out


def _survival(excess: FloatArray, weights: FloatArray, scales: FloatArray) -> FloatArray:
    """Return the predictive probability that a peak exceeds `excess` (n_rows, n)."""
    total = np.zeros_like(excess)
    for i, xi in enumerate(_SHAPES):
        for j in range(len(_SCALES)):
            inside = np.maximum(1.0 + xi * excess / scales[:, i, j, None], 0.0)
            with np.errstate(divide="ignore"):
                total += weights[:, i, j, None] * inside ** (-1.0 / xi)
    return total
