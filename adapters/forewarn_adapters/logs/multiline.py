"""Stack traces and other lines that go on with the line before them, as one.

Only the first line of them is mined and counted; the others are kept with it as evidence. A line
goes on with the one before it, of the same service on the same host, when it is indented, or is one
that only stack traces have (Java, Python, Go, .NET, Node, Ruby).

Nothing is kept between batches: where the lines that go on are the first of a batch, they belong to
a line of the batch before, and are left out.
"""

import numpy as np

from forewarn_adapters.logs.batch import Lines
from forewarn_models.arrays import IntegerArray

# More of a trace is left out of the evidence.
MOST_BYTES = 1 << 16


def with_continuations(lines: Lines, owner: IntegerArray) -> tuple[Lines, IntegerArray]:
    """Return the lines that begin something, each with those that go on with it, and their numbers.

    Args:
        lines: n of them.
        owner: (n,) which line each goes on with, itself where it begins something; -1 where it
            goes on with one that is not here.
    """
    data, places = lines
    numbers = np.arange(len(owner))
    begins = owner == numbers
    heads = np.flatnonzero(begins)
    goes_on = np.flatnonzero(~begins & (owner >= 0))
    if not len(goes_on):
        return (data, places[heads]), heads
    goes_on = goes_on[np.argsort(owner[goes_on], kind="stable")]
    owners, first = np.unique(owner[goes_on], return_index=True)
    pieces, places, place = [data], places.copy(), len(data)
    for head, rows in zip(owners.tolist(), np.split(goes_on, first[1:]), strict=True):
        text = _text(data, places, [head, *rows.tolist()])
        places[head] = place, place + len(text)
        place += len(text)
        pieces.append(text)
    return (b"".join(pieces), places[heads]), heads


def _text(data: bytes, places: IntegerArray, rows: list[int]) -> bytes:
    n_bytes = 0
    parts = []
    for begin, end in places[rows].tolist():
        parts.append(data[begin:end])
        n_bytes += end - begin + 1
        if n_bytes > MOST_BYTES:
            break
    return b"\n".join(parts)[: max(MOST_BYTES, len(parts[0]))]
