"""The names and templates that patterns have by now, by row of the miner."""

import re

import numpy as np
from numpy.typing import NDArray

from forewarn_models.arrays import IntegerArray
from forewarn_models.patterns.miner import OTHER, Miner
from forewarn_models.patterns.rows import OTHER_ROW
from forewarn_models.patterns.shapes import WILDCARD, Items, id_of, template_of
from forewarn_service.logs.services import label_value

MOST_TEMPLATE_BYTES = 512
EMPTY_LINE = "(empty line)"  # an empty label would be none

Identifiers = NDArray[np.uint64]
OTHER_IDENTIFIER = 0
_NAME = re.compile(r"[0-9a-f]{16}")


def name_of(identifier: int) -> str:
    """Return a pattern's name as the miner writes it.

    >>> name_of(255), name_of(OTHER_IDENTIFIER)
    ('00000000000000ff', 'other')
    """
    return OTHER if identifier == OTHER_IDENTIFIER else f"{identifier:016x}"


def identifier_of(name: str) -> int | None:
    """Return a pattern's name as a number; None where no pattern is called so.

    >>> identifier_of("00000000000000ff"), identifier_of("other"), identifier_of("ff")
    (255, 0, None)
    """
    if name == OTHER:
        return OTHER_IDENTIFIER
    return int(name, 16) if _NAME.fullmatch(name) else None


class PatternNames:
    """What `refresh` found.

    `identifiers` is (n_rows,), names as numbers, 0 where there is none. `templates` and `examples`
    are by name as number. `has_twins` says whether two rows have the same name, which is very rare.
    """

    def __init__(self, n_rows: int) -> None:
        self.has_twins = False
        self.identifiers: Identifiers = np.zeros(n_rows, dtype=np.uint64)
        self.templates: dict[int, str] = {OTHER_IDENTIFIER: WILDCARD}
        self.examples: dict[int, str] = {}
        self._known: dict[tuple[bytes, Items], tuple[int, str]] = {}
        self._seen = (-1, -1)

    def refresh(self, miner: Miner) -> bool:
        """Ask the miner, and return whether a pattern that had a name has another one now."""
        if self._seen == (miner.n_made, miner.n_moved):
            return False
        self._seen = (miner.n_made, miner.n_moved)
        before = self.identifiers
        self.identifiers = np.zeros(len(before), dtype=np.uint64)
        known, self.templates = self._known, {OTHER_IDENTIFIER: WILDCARD}
        self._known, self.examples = {}, {}
        n_named = 0
        for frame, items, row in miner.ways():
            way = (frame, items)
            held = known.get(way) or _named(frame, items)
            self._known[way] = held
            self.identifiers[row], self.templates[held[0]] = held
            self.examples[held[0]] = miner.example(row)
            n_named += 1
        self.has_twins = n_named >= len(self.templates)
        return bool(np.any((before != self.identifiers) & (before != 0) & (self.identifiers != 0)))

    def rows(self, identifiers: Identifiers) -> IntegerArray:
        """Return the rows of patterns by their names; that of `other` where none has the name."""
        order = np.argsort(self.identifiers, kind="stable")
        in_order = self.identifiers[order]
        places = np.minimum(np.searchsorted(in_order, identifiers), len(order) - 1)
        is_found = (in_order[places] == identifiers) & (identifiers != OTHER_IDENTIFIER)
        return np.where(is_found, order[places], OTHER_ROW)

    def firsts(self, rows: IntegerArray) -> IntegerArray:
        """Return of each row the first with the same name."""
        named = self.rows(self.identifiers[rows])
        return np.where(self.identifiers[rows] == OTHER_IDENTIFIER, rows, named)


def _named(frame: bytes, items: Items) -> tuple[int, str]:
    template = label_value(template_of(frame, items), MOST_TEMPLATE_BYTES)
    return int(id_of(frame, items), 16), template or EMPTY_LINE
