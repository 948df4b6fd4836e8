"""What candidates see: every series as it was known at each of some earlier origins."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.calendar import UTC, Calendar
from forewarn_models.forecasters.backtest import cut
from forewarn_models.forecasters.lookback import long_period


@dataclass(frozen=True, eq=False)
class Driver:
    """What drives each series, as it was known, and as it was forecast.

    Args:
        known: (n_series, n_times) on the slots of the history; NaN is a gap.
        ahead: (n_series, n_origins, n_steps) forecast from each origin with what was known then.
    """

    known: FloatArray
    ahead: FloatArray


@dataclass(frozen=True, eq=False)
class Rows:
    """Histories and origins; a row is one series at one origin, origins of a series together.

    Args:
        history: (n_series, n_times) the newest slot last; NaN is a gap.
        ages: (n_origins,) slots from each origin to the end of the history, the newest first.
        period: (n_series,) the season of each series in slots; NaN = none.
        end_milliseconds: the time of the first slot after the history.
        step_milliseconds: from one slot to the next.
        calendar: whose days and clock the series follow.
        driver: of the series; None = nothing is known to drive them.
    """

    history: FloatArray
    ages: IntegerArray
    period: FloatArray
    end_milliseconds: int
    step_milliseconds: int
    calendar: Calendar = UTC
    driver: Driver | None = None

    @cached_property
    def values(self) -> FloatArray:
        """(n_rows, n_times) what was known, the newest slot last, NaN before the history began."""
        return self.as_known(self.history)

    def as_known(self, history: FloatArray) -> FloatArray:
        """Return (n_rows, n_times) what each row knew of a history on the same slots."""
        if self.ages.tolist() == [0]:
            return history
        return cut(history, self.ages).reshape(-1, history.shape[1])

    @property
    def long(self) -> float:
        """A week in slots; NaN = the history is too short for one."""
        return long_period(self.history.shape[1], self.step_milliseconds)

    @property
    def short(self) -> FloatArray:
        """(n_rows,) the season of each row in slots."""
        return np.repeat(self.period, len(self.ages))

    @property
    def long_periods(self) -> FloatArray:
        """(n_rows,) a week in slots."""
        return np.full(len(self.history) * len(self.ages), self.long)
