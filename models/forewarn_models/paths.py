"""Possible futures of a series, put together from pieces of its own past.

A path copies a block of the past, then another that begins at the same time of day (or week), and
so on. A *level* path goes on from where the past stood nearest to where the path stands, so that
it stays where the series has been and falls where it fell: Lall and Sharma 1996, the nearest
neighbour bootstrap. An *increment* path goes on from anywhere, moved to where it stands, so that
changes add up: Kuensch 1989, the block bootstrap. A trend is taken off before, and put on again.
A *share* path is a level path of logarithms around the logarithm of a trend: swings grow with it.
"""

from typing import NamedTuple

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.compiled import compiled

LEVEL, INCREMENT, SHARE, NOT = 0, 1, 2, -1
# How many of the nearest a level path chooses from.
_NEAREST = 5


class Past(NamedTuple):
    """The history of many series in cells of some slots each.

    Args:
        level: (n_series, n_cells) the last value of each cell, without gaps from `first` on.
        highest: (n_series, n_cells) the largest value in each cell.
        first: (n_series,) the first cell that is known; two are at least.
        period: (n_series,) the season in cells, at least 1.
        block: how many cells are copied at once.
    """

    level: FloatArray
    highest: FloatArray
    first: IntegerArray
    period: IntegerArray
    block: int


class Ways(NamedTuple):
    """How each path goes on. Arrays are (n_series, n_paths).

    Args:
        mode: LEVEL, INCREMENT, SHARE, or NOT for a path that nobody asks for.
        first: the first cell that may be copied.
        shape: row of `trends` that the path follows.
        slope: how much of it.
        base: what a share path adds to that before it takes the logarithm.
        trends: (n_shapes, n_cells + n_ahead) of the past and the future.
    """

    mode: IntegerArray
    first: IntegerArray
    shape: IntegerArray
    slope: FloatArray
    base: FloatArray
    trends: FloatArray


class _Pieces(NamedTuple):
    """What one path is put together from.

    Args:
        level: (n_cells,) the past, for level paths without the trend.
        highest: (n_cells,) likewise.
        added: (n_ahead + 1,) by trend, from now on.
        first: the first cell that may be copied.
        period: the season in cells.
        block: how many cells are copied at once.
        mode: LEVEL or INCREMENT.
    """

    level: FloatArray
    highest: FloatArray
    added: FloatArray
    first: int
    period: int
    block: int
    mode: int


class _Choice(NamedTuple):
    """Cells that a block may begin after: `n_cells` of them, every `stride` back from `newest`."""

    newest: int
    stride: int
    n_cells: int


def highest_reached(
    past: Past, ways: Ways, uniforms: FloatArray, marks: IntegerArray
) -> FloatArray:
    """Return the largest value that each path reaches.

    Args:
        past: of the series.
        ways: of the paths.
        uniforms: (n_paths, n_draws) in [0, 1), the same for all series, so that what is said of a
            series does not depend on the others.
        marks: numbers of cells ahead, growing; 0 = now.

    Returns:
        (n_series, n_paths, n_marks) the largest value from the end of the first marked cell up to
        the end of each; NaN for a path that nobody asked for.
    """
    reached = np.full((len(past.level), ways.mode.shape[1], len(marks)), np.nan)
    _simulate(past, ways, uniforms, marks, reached)
    return reached


@compiled
def _simulate(
    past: Past, ways: Ways, uniforms: FloatArray, marks: IntegerArray, reached: FloatArray
) -> None:
    n_cells = past.level.shape[1]
    for row in range(len(past.level)):
        least = np.exp(past.level[row, past.first[row] :].min())
        for path in range(ways.mode.shape[1]):
            mode = ways.mode[row, path]
            if mode == NOT:
                continue
            trend = ways.slope[row, path] * ways.trends[ways.shape[row, path]]
            if mode == SHARE:
                # A trend below all that was is no trend that values could be shares of.
                trend = np.log(np.maximum(ways.base[row, path] + trend, least))
                mode = LEVEL
            # Increments keep the trend that the past has; theirs comes on top.
            gone = trend[:n_cells] if mode == LEVEL else np.zeros(n_cells)
            from_now = 0.0 if mode == LEVEL else trend[n_cells - 1]
            pieces = _Pieces(
                past.level[row] - gone,
                past.highest[row] - gone,
                trend[n_cells - 1 :] - from_now,
                ways.first[row, path],
                past.period[row],
                past.block,
                mode,
            )
            _follow(pieces, uniforms[path], marks, reached[row, path])


@compiled
def _follow(
    pieces: _Pieces, uniforms: FloatArray, marks: IntegerArray, reached: FloatArray
) -> None:
    now, n_ahead = len(pieces.level) - 1, marks[-1]
    stands = pieces.level[now]
    most = stands + pieces.added[0]
    reached[0] = most
    ahead, draw = 0, 0
    mark = 1 if marks[0] == 0 else 0
    while ahead < n_ahead:
        source = _source(pieces, ahead, stands, uniforms[draw % len(uniforms)])
        draw += 1
        moved = stands - pieces.level[source] if pieces.mode == INCREMENT else 0.0
        for _ in range(min(pieces.block, now - source, n_ahead - ahead)):
            source += 1
            ahead += 1
            beyond = pieces.added[ahead] + moved
            most = max(most, pieces.highest[source] + beyond)
            if ahead == marks[mark]:
                # What came before the first mark does not count.
                most = pieces.level[source] + beyond if mark == 0 else most
                reached[mark] = most
                mark += 1
        stands = pieces.level[source] + moved


@compiled
def _source(pieces: _Pieces, ahead: int, stands: float, uniform: float) -> int:
    """Return the cell that a path goes on from which stands at a level, some cells ahead."""
    now, period = len(pieces.level) - 1, pieces.period
    # The newest cell before now that lies whole periods before where the path stands.
    newest = now + ahead - period * (ahead // period + 1)
    choice = _Choice(newest, period, (newest - pieces.first) // period + 1)
    if choice.n_cells < 1:
        choice = _Choice(now - 1, 1, max(1, now - pieces.first))
    if pieces.mode == LEVEL:
        return _near(pieces.level, choice, stands, uniform)
    return choice.newest - int(uniform * choice.n_cells) * choice.stride


@compiled
def _near(level: FloatArray, choice: _Choice, stands: float, uniform: float) -> int:
    """Return one of the cells that are nearest in level."""
    distance, nearest = np.empty(_NEAREST), np.empty(_NEAREST, np.int64)
    held = 0
    for place in range(choice.n_cells):
        cell = choice.newest - place * choice.stride
        far = abs(level[cell] - stands)
        if held < _NEAREST:
            held += 1
        elif far >= distance[held - 1]:
            continue
        at = held - 1
        while at > 0 and distance[at - 1] > far:
            distance[at], nearest[at] = distance[at - 1], nearest[at - 1]
            at -= 1
        distance[at], nearest[at] = far, cell
    found: int = nearest[int(uniform * held)]
    return found
