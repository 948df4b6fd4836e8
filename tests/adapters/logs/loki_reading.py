"""A reader of a Loki with a clock that stands still, for tests."""

from collections import Counter
from datetime import timedelta
from typing import Any

from log_reading import read_to_the_end

from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.log_sources import Loki
from forewarn_adapters.logs.batch import Cursor
from forewarn_adapters.logs.loki.source import LokiSource

NOW = 1_795_416_300_000
MILLISECOND = 10**6
SELECTOR = '{app=~".+"}'


class Reader:
    """A source, its clock, and the cursor that it has come to."""

    def __init__(self, url: str, **changed: Any) -> None:
        given = {"query": SELECTOR, "delay": timedelta(seconds=2), "timeout": timedelta(seconds=5)}
        self.settings = Loki(url=url, **(given | changed))
        self.clock = ManualClock(NOW)
        self.source = LokiSource("test", self.settings, clock=self.clock)
        self.cursor: Cursor = self.source.read(None).cursor

    def advance(self, seconds: float) -> None:
        self.clock.advance(milliseconds=round(seconds * 1000))

    def rest(self, reads: int = 1) -> Counter[bytes]:
        """Read until nothing comes, so many times."""
        counts: Counter[bytes] = Counter()
        for _ in range(reads):
            came, self.cursor = read_to_the_end(self.source, self.cursor)
            counts += came
        return counts

    def again(self) -> None:
        """Begin with another object, as another process would."""
        self.source.close()
        self.source = LokiSource("test", self.settings, clock=self.clock)


def at(seconds: float) -> int:
    return NOW * MILLISECOND + round(seconds * 1000) * MILLISECOND


def numbered(first: int, last: int, when: float) -> list[tuple[int, str]]:
    return [(at(when), f"line {number}") for number in range(first, last)]


def once(first: int, last: int) -> Counter[bytes]:
    return Counter(f"line {number}".encode() for number in range(first, last))
