"""The text of `/metrics` about lines: made once for each snapshot, so that a scrape copies it."""

from collections.abc import Iterable, Sequence

from forewarn_service.logs.changes import PatternChange
from forewarn_service.logs.families import Rows, rows_of
from forewarn_service.logs.snapshot import Snapshot

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_FREE_OF_ESCAPES = frozenset({"level", "pattern"})


class LogExposition:
    """Holds the prepared text; safe to use from any thread."""

    def __init__(self) -> None:
        self._text = {False: b"", True: b""}

    def prepare(self, snapshot: Snapshot, changes: Sequence[PatternChange] = ()) -> None:
        """Make the text of a snapshot, and of what changed up to it, the newest."""
        families = [(rows, _lines(rows)) for rows in rows_of(snapshot, changes)]
        self._text = {kind: _joined(families, openmetrics=kind) for kind in (False, True)}

    def body(self, *, openmetrics: bool) -> bytes:
        """Return the newest text, without the end that OpenMetrics asks for."""
        return self._text[openmetrics]


def _joined(families: Iterable[tuple[Rows, str]], *, openmetrics: bool) -> bytes:
    parts = []
    for rows, lines in families:
        if lines:
            family = rows.family
            # OpenMetrics names a counter without the end that its samples have.
            name = family.name.removesuffix("_total") if openmetrics else family.name
            parts.append(f"# HELP {name} {family.help}\n# TYPE {name} {family.kind}\n{lines}")
    return "".join(parts).encode()


def _lines(rows: Rows) -> str:
    family = rows.family
    labels = ",".join(f'{label}="%s"' for label in family.labels)
    line = f"{family.name}{{{labels}}} %r\n"
    columns = [
        column if label in _FREE_OF_ESCAPES else _escaped(column)
        for label, column in zip(family.labels, rows.columns, strict=True)
    ]
    return "".join([line % row for row in zip(*columns, rows.values, strict=True)])


def _escaped(column: Sequence[str]) -> list[str]:
    """Return the values escaped, each different one once."""
    held = {value: value.translate(_ESCAPES) for value in set(column)}
    return [held[value] for value in column]
