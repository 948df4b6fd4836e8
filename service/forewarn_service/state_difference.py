"""What one state of a fold has other than another, bit by bit: a tenth of a state, or a fifth.

Most of what is remembered of a series stands still for minutes: sizes by the hour of other hours,
intervals that no new value fell out of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import AnyArray
from forewarn_models.contract import Carry
from forewarn_models.fold import FoldState

# Compared at a time, so that both sides and the answer stay in the processor's cache.
_COMPARED_NUMBERS = 1 << 15


@dataclass(frozen=True, eq=False)
class _Apart:
    """What one array has other than another of its shape.

    Args:
        places: one bit for each number: whether it differs.
        numbers: those that do, in order.
    """

    places: AnyArray
    numbers: AnyArray

    @property
    def kept_bytes(self) -> int:
        return self.places.nbytes + self.numbers.nbytes


@dataclass(frozen=True, eq=False)
class StateDifference:
    """What a state has other than another of the same model.

    Args:
        carry: by name of the array.
        episodes: the same.
        next_milliseconds: of the state.
    """

    carry: Mapping[str, _Apart]
    episodes: Mapping[str, _Apart]
    next_milliseconds: int

    @property
    def kept_bytes(self) -> int:
        """How much memory it takes."""
        parts = (*self.carry.values(), *self.episodes.values())
        return sum(part.kept_bytes for part in parts)


def difference(state: FoldState, other: FoldState) -> StateDifference:
    """Return what `state` has other than `other`; both belong to one model."""
    return StateDifference(
        _apart(state.carry, other.carry),
        _apart(state.episodes, other.episodes),
        state.carry.next_milliseconds,
    )


def restored(apart: StateDifference, other: FoldState) -> FoldState:
    """Return the very state, bit by bit, whose difference from `other` this is."""
    return FoldState(
        _together(apart.carry, other.carry, apart.next_milliseconds),
        _together(apart.episodes, other.episodes, apart.next_milliseconds),
    )


def state_bytes(state: FoldState) -> int:
    """Return how much memory a whole state takes."""
    arrays = (*state.carry.arrays.values(), *state.episodes.arrays.values())
    return sum(array.nbytes for array in arrays)


def _apart(carry: Carry, other: Carry) -> Mapping[str, _Apart]:
    return {name: _array_apart(array, other.arrays[name]) for name, array in carry.arrays.items()}


def _array_apart(array: AnyArray, other: AnyArray) -> _Apart:
    own, others = array.reshape(-1), other.reshape(-1)
    places, numbers = [], []
    for part in _parts(len(own)):
        # As whole numbers: NaN is then equal to itself, and -0.0 is not 0.0.
        differs = _bits(own[part]) != _bits(others[part])
        places.append(np.packbits(differs))
        numbers.append(own[part][differs])
    return _Apart(np.concatenate(places), np.concatenate(numbers))


def _parts(n_numbers: int) -> Iterator[slice]:
    """Yield at least one slice; each but the last fills whole bytes with its bits."""
    for first in range(0, max(n_numbers, 1), _COMPARED_NUMBERS):
        yield slice(first, first + _COMPARED_NUMBERS)


def _bits(numbers: AnyArray) -> AnyArray:
    return numbers.view(f"u{numbers.itemsize}")


def _together(apart: Mapping[str, _Apart], other: Carry, next_milliseconds: int) -> Carry:
    arrays = {name: _array_together(part, other.arrays[name]) for name, part in apart.items()}
    return Carry(arrays, next_milliseconds)


def _array_together(apart: _Apart, other: AnyArray) -> AnyArray:
    numbers = other.reshape(-1).copy()
    differs = np.unpackbits(apart.places, count=len(numbers)).view(np.bool_)
    numbers[differs] = apart.numbers
    return numbers.reshape(other.shape)
