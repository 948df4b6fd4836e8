"""forewarn_adapters.security.prefilter, against looking at each line"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_adapters.security.prefilter import Prefilter
from security_parts import batch_of

ALPHABET = "ab1 X"
TEXTS = st.text(ALPHABET, max_size=12)
WORDS = st.text("ab1x ", min_size=1, max_size=4)


def candidates(literals: list[frozenset[str] | None], lines: list[str]) -> set[tuple[int, int]]:
    found = Prefilter(literals).candidates(batch_of(lines).lines)
    pairs = list(zip(*(part.tolist() for part in found), strict=True))
    assert pairs == sorted(set(pairs))
    return set(pairs)


def is_there(word: str, line: str) -> bool:
    """A number only where it is no part of a longer word."""
    line = line.lower()
    places = [at for at in range(len(line)) if line.startswith(word, at)]
    if not word.isdigit():
        return bool(places)
    around = [f" {line} "[at] + f" {line} "[at + len(word) + 1] for at in places]
    return any(not any(letter.isalnum() for letter in pair) for pair in around)


@given(
    literals=st.lists(st.none() | st.frozensets(WORDS, min_size=1, max_size=3), max_size=4),
    lines=st.lists(TEXTS, max_size=8),
)
@settings(max_examples=300, deadline=None)
def test_it_finds_the_lines_that_have_a_word(
    literals: list[frozenset[str] | None], lines: list[str]
) -> None:
    expected = {
        (line, rule)
        for line, text in enumerate(lines)
        for rule, words in enumerate(literals)
        if words and any(is_there(word, text) for word in words)
    }
    assert candidates(literals, lines) == expected


def test_words_in_words_and_across_lines() -> None:
    literals = [frozenset({"she"}), frozenset({"he"}), frozenset({"hers"}), frozenset({"e\nh"})]
    assert candidates(literals, ["usHERS", "she", "her", "s"]) == {
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 1),
    }  # fmt: skip


def test_many_blocks_are_as_one() -> None:
    lines = [
        f"line {number} {'needle' if number % 100 == 7 else 'hay'}" for number in range(50_000)
    ]
    found, _ = Prefilter([frozenset({"needle"})]).candidates(batch_of(lines).lines)
    assert found.tolist() == list(range(7, 50_000, 100))


def test_lines_may_lie_in_any_order_with_bytes_between_that_are_none() -> None:
    data = b"needle in none|the needle|hay|needle"
    places = np.array([[31, 37], [15, 25], [26, 29]], dtype=np.int64)
    found, _ = Prefilter([frozenset({"needle"})]).candidates((data[:30] + b" needle", places))
    assert found.tolist() == [0, 1]


@pytest.mark.parametrize("literals", [[], [None], [frozenset({"x"})]])
def test_nothing_to_find(literals: list[frozenset[str] | None]) -> None:
    assert candidates(literals, []) == set()
    assert candidates(literals, ["", "hay"]) == set()


def test_a_line_full_of_words_is_one_candidate() -> None:
    assert candidates([frozenset({"aaa"})], ["a" * 1_000_000]) == {(0, 0)}
