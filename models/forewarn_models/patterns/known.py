"""The shapes that are known, by hash: what makes a line cost almost nothing."""

import numpy as np

from forewarn_models.arrays import IntegerArray
from forewarn_models.patterns.scanning import slot_of

_FEWEST_SLOTS, _MOST_SLOTS = 1 << 12, 1 << 17  # half of the most are used before all are forgotten


class Known:
    """Keys of shapes and the rows of their patterns. Forgetting costs time and nothing else.

    `table` is (n_slots, 2), keys and rows; a key of 0 is an empty slot. It is small while it can
    be: what lies close together is found faster.
    """

    def __init__(self) -> None:
        self.table: IntegerArray = np.zeros((_FEWEST_SLOTS, 2), dtype=np.int64)
        self._n = 0

    def learn(self, key: int, row: int) -> None:
        """Know a key from now on; one that is not known yet."""
        if 2 * self._n >= len(self.table):
            self._widen()
        self.table[slot_of(self.table, key)] = key, row
        self._n += 1

    def is_full(self) -> bool:
        """Return whether all are to be forgotten before more lines are met."""
        return self._n >= _MOST_SLOTS // 2

    def forget(self) -> None:
        """Know nothing."""
        self.table = np.zeros((_FEWEST_SLOTS, 2), dtype=np.int64)
        self._n = 0

    def _widen(self) -> None:
        held = self.table[self.table[:, 0] != 0]
        self.table = np.zeros((2 * len(self.table), 2), dtype=np.int64)
        for key, row in held.tolist():
            self.table[slot_of(self.table, key)] = key, row
