"""The walk: every sample of every series once, in order of time. Training and scoring share it.

Each sample is judged by what was remembered before it and then remembered: nothing is judged by
itself, and the statistics of training are those of a first meeting. Training also tries the cycles
of the baseline; between trainings the profile stands still.
"""

from math import isfinite, nan
from typing import NamedTuple

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray, IntegerArray
from forewarn_models.baseline import (
    FIRST_EDGE,
    KIND_LEVEL,
    KIND_RUN,
    Cycles,
    Tried,
    at_phase,
    best_kind,
    try_kinds,
)
from forewarn_models.compiled import compiled, lent
from forewarn_models.judging import (
    count_crowds,
    excuse_daily,
    judge_novelty,
    judge_stuck,
    judge_windows,
    look_up,
    rarest,
)
from forewarn_models.layout import (
    ACCOUNTS,
    CLUSTER,
    DECADES,
    EDGE_HIGH,
    EDGE_LOW,
    GAP,
    IN_NOISE,
    LEVEL,
    LEVEL_RUN,
    LONG_QUIET,
    N_CLUSTER,
    N_EXACT,
    N_ROUGH,
    N_WINDOWS,
    N_WORK,
    NEXT_FIT,
    NOT_BEGUN,
    QUIET,
    RISING,
    SEEN,
    SIGNS,
    SLOT,
)
from forewarn_models.remembering import enter_hour, fit_tails, remember, spread_now
from forewarn_models.rules import Rules
from forewarn_models.views import CHANGE, N_VIEWS
from forewarn_models.windows import FILLED, N_ACCOUNT, SLOTS, put_in_order

_FIRST_FIT = 20.0
_FIRST_CHOICE, _NEXT_CHOICE = 30.0, 1.1  # samples, and their growth, between choices of a cycle


class Memory(NamedTuple):
    """What is carried from one sample to the next; the first axis is the series.

    Args:
        exact: (n_series, N_EXACT).
        rough: (n_series, N_ROUGH) in single precision.
    """

    exact: FloatArray
    rough: AnyArray


class Clock(NamedTuple):
    """What o'clock it is in each column of a walk.

    Args:
        hours: (n_times,) of the day.
        cycles: where the columns stand in the cycles.
    """

    hours: IntegerArray
    cycles: Cycles


class Known(NamedTuple):
    """What training alone decides; the first axis is the series.

    Args:
        offset: (n_series,) added before a logarithm is taken; NaN where none is to be taken.
        kind: (n_series,) the cycle of the baseline.
        place: (n_series,) where its profile begins in `center`, less where the bins of its kind
            begin among those of all kinds.
        center: profiles, flat, in single precision.
    """

    offset: FloatArray
    kind: IntegerArray
    place: IntegerArray
    center: AnyArray


class Lesson(NamedTuple):
    """What a training walk is given and writes; the first axis is the series.

    Args:
        offset: as in `Known`.
        kind: (n_series,) written: the cycle that foretells best.
        tried: written: all cycles.
        noise: (n_series, n_times) written: as in `Said`; without rows it is not.
    """

    offset: FloatArray
    kind: IntegerArray
    tried: Tried
    noise: AnyArray


class Said(NamedTuple):
    """What is said of each slot, (n_series, n_times) but for `views`; without columns nothing.

    Args:
        expected, lower, upper: in the units of the series.
        decades: of the return period in seconds; NaN where there is no sample.
        which: the view that it comes from; -1 without a sample.
        sign: +1 above, -1 below.
        noise: deviations from the last ten minutes, in standard deviations of the noise.
        views: (n_series, n_times, N_VIEWS) decades before discounts, or without rows.
    """

    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    decades: FloatArray
    which: AnyArray
    sign: AnyArray
    noise: AnyArray
    views: FloatArray


