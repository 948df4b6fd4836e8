"""Hashes that tell lines from each other: which were met before, and how a cursor keeps them."""

import base64

import numpy as np

from forewarn_models.arrays import BooleanArray, IntegerArray

_BYTES = 6  # among 50,000 lines, one in five thousand million others passes for one of them
BITS = np.uint64((1 << 8 * _BYTES) - 1)


def as_text(hashes: IntegerArray) -> str:
    """Return hashes as JSON can hold them in little space."""
    octets = hashes.astype("<i8").view(np.uint8).reshape(-1, 8)
    return base64.b64encode(octets[:, :_BYTES].tobytes()).decode()


def of_text(text: str) -> IntegerArray:
    """Return the hashes of `as_text`. Raises TypeError or ValueError for anything else."""
    octets = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    padded = np.zeros((len(octets) // _BYTES, 8), np.uint8)
    padded[:, :_BYTES] = octets.reshape(-1, _BYTES)
    return padded.reshape(-1).view("<i8").astype(np.int64)


class Sieve:
    """Holds back lines that were read before, each as often as it was."""

    def __init__(self, known: IntegerArray) -> None:
        self._hashes, self._left = np.unique(known, return_counts=True)

    def unseen(self, hashes: IntegerArray) -> BooleanArray:
        """Return (n,) which lines were not read before; ask for each line once."""
        if not len(self._hashes):
            return np.ones(len(hashes), dtype=np.bool_)
        met, inverse, count = np.unique(hashes, return_inverse=True, return_counts=True)
        place = np.minimum(np.searchsorted(self._hashes, met), len(self._hashes) - 1)
        known = np.where(self._hashes[place] == met, self._left[place], 0)
        held_back = np.minimum(known, count)
        np.subtract.at(self._left, place, held_back)
        order = np.argsort(inverse, kind="stable")
        rank = np.empty(len(hashes), dtype=np.int64)
        rank[order] = np.arange(len(hashes)) - np.repeat(np.cumsum(count) - count, count)
        unseen: BooleanArray = rank >= held_back[inverse]
        return unseen
