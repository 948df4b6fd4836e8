"""Learning: what a history teaches of each series, and of the deviations of groups."""

from collections.abc import Iterator

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray, IntegerArray
from forewarn_models.baseline import N_KIND, Tried
from forewarn_models.calendar import Calendar, hours_of
from forewarn_models.joint import stride_of
from forewarn_models.panel import Panel
from forewarn_models.rules import Rules
from forewarn_models.seasons import Season, cycles_of
from forewarn_models.walk import Clock, Known, Lesson, Memory, blank_memory, learn_walk

LARGEST_VALUE = 1e30  # values beyond are taken for this: sizes are held in single precision
_ROWS = 256  # learned at a time, to bound memory
_OF_DEVIATION = 0.3  # of the mean deviation, added before a logarithm is taken
_SAMPLED = 256  # values that a median is taken of


def usable(values: FloatArray) -> FloatArray:
    """Return values of which infinities are gaps and none is beyond what arithmetic bears.

    Row by row in memory, however `values` lie: for each order the walk would be compiled anew.
    """
    bounded = np.clip(values, -LARGEST_VALUE, LARGEST_VALUE)
    return np.ascontiguousarray(np.where(np.isfinite(values), bounded, np.nan))


def clock_of(panel: Panel, seasons: tuple[Season, ...], calendar: Calendar, rules: Rules) -> Clock:
    """Return the hours of a panel's columns, and where they stand in the seasons."""
    lead, step = max(rules.lags), panel.step_milliseconds
    columns = np.arange(-lead, panel.n_times, dtype=np.int64)
    local = calendar.local(panel.start_milliseconds + step * columns)
    cycles = cycles_of(seasons, local, calendar, step_milliseconds=step, lead=lead)
    return Clock(hours_of(local[lead:]), cycles)


def learned(
    values: FloatArray, clock: Clock, n_bins: IntegerArray, rules: Rules, *, with_noise: bool
) -> tuple[Known, Memory, AnyArray]:
    """Return what training alone decides, the memory at the end, and deviations at some slots.

    `values` is (n_series, n_times), `n_bins` where the bins of each cycle of `clock` begin. The
    deviations are (n_series, n_learned), in standard deviations of the noise, `stride_of` slots
    apart; without rows unless `with_noise`.
    """
    n, stride = len(values), stride_of(values.shape[1])
    offset, memory = log_offsets(values), blank_memory(n)
    kind, place = np.zeros(n, np.int64), np.zeros(n, np.int64)
    profiles: list[AnyArray] = [np.empty(0, np.float32)]
    noises = [np.empty((0, len(range(0, values.shape[1], stride))), np.float32)]
    used = 0
    for rows in _blocks(n):
        own = Memory(*(array[rows] for array in memory))
        tried = _untried(len(own.exact), int(n_bins[-1]), len(n_bins) - 1)
        noise = np.empty((len(own.exact) if with_noise else 0, values.shape[1]), np.float32)
        noise.fill(np.nan)
        lesson = Lesson(offset[rows], kind[rows], tried, noise)
        learn_walk(values[rows], clock, lesson, own, rules)
        noises.append(noise[:, ::stride])
        for row, best in enumerate(lesson.kind.tolist()):
            place[rows.start + row] = used - n_bins[best]
            profiles.append(tried.centers[row, n_bins[best] : n_bins[best + 1]].copy())
            used += len(profiles[-1])
    known = Known(offset, kind, place, np.concatenate(profiles))
    return known, memory, np.concatenate(noises)


def _untried(n_series: int, n_bins: int, n_kinds: int) -> Tried:
    return Tried(
        np.zeros((n_series, n_bins), np.float32),
        np.zeros((n_series, n_bins), np.float32),
        np.zeros((n_series, n_kinds, N_KIND)),
    )


def _blocks(n: int) -> Iterator[slice]:
    for first in range(0, n, _ROWS):
        yield slice(first, min(first + _ROWS, n))


def log_offsets(values: FloatArray) -> FloatArray:
    """Return what each row adds before a logarithm: a share of its mean deviation.

    NaN for a row that is ever negative or has no value: there is no logarithm to take. A row
    that never moved is measured in thousandths of itself, one of zeros in units.
    """
    known = np.isfinite(values)
    lowest = np.min(values, axis=1, initial=np.inf, where=known)
    highest = np.max(values, axis=1, initial=-np.inf, where=known)
    middle = _rough_median(values)
    with np.errstate(invalid="ignore"):
        deviation = np.sum(np.abs(values - middle[:, None]), axis=1, where=known)
        offset = _OF_DEVIATION * deviation / np.maximum(known.sum(axis=1), 1)
    still = np.where(highest > 0, 1e-3 * highest, 1.0)
    offset = np.where(offset > 0, offset, still)
    out: FloatArray = np.where((lowest >= 0) & np.isfinite(lowest), offset, np.nan)
    return out


def _rough_median(values: FloatArray) -> FloatArray:
    """Return the median of some values of each row; NaN where none of these is known."""
    columns = np.linspace(0, values.shape[1] - 1, min(values.shape[1], _SAMPLED)).astype(np.int64)
    sample = np.sort(values[:, columns], axis=1)  # NaN last
    n = np.isfinite(sample).sum(axis=1)
    out: FloatArray = sample[np.arange(len(sample)), np.maximum(n - 1, 0) // 2]
    return out
