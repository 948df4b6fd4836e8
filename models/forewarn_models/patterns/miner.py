"""Lines to patterns: a known shape is counted at once, another finds its way by `tree`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.contract import State
from forewarn_models.errors import UnknownFormat
from forewarn_models.patterns.known import Known
from forewarn_models.patterns.outlining import shapes_of
from forewarn_models.patterns.rows import MOST_NEW_ROWS, OTHER_ROW, Rows
from forewarn_models.patterns.scanning import scan
from forewarn_models.patterns.shapes import WILDCARD, Items, id_of, template_of
from forewarn_models.patterns.tree import Node, insert, ways, without

MOST_PATTERNS = 5_000
OTHER = "other"  # the name of what is folded: lines whose patterns were too many
KIND, FORMAT_VERSION = "log_patterns", 1

_COLUMNS = ("frames", "items", "examples")
_EXAMPLE = 512  # bytes


@dataclass(frozen=True)
class Pattern:
    """What lines have in common.

    Args:
        pattern_id: its name, which follows from the template: 16 hexadecimal digits, or `other`.
        template: the line with `<*>` for what varies.
        count: how many lines it had.
        example: the first line that was met, cut to 512 bytes, with secrets masked.
    """

    pattern_id: str
    template: str
    count: int
    example: str


class Miner:
    """The patterns of the lines met so far, at most `most_patterns` of them.

    Which patterns there are, and their names, follows from the set of lines alone: not from their
    order, nor from what was mined in one process or in several that were merged. This holds until
    there are too many: then those with the fewest lines, the longest unseen first, are folded into
    `other`, where their lines stay counted.

    Raises ConfigError when fewer than eight patterns are allowed.
    """

    def __init__(self, *, most_patterns: int = MOST_PATTERNS) -> None:
        self.most_patterns = most_patterns
        self.n_lines = 0
        self._rows = Rows(most_patterns)
        self._roots: dict[bytes, Node] = {}
        self._known = Known()

    def mine(self, data: bytes, lines: IntegerArray) -> IntegerArray:
        """Count lines and return a row for each, of which `ids_of` tells the name.

        `lines` is (n, 2), where each begins and ends in `data`, as `scanning.line_places` gives it.
        """
        numbers = np.frombuffer(data, dtype=np.uint8)
        out = np.empty(len(lines), dtype=np.int64)
        for first in range(0, len(lines), MOST_NEW_ROWS):
            block = lines[first : first + MOST_NEW_ROWS]
            self._mine_block(data, numbers, block, out[first : first + len(block)])
        return out

    def patterns(self) -> tuple[Pattern, ...]:
        """Return all patterns, those with the most lines first; `other` is last, if any."""
        totals, example = self._rows.totals(), self._rows.example
        found = [
            Pattern(id_of(frame, items), template_of(frame, items), int(totals[row]), example(row))
            for frame, items, row in self.ways()
        ]
        found.sort(key=lambda pattern: (-pattern.count, pattern.pattern_id))
        if totals[OTHER_ROW]:
            found.append(Pattern(OTHER, WILDCARD, int(totals[OTHER_ROW]), ""))
        return tuple(found)

    def ids_of(self, rows: Iterable[IntegerArray], *, first_line: int = 0) -> Iterator[list[str]]:
        """Yield the names of the patterns of lines, block by block, whose rows `mine` gave.

        They are lines one after another, of which the first came when `first_line` others had been
        mined. A name is the one that the pattern has by now.
        """
        names = [OTHER] * self._rows.n
        for frame, items, row in self.ways():
            names[row] = id_of(frame, items)
        for block in rows:
            lines = np.arange(first_line, first_line + len(block))
            yield [names[row] for row in self._rows.resolved(block, lines).tolist()]
            first_line += len(block)

    def leaders(self, rows: IntegerArray, lines: IntegerArray) -> IntegerArray:
        """Return under which row each pattern is counted by now; row 0 is `other`.

        `rows` are what `mine` gave to the lines with these numbers, or what this returned for
        them before; only when `n_moved` has grown does it return others than that time.
        """
        return self._rows.resolved(rows, lines)

    def ways(self) -> Iterator[tuple[bytes, Items, int]]:
        """Yield frame, items and row of each pattern but `other`; `shapes` tells its name of them.

        Only when `n_made` or `n_moved` has grown can they be others than before.
        """
        for frame, root in self._roots.items():
            for items, row in ways(root):
                yield frame, items, row

    def example(self, row: int) -> str:
        """Return the example of the pattern that is counted under this row."""
        return self._rows.example(row)

    @property
    def n_rows(self) -> int:
        """All rows are below this."""
        return self._rows.n

    @property
    def n_made(self) -> int:
        """How many patterns were new so far."""
        return self._rows.n_made

    @property
    def n_moved(self) -> int:
        """How many patterns were joined with another, or folded, so far."""
        return self._rows.n_moved

    def state(self, *, changed_only: bool = False) -> State:
        """Return what is to be stored: all patterns, or what came since the last state was taken.

        A miner that absorbs a whole state, and all changes after it, is as this one.
        """
        totals = self._rows.taken(changed_only=changed_only)
        ways_ = [way for way in self.ways() if totals[way[2]] > 0 or not changed_only]
        rows = [row for _, _, row in ways_]
        manifest = {
            "most_patterns": self.most_patterns,
            "frames": [_text(frame) for frame, _, _ in ways_],
            "items": [[_text(item) for item in items] for _, items, _ in ways_],
            "examples": [self._rows.example(row) for row in rows],
        }
        counts = totals[[OTHER_ROW, *rows]]
        return State(KIND, FORMAT_VERSION, manifest, {"counts": counts})

    def absorb(self, state: State) -> None:
        """Take over the patterns of another miner, or of this one before, and count their lines.

        Raises UnknownFormat when the state is not one of patterns that this version reads.
        """
        if (state.kind, state.format_version) != (KIND, FORMAT_VERSION):
            raise UnknownFormat(
                f"stored patterns must be {KIND} {FORMAT_VERSION}, got {state.kind} "
                f"{state.format_version}"
            )
        counts = state.arrays["counts"]
        self._rows.add(OTHER_ROW, int(counts[0]))
        stored = zip(*(state.manifest[name] for name in _COLUMNS), counts[1:].tolist(), strict=True)
        for number, (frame, items, example, count) in enumerate(stored):
            if number % MOST_NEW_ROWS == 0:
                self._make_room()
            row = self._row_of(_bytes(frame), tuple(_bytes(item) for item in items), example)
            self._rows.add(row, count)
        self.n_lines += int(counts.sum())
        self._make_room()

    def _mine_block(
        self, data: bytes, numbers: AnyArray, lines: IntegerArray, out: IntegerArray
    ) -> None:
        self._make_room()
        keys = np.empty(len(lines), dtype=np.int64)
        rows = self._rows
        rows.begin(self.n_lines)
        if scan(numbers, lines, self._known.table, rows.counts, (keys, out)):
            self._meet(data, numbers, lines, (keys, out))
        rows.see(out)
        self.n_lines += len(lines)

    def _meet(
        self,
        data: bytes,
        numbers: AnyArray,
        lines: IntegerArray,
        found: tuple[IntegerArray, IntegerArray],
    ) -> None:
        """Find the patterns of lines of unknown shapes, each shape once."""
        keys, out = found
        unknown = np.flatnonzero(out < 0)
        shapes, first, inverse = np.unique(keys[unknown], return_index=True, return_inverse=True)
        shape_rows = np.empty(len(shapes), dtype=np.int64)
        places = lines[unknown[first]]
        found_shapes = zip(
            shapes_of(numbers, places), shapes.tolist(), places.tolist(), strict=True
        )
        for place, ((frame, items), key, (begin, end)) in enumerate(found_shapes):
            row = self._row_of(frame, items, data[begin : min(end, begin + _EXAMPLE)])
            shape_rows[place] = row
            self._known.learn(key, row)
        out[unknown] = shape_rows[inverse]
        np.add.at(self._rows.counts, out[unknown], 1)

    def _row_of(self, frame: bytes, items: Items, example: bytes | str) -> int:
        def new_row() -> int:
            return self._rows.new(example)

        root = self._roots.get(frame)
        if root is None:
            row = new_row()
            self._roots[frame] = Node(0, items, row)
            return row
        return self._rows.leader(insert(root, items, new_row, self._rows.join))

    def _make_room(self) -> None:
        """Fold the least useful patterns where there are too many, and forget shapes likewise."""
        while self._rows.is_full():
            folded = self._rows.fold()
            kept = {frame: without(root, folded) for frame, root in self._roots.items()}
            self._roots = {frame: root for frame, root in kept.items() if root is not None}
            self._known.forget()
        if self._known.is_full():
            self._known.forget()


def miner_of(state: State) -> Miner:
    """Return a miner that goes on from a stored state. Raises UnknownFormat."""
    miner = Miner(most_patterns=int(state.manifest.get("most_patterns", MOST_PATTERNS)))
    miner.absorb(state)
    return miner


def _text(stored: bytes) -> str:
    return stored.decode("latin-1")  # one character a byte: JSON has no bytes


def _bytes(stored: str) -> bytes:
    return stored.encode("latin-1")
