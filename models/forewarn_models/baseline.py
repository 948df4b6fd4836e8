"""The robust seasonal baseline: a profile for each season, spreads, and a level carried live.

expected = profile(phase) + level. The profile is a table of medians by phase; the level is an
exponentially weighted mean with Huber's bend (Huber 1964), which opens only when deviations stay
on one side for hours. Good at cycles and slow drifts; what moves without a cycle is followed, not
foreseen. Cost: a few passes over the history for each season that is tried.
"""

from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import AnyArray, BooleanArray, FloatArray, IntegerArray
from forewarn_models.kernels import (
    CHANGE,
    FAST,
    GAP,
    LEVEL,
    N_CARRY,
    RESIDUAL,
    Clock,
    Gains,
    Tables,
    bin_medians,
    follow,
)
from forewarn_models.seasons import NO_SEASON, Season, clock_of

_GAUSSIAN = 1.4826  # a median absolute deviation of a Gaussian, in standard deviations
_TRUST = 20.0  # a bin's own spread counts as much as the whole row's from this many samples on
_TRIANGLE = np.array([1.0, 2.0, 3.0, 2.0, 1.0])
_KEPT_APART = 4.0  # standard errors by which a phase must stand out to be left unsmoothed
_LEAST_SAMPLES = 15
_WORTH = 0.97  # a season must lower the error on unseen data at least this far
_OF_CONSTANT = 1e-3
_FLOOR = 1e-9  # the least spread, relative to the largest value: the precision of the arithmetic


@dataclass(frozen=True, eq=False)
class Profile:
    """What one season's fit learned: one row a series.

    Args:
        season: whose bins the columns are.
        center: (n_series, n_segments * n_bins), around zero; NaN rows have too little history.
        spread: (n_series, n_segments * n_spread_bins) of the residual.
        fast_spread: the same of the change against the fast level.
        first: (n_series, N_CARRY) the carry before the history.
        carry: (n_series, N_CARRY) the carry at its end.
    """

    season: Season
    center: FloatArray
    spread: FloatArray
    fast_spread: FloatArray
    first: FloatArray
    carry: FloatArray

    @property
    def tables(self) -> Tables:
        rows = np.arange(len(self.center))
        return Tables(
            np.zeros(len(rows), np.int64),
            rows * self.center.shape[1],
            np.ascontiguousarray(self.center).ravel(),
            rows * self.spread.shape[1],
            np.ascontiguousarray(self.spread).ravel(),
            np.ascontiguousarray(self.fast_spread).ravel(),
        )


def gains_of(step_milliseconds: int) -> Gains:
    """Return the gains of a step: the level forgets in hours, the fast level in minutes."""
    step = step_milliseconds / 1000.0

    def gain(seconds: float, least_steps: float) -> float:
        return float(-np.expm1(-step / max(seconds, least_steps * step)))

    fast_seconds, fast_steps = 600.0, 5.0
    return Gains(
        level=gain(4 * 3600.0, 30.0),
        level_run=gain(3600.0, 15.0),
        fast=gain(fast_seconds, fast_steps),
        fast_run=gain(fast_seconds / 2.0, 3.0),
        features=gain(1800.0, 10.0),
        reset_after=max(fast_seconds / step, fast_steps),
    )


def fit_profile(
    values: FloatArray, times: IntegerArray, season: Season, *, step_milliseconds: int
) -> Profile:
    """Return the profile of `values` (n_series, n_times; NaN is a gap) in one season."""
    clock = clock_of((season,), times, step_milliseconds)
    gains, least = gains_of(step_milliseconds), _least(values)[:, None]
    center = _center(values, times, season, clock)
    rest = values - _at(center, clock)
    first = _first_carry(rest)
    nearly = rest - _local(rest, times)
    rough = np.maximum(_spread(nearly, np.zeros(len(times), np.int64)), least)
    flat = np.repeat(rough, _n_spread(season), axis=1)
    carry = first.copy()
    guess = Profile(season, center, flat, flat, first, carry)
    _, _, features = follow(values, guess.tables, clock, gains, carry)
    spread, fast = (
        np.maximum(
            _spread(features[..., view] * rough, clock.spread[0], n_bins=flat.shape[1]), least
        )
        for view in (RESIDUAL, CHANGE)
    )
    carry = first.copy()
    profile = Profile(season, center, spread, fast, first, carry)
    follow(values, profile.tables, clock, gains, carry)
    return profile


def outlook(
    profile: Profile,
    values: FloatArray,
    times: IntegerArray,
    carry: FloatArray,
    *,
    step_milliseconds: int,
) -> tuple[FloatArray, FloatArray]:
    """Return what a profile expects of `values`, from `carry` on, and their features."""
    clock = clock_of((profile.season,), times, step_milliseconds)
    gains = gains_of(step_milliseconds)
    expected, _, features = follow(values, profile.tables, clock, gains, carry.copy())
    return expected, features


