"""A slow, obvious version of the paths that are put together from pieces of the past."""

import math
from operator import itemgetter

from forewarn_models.paths import INCREMENT, LEVEL

N_NEAREST = 5


def path_reaches(level, highest, *, first, period, block, mode, trend, uniforms, marks) -> list:
    """Return the largest value from the end of the first marked cell up to the end of each.

    Args:
        level: the last value of each cell of the past.
        highest: the largest value of each.
        first: the first cell that may be copied.
        period: the season in cells.
        block: how many cells are copied at once.
        mode: LEVEL or INCREMENT.
        trend: of each cell of the past and the future.
        uniforms: one for each block.
        marks: numbers of cells ahead.
    """
    now = len(level) - 1
    values, tops = [level[now]], [math.nan]
    draws = iter(uniforms)
    while len(values) <= marks[-1]:
        ahead = len(values) - 1
        same_phase = [cell for cell in range(first, now) if (now + ahead - cell) % period == 0]
        cells = (same_phase or list(range(min(first, now - 1), now)))[::-1]
        start = values[-1] - trend[now + ahead]
        if mode == LEVEL:
            far = [abs(level[cell] - trend[cell] - start) for cell in cells]
            cells = [cell for _, cell in sorted(zip(far, cells, strict=True), key=itemgetter(0))]
            cells = cells[:N_NEAREST]
        source = cells[int(next(draws) * len(cells))]
        moved = start - level[source] if mode == INCREMENT else 0.0
        n_copied = min(block, now - source, marks[-1] - ahead)
        for cell in range(source + 1, source + n_copied + 1):
            added = moved + trend[now + len(values)] - (trend[cell] if mode == LEVEL else 0.0)
            tops.append(highest[cell] + added)
            values.append(level[cell] + added)
    reached, most = [], values[marks[0]]
    for cell in range(marks[0], marks[-1] + 1):
        most = most if cell == marks[0] else max(most, tops[cell])
        if cell in marks:
            reached.append(most)
    return reached
