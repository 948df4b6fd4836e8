"""Small named series, and Hypothesis strategies of them."""

import numpy as np
from hypothesis import strategies as st

from forewarn_models.labels import labels_of
from forewarn_models.panel import Panel

STEP = 60_000
START = 1_700_006_400_000  # a midnight, UTC


def panel_of(*rows, step=STEP, start=START):
    values = np.array(rows, dtype=np.float64)
    series = tuple(labels_of({"row": str(row), "half": str(row % 2)}) for row in range(len(rows)))
    return Panel(values, series, start, step)


def noise(n, *, seed=0, scale=1.0, level=10.0):
    return level + scale * np.random.default_rng(seed).standard_normal(n)


def daily(n, *, step=STEP, seed=0):
    phase = 2 * np.pi * np.arange(n) * step / 86_400_000
    return 50 + 10 * np.sin(phase) + noise(n, seed=seed, level=0.0)


def constant(n):
    return np.full(n, 7.25)


def zeros(n):
    return np.zeros(n)


def counter_with_resets(n):
    return np.arange(n, dtype=np.float64) % 173


def with_gap(n):
    values = noise(n, seed=4)
    values[n // 3 : n // 2] = np.nan
    return values


def sparse(n):
    values = np.full(n, np.nan)
    values[::4] = noise(len(values[::4]), seed=5)
    return values


def with_infinities(n):
    values = noise(n, seed=6)
    values[::50] = np.inf
    values[7::50] = -np.inf
    return values


def huge(n):
    return noise(n, seed=7) * 1e300


def tiny(n):
    return noise(n, seed=8) * 1e-300


def rare_events(n):
    return (np.random.default_rng(9).random(n) < 0.02).astype(np.float64)


SERIES = {
    make.__name__: make
    for make in (
        noise,
        daily,
        constant,
        zeros,
        counter_with_resets,
        with_gap,
        sparse,
        with_infinities,
        huge,
        tiny,
        rare_events,
    )
}

finite = st.floats(-1e6, 1e6, allow_nan=False)
values = st.one_of(finite, st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e308, -1e308]))
