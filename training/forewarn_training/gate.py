"""May a candidate replace the champion: pure, on figures that neither model saw in training."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.budget import Budget
from forewarn_training.judging import BAND_MISSES, Quality

# A tenth worse is within what one window of a month says by chance.
_TOLERANCE = 1.1
# Two bands meet the same values: of the chance error of a count of misses, half is left.
_CHANCE_OF_MISSES = 0.5
# Fewer common slots than this say nothing about which of two models is better.
LEAST_COMMON_SLOTS = 60


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the candidate becomes the champion, and why or why not."""

    is_promoted: bool
    why: str


def compare_detectors(candidate: Quality, champion: Quality, *, budget: Budget) -> Decision:
    """Return whether the candidate is not worse than the champion on their common rows.

    It is worse when it gives more alarms than chance explains and more than the budget allows,
    or when its expected value or its band is a tenth worse on the typical series. A band is
    judged by the few values that it misses, so it is given what chance does to their number.
    """
    ours, theirs = _common(candidate, champion)
    if candidate.judged[ours].sum() < LEAST_COMMON_SLOTS:
        return Decision(True, "no sample is common to both models")
    alarms = [int(quality.alarms[rows].sum()) for quality, rows in _pairs(candidate, champion)]
    allowed = candidate.judged_seconds[ours].sum() / budget.return_period_seconds
    most = max(alarms[1] + 2.0 * sqrt(alarms[1] + 1.0), allowed + 2.0 * sqrt(allowed))
    if alarms[0] > most:
        return Decision(False, f"{alarms[0]} alarms where the champion gave {alarms[1]}")
    misses = BAND_MISSES * float(candidate.banded[ours].sum())
    by_chance = _CHANCE_OF_MISSES / sqrt(max(misses, 1.0))
    for name, text, tolerance in (
        ("interval_score", "its band", _TOLERANCE + by_chance),
        ("error", "its expected value", _TOLERANCE),
    ):
        ratio = typical_ratio(getattr(candidate, name)[ours], getattr(champion, name)[theirs])
        if ratio > tolerance:
            return Decision(False, f"{text} is {ratio - 1:.0%} worse than the champion's")
    return Decision(True, "not worse than the champion on the same unseen samples")


def compare_forecasts(candidate: FloatArray, champion: FloatArray) -> Decision:
    """Return whether forecasts are not worse: their pinball losses, (n_series,) each."""
    ratio = typical_ratio(candidate, champion)
    if ratio > _TOLERANCE:
        return Decision(False, f"its forecasts are {ratio - 1:.0%} worse than the champion's")
    return Decision(True, "not worse than the champion on the same unseen samples")


def compare_logged(candidate: Mapping[str, float], champion: Mapping[str, float]) -> Decision:
    """Return the decision where too few new samples came for a comparison on the same ones.

    Each model's own back-test, logged when it was trained, stands for it.
    """
    for name, text in _LOGGED.items():
        ours, theirs = candidate.get(name, float("nan")), champion.get(name, float("nan"))
        if not isfinite(theirs):
            continue
        if not isfinite(ours):
            return Decision(False, f"{text} could not be measured, the champion's was {theirs:.3g}")
        if ours > max(_TOLERANCE * theirs, _GOOD_ENOUGH.get(name, 0.0)):
            return Decision(False, f"{text} is {ours:.3g}, the champion's was {theirs:.3g}")
    return Decision(True, "not worse than the champion, each by its own back-test")


_LOGGED = {
    "alarm_budget_ratio": "alarms over budget",
    "one_step_error_ratio": "the error of its expected value",
    "forecast_error_ratio": "the error of its forecasts",
}
_GOOD_ENOUGH = {"alarm_budget_ratio": 1.0}


def typical_ratio(ours: FloatArray, theirs: FloatArray) -> float:
    """Return the median of ours / theirs over the rows where both are known; 1 without any.

    >>> typical_ratio(np.array([1.0, 3.0, 9.0, 1.0]), np.array([1.0, 1.0, np.nan, 0.0]))
    2.0
    """
    is_known = np.isfinite(ours) & np.isfinite(theirs) & (theirs > 0)
    if not is_known.any():
        return 1.0
    return float(np.median(ours[is_known] / theirs[is_known]))


def _common(candidate: Quality, champion: Quality) -> tuple[IntegerArray, IntegerArray]:
    place = {labels: row for row, labels in enumerate(champion.series)}
    theirs = np.array([place.get(labels, -1) for labels in candidate.series], dtype=np.int64)
    ours = np.flatnonzero(theirs >= 0)
    theirs = theirs[ours]
    judged = (candidate.judged[ours] > 0) & (champion.judged[theirs] > 0)
    return ours[judged], theirs[judged]


def _pairs(
    candidate: Quality, champion: Quality
) -> tuple[tuple[Quality, IntegerArray], tuple[Quality, IntegerArray]]:
    ours, theirs = _common(candidate, champion)
    return (candidate, ours), (champion, theirs)
