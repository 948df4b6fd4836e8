"""The grid that a recording's samples lie on, where nobody has said it."""

from dataclasses import dataclass, replace

import numpy as np

from forewarn_models.arrays import IntegerArray
from forewarn_models.errors import NotEnoughHistory
from forewarn_models.samples import Samples


@dataclass(frozen=True, slots=True)
class Ruler:
    """A grid without an end; a sample belongs to the slot whose time is nearest.

    Args:
        start_milliseconds: the time of the first slot.
        step_milliseconds: from one slot to the next.
    """

    start_milliseconds: int
    step_milliseconds: int

    def nearest(self, milliseconds: int) -> int:
        """Return the time of the slot that an instant belongs to."""
        ahead = milliseconds + self.step_milliseconds // 2 - self.start_milliseconds
        return self.start_milliseconds + ahead // self.step_milliseconds * self.step_milliseconds

    def floor(self, milliseconds: IntegerArray) -> IntegerArray:
        """Return the times of the slots that laid samples fall into."""
        slots: IntegerArray = (
            milliseconds - (milliseconds - self.start_milliseconds) % self.step_milliseconds
        )
        return slots

    def laid(self, samples: Samples) -> Samples:
        """Return samples whose timestamps fall, rounded down, into their own slots."""
        times = samples.timestamp_milliseconds + self.step_milliseconds // 2
        return replace(samples, timestamp_milliseconds=times)


def usual_step_milliseconds(samples: Samples) -> int:
    """Return the median distance of neighbouring samples of a series, 0 where there are no two.

    Repeated timestamps count once.
    """
    distances = _distances(samples)
    return max(1, int(np.median(distances))) if len(distances) else 0


def ruler_of(samples: Samples) -> Ruler:
    """Return the grid whose slots hold one sample of each series where they come regularly.

    The step is the usual one and slots stand where samples usually do, so that jitter of less than
    half a step moves none into its neighbour's.

    Raises NotEnoughHistory when no series has two different timestamps.

    >>> row = np.zeros(3, np.int64)
    >>> ruler_of(Samples(((),), row, np.array([10_000, 70_000, 130_001]), np.ones(3)))
    Ruler(start_milliseconds=10000, step_milliseconds=60000)
    """
    step = usual_step_milliseconds(samples)
    if not step:
        raise NotEnoughHistory("the step between samples", needed=2, got=min(len(samples), 1))
    times = samples.timestamp_milliseconds
    first = int(times.min())
    # Phases lie on a circle: it is cut opposite to the first sample.
    turned = (times - first + step // 2) % step
    return Ruler(first + int(np.median(turned)) - step // 2, step)


def _distances(samples: Samples) -> IntegerArray:
    order = np.lexsort((samples.timestamp_milliseconds, samples.row))
    is_same = np.diff(samples.row[order]) == 0
    distances = np.diff(samples.timestamp_milliseconds[order])
    kept: IntegerArray = distances[is_same & (distances > 0)]
    return kept
