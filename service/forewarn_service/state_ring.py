"""The fold's states at some slots of the recent past, so that it can go back and come again.

Two states are kept whole: the newest, and the newest of the spaced ones. The others are kept as
what they have other than one that is kept, and are put together again when the fold goes back.
"""

from collections.abc import Iterator

from forewarn_models.fold import FoldState
from forewarn_service.state_difference import (
    StateDifference,
    difference,
    restored,
    state_bytes,
)

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
        self._base = _Kept(start)
        self._kept = [self._base]
        self._newest = start
        self._anchor = start.carry.next_milliseconds
        self._step = step
        self._spacing = spacing
        self._window = window

    @property
    def oldest_milliseconds(self) -> int:
        """The time of the first slot that can be folded again."""
        return self._kept[0].next_milliseconds

    @property
    def newest(self) -> FoldState:
        return self._newest

    def slot_of(self, milliseconds: int) -> int:
        """Return the time of the slot that a timestamp falls in, on the grid of the model."""
        return milliseconds - (milliseconds - self._anchor) % self._step

    def at_or_before(self, milliseconds: int) -> FoldState:
        """Return the newest state that has not folded the slot of this time; None is no answer.

        The time must not be before `oldest_milliseconds`.
        """
        return self._at_or_before(milliseconds).state()

    def rewind(self, milliseconds: int) -> FoldState:
        """Forget the states after the slot of this time and return the newest that is left."""
        newest = self._at_or_before(milliseconds)
        newest.stand_alone()
        del self._kept[self._kept.index(newest) + 1 :]
        if self._base.next_milliseconds > newest.next_milliseconds:
            self._base = newest
            for kept in self._kept:
                if kept.beside and kept.beside.next_milliseconds > newest.next_milliseconds:
                    kept.stand_beside(newest)
        self._newest = newest.state()
        return self._newest

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
        self._make_small(self._kept[-1])
        self._newest = state
        self._kept.append(_Kept(state))
        leaned_on = [kept.beside for kept in self._kept]
        self._kept = [
            kept
            for place, kept in enumerate(self._kept)
            if place == 0
            or place >= len(self._kept) - _NEWEST_KEPT
            or self._is_spaced(kept)
            or kept in leaned_on
        ]
        start = state.carry.next_milliseconds - self._window
        while len(self._kept) > _NEWEST_KEPT and (
            self._kept[1].next_milliseconds <= start or self.kept_bytes > _MAX_BYTES
        ):
            del self._kept[0]

    def _at_or_before(self, milliseconds: int) -> "_Kept":
        return next(kept for kept in reversed(self._kept) if kept.next_milliseconds <= milliseconds)

    def _make_small(self, kept: "_Kept") -> None:
        """Keep what is the newest no longer beside the base, or the base beside it."""
        if kept is self._base:
            return
        if self._is_spaced(kept):
            self._base.stand_beside(kept)
            self._base = kept
        else:
            kept.stand_beside(self._base)

    def _is_spaced(self, kept: "_Kept") -> bool:
        return (kept.next_milliseconds - self._anchor) % self._spacing == 0

    @property
    def kept_bytes(self) -> int:
        """How much memory the states take."""
        return sum(kept.kept_bytes for kept in {*self._kept, self._base})


class _Kept:
    """A state that is kept, whole or as what it has other than another that is kept.

    Args:
        state: whole at first.
    """

    def __init__(self, state: FoldState) -> None:
        self.next_milliseconds = state.carry.next_milliseconds
        self.beside: _Kept | None = None
        self._held: FoldState | StateDifference = state

    def state(self) -> FoldState:
        """Return the state, bit by bit as it was given."""
        held, beside = self._held, self.beside
        if isinstance(held, FoldState):
            return held
        assert beside is not None  # noqa: S101  a difference is one from a state
        return restored(held, beside.state())

    def stand_beside(self, other: "_Kept") -> None:
        """Keep only what differs from another state, which must not stand beside this one."""
        self._held = difference(self.state(), other.state())
        self.beside = other

    def stand_alone(self) -> None:
        """Keep the whole state."""
        self._held, self.beside = self.state(), None

    @property
    def kept_bytes(self) -> int:
        held = self._held
        return state_bytes(held) if isinstance(held, FoldState) else held.kept_bytes
