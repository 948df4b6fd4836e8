"""The metric families of lines: names, help, labels and values; the same for both paths out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from forewarn_adapters.logs.batch import LEVELS
from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_service.logs.changes import PatternChange
from forewarn_service.logs.names import name_of
from forewarn_service.logs.services import UNKNOWN
from forewarn_service.logs.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class LogFamily:
    """One metric: its name, help and labels. The name of a counter ends in `_total`."""

    name: str
    help: str
    labels: tuple[str, ...]

    @property
    def kind(self) -> Literal["counter", "gauge"]:
        return "counter" if self.name.endswith("_total") else "gauge"


LINES = LogFamily(
    "forewarn_log_lines_total",
    "Lines by pattern; `other` is what has no series of its own.",
    ("level", "pattern", "service", "source"),
)
INFO = LogFamily(
    "forewarn_log_pattern_info",
    "1, with the template of a pattern that has series.",
    ("pattern", "template"),
)
FIRST_SEEN = LogFamily(
    "forewarn_log_pattern_first_seen_timestamp_seconds",
    "When the service first said the pattern.",
    ("pattern", "service", "source"),
)
LAST_SEEN = LogFamily(
    "forewarn_log_pattern_last_seen_timestamp_seconds",
    "When the service last said the pattern.",
    ("pattern", "service", "source"),
)
PATTERNS = LogFamily(
    "forewarn_log_patterns", "How many patterns have series.", ("service", "source")
)
NEW = LogFamily(
    "forewarn_log_new_patterns_total",
    "Patterns that the service had not said before.",
    ("level", "service", "source"),
)
SCORE = LogFamily(
    "forewarn_log_new_pattern_score",
    "How rare it is that the service says something new; for 15 minutes, anomalous from 1.",
    ("example", "level", "pattern", "service", "source", "template"),
)
CHANGE = LogFamily(
    "forewarn_log_pattern_change_score",
    "How much more or less often the service says a pattern than before, by more than chance.",
    ("pattern", "service", "template"),
)
SECURITY_EVENTS = LogFamily(
    "forewarn_security_events_total",
    "Security events that began, by rule.",
    ("level", "rule", "service", "source"),
)
SECURITY_LINES = LogFamily(
    "forewarn_security_lines_total",
    "Lines that security events rest on.",
    ("level", "rule", "service", "source"),
)
READ_LINES = LogFamily("forewarn_log_lines_read_total", "Lines that were read.", ("source",))
READ_BYTES = LogFamily("forewarn_log_bytes_read_total", "Bytes of these lines.", ("source",))
ENDED = LogFamily(
    "forewarn_log_lines_ended_total",
    "Lines that were counted by patterns whose series have ended.",
    ("source",),
)
LAG = LogFamily(
    "forewarn_log_read_lag_seconds", "How old the newest line was when it was read.", ("source",)
)
UP = LogFamily(
    "forewarn_log_source_up", "1 where the last reading of the source succeeded.", ("source",)
)

_LEVEL_NAMES = np.array([level or UNKNOWN for level in LEVELS], dtype=object)


@dataclass(frozen=True, eq=False)
class Rows:
    """The series of one family.

    Args:
        family: which.
        columns: of each label, in the order of the family, the value in each row.
        values: of each row.
    """

    family: LogFamily
    columns: tuple[Sequence[str], ...]
    values: Sequence[float]


def rows_of(snapshot: Snapshot, changes: Sequence[PatternChange] = ()) -> Iterator[Rows]:
    """Yield every family of a snapshot; all label values are valid and of bounded length.

    Args:
        snapshot: what was counted.
        changes: what changed most up to it.
    """
    said = _Words(snapshot)
    series, places, news = snapshot.series, snapshot.places, snapshot.news
    who = said.services(series["service"])
    patterns = said.patterns(series["pattern"])
    yield Rows(LINES, (_levels(series["level"]), patterns, *who), series["count"].tolist())
    named = np.unique(series["pattern"])
    templates = [snapshot.templates[each] for each in named.tolist()]
    yield Rows(INFO, (said.patterns(named), templates), [1] * len(named))
    labels = (said.patterns(places["pattern"]), *said.services(places["service"]))
    for family, column in ((FIRST_SEEN, "first"), (LAST_SEEN, "last")):
        yield Rows(family, labels, np.round(places[column] / 1e9, 3).tolist())
    every = np.arange(len(snapshot.n_patterns))
    yield Rows(PATTERNS, said.services(every), snapshot.n_patterns.tolist())
    labels = (_levels(news["level"]), *said.services(news["service"]))
    yield Rows(NEW, labels, news["count"].tolist())
    yield _scores(snapshot)
    labels = (
        [each.pattern for each in changes],
        [each.service for each in changes],
        [each.template for each in changes],
    )
    yield Rows(CHANGE, labels, [each.score for each in changes])
    yield from _security(snapshot)
    yield from _sources(snapshot)


class _Words:
    """Label values of what a snapshot holds as numbers; each is one object, however often."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._sources = np.array([source for source, _ in snapshot.services], dtype=object)
        self._services = np.array([service for _, service in snapshot.services], dtype=object)

    def services(self, numbers: IntegerArray) -> tuple[list[str], list[str]]:
        """Return the values of the labels `service` and `source`."""
        return self._services[numbers].tolist(), self._sources[numbers].tolist()

    @staticmethod
    def patterns(identifiers: AnyArray) -> list[str]:
        names, places = np.unique(identifiers, return_inverse=True)
        words = np.array([name_of(each) for each in names.tolist()], dtype=object)
        said: list[str] = words[places].tolist()
        return said


def _levels(levels: AnyArray) -> list[str]:
    said: list[str] = _LEVEL_NAMES[levels].tolist()
    return said


def _scores(snapshot: Snapshot) -> Rows:
    shown = snapshot.shown
    columns = (
        [each.example for each in shown],
        [str(_LEVEL_NAMES[each.level]) for each in shown],
        [each.pattern for each in shown],
        [each.service for each in shown],
        [each.source for each in shown],
        [each.template for each in shown],
    )
    return Rows(SCORE, columns, [each.score for each in shown])


def _security(snapshot: Snapshot) -> Iterable[Rows]:
    found = snapshot.security
    labels = tuple([getattr(each, label) for each in found] for label in SECURITY_EVENTS.labels)
    yield Rows(SECURITY_EVENTS, labels, [each.events for each in found])
    yield Rows(SECURITY_LINES, labels, [each.lines for each in found])


def _sources(snapshot: Snapshot) -> Iterable[Rows]:
    names = list(snapshot.sources)
    tallies = list(snapshot.sources.values())
    for family, values in (
        (READ_LINES, [tally.lines for tally in tallies]),
        (READ_BYTES, [tally.size_bytes for tally in tallies]),
        (ENDED, [tally.ended for tally in tallies]),
        (LAG, [tally.lag_seconds for tally in tallies]),
        (UP, [tally.is_up for tally in tallies]),
    ):
        yield Rows(family, (names,), [float(value) for value in values])
