"""Lines that a container's runtime cut into parts, put together again."""

import numpy as np

from forewarn_adapters.logs.batch import Lines
from forewarn_models.arrays import BooleanArray, IntegerArray

# Longer ones are cut: a line is told by far fewer, and a stream of parts may never end.
MOST_BYTES = 1 << 18


def put_together(
    messages: Lines, who: IntegerArray, is_open: BooleanArray
) -> tuple[Lines, IntegerArray]:
    """Return messages of which the first of several parts has all, and which part each belongs to.

    Args:
        messages: n of them, some of them parts.
        who: (n,) parts of one line have the same number, such as that of their stream.
        is_open: (n,) whether the line goes on in the next part.

    The second answer is (n,) the first part of the line that each is of, itself where it is whole.
    """
    data, places = messages
    owner = np.arange(len(places))
    first_of: dict[int, int] = {}
    parts: dict[int, list[int]] = {}
    for row in np.flatnonzero(_concerned(who, is_open)).tolist():
        first = first_of.pop(int(who[row]), row)
        owner[row] = first
        parts.setdefault(first, []).append(row)
        if is_open[row]:
            first_of[int(who[row])] = first
    return _joined(data, places, [rows for rows in parts.values() if len(rows) > 1]), owner


def _concerned(who: IntegerArray, is_open: BooleanArray) -> BooleanArray:
    """Return (n,) which lines are by somebody who writes parts."""
    return np.isin(who, np.unique(who[is_open]))


def _joined(data: bytes, places: IntegerArray, groups: list[list[int]]) -> Lines:
    pieces, places = [data], places.copy()
    place = len(data)
    for rows in groups:
        text = b"".join(data[begin:end] for begin, end in places[rows].tolist())[:MOST_BYTES]
        places[rows[0]] = place, place + len(text)
        place += len(text)
        pieces.append(text)
    return b"".join(pieces), places
