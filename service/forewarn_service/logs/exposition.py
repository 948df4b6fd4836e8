"""The text of `/metrics` about lines: made once for each snapshot, so that a scrape copies it."""

import threading
from collections.abc import Iterable, Sequence

from forewarn_service.logs.beginnings import UNNAMED, Beginnings, Scrapers
from forewarn_service.logs.changes import PatternChange
from forewarn_service.logs.families import LogFamily, Rows, rows_of
from forewarn_service.logs.snapshot import Snapshot

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_FREE_OF_ESCAPES = frozenset({"level", "pattern"})


class LogExposition:
    """Holds the prepared text; safe to use from any thread.

    A counter that begins is shown as 0 until all who scrape have seen that.
    """

    def __init__(self) -> None:
        self._text = {False: b"", True: b""}
        self._number = 0
        self._lock = threading.Lock()
        self._beginnings = Beginnings()
        self._scrapers = Scrapers()

    def begin_anew(self) -> None:
        """Show the counters of the next snapshot as they are: they were counted elsewhere."""
        self._beginnings.begin_anew()

    def prepare(self, snapshot: Snapshot, changes: Sequence[PatternChange] = ()) -> None:
        """Make the text of a snapshot, and of what changed up to it, the newest."""
        number, seen = self._number + 1, self._scrapers.all_saw()
        families = []
        for rows in rows_of(snapshot, changes):
            values = self._beginnings.values(rows, text=number, seen=seen)
            families.append((rows.family, _lines(rows, values)))
        text = {kind: _joined(families, openmetrics=kind) for kind in (False, True)}
        with self._lock:
            self._text, self._number = text, number

    def scraped(self, scraper: str) -> None:
        """Note that a scraper is about to read the text."""
        self._scrapers.note(scraper, self._number)

    def body(self, *, openmetrics: bool) -> bytes:
        """Return the newest text, without the end that OpenMetrics asks for."""
        with self._lock:
            text, number = self._text[openmetrics], self._number
        self._scrapers.note(UNNAMED, number)
        return text


def _joined(families: Iterable[tuple[LogFamily, str]], *, openmetrics: bool) -> bytes:
    parts = []
    for family, lines in families:
        if lines:
            # OpenMetrics names a counter without the end that its samples have.
            name = family.name.removesuffix("_total") if openmetrics else family.name
            parts.append(f"# HELP {name} {family.help}\n# TYPE {name} {family.kind}\n{lines}")
    return "".join(parts).encode()


def _lines(rows: Rows, values: Sequence[float]) -> str:
    family = rows.family
    labels = ",".join(f'{label}="%s"' for label in family.labels)
    line = f"{family.name}{{{labels}}} %r\n"
    columns = [
        column if label in _FREE_OF_ESCAPES else _escaped(column)
        for label, column in zip(family.labels, rows.columns, strict=True)
    ]
    return "".join([line % row for row in zip(*columns, values, strict=True)])


def _escaped(column: Sequence[str]) -> list[str]:
    """Return the values escaped, each different one once."""
    held = {value: value.translate(_ESCAPES) for value in set(column)}
    return [held[value] for value in column]
