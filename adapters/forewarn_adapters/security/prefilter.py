"""Which lines of a batch may match which rules, found in one pass over its bytes."""

from collections.abc import Iterator, Sequence

import numpy as np
from ahocorasick_rs import BytesAhoCorasick, Implementation

from forewarn_adapters.logs.batch import Lines
from forewarn_adapters.security.literals import Literals
from forewarn_models.arrays import BooleanArray, IntegerArray

_BLOCK_BYTES = 1 << 18  # what is found in one is held in memory at a time
_IN_WORDS = np.zeros(256, dtype=np.bool_)
_IN_WORDS[list(b"0123456789abcdefghijklmnopqrstuvwxyz")] = True


class Prefilter:
    """Looks for the literals of rules.

    Args:
        literals: of each rule; a rule without any is never found.
    """

    def __init__(self, literals: Sequence[Literals]) -> None:
        words = sorted({word for each in literals if each for word in each})
        place = {word: number for number, word in enumerate(words)}
        pairs = [(place[word], rule) for rule, each in enumerate(literals) if each for word in each]
        self._n_rules = len(literals)
        self._rules_of_word, self._first = _by_word(pairs, len(words))
        self._is_number = np.array([word.isdigit() for word in words], dtype=np.bool_)
        self._found = (
            BytesAhoCorasick([word.encode() for word in words], implementation=Implementation.DFA)
            if words
            else None
        )

    def candidates(self, lines: Lines) -> tuple[IntegerArray, IntegerArray]:
        """Return places of lines and of the rules that they may match, sorted, each pair once."""
        data, places = lines
        found = list(self._pairs(data, places)) if self._found else []
        whole = np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)
        return whole // self._n_rules, whole % self._n_rules

    def _pairs(self, data: bytes, places: IntegerArray) -> Iterator[IntegerArray]:
        order = np.argsort(places[:, 0], kind="stable")
        begins, ends = places[order, 0], places[order, 1]
        first = 0
        while first < len(order):
            last = int(np.searchsorted(begins, begins[first] + _BLOCK_BYTES))
            last = max(last, first + 1)
            begin, end = int(begins[first]), int(ends[first:last].max())
            line, rule = self._pairs_of_block(data[begin:end].lower(), begin, (begins, ends))
            yield order[line] * self._n_rules + rule
            first = last

    def _pairs_of_block(
        self, block: bytes, begin: int, places: tuple[IntegerArray, IntegerArray]
    ) -> tuple[IntegerArray, IntegerArray]:
        found = self._found.find_matches_as_indexes(block, overlapping=True) if self._found else []
        hits = np.array(found, dtype=np.int64).reshape(-1, 3)
        hits = hits[self._is_whole_number(block, hits)]
        line = np.searchsorted(places[0], hits[:, 1] + begin, side="right") - 1
        is_inside = (line >= 0) & (hits[:, 2] + begin <= places[1][line])
        word, line = hits[is_inside, 0], line[is_inside]
        pairs = np.unique(line * len(self._is_number) + word)
        line, word = pairs // len(self._is_number), pairs % len(self._is_number)
        count = self._first[word + 1] - self._first[word]
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        rule = self._rules_of_word[np.repeat(self._first[word], count) + within]
        return np.repeat(line, count), rule

    def _is_whole_number(self, block: bytes, hits: IntegerArray) -> BooleanArray:
        """Whether what was found is no part of a longer number or word, where it is a number."""
        numbers = self._is_number[hits[:, 0]]
        if not numbers.any():
            return np.ones(len(hits), dtype=np.bool_)
        padded = np.frombuffer(b" " + block + b" ", dtype=np.uint8)
        touches = _IN_WORDS[padded[hits[:, 1]]] | _IN_WORDS[padded[hits[:, 2] + 1]]
        is_whole: BooleanArray = ~(numbers & touches)
        return is_whole


def _by_word(pairs: list[tuple[int, int]], n_words: int) -> tuple[IntegerArray, IntegerArray]:
    """Return the rules of all words one after another, and where those of each word begin."""
    table = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    first = np.searchsorted(table[:, 0], np.arange(n_words + 1))
    return table[:, 1], first
