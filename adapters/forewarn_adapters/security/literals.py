"""Which words a line must hold for a rule to match: they are looked for in whole batches."""

import json
import re
from collections.abc import Iterable

# At least one of them occurs, in lower case, in each line that matches; None: nothing is known.
Literals = frozenset[str] | None

LEAST_CHARACTERS = 3
MOST_LITERALS = 400
_ENOUGH_CHARACTERS = 10
_NUMBER_IS_WORTH = 2  # characters: a number is found only where it is no part of a longer one
_ASCII = re.compile(r"[\t -~]+")


def literals_of(parts: Iterable[str]) -> Literals:
    r"""Return how the longest of texts that must all occur may be written in a line.

    What is no ASCII is left out, because its case folds in too many ways.

    >>> sorted(literals_of(["a", "<Script"]))
    ['<script', '\\u003cscript']
    """
    pieces = [piece.lower() for part in parts for piece in _ASCII.findall(part)]
    longest = max(pieces, key=len, default="")
    if len(longest) < LEAST_CHARACTERS:
        return None
    return frozenset(_spellings(longest))


def any_of(children: Iterable[Literals]) -> Literals:
    """Return what must occur where one of several conditions must hold."""
    union: set[str] = set()
    for child in children:
        if child is None:
            return None
        union |= child
    return frozenset(union) if len(union) <= MOST_LITERALS else None


def all_of(children: Iterable[Literals]) -> Literals:
    """Return the most telling of what must occur where several conditions must hold."""
    return max((child for child in children if child), key=telling, default=None)


def telling(literals: frozenset[str]) -> tuple[float, float]:
    """Return how rarely these are met, to be compared: long words rarely, numbers too."""
    lengths = [len(word) + _NUMBER_IS_WORTH * word.isdigit() for word in literals]
    return min(*lengths, _ENOUGH_CHARACTERS), sum(lengths) / len(lengths)


def also_in_hexadecimal(literals: Literals) -> Literals:
    """Return literals also as auditd writes texts with spaces."""
    if literals is None:
        return None
    return literals | {word.encode().hex() for word in literals}


def _spellings(text: str) -> Iterable[str]:
    """Yield the text as it stands in plain lines, and as JSON's encoders write it."""
    escaped = json.dumps(text)[1:-1]
    yield from (text, escaped, escaped.replace("/", "\\/"))
    for plain in "<>&'":
        escaped = escaped.replace(plain, f"\\u{ord(plain):04x}")
    yield from (escaped, escaped.replace("/", "\\/"))