def choose_season(
    values: FloatArray, times: IntegerArray, seasons: tuple[Season, ...], *, step_milliseconds: int
) -> IntegerArray:
    """Return, for each row, which season foretells the last third best after the first two.

    A season wins over a simpler one only where it is clearly better, so that a row without a
    cycle has none.
    """
    cut = int(len(times) * 0.65)
    best = np.zeros(len(values), dtype=np.int64)
    least = np.full(len(values), np.inf)
    for place, season in enumerate(seasons if len(seasons) > 1 else ()):
        profile = fit_profile(
            values[:, :cut], times[:cut], season, step_milliseconds=step_milliseconds
        )
        loss = _loss(profile, values[:, cut:], times[cut:], step_milliseconds)
        is_better = loss < _WORTH * least
        best[is_better], least[is_better] = place, loss[is_better]
    return best


def _loss(
    profile: Profile, values: FloatArray, times: IntegerArray, step_milliseconds: int
) -> FloatArray:
    """Return the mean absolute error of each row, its largest twentieth left out."""
    expected, _ = outlook(
        profile, values, times, profile.carry, step_milliseconds=step_milliseconds
    )
    error = np.sort(np.abs(values - expected), axis=1)  # NaN last
    kept = np.floor(0.95 * np.isfinite(error).sum(axis=1)).astype(np.int64)
    total = np.cumsum(np.nan_to_num(error), axis=1)[np.arange(len(error)), np.maximum(kept - 1, 0)]
    loss: FloatArray = np.where(kept > 0, total / np.maximum(kept, 1), np.inf)
    return loss


def joined(profiles: list[tuple[IntegerArray, Profile]], seasons: tuple[Season, ...]) -> Tables:
    """Return the tables of profiles of several seasons; each comes with the rows it is of."""
    n = sum(len(rows) for rows, _ in profiles)
    kind, place, spread_place = (np.zeros(n, np.int64) for _ in range(3))
    flat: list[list[AnyArray]] = [[], [], []]
    used = spread_used = 0
    for rows, profile in profiles:
        own = profile.tables
        kind[rows] = seasons.index(profile.season)
        place[rows], spread_place[rows] = own.place + used, own.spread_place + spread_used
        used, spread_used = used + len(own.center), spread_used + len(own.spread)
        for held, array in zip(flat, (own.center, own.spread, own.fast_spread), strict=True):
            held.append(array)
    center, spread, fast = (np.concatenate(held) for held in flat)
    return Tables(kind, place, center, spread_place, spread, fast)


def _n_spread(season: Season) -> int:
    return season.n_segments * season.n_spread_bins


def _center(values: FloatArray, times: IntegerArray, season: Season, clock: Clock) -> FloatArray:
    """Return the profile around zero; rows with next to nothing are NaN."""
    has_any = np.isfinite(values).sum(axis=1) >= _LEAST_SAMPLES
    if season == NO_SEASON:
        return np.where(has_any, 0.0, np.nan)[:, None]
    n_bins = season.n_segments * season.n_bins
    # bins as samples fall in them; the reading side draws lines between their middles
    bins = np.where(clock.weight[0] > 0.5, clock.upper[0], clock.lower[0])
    level = _along_cycles(values, times, season)
    medians, counts = _by_bin(values - level, bins, n_bins)
    spread = _spread(values - level - medians[:, bins], np.zeros(len(times), np.int64))
    error = 1.25 * spread / np.sqrt(np.maximum(counts, 1.0))
    shape = (len(values), season.n_segments, season.n_bins)
    smooth = _smoothed(medians.reshape(shape), counts.reshape(shape)).reshape(medians.shape)
    stands_out = np.abs(medians - smooth) > _KEPT_APART * error
    center = np.where(stands_out, medians, smooth)
    center = np.nan_to_num(center)
    center[~has_any] = np.nan
    return center


