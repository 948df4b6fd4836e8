"""What tests of logs are made of: batches, a source that numbers its lines, a patient wait."""

from collections.abc import Iterable, Sequence

import numpy as np

from forewarn_adapters.logs.batch import LEVELS, Cursor, LogBatch, LogStream
from forewarn_models.budget import parse_budget
from forewarn_models.patterns.scanning import line_places
from forewarn_service.logs.counting import LineCounting

NOW = 1_790_000_000_000  # milliseconds
WEEK_MILLISECONDS = 7 * 86_400_000
WORDS = ("alpha", "bravo", "delta", "hotel", "india", "lima", "oscar", "papa")


def batch_of(
    lines: Sequence[str],
    *,
    services: Sequence[str] = ("shop",),
    level: str = "",
    milliseconds: int = 0,
    cursor: Cursor | None = None,
) -> LogBatch:
    """Lines of one level and time; the services take turns. Time 0 is unknown."""
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    places = np.empty((len(lines), 2), dtype=np.int64)
    line_places(np.frombuffer(data, dtype=np.uint8), 0, places)
    n = len(lines)
    return LogBatch(
        lines=(data, places),
        messages=(data, places),
        timestamp_nanoseconds=np.full(n, milliseconds * 1_000_000),
        level=np.full(n, LEVELS.index(level), dtype=np.int8),
        stream=np.arange(n) % len(services),
        streams=tuple(LogStream(service=service) for service in services),
        cursor=cursor or {},
    )


def counting_of(
    sources: Iterable[str] = ("app",),
    *,
    kind: str = "files",
    most_patterns: int = 1_000,
    patterns_per_service: int = 100,
) -> LineCounting:
    return LineCounting(
        dict.fromkeys(sources, kind),
        most_patterns=most_patterns,
        patterns_per_service=patterns_per_service,
        budget=parse_budget("1/7d"),
    )


def statement(number: int) -> str:
    """A line of a pattern of its own, whatever others there are: so few words never vary."""
    words = (WORDS[number // len(WORDS) ** place % len(WORDS)] for place in range(3))
    return f"{' '.join(words)} is done"


def numbered(first: int, last: int) -> list[str]:
    """Lines of one pattern, each with its number."""
    return [f"request {number} took {number % 977} ms" for number in range(first, last)]


class NumberedSource:
    """A source of so many numbered lines, or of those that it is given, then of none."""

    def __init__(
        self,
        name: str,
        n_lines: int,
        *,
        batch_lines: int = 1_000,
        lines: Sequence[str] = (),
        services: Sequence[str] = ("shop",),
    ) -> None:
        self.name = name
        self.lines = lines
        self.services = services
        self.n_lines = n_lines
        self.batch_lines = batch_lines
        self.is_closed = False
        self.failures: list[Exception] = []
        self.released: list[Cursor] = []
        self.asked: list[Cursor | None] = []

    def read(self, cursor: Cursor | None) -> LogBatch:
        self.asked.append(cursor)
        if self.failures:
            raise self.failures.pop(0)
        first = cursor["next"] if cursor else 0
        last = min(first + self.batch_lines, self.n_lines)
        lines = self.lines[first:last] or numbered(first, last)
        return batch_of(lines, services=self.services, cursor={"next": last})

    def release(self, cursor: Cursor) -> None:
        self.released.append(cursor)

    def close(self) -> None:
        self.is_closed = True
