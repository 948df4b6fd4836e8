"""More lines at one instant than an answer may have, split by what they say.

A stage of LogQL and its opposite part any lines exactly, whatever else they hold: `|= "a"` and
`!= "a"`, `| level="error"` and `| level!="error"`. Those that came tell where to part.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

import numpy as np
import orjson

from forewarn_adapters.logs.answer_lines import AnswerLines

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_WORD = re.compile(r"\w+")
_MOST_WORDS = 500
_READ_FOR_WORDS = 20
_READ_FOR_COUNTS = 200
_MOST_CHARACTERS = 100
_AROUND_CHARACTERS = 40
_MOST_CHARACTERS_OF_LINE = 4_000
_REPLACEMENT = "\ufffd"  # stands for bytes that are no text: what was there is not known


def opposite_filters(page: AnswerLines) -> tuple[str, str] | None:
    """Return two stages of LogQL of which each line passes exactly one, and some pass each.

    None where the lines do not differ in anything that can be asked for.
    """
    n_lines = len(page)
    texts = [line.decode(errors="replace") for line in page.lines]
    candidates = [*_label_candidates(page), *_word_candidates(texts)]
    if not candidates:
        candidates = [*_pair_candidates(texts)]
    uneven = [(abs(2 * count - n_lines), stages) for count, stages in candidates]
    return min(uneven, key=lambda candidate: candidate[0])[1] if uneven else None


def _label_candidates(page: AnswerLines) -> Iterator[tuple[int, tuple[str, str]]]:
    of_streams = np.bincount(page.stream, minlength=len(page.streams)).tolist()
    counts: Counter[tuple[str, str]] = Counter()
    for stream, count in zip(page.streams, of_streams, strict=True):
        for label in stream.labels:
            counts[label] += count
    for (name, value), count in counts.most_common():
        if count < len(page) and _can_be_asked(value) and _LABEL_NAME.fullmatch(name):
            yield count, (f"\n| {name}={_quoted(value)}", f"\n| {name}!={_quoted(value)}")


def _word_candidates(texts: Sequence[str]) -> Iterator[tuple[int, tuple[str, str]]]:
    sample = _spread(texts, _READ_FOR_COUNTS)
    uneven = [
        (abs(2 * sum(word in text for text in sample) - len(sample)), word)
        for word in _words(_spread(texts, _READ_FOR_WORDS))
    ]
    yield from _parting(texts, (word for _, word in sorted(uneven)[:_READ_FOR_WORDS]))


def _pair_candidates(texts: Sequence[str]) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield what parts two lines that differ, if any do.

    Of two lines that differ, at least one is not a part of the other: as a whole it parts them.
    """
    other = next((text for text in texts if text != texts[0]), None)
    if other is None:
        return
    pair = (texts[0], other)
    same = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(*pair, strict=False)))
    around = slice(max(0, same - _AROUND_CHARACTERS), same + _AROUND_CHARACTERS)
    words = (*(text[around] for text in pair), *pair)
    short = [word for word in words if _can_be_asked(word, _MOST_CHARACTERS_OF_LINE)]
    yield from _parting(texts, short)


def _parting(texts: Sequence[str], words: Iterable[str]) -> Iterator[tuple[int, tuple[str, str]]]:
    for word in words:
        count = sum(word in text for text in texts)
        if 0 < count < len(texts):
            yield count, (f"\n|= {_quoted(word)}", f"\n!= {_quoted(word)}")


def _words(texts: Iterable[str]) -> list[str]:
    """Return short texts that some lines may hold and others not."""
    words: set[str] = set()
    for text in texts:
        found = _WORD.findall(text)
        words.update((*found, *text, *(word[-2:] for word in found)))
    short = sorted(filter(_can_be_asked, words), key=lambda word: (len(word), word))
    return short[:_MOST_WORDS]


def _spread(texts: Sequence[str], most: int) -> Sequence[str]:
    return texts[:: max(1, len(texts) // most)][:most]


def _can_be_asked(text: str, most_characters: int = _MOST_CHARACTERS) -> bool:
    return 0 < len(text) <= most_characters and _REPLACEMENT not in text


def _quoted(text: str) -> str:
    # JSON's escapes are understood by LogQL too.
    return orjson.dumps(text).decode()