def _smoothed(medians: FloatArray, counts: FloatArray) -> FloatArray:
    """Return medians averaged with their neighbours around the cycle; empty bins are filled."""
    if medians.shape[-1] < 24:
        return medians
    known = (counts > 0).astype(np.float64)
    total, weight = np.zeros_like(medians), np.zeros_like(medians)
    for offset, share in enumerate(_TRIANGLE, start=-2):
        total += share * np.roll(np.nan_to_num(medians), offset, axis=-1)
        weight += share * np.roll(known, offset, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        smooth: FloatArray = total / weight
    return smooth


def _at(center: FloatArray, clock: Clock) -> FloatArray:
    weight = clock.weight[0]
    out: FloatArray = (1.0 - weight) * center[:, clock.lower[0]] + weight * center[
        :, clock.upper[0]
    ]
    return out


def _along_cycles(values: FloatArray, times: IntegerArray, season: Season) -> FloatArray:
    """Return a line through the medians of the cycles, each at its cycle's middle.

    Cycles are counted back from the end, so that the newest one is whole. Beyond the outer middles
    the line goes on with the median slope: a trend must not pass for a jump where a cycle ends.
    """
    length = season.block_milliseconds
    place = (times[-1] - times) / length - 0.5
    medians, _ = _by_bin(values, (times[-1] - times) // length, int(place[0] + 0.5) + 1)
    medians = _filled(medians)
    slopes = np.diff(medians, axis=1)
    slope = np.median(slopes, axis=1) if slopes.shape[1] else np.zeros(len(medians))
    last = medians.shape[1] - 1
    lower = np.clip(np.floor(place).astype(np.int64), 0, max(last - 1, 0))
    inside = np.clip(place, 0.0, last) - lower
    line = medians[:, lower] + inside * (
        medians[:, np.minimum(lower + 1, last)] - medians[:, lower]
    )
    out: FloatArray = line + slope[:, None] * (place - np.clip(place, 0.0, last))
    return out


def _filled(medians: FloatArray) -> FloatArray:
    """Return medians whose gaps hold the nearest known one; a row without any is zero."""
    n = medians.shape[1]
    known = np.isfinite(medians)
    before = np.maximum.accumulate(np.where(known, np.arange(n), -1), axis=1)
    after = np.minimum.accumulate(np.where(known, np.arange(n), n)[:, ::-1], axis=1)[:, ::-1]
    to_before = np.where(before >= 0, np.arange(n) - before, 2 * n)
    to_after = np.where(after < n, after - np.arange(n), 2 * n)
    nearest = np.where(to_before <= to_after, before, after)
    nearest = np.clip(nearest, 0, n - 1)
    return np.nan_to_num(np.take_along_axis(medians, nearest, axis=1))


def _local(values: FloatArray, times: IntegerArray) -> FloatArray:
    """Return the median of a short stretch at each of its columns."""
    length = max(30, len(times) // 200)
    block = (len(times) - 1 - np.arange(len(times))) // length
    medians, _ = _by_bin(values, block, int(block.max()) + 1)
    out: FloatArray = medians[:, block]
    return out


def _by_bin(values: FloatArray, bins: IntegerArray, n_bins: int) -> tuple[FloatArray, FloatArray]:
    order = np.argsort(bins, kind="stable")
    starts = np.searchsorted(bins[order], np.arange(n_bins + 1))
    medians, counts = bin_medians(values, order, starts)
    return medians, counts


def _first_carry(rest: FloatArray) -> FloatArray:
    """Return the carry before the history: the level of the first values of each row."""
    carry = np.zeros((len(rest), N_CARRY))
    is_early: BooleanArray = np.cumsum(np.isfinite(rest), axis=1) <= 30
    medians, _ = _by_bin(
        np.where(is_early, rest, np.nan), np.zeros(rest.shape[1], dtype=np.int64), 1
    )
    carry[:, LEVEL] = carry[:, FAST] = np.nan_to_num(medians[:, 0])
    carry[:, GAP] = np.inf
    return carry


def _least(values: FloatArray) -> FloatArray:
    """Return the least spread that a row may have: what the arithmetic can tell apart.

    A constant is measured in thousandths of itself, a row of zeros in units.
    """
    known = np.isfinite(values)
    highest = np.max(values, axis=1, initial=-np.inf, where=known)
    lowest = np.min(values, axis=1, initial=np.inf, where=known)
    largest = np.maximum(np.abs(highest), np.abs(lowest))
    least = largest * np.where(highest > lowest, _FLOOR, _OF_CONSTANT)
    out: FloatArray = np.where(np.isfinite(least) & (least > 1e-200), least, 1.0)
    return out


def _spread(errors: FloatArray, bins: IntegerArray, *, n_bins: int = 1) -> FloatArray:
    """Return robust spreads by bin, drawn to the row's own where a bin holds little.

    A row that mostly does not move has no median deviation: its mean deviation is taken.
    """
    size = np.abs(errors)
    whole, _ = _by_bin(size, np.zeros_like(bins), 1)
    known = np.isfinite(size)
    mean = np.sum(size, axis=1, where=known) / np.maximum(known.sum(axis=1), 1)
    row = np.where(whole[:, 0] > 1e-6 * mean, _GAUSSIAN * whole[:, 0], mean)[:, None]
    row = np.nan_to_num(row)
    medians, counts = _by_bin(size, bins, n_bins)
    own = np.nan_to_num(_GAUSSIAN * medians)
    trust = counts / (counts + _TRUST)
    spread: FloatArray = np.maximum(trust * own + (1.0 - trust) * row, 0.1 * row)
    return spread
