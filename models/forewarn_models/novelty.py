"""Novelty: how far a value lies from every value that was seen before.

What was seen is held as a few intervals, merged where they lie closest, so that the widest gaps
stay. A value in a gap, or beyond all intervals, is new; its distance to the nearest interval, as a
share of the whole range that was seen, means the same on every series. Samples join only after a
while, so that an event is measured against what was before it and not against itself; then they are
known, so that a new level is said once and learned.

Of a healthy series the rate of such records falls with the time it was watched, and a gap `g` times
as wide is about `g` times as rare (a tail of shape one), which gives the return period without
anything else to be fitted. docs/decisions/0003-rarity-without-labels.md has the measurements.
"""

from math import inf, log10

from forewarn_models.arrays import FloatArray
from forewarn_models.compiled import compiled

MAIN, FIRST, SECOND = range(3)  # what is known, and the two blocks that wait to join it
N_PARTS = 3
KNOWN, WAITING = 12, 3  # intervals that each holds
N_INTERVALS = KNOWN + 2 * WAITING
_ALIKE = 0.002  # of the range: values this close are one

# Decades of seconds of a gap as wide as the whole range, on a series watched for ten days.
_WHOLE_RANGE = 7.65
_WATCHED_DAYS, _MOST_DAYS = 10.0, 30.0
_GROWTH = 0.7  # of the return period with the time watched, as a power
_WIDEST = 10.0  # ranges: further out is not rarer


@compiled
def first_of(part: int) -> int:
    """Return the place of a part's first interval."""
    return 0 if part == MAIN else KNOWN + (part - 1) * WAITING


@compiled
def _remove(row: FloatArray, below: int, above: int, place: int, end: int) -> None:
    for i in range(place, end - 1):
        row[below + i], row[above + i] = row[below + i + 1], row[above + i + 1]


@compiled
def _insert(row: FloatArray, below: int, above: int, place: int, end: int) -> None:
    for i in range(end, place, -1):
        row[below + i], row[above + i] = row[below + i - 1], row[above + i - 1]


@compiled
def _closest(row: FloatArray, below: int, above: int, first: int, end: int) -> int:
    """Return the interval that lies closest to the one after it."""
    closest, least = first, inf
    for i in range(first, end - 1):
        gap = row[below + i + 1] - row[above + i]
        if gap < least:
            closest, least = i, gap
    return closest


@compiled
def add(row: FloatArray, places: tuple[int, int, int], part: int, low: float, high: float) -> None:
    """Add the interval from `low` to `high` to a part; the closest two become one when it is full.

    `places` are where the counts of the parts, the lower and the upper ends begin.
    """
    counts, below, above = places
    first, n = first_of(part), int(row[counts + part])
    known = int(row[counts + MAIN])
    alike = _ALIKE * (row[above + known - 1] - row[below]) if known else 0.0
    place, end = first, first + n
    while place < end and row[above + place] + alike < low:
        place += 1
    if place < end and row[below + place] - alike <= high:
        row[below + place] = min(row[below + place], low)
        row[above + place] = max(row[above + place], high)
        while place + 1 < end and row[below + place + 1] - alike <= row[above + place]:
            row[above + place] = max(row[above + place], row[above + place + 1])
            _remove(row, below, above, place + 1, end)
            end -= 1
        row[counts + part] = end - first
        return
    if n == (KNOWN if part == MAIN else WAITING):
        closest = _closest(row, below, above, first, end)
        before = low - row[above + place - 1] if place > first else inf
        after = row[below + place] - high if place < end else inf
        if min(before, after) <= row[below + closest + 1] - row[above + closest]:
            if before <= after:
                row[above + place - 1] = high
            else:
                row[below + place] = low
            return
        row[above + closest] = row[above + closest + 1]
        _remove(row, below, above, closest + 1, end)
        end -= 1
        place -= 1 if place > closest else 0
    _insert(row, below, above, place, end)
    row[below + place], row[above + place] = low, high
    row[counts + part] = end - first + 1


@compiled
def pass_block(row: FloatArray, places: tuple[int, int, int]) -> None:
    """Let the older of the two waiting blocks join what is known; the newer becomes the older."""
    counts, below, above = places
    first, second = first_of(FIRST), first_of(SECOND)
    for i in range(int(row[counts + FIRST])):
        add(row, places, MAIN, row[below + first + i], row[above + first + i])
    for i in range(int(row[counts + SECOND])):
        row[below + first + i] = row[below + second + i]
        row[above + first + i] = row[above + second + i]
    row[counts + FIRST], row[counts + SECOND] = row[counts + SECOND], 0.0


@compiled
def gap_share(row: FloatArray, places: tuple[int, int, int], value: float) -> float:
    """Return the distance of `value` to what is known, as a share of its range.

    0 inside; 1 where everything known is one single value and this is another.
    """
    counts, below, above = places
    n = int(row[counts + MAIN])
    if n == 0:
        return 0.0
    bottom, top = row[below], row[above + n - 1]
    if value > top:
        gap = value - top
    elif value < bottom:
        gap = bottom - value
    else:
        place = 0
        while row[above + place] < value:
            place += 1
        if row[below + place] <= value:
            return 0.0
        gap = min(row[below + place] - value, value - row[above + place - 1])
    span = top - bottom
    if span <= 0.0:
        return 1.0
    return gap / span if gap < _WIDEST * span else _WIDEST


@compiled
def novelty_decades(share: float, watched_days: float) -> float:
    """Return the decades of seconds of the return period of a gap; 0 where there is none."""
    if share <= 0.0 or watched_days <= 0.0:
        return 0.0
    days = min(max(watched_days, 1e-3), _MOST_DAYS)
    return max(_WHOLE_RANGE + log10(share) + _GROWTH * log10(days / _WATCHED_DAYS), 0.0)
