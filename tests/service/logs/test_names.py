"""forewarn_service.logs.names: what patterns are called by now."""

from collections.abc import Iterator

import numpy as np

from forewarn_models.patterns.miner import Miner
from forewarn_models.patterns.shapes import Items, id_of
from forewarn_service.logs.names import (
    EMPTY_LINE,
    MOST_TEMPLATE_BYTES,
    OTHER_IDENTIFIER,
    PatternNames,
    name_of,
)
from log_parts import batch_of


def mine(miner: Miner, *lines: str) -> list[int]:
    rows: list[int] = miner.mine(*batch_of(lines).messages).tolist()
    return rows


def test_names_are_those_of_the_miner() -> None:
    miner, names = Miner(), PatternNames(Miner().n_rows)
    rows = mine(miner, "user 5 left", "disk is full")
    assert names.refresh(miner) is False
    told = {name_of(int(names.identifiers[row])) for row in rows}
    assert told == {pattern.pattern_id for pattern in miner.patterns()}
    assert names.templates[int(names.identifiers[rows[0]])] == "user <*> left"
    assert names.rows(names.identifiers[rows]).tolist() == rows
    assert names.rows(np.array([7, OTHER_IDENTIFIER], dtype=np.uint64)).tolist() == [0, 0]
    assert not names.has_twins


def test_it_says_when_a_pattern_has_another_name() -> None:
    miner, names = Miner(), PatternNames(Miner().n_rows)
    mine(miner, *(f"size 3 kind={letter * 3}" for letter in "abc"))
    names.refresh(miner)
    assert names.refresh(miner) is False
    mine(miner, "quite another")
    assert names.refresh(miner) is False
    mine(miner, *(f"size 3 kind={letter * 3}" for letter in "de"))
    assert names.refresh(miner) is True


def test_templates_are_short_and_never_empty() -> None:
    miner, names = Miner(), PatternNames(Miner().n_rows)
    empty, long = mine(miner, "", "word " * 400)
    names.refresh(miner)
    assert names.templates[int(names.identifiers[empty])] == EMPTY_LINE
    assert len(names.templates[int(names.identifiers[long])].encode()) <= MOST_TEMPLATE_BYTES


class Twins(Miner):
    """Two rows of one name: a miner may make them where a line imitates what it writes itself."""

    def ways(self) -> Iterator[tuple[bytes, Items, int]]:
        yield b"x", (), 4
        yield b"x", (), 2

    def example(self, row: int) -> str:
        return f"line {row}"


def test_rows_of_one_name_are_one() -> None:
    miner = Twins()
    names = PatternNames(miner.n_rows)
    names.refresh(miner)
    assert names.has_twins
    assert names.firsts(np.array([0, 2, 3, 4])).tolist() == [0, 2, 3, 2]
    assert names.rows(np.array([int(id_of(b"x", ()), 16)], dtype=np.uint64)).tolist() == [2]
