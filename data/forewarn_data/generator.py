"""Simulated series of a service, a pure function of absolute time, with planted faults.

Everything that this module makes is simulated and must be shown as such.

With n(t) the noise of `noise.noise_at` (mean 0, variance 1, correlated over seconds to hours), h
the hour of the day (UTC) and b(h) = logistic(3 (h - 8.5)) - logistic(3 (h - 17.5)) the working
hours:

    load(t) = w(day) * (0.35 - 0.20 cos(2 pi (h - 4) / 24) + 0.35 b(h))   w = 1, on Sat/Sun 0.65
    requests_per_second   180 load exp(0.06 n) (1 + 0.001 d)       d = days since the origin
    latency_seconds       (0.06 + 0.09 load^2) exp(0.10 n)
    error_ratio           0.004 (1 + 0.5 load) exp(0.25 n), at most 1
    cpu_ratio             (0.10 + 0.70 load) exp(0.08 n), at most 1
    queue_length          round(6 load / (1.2 - load) exp(0.20 n))
    disk_used_bytes       40 GB + 2.0 GB d + 3.0 GB h / 24 + 0.2 GB n, cleaned at midnight (UTC)

multiplied by the series' scale. Weekends come down linearly over the last two hours of Friday and
rise again in the first two of Monday.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from forewarn_data.faults import Fault, apply_fault
from forewarn_data.noise import noise_at
from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.errors import DataError
from forewarn_models.labels import Labels, label_text, labels_of
from forewarn_models.panel import Panel

HOUR_MILLISECONDS = 3_600_000
DAY_MILLISECONDS = 24 * HOUR_MILLISECONDS

# Monday, 2026-01-05, 00:00 UTC: where trends begin unless told otherwise.
ORIGIN_MILLISECONDS = 1_767_571_200_000

_GIGABYTE = 1e9
DISK_BYTES = 120 * _GIGABYTE


@dataclass(frozen=True, eq=False)
class Shape:
    """What the formulas of the kinds are made of, at each time.

    Args:
        load: how busy the service is, about 0.1 to 0.9.
        noise: of mean 0 and variance 1.
        day: days since the origin, with fractions; may be negative.
        hour: of the day, 0 to 24, UTC.
    """

    load: FloatArray
    noise: FloatArray
    day: FloatArray
    hour: FloatArray


def _requests_per_second(shape: Shape) -> FloatArray:
    return 180.0 * shape.load * np.exp(0.06 * shape.noise) * (1.0 + 0.001 * shape.day)


def _latency_seconds(shape: Shape) -> FloatArray:
    return (0.06 + 0.09 * shape.load**2) * np.exp(0.10 * shape.noise)


def _error_ratio(shape: Shape) -> FloatArray:
    return np.minimum(1.0, 0.004 * (1.0 + 0.5 * shape.load) * np.exp(0.25 * shape.noise))


def _cpu_ratio(shape: Shape) -> FloatArray:
    return np.minimum(1.0, (0.10 + 0.70 * shape.load) * np.exp(0.08 * shape.noise))


def _queue_length(shape: Shape) -> FloatArray:
    queue: FloatArray = np.round(6.0 * shape.load / (1.2 - shape.load) * np.exp(0.20 * shape.noise))
    return queue


def _disk_used_bytes(shape: Shape) -> FloatArray:
    whole_days = np.floor(shape.day)
    temporary = 3.0 * shape.hour / 24.0 + 0.2 * shape.noise
    return np.clip((40.0 + 2.0 * whole_days + temporary) * _GIGABYTE, 0.0, DISK_BYTES)


def _disk_free_bytes(shape: Shape) -> FloatArray:
    return DISK_BYTES - _disk_used_bytes(shape)


KINDS: Mapping[str, Callable[[Shape], FloatArray]] = MappingProxyType(
    {
        "requests_per_second": _requests_per_second,
        "latency_seconds": _latency_seconds,
        "error_ratio": _error_ratio,
        "cpu_ratio": _cpu_ratio,
        "queue_length": _queue_length,
        "disk_used_bytes": _disk_used_bytes,
        "disk_free_bytes": _disk_free_bytes,
    }
)


@dataclass(frozen=True, slots=True)
class SimulatedSeries:
    """One simulated series.

    Args:
        labels: of the series, `__name__` among them.
        kind: one of KINDS.
        seed: of its noise; series with different seeds are independent.
        scale: what the formula is multiplied by.
    """

    labels: Labels
    kind: str
    seed: int
    scale: float = 1.0

    @property
    def text(self) -> str:
        """The series as PromQL writes it: `demo_queue_length{service="checkout"}`."""
        name = dict(self.labels).get("__name__", "")
        rest = tuple(pair for pair in self.labels if pair[0] != "__name__")
        return name + (label_text(rest) if rest else "")


def load_at(times_milliseconds: IntegerArray) -> FloatArray:
    """Return how busy a service with working hours and weekends is at each time, without noise."""
    hour = times_milliseconds % DAY_MILLISECONDS / HOUR_MILLISECONDS
    # The epoch was a Thursday; hours are counted from Monday, 00:00 UTC.
    week_hour = (times_milliseconds / HOUR_MILLISECONDS + 72.0) % 168.0
    working = 1.0 / (1.0 + np.exp(-3.0 * (hour - 8.5))) - 1.0 / (1.0 + np.exp(-3.0 * (hour - 17.5)))
    daily = 0.35 - 0.20 * np.cos(2.0 * np.pi * (hour - 4.0) / 24.0) + 0.35 * working
    weekly = np.interp(week_hour, (0.0, 2.0, 118.0, 120.0, 168.0), (0.65, 1.0, 1.0, 0.65, 0.65))
    load: FloatArray = daily * weekly
    return load


def value_at(
    kind: str,
    times_milliseconds: IntegerArray,
    seed: int,
    *,
    origin_milliseconds: int = ORIGIN_MILLISECONDS,
) -> FloatArray:
    """Return the healthy value of a kind at each time; the same arguments give the same values.

    Args:
        kind: one of KINDS.
        times_milliseconds: (n,) since the epoch, UTC, in any order.
        seed: of the noise.
        origin_milliseconds: where trends begin.

    >>> value_at("latency_seconds", np.array([ORIGIN_MILLISECONDS]), 7).round(3)
    array([0.072])
    """
    if kind not in KINDS:
        raise DataError(f"a kind must be one of {', '.join(KINDS)}, got {kind!r}")
    times = np.asarray(times_milliseconds, dtype=np.int64)
    shape = Shape(
        load=load_at(times),
        noise=noise_at(times, seed=seed),
        day=(times - origin_milliseconds) / DAY_MILLISECONDS,
        hour=times % DAY_MILLISECONDS / HOUR_MILLISECONDS,
    )
    return KINDS[kind](shape)


def values_of(
    series: SimulatedSeries,
    times_milliseconds: IntegerArray,
    *,
    faults: Sequence[Fault] = (),
    origin_milliseconds: int = ORIGIN_MILLISECONDS,
) -> FloatArray:
    """Return the values of a series with the faults that are planted on it; NaN is a dropout."""

    def healthy(times: IntegerArray) -> FloatArray:
        value = value_at(series.kind, times, series.seed, origin_milliseconds=origin_milliseconds)
        return series.scale * value

    values = healthy(times_milliseconds)
    for fault in faults:
        if fault.series == series.text:
            at_start = float(healthy(np.array([fault.start_milliseconds]))[0])
            values = apply_fault(fault, times_milliseconds, values, at_start=at_start)
    return values


def simulate(
    series: Sequence[SimulatedSeries],
    times_milliseconds: IntegerArray,
    *,
    faults: Sequence[Fault] = (),
    origin_milliseconds: int = ORIGIN_MILLISECONDS,
) -> Panel:
    """Return the panel of some series on a regular grid of times; `__name__` stays in the labels.

    Raises DataError when the grid has fewer than two times or is not regular.
    """
    steps = np.diff(times_milliseconds)
    if len(steps) == 0 or np.any(steps != steps[0]):
        raise DataError("a panel is simulated on a regular grid of at least two times")
    rows = [
        values_of(one, times_milliseconds, faults=faults, origin_milliseconds=origin_milliseconds)
        for one in series
    ]
    labels = tuple(one.labels for one in series)
    return Panel(np.stack(rows), labels, int(times_milliseconds[0]), int(steps[0]))


def demo_series(seed: int = 1) -> tuple[SimulatedSeries, ...]:
    """Return the eleven series of the demo: three services, a queue and a disk."""
    scales = {"checkout": 1.0, "search": 2.5, "login": 0.6}
    named = [
        (f"demo_{kind}", {"service": service}, kind, scale if kind.endswith("second") else 1.0)
        for kind in ("requests_per_second", "latency_seconds", "error_ratio")
        for service, scale in scales.items()
    ]
    named.append(("demo_queue_length", {}, "queue_length", 1.0))
    named.append(("demo_disk_free_bytes", {"mountpoint": "/data"}, "disk_free_bytes", 1.0))
    return tuple(
        SimulatedSeries(labels_of({"__name__": name, **labels}), kind, seed * 100 + place, scale)
        for place, (name, labels, kind, scale) in enumerate(named)
    )
