"""The only place that asks what time it is; everything else takes the time as an argument."""

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Tells the time: milliseconds since 1970-01-01 UTC."""

    def __call__(self) -> int: ...


def now_milliseconds() -> int:
    """Return the time of the system's clock in milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class ManualClock:
    """A clock that stands still until it is told to move: replays and tests need no waiting.

    >>> clock = ManualClock(1_000)
    >>> clock.advance(milliseconds=500)
    >>> clock()
    1500
    """

    milliseconds: int

    def __call__(self) -> int:
        return self.milliseconds

    def advance(self, *, milliseconds: int) -> None:
        """Move on; a negative step plays a clock that was set back."""
        self.milliseconds += milliseconds
