"""Counters that begin are 0 first: whoever takes the increase of them must see where they began.

Prometheus takes the first sample of a series for what was there before, so that the first lines of
a pattern would be no increase. So a counter that has just begun is shown as 0 until all who scrape
have seen it so. What was counted before this process began is shown as it is.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from forewarn_service.logs.families import Rows

UNNAMED = ""  # whoever reads and is no scraper by what it says
_MOST_ZERO_SECONDS = 130.0  # a scrape each two minutes is the slowest that is waited for
_MOST_SCRAPERS = 16

_Key = tuple[str, ...]


class Scrapers:
    """Who scrapes, and which text each saw last. Safe to use from any thread."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, int]] = {}

    def note(self, scraper: str, text: int) -> None:
        """Note that a scraper sees the text of this number, or a later one."""
        with self._lock:
            self._seen.pop(scraper, None)
            self._seen[scraper] = self._seconds(), text
            while len(self._seen) > _MOST_SCRAPERS:
                del self._seen[next(iter(self._seen))]

    def all_saw(self) -> int:
        """Return the number of the newest text that all saw; -1 = nobody looks.

        Those who look and are no scrapers count where there are no others.
        """
        since = self._seconds() - _MOST_ZERO_SECONDS
        with self._lock:
            seen = {name: text for name, (at, text) in self._seen.items() if at >= since}
        named = [text for name, text in seen.items() if name != UNNAMED]
        return min(named or seen.values(), default=-1)


@dataclass
class _Family:
    known: set[_Key]
    began: dict[_Key, tuple[int, float]] = field(default_factory=dict)


class Beginnings:
    """Which counters are shown as 0 yet. One thread uses it."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._families: dict[str, _Family] = {}

    def begin_anew(self) -> None:
        """Take what comes next as it is: it was counted elsewhere."""
        self._families.clear()

    def values(self, rows: Rows, *, text: int, seen: int) -> Sequence[float]:
        """Return the values to show in a text.

        Args:
            rows: of a family.
            text: its number.
            seen: of the newest text that all saw.
        """
        if rows.family.kind != "counter":
            return rows.values
        keys = list(zip(*rows.columns, strict=True))
        family = self._families.get(rows.family.name)
        if family is None:
            self._families[rows.family.name] = _Family(set(keys))
            return rows.values
        now, current = self._seconds(), set(keys)
        began = {
            key: (shown, since)
            for key, (shown, since) in family.began.items()
            if key in current and shown > seen and now - since < _MOST_ZERO_SECONDS
        }
        began |= dict.fromkeys(current - family.known, (text, now))
        family.known, family.began = current, began
        if not began:
            return rows.values
        return [
            0.0 if key in began else value for key, value in zip(keys, rows.values, strict=True)
        ]
