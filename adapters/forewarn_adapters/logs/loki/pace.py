"""How much a Loki is asked for at a time: what its limits allow, and its speed."""

import re

from forewarn_adapters.http import Answer, AnswerTooLarge
from forewarn_adapters.logs.loki.position import Region
from forewarn_adapters.prometheus_answer import failure_of
from forewarn_models.errors import SourceError, SourceRejected, SourceTimeout

_LONGEST_NANOSECONDS = 24 * 3_600 * 10**9  # Loki itself allows 30 days, operators often less
_SHORTEST_NANOSECONDS = 10**6
_FEWEST_LINES = 2  # one alone cannot be held against another
_LIMIT = re.compile(r"max_entries_limit_per_query \(\d+ > (\d+)\)")
_RANGE_TOO_LONG = ("time range exceeds", "query length", "too many bytes", "query would read")
_TOO_MANY_LINES = ("max entries limit", "max_entries_limit", "larger than max")
_TOO_SLOW = ("deadline exceeded", "timeout", "timed out")


class RangeTooLong(SourceRejected):
    """The server refuses to look through so much time: ask for less of it."""


def refusal_of(answer: Answer) -> SourceError:
    """Return the exception that an answer other than 200 stands for.

    RangeTooLong and AnswerTooLarge where less would be answered, SourceTimeout where it might be.
    """
    said = answer.text()
    if any(words in said for words in _RANGE_TOO_LONG):
        return RangeTooLong(f"Loki refuses the range of time (HTTP {answer.status}): {said}")
    if any(words in said for words in _TOO_MANY_LINES):
        return AnswerTooLarge(f"Loki refuses so many lines (HTTP {answer.status}): {said}")
    if answer.status == 504 or (answer.status >= 500 and any(w in said for w in _TOO_SLOW)):
        return SourceTimeout(f"Loki must answer in time (HTTP {answer.status}): {said}")
    return failure_of(answer)


class Pace:
    """How many lines and how much time to ask for; less after a refusal, more after answers."""

    def __init__(self, most_lines: int) -> None:
        self.lines = self._most_lines = most_lines
        self._nanoseconds = self._most_nanoseconds = _LONGEST_NANOSECONDS

    def parts(self, region: Region) -> tuple[Region, tuple[Region, ...]]:
        """Return the part of a region to ask for now, and what is left of it."""
        middle = region.begin + self._nanoseconds
        if middle >= region.end:
            return region, ()
        rest = Region(middle, region.end, region.stages)
        return Region(region.begin, middle, region.stages), (rest,)

    def grow(self) -> None:
        """Note that an answer came."""
        self.lines = min(self.lines + self.lines // 8 + 1, self._most_lines)
        self._nanoseconds = min(2 * self._nanoseconds, self._most_nanoseconds)

    def shrink(self, refusal: SourceError, asked: Region) -> bool:
        """Note that a region was refused or took too long. Returns whether to ask for less."""
        if isinstance(refusal, AnswerTooLarge):
            return self._fewer_lines(str(refusal))
        shorter = (asked.end - asked.begin) // 2
        if shorter < _SHORTEST_NANOSECONDS:
            return False
        self._nanoseconds = shorter
        if isinstance(refusal, RangeTooLong):
            self._most_nanoseconds = shorter
        return True

    def _fewer_lines(self, said: str) -> bool:
        limit = _LIMIT.search(said)
        if limit and _FEWEST_LINES <= int(limit[1]) < self.lines:
            self.lines = self._most_lines = int(limit[1])
            return True
        if self.lines <= _FEWEST_LINES:
            return False
        self.lines = max(self.lines // 2, _FEWEST_LINES)
        return True
