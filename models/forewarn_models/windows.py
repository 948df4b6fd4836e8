"""Running medians: what a series showed over the last ten minutes and over the last hour.

A window holds at most `SLOTS` slots. Each slot is the mean of equally many samples, so that a fine
step costs no more than a coarse one; the median of the slots is what a value is compared with. They
are kept in order, and a new slot takes the place of the oldest.
"""

from math import inf
from typing import NamedTuple

from forewarn_models.arrays import FloatArray
from forewarn_models.compiled import compiled

SLOTS = 15
FEWEST_SLOTS = 6
LEAST_FILLED = 3  # slots without which a median says nothing

# Columns of a window's account.
SUM, COUNT, FILLED, NEXT = range(4)
N_ACCOUNT = 4


class Span(NamedTuple):
    """How a window is cut.

    Args:
        n_slots: that it holds when it is full.
        samples_a_slot: whose mean a slot is.
    """

    n_slots: int
    samples_a_slot: int


def span_of(seconds: float, step_seconds: float, most_slots: int = SLOTS) -> Span:
    """Return how a window of some seconds is cut at a step: at least six slots, at most fifteen.

    >>> span_of(600.0, 60.0), span_of(600.0, 300.0), span_of(600.0, 1.0)
    (Span(n_slots=10, samples_a_slot=1), Span(n_slots=6, samples_a_slot=1), \
Span(n_slots=15, samples_a_slot=40))
    """
    samples = max(FEWEST_SLOTS, round(seconds / step_seconds))
    samples_a_slot = -(-samples // most_slots)
    return Span(max(FEWEST_SLOTS, round(samples / samples_a_slot)), samples_a_slot)


@compiled
def put_in_order(row: FloatArray, slots: int, n: int, work: FloatArray, rising: int) -> None:
    """Write the first `n` slots of `row` in rising order to `work`, from `rising` on."""
    for i in range(n):
        place = rising + i
        while place > rising and work[place - 1] > row[slots + i]:
            work[place] = work[place - 1]
            place -= 1
        work[place] = row[slots + i]


@compiled
def middle(work: FloatArray, rising: int, n: int) -> float:
    """Return the median of `n` numbers that rise from `rising` on."""
    return float(0.5 * (work[rising + n // 2] + work[rising + (n - 1) // 2]))


@compiled
def exchange(work: FloatArray, rising: int, n: int, old: float, new: float) -> None:
    """Put `new` in the place of `old` among `n` numbers that rise, and keep them rising."""
    place, end = rising, rising + n - 1
    while place < end and work[place] < old:
        place += 1
    while place < end and work[place + 1] < new:
        work[place] = work[place + 1]
        place += 1
    while place > rising and work[place - 1] > new:
        work[place] = work[place - 1]
        place -= 1
    work[place] = new


@compiled
def push(
    row: FloatArray,
    places: tuple[int, int],
    work: FloatArray,
    rising: int,
    value: float,
    span: Span,
) -> None:
    """Add a sample to the window whose account and slots begin at `places`."""
    account, slots = places
    if span.samples_a_slot > 1:
        row[account + SUM] += value
        row[account + COUNT] += 1.0
        if row[account + COUNT] < span.samples_a_slot:
            return
        value = row[account + SUM] / row[account + COUNT]
        row[account + SUM] = row[account + COUNT] = 0.0
    filled, place = int(row[account + FILLED]), int(row[account + NEXT])
    if filled < span.n_slots:
        exchange(work, rising, filled + 1, inf, value)
        row[account + FILLED] += 1.0
    else:
        exchange(work, rising, filled, row[slots + place], value)
    row[slots + place] = value
    row[account + NEXT] = place + 1 if place + 1 < span.n_slots else 0