def blank_memory(n_series: int) -> Memory:
    """Return the memory of series of which nothing was seen."""
    exact, rough = np.zeros(N_EXACT), np.zeros(N_ROUGH, np.float32)
    exact[[EDGE_LOW, EDGE_HIGH]] = FIRST_EDGE
    exact[NEXT_FIT] = _FIRST_FIT
    exact[GAP] = NOT_BEGUN
    fit_tails(exact, rough)
    for window in range(N_WINDOWS):
        exact[CLUSTER + window * N_CLUSTER + QUIET] = LONG_QUIET
    return Memory(np.tile(exact, (n_series, 1)), np.tile(rough, (n_series, 1)))


def room_for(n_series: int, n_times: int, *, with_views: bool = False) -> Said:
    """Return empty arrays for what will be said."""
    shape = n_series, n_times
    expected, lower, upper, decades = (np.empty(shape) for _ in range(4))
    which, sign = np.empty(shape, np.int8), np.empty(shape, np.int8)
    views = np.full((n_series if with_views else 0, n_times, N_VIEWS), nan)
    noise = np.empty(shape, np.float32)
    return Said(expected, lower, upper, decades, which, sign, noise, views)


@compiled
def _put_slots_in_order(exact: FloatArray, work: FloatArray) -> None:
    for window in range(N_WINDOWS):
        n = int(exact[ACCOUNTS + window * N_ACCOUNT + FILLED])
        put_in_order(exact, SLOT + window * SLOTS, n, work, RISING + window * SLOTS)


@compiled
def _after_gap(exact: FloatArray, rules: Rules) -> None:
    """Empty the windows that a gap was longer than."""
    for window in range(N_WINDOWS):
        span = rules.fast if window == 0 else rules.slow
        if exact[GAP] > span.n_slots * span.samples_a_slot:
            account = ACCOUNTS + window * N_ACCOUNT
            exact[account : account + N_ACCOUNT] = 0.0


@compiled
def _say_slot(
    said: Said, s: int, t: int, exact: FloatArray, work: FloatArray, expected: float
) -> None:
    """Write what is said of a slot whether it has a sample or not."""
    spread = spread_now(work)
    said.expected[s, t] = expected
    said.lower[s, t] = expected - spread * exact[EDGE_LOW]
    said.upper[s, t] = expected + spread * exact[EDGE_HIGH]
    said.decades[s, t] = nan
    said.which[s, t] = -1
    said.sign[s, t] = 0
    said.noise[s, t] = nan


@compiled
def _say_sample(said: Said, s: int, t: int, work: FloatArray, rules: Rules) -> None:
    best, which = rarest(work, rules)
    said.decades[s, t] = best
    said.which[s, t] = which
    said.sign[s, t] = 1 if work[SIGNS + which] >= 0.0 else -1
    said.noise[s, t] = work[SIGNS + CHANGE] * work[IN_NOISE]
    if said.views.shape[0] > 0:
        said.views[s, t] = work[DECADES : DECADES + N_VIEWS]


@compiled
def _profiles(
    center: AnyArray, place: int, cycles: Cycles, kind: int, t: int, rules: Rules
) -> tuple[float, float, float]:
    """Return the profile now, and at the middle of each window."""
    if cycles.length[kind] == 0.0:
        return 0.0, 0.0, 0.0
    fast, slow = rules.lags
    return (
        at_phase(center, place, cycles, kind, t),
        at_phase(center, place, cycles, kind, t - fast),
        at_phase(center, place, cycles, kind, t - slow),
    )


@compiled
def _judge(
    exact: FloatArray,
    work: FloatArray,
    sample: tuple[float, float],
    profiles: tuple[float, float, float],
    offset: float,
    rules: Rules,
) -> None:
    value, expected = sample
    judge_windows(exact, work, value, profiles, offset)
    count_crowds(exact, work, rules)
    judge_novelty(exact, work, value, expected, rules)
    judge_stuck(exact, work, value, rules)


@compiled
def _lent_cycles(cycles: Cycles) -> Cycles:
    return Cycles(
        lent(cycles.lower),
        lent(cycles.upper),
        lent(cycles.weight),
        lent(cycles.gain),
        lent(cycles.length),
        cycles.lead,
    )


