"""The compiled loops: each walks a whole panel in one call and has a plain oracle in the tests."""

from typing import NamedTuple

import numpy as np
from numba import njit

from forewarn_models.arrays import AnyArray, FloatArray, IntegerArray

# Columns of the baseline's carry.
LEVEL, LEVEL_RUN, FAST, FAST_RUN, GAP, LAST, MEAN, WOBBLE = range(8)
N_CARRY = 8
# Columns of the features.
RESIDUAL, CHANGE, PREVIOUS, DRIFT, UNREST = range(5)
N_FEATURES = 5

_CLIP = 2.5  # Huber's bend, in spreads: 5 % less efficient than the mean on Gaussian noise
_LARGEST = 1e9  # residuals are cut here, so that no input makes an infinity
_FELT = 4.0  # what a single residual may add to the running features, so that a spike has no echo


class Tables(NamedTuple):
    """Seasonal tables of all series, flat: row s reads from `place[s]` and `spread_place[s]`."""

    kind: IntegerArray
    place: IntegerArray
    center: FloatArray
    spread_place: IntegerArray
    spread: FloatArray
    fast_spread: FloatArray


class Clock(NamedTuple):
    """Where each column stands in each kind of season: (n_kinds, n_times) each."""

    lower: IntegerArray
    upper: IntegerArray
    weight: FloatArray
    spread: IntegerArray


class Gains(NamedTuple):
    """How much one sample moves each running value, in (0, 1], and how long a gap resets."""

    level: float
    level_run: float
    fast: float
    fast_run: float
    features: float
    reset_after: float


@njit(cache=True, nogil=True)
def _bounded(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)


@njit(cache=True, nogil=True)
def _moved(deviation: float, run: float, gain: float, run_gain: float) -> tuple[float, float]:
    """Return the level's move, in spreads, and how one-sided the latest deviations are.

    Huber's bend opens as deviations stay on one side: an incident hardly moves the level, a
    change that stays is learned.
    """
    run += run_gain * (_bounded(deviation, _CLIP) / _CLIP - run)
    reach = _CLIP / max(1.0 - abs(run), 1e-6)
    return gain * _bounded(deviation, reach), run


@njit(cache=True, nogil=True)
def _change(state: FloatArray, value: float, spread: float, gains: Gains) -> float:
    """Return the change against the fast level, in spreads; `state` learns it."""
    if state[GAP] > gains.reset_after:
        state[FAST], state[FAST_RUN] = value, 0.0
        return 0.0
    change = _bounded((value - state[FAST]) / spread, _LARGEST)
    move, state[FAST_RUN] = _moved(change, state[FAST_RUN], gains.fast, gains.fast_run)
    state[FAST] += spread * move
    return change


@njit(cache=True, nogil=True)
def _features(state: FloatArray, residual: float, change: float, gain: float) -> FloatArray:
    out = np.empty(N_FEATURES)
    out[RESIDUAL], out[CHANGE], out[PREVIOUS] = residual, change, state[LAST]
    felt = _bounded(residual, _FELT)
    state[MEAN] += gain * (felt - state[MEAN])
    state[WOBBLE] += gain * (abs(felt - state[LAST]) - state[WOBBLE])
    state[LAST] = felt
    out[DRIFT], out[UNREST] = state[MEAN], state[WOBBLE]
    return out


