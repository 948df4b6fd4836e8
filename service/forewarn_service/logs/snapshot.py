"""What is known of lines at one moment: what both paths out show."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from forewarn_adapters.logs.batch import Cursor
from forewarn_adapters.security.events import SecurityEvent
from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_service.logs.news import NewPattern
from forewarn_service.logs.security import SecuritySeries
from forewarn_service.logs.services import Service


@dataclass(slots=True)
class SourceTally:
    """What was read of a source.

    Args:
        kind: of the source: a cursor is of use to one kind only.
        lines: how many.
        size_bytes: of these lines.
        ended: lines that were counted under patterns whose series have ended.
        cursor: where reading goes on; None = where the source begins.
        lag_seconds: how old its newest line was when it was read; 0 when there was no newer one.
        is_up: whether the last reading succeeded.
    """

    kind: str
    lines: int = 0
    size_bytes: int = 0
    ended: int = 0
    cursor: Cursor | None = None
    lag_seconds: float = 0.0
    is_up: bool = False


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Counters and what else is shown. Nothing in it changes any more.

    Args:
        milliseconds: when it was taken.
        sources: what was read of each, by name.
        services: source and service by number.
        n_patterns: (n_services,) how many patterns have series.
        series: columns `service`, `level`, `pattern` (names as numbers) and `count`.
        places: columns `service`, `pattern`, `first` and `last` (nanoseconds).
        news: columns `service`, `level` and `count` of patterns that were new.
        templates: of the patterns, by name as number.
        shown: patterns that have just come.
        security: what security rules found.
        events: the events behind that: those that go on, and the last that ended.
        examples: a line of each pattern, by name as number, with secrets masked.
    """

    milliseconds: int
    sources: Mapping[str, SourceTally]
    services: tuple[Service, ...]
    n_patterns: IntegerArray
    series: Mapping[str, AnyArray]
    places: Mapping[str, AnyArray]
    news: Mapping[str, AnyArray]
    templates: Mapping[int, str]
    shown: tuple[NewPattern, ...]
    security: tuple[SecuritySeries, ...] = ()
    events: tuple[SecurityEvent, ...] = ()
    examples: Mapping[int, str] = field(default_factory=dict)
