"""Fleets of series that near a limit, each with many possible futures of the same process.

One future is what comes; the others say how well it could be foretold by who knows the process.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import lfilter

FloatArray = NDArray[np.float64]
DAY_SLOTS = 24  # one value an hour


@dataclass(frozen=True, slots=True)
class Span:
    """How many hours of history and future there are, and how many futures."""

    n_history: int
    n_ahead: int
    n_futures: int


@dataclass(frozen=True, eq=False)
class Nearing:
    """One series and its limit.

    Args:
        history: (n_history,)
        futures: (n_futures, n_ahead) of the same process, each equally likely.
        limit: that is not reached at the end of the history.
    """

    history: FloatArray
    futures: FloatArray
    limit: float


def linear(generator: Generator, span: Span) -> Nearing:
    """Return steady growth with correlated noise."""
    slope = generator.uniform(0.01, 0.05)
    path = slope * _hours(span) + _noise(generator, span, size=generator.uniform(0.3, 3.0))
    return _parted(path, span, limit=_on_the_way(generator, path, span, slope))


def exponential(generator: Generator, span: Span) -> Nearing:
    """Return growth by the same share every day, noise by share too."""
    rate = generator.uniform(0.3, 1.2) / span.n_history
    noise = _noise(generator, span, size=generator.uniform(0.005, 0.03))
    path = 20 * np.exp(rate * _hours(span) + noise)
    ahead = rate * span.n_ahead * generator.uniform(0.1, 2.0)
    return _parted(path, span, limit=float(path[0, span.n_history - 1] * np.exp(ahead)))


def seasonal_growth(generator: Generator, span: Span) -> Nearing:
    """Return growth whose days and working weeks swing with its level."""
    slope = generator.uniform(0.01, 0.04)
    hours = _hours(span)
    day = np.sin(2 * np.pi * hours / DAY_SLOTS + generator.uniform(0, 6))
    weekend = (hours // DAY_SLOTS) % 7 >= 5
    swing = generator.uniform(0.05, 0.3) * day - generator.uniform(0, 0.3) * weekend
    noise = _noise(generator, span, size=0.02)
    path = (40 + slope * hours) * (1 + swing + noise)
    return _parted(path, span, limit=_on_the_way(generator, path, span, slope))


def saturating(generator: Generator, span: Span) -> Nearing:
    """Return growth that dies out on its way to a ceiling, which may lie below the limit."""
    lasting = generator.uniform(0.2, 0.6) * span.n_history
    left = np.exp(-_hours(span) / lasting)
    path = 100 * (1 - left) + _noise(generator, span, size=generator.uniform(0.2, 1.0))
    still_missing = 100 * left[span.n_history]
    share = generator.uniform(0.2, 0.9) if generator.random() < 0.5 else generator.uniform(1.5, 3)
    return _parted(path, span, limit=100 + still_missing * (share - 1) + 4 * (share > 1))


def steps(generator: Generator, span: Span) -> Nearing:
    """Return a level that jumps up now and then, by chance."""
    shape = (span.n_futures, span.n_history + span.n_ahead)
    often = 1 / (generator.uniform(1, 6) * DAY_SLOTS)
    jumps = (generator.random(shape) < often) * generator.lognormal(0, 0.5, shape)
    path = np.cumsum(_one_past(jumps, span), axis=1)
    path += _noise(generator, span, size=0.1, persistence=0.5)
    slope = often * np.exp(0.125)
    return _parted(path, span, limit=_on_the_way(generator, path, span, slope))


def sawtooth(generator: Generator, span: Span) -> Nearing:
    """Return a level that grows until it is cleaned up, at about the same height each time."""
    rate = 100 / (generator.uniform(2, 12) * DAY_SLOTS)
    height_noise = generator.uniform(0.0, 0.05)
    growth = rate * generator.gamma(2.0, 0.5, (span.n_futures, span.n_history + span.n_ahead))
    growth = _one_past(growth, span)
    bottom = generator.uniform(0, 30)
    heights = 100 * (1 + height_noise * generator.standard_normal(growth.shape))
    path = _cleaned(growth, _one_past(heights, span), bottom)
    share = generator.uniform(0.7, 0.95) if generator.random() < 0.4 else generator.uniform(1.2, 2)
    return _parted(path, span, limit=100 * share)


def cleanup_cron(generator: Generator, span: Span) -> Nearing:
    """Return growth of which a job removes the greater part, every day or every week."""
    every = DAY_SLOTS * int(generator.choice([1, 7]))
    kept = generator.choice([0.0, generator.uniform(0.1, 0.4)])
    rate = generator.uniform(0.02, 0.2)
    growth = rate * generator.gamma(2.0, 0.5, (span.n_futures, span.n_history + span.n_ahead))
    growth = _one_past(growth, span)
    path = np.cumsum(growth, axis=1)
    hours = np.arange(path.shape[1])
    cleaned = path[:, np.maximum(hours - hours % every - 1, 0)]
    path = 20 + path - (1 - kept) * np.where(hours >= every, cleaned, 0.0)
    if kept == 0.0:
        return _parted(path, span, limit=20 + 1.5 * rate * every)
    return _parted(path, span, limit=_on_the_way(generator, path, span, rate * kept))


def random_walk(generator: Generator, span: Span) -> Nearing:
    """Return changes by chance alone, none of which is ever taken back."""
    return _walk(generator, span, drift=0.0)


def drifting_walk(generator: Generator, span: Span) -> Nearing:
    """Return changes by chance that are upwards a little more often than not."""
    return _walk(generator, span, drift=generator.uniform(0.5, 3.0))


KINDS: Mapping[str, Callable[[Generator, Span], Nearing]] = MappingProxyType(
    {
        "linear": linear,
        "sawtooth": sawtooth,
        "steps": steps,
        "saturating": saturating,
        "seasonal growth": seasonal_growth,
        "clean-up cron": cleanup_cron,
        "exponential": exponential,
        "random walk": random_walk,
        "drifting walk": drifting_walk,
    }
)


def fleet(kind: str, n_series: int, span: Span, *, seed: int) -> list[Nearing]:
    """Return series of one kind, none of which has reached its limit at the end of its history."""
    generator = np.random.default_rng(seed)
    found: list[Nearing] = []
    while len(found) < n_series:
        made = KINDS[kind](generator, span)
        if made.history[-1] < made.limit:
            found.append(made)
    return found


def _hours(span: Span) -> FloatArray:
    return np.arange(span.n_history + span.n_ahead, dtype=np.float64)


def _one_past(values: FloatArray, span: Span) -> FloatArray:
    """Return rows that differ in their future only."""
    past = np.broadcast_to(values[:1, : span.n_history], (len(values), span.n_history))
    return np.concatenate([past, values[:, span.n_history :]], axis=1)


def _noise(
    generator: Generator, span: Span, *, size: float, persistence: float = 0.9
) -> FloatArray:
    shape = (span.n_futures, span.n_history + span.n_ahead)
    shocks = generator.normal(0, size * np.sqrt(1 - persistence**2), shape)
    return np.asarray(lfilter([1.0], [1.0, -persistence], _one_past(shocks, span), axis=1))


def _on_the_way(generator: Generator, path: FloatArray, span: Span, slope: float) -> float:
    """Return a limit that the mean reaches after a tenth of the horizon to twice the horizon."""
    day = path[0, span.n_history - 7 * DAY_SLOTS : span.n_history].max()
    return float(day + slope * span.n_ahead * generator.uniform(0.1, 2.0))


def _walk(generator: Generator, span: Span, *, drift: float) -> Nearing:
    """Return a walk that drifts over the horizon, in units of how far chance takes it."""
    size = generator.uniform(0.3, 3.0)
    reach = size * np.sqrt(span.n_ahead)
    shape = (span.n_futures, span.n_history + span.n_ahead)
    changes = drift * reach / span.n_ahead + generator.normal(0, size, shape)
    path = 50 + np.cumsum(_one_past(changes, span), axis=1)
    ahead = (drift + 1) * reach * generator.uniform(0.1, 2.0)
    return _parted(path, span, limit=float(path[0, span.n_history - 1] + ahead))


def _cleaned(growth: FloatArray, heights: FloatArray, bottom: float) -> FloatArray:
    path = np.empty_like(growth)
    level = np.full(len(growth), bottom)
    for hour in range(growth.shape[1]):
        level = np.where(level >= heights[:, hour], bottom, level + growth[:, hour])
        path[:, hour] = level
    return path


def _parted(path: FloatArray, span: Span, *, limit: float) -> Nearing:
    path = np.broadcast_to(path, (span.n_futures, path.shape[1]))
    return Nearing(path[0, : span.n_history].copy(), path[:, span.n_history :].copy(), limit)
