"""A panel: all series of one signal on one regular time grid."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray, frozen
from forewarn_models.errors import DataError
from forewarn_models.labels import Labels


@dataclass(frozen=True, eq=False)
class Panel:
    """Series by time, as one matrix that nobody may write to.

    Args:
        values: (n_series, n_times) in the units of the query; NaN is a gap.
        series: the labels of each row, no two alike.
        start_milliseconds: the time of the first column, milliseconds since the epoch, UTC.
        step_milliseconds: from one column to the next.

    Raises DataError when the shapes disagree, a row is named twice or the step is not positive.
    """

    values: FloatArray
    series: tuple[Labels, ...]
    start_milliseconds: int
    step_milliseconds: int

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim != 2 or values.shape[0] != len(self.series):
            raise DataError(
                f"a panel's values must be one row for each of its {len(self.series)} series, "
                f"got shape {values.shape}"
            )
        if self.step_milliseconds <= 0:
            raise DataError(f"a panel's step must be positive, got {self.step_milliseconds} ms")
        if len(set(self.series)) != len(self.series):
            raise DataError("a panel's series must differ in their labels, got the same ones twice")
        object.__setattr__(self, "values", frozen(values))

    @property
    def n_series(self) -> int:
        return int(self.values.shape[0])

    @property
    def n_times(self) -> int:
        return int(self.values.shape[1])

    @property
    def end_milliseconds(self) -> int:
        """The time of the first column that is *not* in the panel any more."""
        return self.start_milliseconds + self.n_times * self.step_milliseconds

    @cached_property
    def times_milliseconds(self) -> IntegerArray:
        """(n_times,) the time of each column."""
        return self.start_milliseconds + self.step_milliseconds * np.arange(
            self.n_times, dtype=np.int64
        )

    @property
    def step_seconds(self) -> float:
        return self.step_milliseconds / 1000.0

    def columns(self, start: int, stop: int) -> "Panel":
        """Return the columns from `start` up to but without `stop`; no copy."""
        start = min(max(start, 0), self.n_times)
        return replace(
            self,
            values=self.values[:, start : max(stop, start)],
            start_milliseconds=self.start_milliseconds + start * self.step_milliseconds,
        )

    def rows(self, series: Sequence[Labels]) -> "Panel":
        """Return the rows of `series` in that order; rows that the panel lacks are all gaps."""
        place = {labels: row for row, labels in enumerate(self.series)}
        index = np.array([place.get(labels, -1) for labels in series], dtype=np.int64)
        values = np.full((len(index), self.n_times), np.nan)
        values[index >= 0] = self.values[index[index >= 0]]
        return replace(self, values=values, series=tuple(series))
