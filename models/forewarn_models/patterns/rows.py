"""What is counted of each pattern, in arrays that never grow."""

import numpy as np

from forewarn_models.arrays import IntegerArray
from forewarn_models.errors import ConfigError
from forewarn_models.patterns.secrets import without_secrets
from forewarn_models.patterns.text import readable

OTHER_ROW = 0
MOST_NEW_ROWS = 4096  # between two times at which there may be too many

_FEWEST_PATTERNS = 8
_FOLDED_SHARE = 8  # one of so many patterns is folded when there are too many


class Rows:
    """Counts of patterns by row. A row may be led by another, after their patterns became one.

    Row 0 holds what was folded. A row of it is used again for a later pattern: lines that came
    before that are known by their numbers. `n_made` counts patterns that were new, `n_moved` those
    that were joined with another or folded.

    Raises ConfigError when fewer than eight patterns are allowed.
    """

    def __init__(self, most_patterns: int) -> None:
        if most_patterns < _FEWEST_PATTERNS:
            raise ConfigError(
                f"at least {_FEWEST_PATTERNS} patterns must be allowed, got {most_patterns}"
            )
        self._most = most_patterns
        self.n_made, self.n_moved = 0, 0
        self.n = 2 * most_patterns + MOST_NEW_ROWS + 1
        self.counts = np.zeros(self.n, dtype=np.int64)
        self._examples: dict[int, bytes | str] = {}
        self._leader = np.arange(self.n)
        self._born = np.zeros(self.n, dtype=np.int64)
        self._seen = np.zeros(self.n, dtype=np.int64)
        self._taken = np.zeros(self.n, dtype=np.int64)
        self._free = list(range(self.n - 1, 0, -1))
        self._line = 0

    def begin(self, n_lines: int) -> None:
        """Note how many lines there were before those that come now."""
        self._line = n_lines

    def new(self, example: bytes | str) -> int:
        """Return a row for a new pattern and its example: a line, or what `example` returned."""
        row = self._free.pop()
        self._leader[row], self._born[row], self._seen[row] = row, self._line, self._line
        self._examples[row] = example
        self.n_made += 1
        return row

    def example(self, row: int) -> str:
        """Return the example of a pattern as text, with secrets masked."""
        held = self._examples[row]
        if isinstance(held, bytes):
            held = self._examples[row] = without_secrets(readable(held))
        return held

    def join(self, row: int, leader: int) -> None:
        """Count a row with another from now on."""
        self._leader[self._leader == row] = leader
        self.n_moved += 1
        del self._examples[row]

    def leader(self, row: int) -> int:
        """Return the row that this one is counted with."""
        return int(self._leader[row])

    def add(self, row: int, count: int) -> None:
        """Count lines of another miner."""
        self.counts[row] += count

    def see(self, rows: IntegerArray) -> None:
        """Note that lines of these rows came now."""
        self._seen[self._leader[rows]] = self._line

    def totals(self) -> IntegerArray:
        """Return how many lines each leader has, those that it leads included; 0 for others."""
        return self._led(self.counts)

    def taken(self, *, changed_only: bool) -> IntegerArray:
        """Return the totals, or how much of them came since the last call."""
        before = self._led(self._taken)
        self._taken = self.counts.copy()
        return self.totals() - before if changed_only else self.totals()

    def resolved(self, rows: IntegerArray, lines: IntegerArray) -> IntegerArray:
        """Return the leaders of rows that were given to the lines with these numbers."""
        return np.where(lines < self._born[rows], OTHER_ROW, self._leader[rows])

    def is_full(self) -> bool:
        """Return whether there are more patterns than allowed, or too few rows for new ones."""
        return len(self._examples) > self._most or len(self._free) < MOST_NEW_ROWS

    def fold(self) -> set[int]:
        """Fold the patterns with the fewest lines into row 0, and return their rows."""
        patterns = np.fromiter(self._examples, dtype=np.int64)
        totals = self.totals()
        order = np.lexsort((patterns, self._seen[patterns], totals[patterns]))
        n = max(len(patterns) - self._most, 0) + max(len(patterns) // _FOLDED_SHARE, 1)
        folded = patterns[order[:n]]
        is_led = np.isin(self._leader, folded)
        for counts in (self.counts, self._taken):
            counts[OTHER_ROW] += counts[is_led].sum()
            counts[is_led] = 0
        self._leader[is_led] = OTHER_ROW
        self.n_moved += len(folded)
        self._free.extend(np.flatnonzero(is_led).tolist())
        for row in folded.tolist():
            del self._examples[row]
        return set(folded.tolist())

    def _led(self, counts: IntegerArray) -> IntegerArray:
        return np.bincount(self._leader, weights=counts, minlength=self.n).astype(np.int64)