@compiled
def _lent_said(said: Said) -> Said:
    return Said(
        lent(said.expected),
        lent(said.lower),
        lent(said.upper),
        lent(said.decades),
        lent(said.which),
        lent(said.sign),
        lent(said.noise),
        lent(said.views),
    )


@compiled
def score_walk(
    values: FloatArray, clock: Clock, known: Known, memory: Memory, said: Said, rules: Rules
) -> None:
    """Say something of every slot of `values` (n_series, n_times); `memory` moves on."""
    held = np.zeros(N_WORK)
    work, values, said = lent(held), lent(values), _lent_said(said)
    cycles, hours, center = _lent_cycles(clock.cycles), lent(clock.hours), lent(known.center)
    for s in range(values.shape[0]):
        exact, rough = lent(memory.exact[s]), lent(memory.rough[s])
        kind, place = known.kind[s], known.place[s]
        _put_slots_in_order(exact, work)
        for t in range(values.shape[1]):
            value, hour = values[s, t], hours[t]
            profiles = _profiles(center, place, cycles, kind, t, rules)
            expected = profiles[0] + exact[LEVEL]
            look_up(exact, rough, work, hour)
            _say_slot(said, s, t, exact, work, expected)
            if not isfinite(value):
                exact[GAP] += 1.0
                continue
            _after_gap(exact, rules)
            enter_hour(exact, rough, hour)
            if exact[SEEN] == 0.0:  # training saw nothing of it: the level begins here
                exact[LEVEL], expected = value - profiles[0], value
            sample = (value, expected)
            _judge(exact, work, sample, profiles, known.offset[s], rules)
            excuse_daily(rough, work, hour)
            _say_sample(said, s, t, work, rules)
            remember(exact, rough, work, hour, sample, rules)
    held[0] = 0.0  # it lives until here


@compiled
def learn_walk(
    values: FloatArray, clock: Clock, lesson: Lesson, memory: Memory, rules: Rules
) -> None:
    """Walk as `score_walk` does, from nothing, saying nothing and trying cycles."""
    held = np.zeros(N_WORK)
    work, values = lent(held), lent(values)
    cycles, hours, whole = _lent_cycles(clock.cycles), lent(clock.hours), lesson.tried
    for s in range(values.shape[0]):
        exact, rough = lent(memory.exact[s]), lent(memory.rough[s])
        tried = Tried(lent(whole.centers[s]), lent(whole.counts[s]), lent(whole.kinds[s]))
        kind, next_choice = 0, _FIRST_CHOICE
        for t in range(values.shape[1]):
            value, hour = values[s, t], hours[t]
            if not isfinite(value):
                exact[GAP] += 1.0
                continue
            if exact[SEEN] == 0.0:
                tried.kinds[:, KIND_LEVEL] = value
            profiles = _profiles(tried.centers, 0, cycles, kind, t, rules)
            sample = (value, profiles[0] + tried.kinds[kind, KIND_LEVEL])
            look_up(exact, rough, work, hour)
            _after_gap(exact, rules)
            enter_hour(exact, rough, hour)
            _judge(exact, work, sample, profiles, lesson.offset[s], rules)
            if lesson.noise.shape[0] > 0:
                lesson.noise[s, t] = work[SIGNS + CHANGE] * work[IN_NOISE]
            before = (spread_now(work), exact[SEEN])
            try_kinds(value, t, before, cycles, tried, rules.level)
            remember(exact, rough, work, hour, sample, rules)
            if exact[SEEN] >= next_choice:
                kind, next_choice = best_kind(tried.kinds), _NEXT_CHOICE * exact[SEEN]
        lesson.kind[s] = kind
        exact[LEVEL], exact[LEVEL_RUN] = tried.kinds[kind, KIND_LEVEL], tried.kinds[kind, KIND_RUN]
    held[0] = 0.0  # it lives until here
