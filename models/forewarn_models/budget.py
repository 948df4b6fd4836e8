"""The alert budget: how many false alarms are acceptable in a period. It is the threshold."""

import re
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from forewarn_models.arrays import FloatArray
from forewarn_models.durations import format_duration, parse_duration
from forewarn_models.errors import ConfigError

_FORM = re.compile(r"(\d{1,9})/(.+)", re.ASCII)

# `score` is 0 from a thousandth of the budget's period downwards (design, section 2).
_DECADES_BELOW_BUDGET = 3.0


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `count` false alarms in each `period`."""

    count: int
    period: timedelta

    @property
    def return_period_seconds(self) -> float:
        """The return period at which an alarm is exactly as rare as the budget allows."""
        return self.period.total_seconds() / self.count

    def __str__(self) -> str:
        return f"{self.count}/{format_duration(self.period)}"


DEFAULT_BUDGET = Budget(1, timedelta(days=30))


def parse_budget(text: str) -> Budget:
    """Return the budget that `text` names: a count, a slash, a duration or its unit.

    >>> parse_budget("2/week").return_period_seconds
    302400.0
    """
    match = _FORM.fullmatch(text)
    if not match or int(match[1]) == 0:
        raise ConfigError(
            "a budget must be a count of at least 1, a slash and a duration, such as 1/30d or "
            f"2/week, got {text!r}"
        )
    words = {"hour": "1h", "day": "1d", "week": "1w", "month": "30d", "year": "1y"}
    return Budget(int(match[1]), parse_duration(words.get(match[2], match[2])))


def score_of(return_period_seconds: FloatArray, budget_seconds: float | FloatArray) -> FloatArray:
    """Return the score of return periods against a budget: max(0, 1 + log10(T / B) / 3).

    It is 0 where T <= B / 1000, 1 at T = B and 2 at T = 1000 B, never capped; NaN stays NaN.
    `score >= 1` is the definition of *anomalous*.

    >>> score_of(np.array([2.592e6, 2.592e9, 1.0, np.nan]), 2.592e6)
    array([ 1.,  2.,  0., nan])
    """
    with np.errstate(divide="ignore"):
        decades = np.log10(np.asarray(return_period_seconds) / budget_seconds)
    score: FloatArray = np.maximum(0.0, 1.0 + decades / _DECADES_BELOW_BUDGET)
    return score
