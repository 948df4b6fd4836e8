"""The fold's states at some slots of the recent past, so that it can go back and come again."""

from collections.abc import Iterator

from forewarn_models.contract import Carry
from forewarn_models.fold import FoldState

# All states of one signal together; the oldest go when they need more.
_MAX_BYTES = 512 * 2**20
_NEWEST_KEPT = 3


class StateRing:
    """States in order of time: one every `spacing` within `window`, and the newest few.

    Args:
        start: the first state.
        step: milliseconds of a slot.
        spacing: milliseconds between the states that are kept.
        window: milliseconds that the ring goes back at least, memory permitting.
    """

    def __init__(self, start: FoldState, *, step: int, spacing: int, window: int) -> None:
        self._states = [start]
        self._anchor = start.carry.next_milliseconds
        self._step = step
        self._spacing = spacing
        self._window = window

    @property
    def oldest_milliseconds(self) -> int:
        """The time of the first slot that can be folded again."""
        return self._states[0].carry.next_milliseconds

    @property
    def newest(self) -> FoldState:
        return self._states[-1]

    def slot_of(self, milliseconds: int) -> int:
        """Return the time of the slot that a timestamp falls in, on the grid of the model."""
        return milliseconds - (milliseconds - self._anchor) % self._step

    def at_or_before(self, milliseconds: int) -> FoldState:
        """Return the newest state that has not folded the slot of this time; None is no answer.

        The time must not be before `oldest_milliseconds`.
        """
        return next(
            state
            for state in reversed(self._states)
            if state.carry.next_milliseconds <= milliseconds
        )

    def rewind(self, milliseconds: int) -> FoldState:
        """Forget the states after the slot of this time and return the newest that is left."""
        base = self.at_or_before(milliseconds)
        del self._states[self._states.index(base) + 1 :]
        return base

    def stops(self, start_milliseconds: int, last_slot_milliseconds: int) -> Iterator[int]:
        """Yield where a fold from `start` must pause so that the ring gets its states.

        The last two stops are before and after the last slot, which may still be open.
        """
        stop = start_milliseconds
        while stop < last_slot_milliseconds:
            passed = (stop - self._anchor) % self._spacing
            stop = min(stop + self._spacing - passed, last_slot_milliseconds)
            yield stop
        yield last_slot_milliseconds + self._step

    def push(self, state: FoldState) -> None:
        """Keep a state that is newer than all others, and forget what is not needed any more."""
        self._states.append(state)
        self._states = [
            kept
            for place, kept in enumerate(self._states)
            if place == 0 or place >= len(self._states) - _NEWEST_KEPT or self._is_spaced(kept)
        ]
        start = state.carry.next_milliseconds - self._window
        while len(self._states) > _NEWEST_KEPT and (
            self._states[1].carry.next_milliseconds <= start or self.kept_bytes > _MAX_BYTES
        ):
            del self._states[0]

    def _is_spaced(self, state: FoldState) -> bool:
        return (state.carry.next_milliseconds - self._anchor) % self._spacing == 0

    @property
    def kept_bytes(self) -> int:
        """How much memory the states take."""
        newest = self.newest
        return len(self._states) * (_carry_bytes(newest.carry) + _carry_bytes(newest.episodes))


def _carry_bytes(carry: Carry) -> int:
    return sum(array.nbytes for array in carry.arrays.values())
