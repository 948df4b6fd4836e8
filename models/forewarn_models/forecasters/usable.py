"""What of a history can be used."""

import numpy as np

from forewarn_models.arrays import FloatArray
from forewarn_models.errors import NotEnoughHistory
from forewarn_models.panel import Panel

LEAST_SAMPLES = 2
# Values further out would overflow when they are subtracted and squared: they count as gaps.
_LARGEST = 1e150


def usable_values(history: Panel, *, what: str) -> FloatArray:
    """Return the values with infinities and absurd sizes as NaN.

    Raises NotEnoughHistory when no series has two samples.
    """
    check_samples(history, what=what)
    return usable(history.values)


def usable(values: FloatArray) -> FloatArray:
    """Return values with infinities and absurd sizes as NaN."""
    return np.where(np.abs(values) < _LARGEST, values, np.nan)


def check_samples(history: Panel, *, what: str) -> None:
    """Raise NotEnoughHistory when no series has two usable samples."""
    # Row by row: a panel may fill half of the memory.
    counts = (int((np.abs(row) < _LARGEST).sum()) for row in history.values)
    most = max(counts, default=0)
    if most < LEAST_SAMPLES:
        raise NotEnoughHistory(what, needed=LEAST_SAMPLES, got=most)
