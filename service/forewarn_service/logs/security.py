"""Security rules held against lines as they are counted: series, and events in the log."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.batch import LogBatch
from forewarn_adapters.logs.fields import fields_of
from forewarn_adapters.security.events import SecurityEvent
from forewarn_adapters.security.rules import SecurityRules
from forewarn_adapters.security.watch import SecurityWatch
from forewarn_models.contract import State
from forewarn_service.logs.security_events import EventBook
from forewarn_service.logs.services import MOST_SERVICE_BYTES, UNKNOWN, label_value

_MOST_TOLD = 100  # events a minute
_MOST_REMEMBERED = 100_000
_MINUTE_MILLISECONDS = 60_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SecuritySeries:
    """What was counted of a rule: how many events began, on how many lines they rest."""

    rule: str
    level: str
    source: str
    service: str
    events: int
    lines: int


class SecurityCounting:
    """A watch, and what of it is told. One thread uses it.

    Args:
        rules: which.
        sources: settings of the sources, by name.
    """

    def __init__(self, rules: SecurityRules, sources: Sequence[LogSourceConfig]) -> None:
        self._watch = SecurityWatch(rules)
        self._sources = {source.name: source for source in sources}
        self._book = EventBook()
        self._told: set[str] = set()
        self._minute = 0
        self._n_told = 0
        self._is_changed = True

    def take(self, source: str, batch: LogBatch, *, now_milliseconds: int) -> None:
        """Hold the rules against the lines of a batch."""
        settings = self._sources[source]
        events = self._watch.take(
            batch,
            settings,
            now_nanoseconds=now_milliseconds * 1_000_000,
            fields_of=partial(fields_of, format=settings.format),
        )
        self._is_changed |= bool(events)
        self._book.take(events, still_open=self._watch.open)
        for event in events:
            self._tell(event, now_milliseconds // _MINUTE_MILLISECONDS)

    def series(self) -> tuple[SecuritySeries, ...]:
        """Return what was counted so far; nothing in it changes any more."""
        found: dict[tuple[str, str, str, str], tuple[int, int]] = {}
        for (rule, level, source, service), count in self._watch.counts.items():
            if source in self._sources:
                shown = label_value(service, MOST_SERVICE_BYTES) or UNKNOWN
                events, lines = found.get((rule, level, source, shown), (0, 0))
                found[rule, level, source, shown] = events + count.events, lines + count.lines
        return tuple(SecuritySeries(*labels, *counts) for labels, counts in found.items())

    def events(self) -> tuple[SecurityEvent, ...]:
        """Return those that go on, and the last that ended since this object was made."""
        return self._book.events()

    def state(self, *, changed_only: bool) -> Mapping[str, State]:
        """Return what is to be stored; nothing where nothing changed and only that is wanted."""
        if changed_only and not self._is_changed:
            return {}
        self._is_changed = False
        return self._watch.state()

    def absorb(self, stored: Mapping[str, State]) -> None:
        """Go on from what was stored."""
        self._watch.absorb(stored)
        still_open = self._watch.open()
        self._book.go_on(still_open)
        self._told = {event.event_id for event in still_open}

    def _tell(self, event: SecurityEvent, minute: int) -> None:
        """Log an event once, when it begins, and not too many a minute."""
        if event.is_ended:
            self._told.discard(event.event_id)
            return
        if event.event_id in self._told:
            return
        if len(self._told) >= _MOST_REMEMBERED:
            self._told.clear()
        self._told.add(event.event_id)
        if minute != self._minute:
            self._minute, self._n_told = minute, 0
        self._n_told += 1
        if self._n_told <= _MOST_TOLD:
            _log.warning(
                "security event %s (%s) in log source %s, service %s: %s",
                event.rule_name,
                event.rule_level,
                event.source,
                event.service or UNKNOWN,
                " | ".join(event.evidence[:1]),
            )
