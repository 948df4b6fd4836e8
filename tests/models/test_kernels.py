"""Each compiled loop against its plain oracle."""

import numpy as np
import pytest

import oracles_detect as oracle
from forewarn_models.baseline import gains_of
from forewarn_models.kernels import (
    N_CARRY,
    Clock,
    Tables,
    bin_medians,
    cluster_peaks,
    follow,
    read_tail,
    strongest,
)


@pytest.fixture(scope="module")
def rows():
    values = np.random.default_rng(1).normal(size=(3, 60)) * 4
    values[0, 30:45] = np.nan
    values[1, 5] = np.inf
    values[1, 20:] += 500
    values[2, 7] = 1e300
    return values


def test_following_agrees_with_the_oracle(rows):
    n = rows.shape[1]
    lower, weight = np.arange(n) % 4, np.where(np.arange(n) % 3 == 0, 0.25, 0.0)
    upper = (lower + 1) % 4
    clock = Clock(*(np.vstack([0 * x, x]) for x in (lower, upper, weight, lower % 2)))
    center = np.array([3.0, 0.0, 1.0, 2.0, 3.0, -1.0, -2.0, -3.0, -4.0])
    spread, fast = np.array([np.nan, 1.0, 2.0, 3.0, 4.0]), np.array([1.0, 0.5, 1, 2, 3])
    place, spread_place = np.array([0, 1, 5]), np.array([0, 1, 3])
    tables = Tables(np.array([0, 1, 1]), place, center, spread_place, spread, fast)
    gains = gains_of(120_000)
    start = np.random.default_rng(2).normal(size=(3, N_CARRY))
    start[:, 4] = [np.inf, 0.0, 3.0]
    carry = start.copy()
    expected, scale, features = follow(rows, tables, clock, gains, carry)
    for s in range(3):
        kind = tables.kind[s]
        low, high = center[place[s] + clock.lower[kind]], center[place[s] + clock.upper[kind]]
        spread_at = spread_place[s] + clock.spread[kind]
        own = oracle.follow_one(
            rows[s],
            low + clock.weight[kind] * (high - low),
            spread[spread_at],
            fast[spread_at],
            gains,
            start[s],
        )
        for ours, theirs in zip((expected[s], features[s], carry[s]), own, strict=True):
            np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(spread[spread_at], scale[s])


def test_medians_by_bin_agree_with_the_oracle(rows):
    bins = np.random.default_rng(3).integers(0, 5, rows.shape[1])
    bins[bins == 2] = 1
    order = np.argsort(bins, kind="stable")
    starts = np.searchsorted(bins[order], np.arange(6))
    medians, counts = bin_medians(rows, order, starts)
    np.testing.assert_array_equal(oracle.bin_medians(rows, bins, 5), medians)
    assert counts.sum() == np.isfinite(rows).sum()


def test_the_strongest_channel_agrees_with_the_oracle():
    generator = np.random.default_rng(4)
    channels = generator.exponential(size=(3, 40, 4)) * 3
    channels[0, 3, 0] = channels[1, 4, 2] = np.nan
    knots = np.cumsum(generator.random((3, 4, 5)), axis=-1)
    knots[2, 1] = np.nan
    levels, slopes = np.cumsum(generator.random(5)), generator.random((3, 4))
    largest, which = strongest(channels, knots, levels, slopes)
    for row in range(3):
        for t in range(40):
            value, place = oracle.strongest_one(channels[row, t], knots[row], levels, slopes[row])
            np.testing.assert_allclose(value, largest[row, t], rtol=1e-12)
            assert place == which[row, t]


def test_reading_a_tail_agrees_with_the_oracle():
    generator = np.random.default_rng(6)
    knots, levels = (np.cumsum(generator.random((3, 7)), axis=1) for _ in range(2))
    statistic, powers = generator.random((3, 50)) * 12 - 1, np.array([0.5, 1.0, 9.0])
    statistic[0, 0], knots[2] = np.nan, np.nan
    read = read_tail(statistic, knots, levels, powers)
    assert np.isnan(read[2]).all()
    assert np.isnan(read[0, 0])
    for row in range(2):
        for t in range(row == 0, 50):
            value = oracle.read_tail_one(statistic[row, t], knots[row], levels[row], powers[row])
            np.testing.assert_allclose(value, read[row, t], rtol=1e-12)


@pytest.mark.parametrize("width", [0, 3, 99])
def test_clusters_agree_with_the_oracle(width):
    statistic = np.random.default_rng(7).normal(size=(4, 300))
    statistic[1, 50:90] = np.nan
    threshold = np.array([0.5, 1.0, 2.0, 99.0])
    peaks = np.full((4, width), np.nan)
    counts = cluster_peaks(statistic, threshold, 3, peaks)
    for row in range(4):
        found = oracle.clusters(statistic[row], threshold[row], 3)
        assert len(found) == counts[row]
        kept = min(len(found), width)
        np.testing.assert_array_equal(found[:kept], peaks[row, :kept])
        assert np.isnan(peaks[row, kept:]).all()
