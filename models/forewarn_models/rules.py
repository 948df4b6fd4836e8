"""What follows from a signal's step: windows, gains, how long a block or a cluster is."""

from math import ceil, expm1, log10
from typing import NamedTuple

from forewarn_models.baseline import LevelGains
from forewarn_models.noise import NoiseGains
from forewarn_models.views import Direction
from forewarn_models.windows import Span, span_of

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_FAST, _SLOW = 10 * _MINUTE, _HOUR


class Rules(NamedTuple):
    """What the walk needs to know of a signal.

    Args:
        fast, slow: how the two windows are cut.
        fast_gains, slow_gains: of the noise around each; the baseline's is the slow one's.
        level: of the baseline.
        step_seconds, step_decades: of the grid, and its decimal logarithm.
        lags: slots back to the middle of each window.
        block, drift_block: samples that wait together to be known; drifts wait for a day.
        drift_told: samples for which a drift is told, before it is learned at once for a day.
        long, short, unrest, day, week: gains of means over four hours, one hour, four hours, a
            day and a week.
        cluster_gap: quiet slots that part two episodes.
        wanted: +1, -1 or 0: the side that can be an anomaly, 0 for both.
    """

    fast: Span
    slow: Span
    fast_gains: NoiseGains
    slow_gains: NoiseGains
    level: LevelGains
    step_seconds: float
    step_decades: float
    lags: tuple[int, int]
    block: float
    drift_block: float
    drift_told: float
    long: float
    short: float
    unrest: float
    day: float
    week: float
    cluster_gap: float
    wanted: int


def rules_of(step_seconds: float, direction: Direction = "both") -> Rules:
    """Return the rules of a step and of the side that can be an anomaly."""
    step = step_seconds
    fast, slow = span_of(_FAST, step), span_of(_SLOW, step, 6)
    return Rules(
        fast=fast,
        slow=slow,
        fast_gains=_noise_gains(_FAST, 2 * _HOUR, step),
        slow_gains=_noise_gains(_SLOW, 6 * _HOUR, step),
        level=LevelGains(_gain(_DAY, step, 30), _gain(_HOUR, step, 15), _gain(3 * _DAY, step)),
        step_seconds=step,
        step_decades=log10(step),
        lags=(_half(fast), _half(slow)),
        block=float(max(3, round(30 * _MINUTE / step))),
        drift_block=float(max(3, round(_DAY / step))),
        drift_told=float(max(3, round(3 * _HOUR / step))),
        long=_gain(4 * _HOUR, step),
        short=_gain(_HOUR, step),
        unrest=_gain(4 * _HOUR, step),
        day=_gain(_DAY, step),
        week=_gain(7 * _DAY, step),
        cluster_gap=float(cluster_gap(step)),
        wanted={"both": 0, "up": 1, "down": -1}[direction],
    )


def cluster_gap(step_seconds: float) -> int:
    """Return the quiet steps that part two episodes: half an hour, at least six steps."""
    return max(6, ceil(30 * _MINUTE / step_seconds))


def _half(span: Span) -> int:
    return span.n_slots * span.samples_a_slot // 2


def _gain(seconds: float, step: float, fewest_steps: float = 1.0) -> float:
    """Return how far one sample moves a mean that forgets in some seconds, or in some steps."""
    return -expm1(-step / max(seconds, fewest_steps * step))


def _noise_gains(window: float, memory: float, step: float) -> NoiseGains:
    usual = _gain(14 * _DAY, step)
    block = max(1, round(window / step))
    recent = _gain(max(memory, 12 * step), block * step)
    return NoiseGains(usual, min(0.5, 24 * usual), recent, float(block))