def follow(
    values: FloatArray, tables: Tables, clock: Clock, gains: Gains, carry: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return expected values, spreads and features of `values`; `carry` moves on in place.

    Shapes: (n_series, n_times), the same, and (n_series, n_times, N_FEATURES). A value that is
    not finite is a gap: its features are NaN and nothing is learned.
    """
    with np.errstate(over="ignore"):  # a residual beyond all numbers is cut like any large one
        expected, scale, features = _follow(values, tables, clock, gains, carry)
    return expected, scale, features


@njit(cache=True, nogil=True)
def _follow(
    values: FloatArray, tables: Tables, clock: Clock, gains: Gains, carry: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    n_series, n_times = values.shape
    expected = np.empty((n_series, n_times))
    scale = np.empty((n_series, n_times))
    features = np.full((n_series, n_times, N_FEATURES), np.nan)
    for s in range(n_series):
        state, kind = carry[s], tables.kind[s]
        for t in range(n_times):
            weight = clock.weight[kind, t]
            center = (1.0 - weight) * tables.center[tables.place[s] + clock.lower[kind, t]]
            if weight > 0.0:
                center += weight * tables.center[tables.place[s] + clock.upper[kind, t]]
            spread_at = tables.spread_place[s] + clock.spread[kind, t]
            spread = tables.spread[spread_at]
            expected[s, t] = center + state[LEVEL]
            scale[s, t] = spread
            if not np.isfinite(values[s, t]) or not np.isfinite(spread):
                state[GAP] += 1.0
                continue
            value = values[s, t] - center
            residual = _bounded((value - state[LEVEL]) / spread, _LARGEST)
            change = _change(state, value, tables.fast_spread[spread_at], gains)
            move, state[LEVEL_RUN] = _moved(
                residual, state[LEVEL_RUN], gains.level, gains.level_run
            )
            state[LEVEL] += spread * move
            state[GAP] = 0.0
            features[s, t] = _features(state, residual, change, gains.features)
    return expected, scale, features


@njit(cache=True, nogil=True)
def bin_medians(
    values: FloatArray, order: IntegerArray, starts: IntegerArray
) -> tuple[FloatArray, FloatArray]:
    """Return the median and the count of each row's finite values in each bin.

    Bin b holds the columns `order[starts[b]:starts[b + 1]]`; a bin with no value is NaN.
    """
    n_series, n_bins = values.shape[0], len(starts) - 1
    medians = np.full((n_series, n_bins), np.nan)
    counts = np.zeros((n_series, n_bins))
    held = np.empty(len(order))
    for s in range(n_series):
        for b in range(n_bins):
            n = 0
            for place in range(starts[b], starts[b + 1]):
                value = values[s, order[place]]
                if np.isfinite(value):
                    held[n] = value
                    n += 1
            counts[s, b] = n
            if n:
                medians[s, b] = np.median(held[:n])
    return medians, counts


class Nodes(NamedTuple):
    """The nodes of many forests: a leaf has feature -1 and holds its path length."""

    feature: AnyArray
    threshold: FloatArray
    left: AnyArray
    right: AnyArray
    length: FloatArray


@njit(cache=True, nogil=True)
def path_lengths(features: AnyArray, roots: IntegerArray, nodes: Nodes) -> FloatArray:
    """Return the mean path length, (n_rows, n_times), of float32 `features` (.., n_features).

    `roots` (n_rows, n_trees) names each row's trees; a row whose first root is -1 has no
    forest. NaN where there is no forest or a feature is NaN.
    """
    n_rows, n_times, n_features = features.shape
    out = np.full((n_rows, n_times), np.nan)
    n_trees = roots.shape[1]
    for row in range(n_rows):
        if n_trees == 0 or roots[row, 0] < 0:
            continue
        for t in range(n_times):
            known = True
            for f in range(n_features):
                known = known and np.isfinite(features[row, t, f])
            if not known:
                continue
            total = 0.0
            for tree in range(n_trees):
                node = roots[row, tree]
                while nodes.feature[node] >= 0:
                    goes_left = features[row, t, nodes.feature[node]] <= nodes.threshold[node]
                    node = nodes.left[node] if goes_left else nodes.right[node]
                total += nodes.length[node]
            out[row, t] = total / n_trees
    return out


@njit(cache=True, nogil=True)
def _interpolated(x: float, knots: FloatArray, levels: FloatArray) -> float:
    if x <= knots[0]:
        return float(levels[0])
    right = np.searchsorted(knots, x, side="left")
    left = right - 1
    share = (x - knots[left]) / (knots[right] - knots[left])
    return float(levels[left] + share * (levels[right] - levels[left]))


@njit(cache=True, nogil=True)
def strongest(
    channels: FloatArray, knots: FloatArray, levels: FloatArray, slopes: FloatArray
) -> tuple[FloatArray, AnyArray]:
    """Return the largest of the standardised channels and which one it is, (n_rows, n_times).

    A channel (n_rows, n_times, n_channels) is read off `knots` (n_rows, n_channels, n_knots) and
    goes on beyond the last one with its slope. NaN channels are passed over; the result is NaN,
    and the channel -1, where the first one is NaN.
    """
    n_rows, n_times, n_channels = channels.shape
    largest = np.full((n_rows, n_times), np.nan)
    which = np.full((n_rows, n_times), -1, dtype=np.int8)
    for row in range(n_rows):
        for t in range(n_times):
            if np.isnan(channels[row, t, 0]):
                continue
            best = -1.0
            for c in range(n_channels):
                x, last = channels[row, t, c], knots[row, c, -1]
                if np.isnan(x) or np.isnan(last):
                    continue
                if x > last:
                    level = levels[-1] + slopes[row, c] * (x - last)
                else:
                    level = _interpolated(x, knots[row, c], levels)
                if level > best:
                    best, which[row, t] = level, c
            largest[row, t] = best
    return largest, which


@njit(cache=True, nogil=True)
def read_tail(
    statistic: FloatArray, knots: FloatArray, levels: FloatArray, powers: FloatArray
) -> FloatArray:
    """Return the levels of `statistic` (n_rows, n_times) read off each row's knots.

    Between knots linear; beyond the last one it grows with `powers` times the logarithm, so that
    it is finite and strictly increasing for ever. NaN where the statistic or the row is NaN.
    """
    n_rows, n_times = statistic.shape
    out = np.full((n_rows, n_times), np.nan)
    for row in range(n_rows):
        last = knots[row, -1]
        if np.isnan(last):
            continue
        for t in range(n_times):
            x = statistic[row, t]
            if x > last:
                beyond = np.log(x - knots[row, 0]) - np.log(last - knots[row, 0])
                out[row, t] = levels[row, -1] + powers[row] * beyond
            elif not np.isnan(x):
                out[row, t] = _interpolated(x, knots[row], levels[row])
    return out


@njit(cache=True, nogil=True)
def cluster_peaks(
    statistic: FloatArray, threshold: FloatArray, gap: int, peaks: FloatArray
) -> IntegerArray:
    """Return how many clusters of exceedances each row has; their peaks go into `peaks`.

    A cluster ends when the statistic stays at or below the threshold, or missing, for `gap`
    columns. Peaks beyond the width of `peaks` are counted but not kept.
    """
    n_rows, n_times = statistic.shape
    counts = np.zeros(n_rows, dtype=np.int64)
    for row in range(n_rows):
        quiet, n = gap, 0
        for t in range(n_times):
            x = statistic[row, t]
            if not x > threshold[row]:
                quiet += 1
                continue
            if quiet >= gap:
                n += 1
                if n <= peaks.shape[1]:
                    peaks[row, n - 1] = x
            elif n <= peaks.shape[1]:
                peaks[row, n - 1] = max(peaks[row, n - 1], x)
            quiet = 0
        counts[row] = n
    return counts
