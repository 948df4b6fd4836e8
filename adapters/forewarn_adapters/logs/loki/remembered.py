"""Which lines have been read already, by their hashes: late ones are told from them."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forewarn_adapters.logs.line_hashes import Sieve, as_text, of_text
from forewarn_models.arrays import BooleanArray, IntegerArray

MOST_LINES = 50_000
LONGEST_NANOSECONDS = 3_600 * 10**9
_MOST_BLOCKS = 512
_SMALL_LINES = 1_024
_SMALL_NANOSECONDS = LONGEST_NANOSECONDS // 60


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """Hashes of lines with begin <= timestamp < end, in nanoseconds."""

    begin: int
    end: int
    hashes: IntegerArray


@dataclass(frozen=True, eq=False, slots=True)
class Remembered:
    """Lines that have been read: all of those with a timestamp from `since` on, bounded in number.

    `blocks` are in order of their ends.
    """

    since: int
    blocks: tuple[Block, ...] = ()

    @property
    def n_lines(self) -> int:
        return sum(len(block.hashes) for block in self.blocks)

    def knows(self, timestamp: IntegerArray, hashes: IntegerArray) -> BooleanArray:
        """Return (n,) which of n lines are remembered, of equal ones as many as were read.

        Timestamps are ascending, at least one.
        """
        begin, end = int(timestamp[0]), int(timestamp[-1])
        near = [block.hashes for block in self.blocks if block.begin <= end and block.end > begin]
        if not near:
            return np.zeros(len(hashes), np.bool_)
        return ~Sieve(np.concatenate(near)).unseen(hashes)

    def with_lines(self, timestamp: IntegerArray, hashes: IntegerArray) -> "Remembered":
        """Return what is remembered after n more lines. Timestamps are ascending, at least one.

        The oldest are forgotten where there are too many, and those of more than an hour before
        the newest.
        """
        block = Block(int(timestamp[0]), int(timestamp[-1]) + 1, hashes)
        return _bounded(self.since, sorted(_with_block(self.blocks, block), key=_end))

    def encoded(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        blocks = [[block.begin, block.end, as_text(block.hashes)] for block in self.blocks]
        return {"since": self.since, "blocks": blocks}


def decoded(content: Any) -> Remembered:
    """Return what `encoded` gave. Raises KeyError, TypeError or ValueError for anything else."""
    blocks = (Block(int(begin), int(end), of_text(text)) for begin, end, text in content["blocks"])
    return Remembered(int(content["since"]), tuple(blocks))


def _end(block: Block) -> int:
    return block.end


def _with_block(blocks: Sequence[Block], block: Block) -> list[Block]:
    """Return the blocks with one more, which becomes part of the one at its time where it may."""
    if not blocks:
        return [block]
    place = min(bisect_left(blocks, block.end, key=_end), len(blocks) - 1)
    near = blocks[place]
    begin, end = min(near.begin, block.begin), max(near.end, block.end)
    is_short = end - begin <= max(_SMALL_NANOSECONDS, near.end - near.begin)
    is_inside = (begin, end) == (near.begin, near.end) and len(block.hashes) <= _SMALL_LINES
    if is_short and (is_inside or len(near.hashes) + len(block.hashes) <= _SMALL_LINES):
        merged = Block(begin, end, np.concatenate((near.hashes, block.hashes)))
        return [*blocks[:place], merged, *blocks[place + 1 :]]
    return [*blocks, block]


def _bounded(since: int, blocks: Sequence[Block]) -> Remembered:
    """Return the newest blocks that may be kept; what is forgotten moves `since`."""
    oldest = blocks[-1].end - LONGEST_NANOSECONDS
    n_lines = np.cumsum([len(block.hashes) for block in reversed(blocks)])[::-1]
    first = 0
    while first < len(blocks) - 1 and (
        n_lines[first] > MOST_LINES
        or len(blocks) - first > _MOST_BLOCKS
        or blocks[first].end <= oldest
    ):
        first += 1
    forgotten = blocks[first - 1].end if first else since
    return Remembered(max(since, forgotten, oldest), tuple(blocks[first:]))
