"""Samples as a source gave them, and their way onto a regular grid."""

from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.errors import DataError
from forewarn_models.labels import Labels
from forewarn_models.panel import Panel


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples of several series at their own timestamps, as flat arrays of equal length.

    Args:
        series: the labels of the series, no two alike.
        row: (n,) which series each sample belongs to.
        timestamp_milliseconds: (n,) since the epoch, UTC; need not be regular or distinct.
        value: (n,) NaN is an explicit "no value".
    """

    series: tuple[Labels, ...]
    row: IntegerArray
    timestamp_milliseconds: IntegerArray
    value: FloatArray

    def __post_init__(self) -> None:
        if not len(self.row) == len(self.timestamp_milliseconds) == len(self.value):
            raise DataError(
                "samples need a series, a timestamp and a value each, got "
                f"{len(self.row)}, {len(self.timestamp_milliseconds)} and {len(self.value)}"
            )

    def __len__(self) -> int:
        return len(self.value)

    def select(self, chosen: BooleanArray | IntegerArray) -> "Samples":
        """Return the chosen samples of the same series."""
        return Samples(
            self.series,
            self.row[chosen],
            self.timestamp_milliseconds[chosen],
            self.value[chosen],
        )


NO_SAMPLES = Samples((), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


@dataclass(frozen=True, eq=False)
class Gridded:
    """Samples laid on a grid.

    Args:
        panel: holds the first sample of each series in each slot.
        column: (n,) the slot of each sample.
        is_repeat: (n,) true where the slot already had an earlier sample of that series, so that
            this one is not in the panel.
    """

    panel: Panel
    column: IntegerArray
    is_repeat: BooleanArray


def grid(
    samples: Samples, *, step_milliseconds: int, start_milliseconds: int, n_times: int
) -> Gridded:
    """Return samples laid on the grid that starts at `start_milliseconds`.

    A slot holds the samples from its own time up to, but without, the next slot's time. All
    samples must lie in the grid; DataError otherwise.
    """
    offset = samples.timestamp_milliseconds - start_milliseconds
    column = offset // step_milliseconds
    if len(column) and (column.min() < 0 or column.max() >= n_times):
        raise DataError(
            f"all samples must lie in the grid of {n_times} slots, "
            f"got slots {int(column.min())} to {int(column.max())}"
        )
    slot = samples.row * n_times + column
    order = np.lexsort((np.arange(len(slot)), samples.timestamp_milliseconds, slot))
    is_repeat = np.zeros(len(slot), dtype=np.bool_)
    is_repeat[order[1:]] = slot[order[1:]] == slot[order[:-1]]
    values = np.full((len(samples.series), n_times), np.nan)
    first = ~is_repeat
    values[samples.row[first], column[first]] = samples.value[first]
    panel = Panel(values, samples.series, start_milliseconds, step_milliseconds)
    return Gridded(panel, column, is_repeat)


def samples_of(panel: Panel) -> Samples:
    """Return the known values of a panel as samples, row by row."""
    row, column = np.nonzero(np.isfinite(panel.values))
    times = panel.times_milliseconds[column]
    return Samples(panel.series, row, times, panel.values[row, column])


def floor_to_step(timestamp_milliseconds: int, step_milliseconds: int) -> int:
    """Return the time of the slot that a timestamp falls in, on the grid that holds the epoch.

    >>> floor_to_step(61_500, 30_000)
    60000
    """
    return timestamp_milliseconds - timestamp_milliseconds % step_milliseconds
