"""Slow, obvious versions of the compiled loops of the detector."""

import numpy as np
from sklearn.ensemble import IsolationForest


def clip(value, limit):
    return float(np.clip(value, -limit, limit))


def moved(deviation, run, gain, run_gain):
    run = run + run_gain * (clip(deviation, 2.5) / 2.5 - run)
    return gain * clip(deviation, 2.5 / max(1.0 - abs(run), 1e-6)), run


def follow_one(values, centers, spreads, fast_spreads, gains, state):
    """One series whose phase tables are already spread out over time."""
    level, level_run, fast, fast_run, gap, last, mean, wobble = state
    expected, features = [], []
    for x, center, spread, fast_spread in zip(values, centers, spreads, fast_spreads, strict=True):
        expected.append(center + level)
        if not np.isfinite(x) or not np.isfinite(spread):
            gap += 1
            features.append([np.nan] * 5)
            continue
        residual = clip((x - center - level) / spread, 1e9)
        if gap > gains.reset_after:
            fast, fast_run, change = x - center, 0.0, 0.0
        else:
            change = clip((x - center - fast) / fast_spread, 1e9)
            move, fast_run = moved(change, fast_run, gains.fast, gains.fast_run)
            fast += fast_spread * move
        move, level_run = moved(residual, level_run, gains.level, gains.level_run)
        level += spread * move
        gap, felt, previous = 0.0, clip(residual, 4.0), last
        mean += gains.features * (felt - mean)
        wobble += gains.features * (abs(felt - last) - wobble)
        last = felt
        features.append([residual, change, previous, mean, wobble])
    end = [level, level_run, fast, fast_run, gap, last, mean, wobble]
    return np.array(expected), np.array(features), np.array(end)


def bin_medians(values, bins, n_bins):
    with np.errstate(all="ignore"):
        return np.array(
            [
                [
                    np.median(row[(bins == b) & np.isfinite(row)])
                    if ((bins == b) & np.isfinite(row)).any()
                    else np.nan
                    for b in range(n_bins)
                ]
                for row in values
            ]
        )


def isolation(table, features, *, n_trees, seed):
    forest = IsolationForest(
        n_estimators=n_trees, max_samples=min(256, len(table)), random_state=seed
    )
    return -forest.fit(table).score_samples(features)


def strongest_one(channels, knots, levels, slopes):
    """One cell: the largest standardised channel and its number."""
    if np.isnan(channels[0]):
        return np.nan, -1
    read = [
        -np.inf
        if np.isnan(x) or np.isnan(k[-1])
        else np.interp(x, k, levels) + slope * max(x - k[-1], 0.0)
        for x, k, slope in zip(channels, knots, slopes, strict=True)
    ]
    return max(read), int(np.argmax(read))


def read_tail_one(x, knots, levels, power):
    if x > knots[-1]:
        return levels[-1] + power * np.log((x - knots[0]) / (knots[-1] - knots[0]))
    return np.interp(x, knots, levels)


def clusters(row, threshold, gap):
    """Peaks of the runs of exceedances that are at least `gap` quiet columns apart."""
    found, last = [], None
    for t, x in enumerate(row):
        if x > threshold:
            if last is None or t - last > gap:
                found.append(x)
            else:
                found[-1] = max(found[-1], x)
            last = t
    return found
