"""Security events that people may ask about: those that go on, and the last that ended."""

from collections import deque
from collections.abc import Callable, Iterable

from forewarn_adapters.security.events import SecurityEvent

MOST_OPEN, MOST_ENDED = 10_000, 1_000


class EventBook:
    """Remembers events as they are told. One thread uses it."""

    def __init__(self) -> None:
        self._open: dict[str, SecurityEvent] = {}
        self._ended: deque[SecurityEvent] = deque(maxlen=MOST_ENDED)
        self._all: tuple[SecurityEvent, ...] | None = ()

    def take(
        self, events: Iterable[SecurityEvent], *, still_open: Callable[[], list[SecurityEvent]]
    ) -> None:
        """Note events that began, grew or ended.

        `still_open` returns all that go on; it is asked where ends were not told of.
        """
        for event in events:
            self._all = None
            if event.is_ended:
                self._open.pop(event.event_id, None)
                self._ended.append(event)
            else:
                self._open[event.event_id] = event
        if len(self._open) > MOST_OPEN:
            self.go_on(still_open())

    def go_on(self, events: Iterable[SecurityEvent]) -> None:
        """Take these for all that go on."""
        self._open = {event.event_id: event for event in events}
        self._all = None

    def events(self) -> tuple[SecurityEvent, ...]:
        """Return all that are remembered, in no order; nothing in it changes any more."""
        if self._all is None:
            self._all = (*self._open.values(), *self._ended)
        return self._all
