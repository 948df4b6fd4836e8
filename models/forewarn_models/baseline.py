"""The baseline: what a value should be now, and the band that holds 99 % of values.

expected = profile(phase) + level. Several cycles are tried side by side while the history is
walked, each with a profile and a level of its own, and each judged on samples that it has not
seen; the simplest that foretells nearly as well as the best is kept. The level forgets in a day;
errors that stay on one side for hours open Huber's bend (Huber 1964), so that an incident hardly
moves it and a change that stays is learned. The band's edges move until one value in two hundred
lies beyond each (Gibbs and Candes 2021, adaptive conformal inference).
"""

from math import inf
from typing import NamedTuple

from forewarn_models.arrays import AnyArray, FloatArray, IntegerArray
from forewarn_models.compiled import compiled

_CLIP = 2.5  # Huber's bend, in spreads: 5 % less efficient than the mean on Gaussian noise
_FELT = 3.0  # spreads that one value moves a profile by at most
_WORTH = 0.97  # a richer cycle must lower the error at least this far
_CYCLES_SEEN = 1.5  # before a cycle is judged
_FEWEST_JUDGED = 60.0
_MISSES = 0.005  # of values beyond each edge
_EDGE_GAIN = 0.1
_FAR, _FAR_COUNTS = 3.0, 0.05  # times an edge, and the share of a miss that such an error is
FIRST_EDGE = 2.8  # spreads, before anything is known

# Columns of what is learned of each cycle.
KIND_LEVEL, KIND_RUN, KIND_LOSS, KIND_JUDGED = range(4)
N_KIND = 4


class Cycles(NamedTuple):
    """Where each instant stands in each cycle that is tried, the simplest first.

    Args:
        lower: (n_kinds, n_times) the bin before the instant, counted in all bins of all kinds.
        upper: the bin after it.
        weight: of the upper bin.
        gain: (n_kinds,) of a profile, from one cycle to the next.
        length: (n_kinds,) samples in a cycle; 0 is no cycle.
        lead: columns before the first instant of a walk.
    """

    lower: IntegerArray
    upper: IntegerArray
    weight: FloatArray
    gain: FloatArray
    length: FloatArray
    lead: int


class LevelGains(NamedTuple):
    """How much one sample moves the level, its one-sidedness, and the judgement of a cycle."""

    level: float
    run: float
    loss: float


class Tried(NamedTuple):
    """The cycles that are tried side by side while training walks; the first axis is the series.

    Args:
        centers: (n_series, n_bins of all kinds) profiles.
        counts: samples in each bin.
        kinds: (n_series, n_kinds, N_KIND).
    """

    centers: AnyArray
    counts: AnyArray
    kinds: FloatArray


@compiled
def at_phase(center: AnyArray, place: int, cycles: Cycles, kind: int, t: int) -> float:
    """Return a profile, which begins at `place` of `center`, between two of its bins."""
    column = cycles.lead + t
    low = center[place + cycles.lower[kind, column]]
    weight = cycles.weight[kind, column]
    if weight > 0.0:
        return float(low + weight * (center[place + cycles.upper[kind, column]] - low))
    return float(low)


@compiled
def moved(error: float, spread: float, run: float, gains: LevelGains) -> tuple[float, float]:
    """Return how far the level moves on an error, and how one-sided errors are now."""
    if spread <= 0.0:
        return gains.level * error, run
    clip = _CLIP * spread
    if -clip < error < clip:
        return gains.level * error, run + gains.run * (error / clip - run)
    run += gains.run * ((1.0 if error > 0.0 else -1.0) - run)
    reach = clip / max(1.0 - abs(run), 1e-3)
    return gains.level * min(max(error, -reach), reach), run


@compiled
def edge_after(edge: float, size: float) -> float:
    """Return an edge of the band, in spreads, after an error of a size on its side.

    An error far outside is an incident rather than what the band should hold: it counts little.
    """
    missed = 0.0
    if size > edge:
        missed = 1.0 if size <= _FAR * edge else _FAR_COUNTS
    return edge * (1.0 + _EDGE_GAIN * (missed - _MISSES))


@compiled
def follow_kind(
    error: float, spread: float, total: float, kind_row: FloatArray, gains: LevelGains
) -> None:
    """Let one cycle's level learn from its error; `total` samples came before."""
    if total * gains.level < 1.0:
        felt = _FELT * spread if spread > 0.0 else inf
        kind_row[KIND_LEVEL] += min(max(error, -felt), felt) / (total + 1.0)
        return
    move, kind_row[KIND_RUN] = moved(error, spread, kind_row[KIND_RUN], gains)
    kind_row[KIND_LEVEL] += move


@compiled
def judge_kind(error: float, spread: float, kind_row: FloatArray, gains: LevelGains) -> None:
    """Count an error of a cycle on a sample that it has not seen."""
    kind_row[KIND_JUDGED] += 1.0
    gain = max(1.0 / kind_row[KIND_JUDGED], gains.loss)
    most = 2.0 * _FELT * spread if spread > 0.0 else inf
    kind_row[KIND_LOSS] += gain * (min(abs(error), most) - kind_row[KIND_LOSS])


@compiled
def try_kinds(
    value: float,
    t: int,
    before: tuple[float, float],
    cycles: Cycles,
    tried: Tried,
    gains: LevelGains,
) -> None:
    """Let every cycle judge a value of one series and then learn it; a quarter of them is judged.

    `before` are the spread, and how many samples came before; the arrays of `tried` are rows.
    """
    spread, total = before
    is_judged = int(total) % 4 == 0
    for kind in range(len(cycles.gain)):
        row = tried.kinds[kind]
        error = value - at_phase(tried.centers, 0, cycles, kind, t) - row[KIND_LEVEL]
        if is_judged and total > _CYCLES_SEEN * cycles.length[kind]:
            judge_kind(error, spread, row, gains)
        follow_kind(error, spread, total, row, gains)
        if cycles.length[kind] > 0.0:
            column = cycles.lead + t
            is_upper = cycles.weight[kind, column] > 0.5
            place = cycles.upper[kind, column] if is_upper else cycles.lower[kind, column]
            follow_phase(value - row[KIND_LEVEL], spread, tried, place, cycles.gain[kind])


@compiled
def follow_phase(height: float, spread: float, tried: Tried, place: int, least_gain: float) -> None:
    """Let a bin of a profile learn how far a value lies above the level."""
    rest, count = height - tried.centers[place], tried.counts[place] + 1.0
    if count > 1.0 and spread > 0.0:
        rest = min(max(rest, -_FELT * spread), _FELT * spread)
    tried.centers[place] += (least_gain if count * least_gain > 1.0 else 1.0 / count) * rest
    tried.counts[place] = count


@compiled
def best_kind(kinds: FloatArray) -> int:
    """Return the cycle that foretells best; a richer one only where it is clearly better."""
    best = 0
    for kind in range(1, len(kinds)):
        if kinds[kind, KIND_JUDGED] >= _FEWEST_JUDGED and (
            kinds[kind, KIND_LOSS] < _WORTH * kinds[best, KIND_LOSS]
        ):
            best = kind
    return best
