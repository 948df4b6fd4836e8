"""The grid that a recording's samples lie on, where nobody has said it."""

from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import IntegerArray
from forewarn_models.errors import NotEnoughHistory
from forewarn_models.samples import Samples


@dataclass(frozen=True, slots=True)
class Ruler:
    """A grid without an end.

    Args:
        start_milliseconds: the time of the first slot.
        step_milliseconds: from one slot to the next.
    """

    start_milliseconds: int
    step_milliseconds: int

    def floor(self, milliseconds: int) -> int:
        """Return the time of the slot that an instant lies in."""
        return milliseconds - (milliseconds - self.start_milliseconds) % self.step_milliseconds


def usual_step_milliseconds(samples: Samples) -> int:
    """Return the median distance of neighbouring samples of a series, 0 where there are no two.

    Repeated timestamps count once.
    """
    distances = _distances(samples)
    return max(1, int(np.median(distances))) if len(distances) else 0


def ruler_of(samples: Samples) -> Ruler:
    """Return the grid whose slots hold one sample of each series where they come regularly.

    The step is the usual one; the samples' usual place is the middle of a slot, so that jitter of
    less than half a step moves none into its neighbour's.

    Raises NotEnoughHistory when no series has two different timestamps.

    >>> row = np.zeros(3, np.int64)
    >>> ruler_of(Samples(((),), row, np.array([10_000, 70_000, 130_001]), np.ones(3)))
    Ruler(start_milliseconds=-20000, step_milliseconds=60000)
    """
    step = usual_step_milliseconds(samples)
    if not step:
        raise NotEnoughHistory("a grid", needed=2, got=min(len(samples), 1))
    times = samples.timestamp_milliseconds
    first = int(times.min())
    # Phases lie on a circle: it is cut opposite to the first sample.
    turned = (times - first + step // 2) % step
    usual = first + int(np.median(turned)) - step // 2
    return Ruler(usual - step // 2, step)


def _distances(samples: Samples) -> IntegerArray:
    order = np.lexsort((samples.timestamp_milliseconds, samples.row))
    is_same = np.diff(samples.row[order]) == 0
    distances = np.diff(samples.timestamp_milliseconds[order])
    kept: IntegerArray = distances[is_same & (distances > 0)]
    return kept
