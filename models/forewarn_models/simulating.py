"""Which paths a series takes: ways to go on, weighed by how well each foretold extremes before."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.paths import INCREMENT, LEVEL, Past, Ways, highest_reached
from forewarn_models.trends import drawn, trend_of, trend_shapes

# Levels as they were; around a trend; changes of the whole history; of its newest third.
_N_WAYS = 4
_NO_TREND, _LINE = 0, 1
_N_PATHS = 256
_N_TRIED = 48  # paths of each way from each origin
_N_DRAWS = 64
_MOST_ORIGINS = 5
# Of the horizon, where extremes of a back-test are compared.
_CHECKED = (0.125, 0.25, 0.5, 1.0)
# A way weighs as the inverse of its loss to this power, nothing if it is so much worse.
_SHARPNESS = 4.0
_WORST = 1.5
_LEAST_CELLS = 8


@dataclass(frozen=True, eq=False)
class _Table:
    """Random numbers in (0, 1) that choose; (n_paths,), of blocks (n_paths, n_draws)."""

    way: FloatArray
    shape: FloatArray
    slope: FloatArray
    blocks: FloatArray


def simulated(past: Past, marks: IntegerArray, *, width: int, seed: int = 0) -> FloatArray:
    """Return the largest values that paths of each series reach; see `highest_reached`.

    Args:
        past: of the series; rows with fewer than eight known cells give nothing worth having.
        marks: numbers of cells ahead, growing; 0 = now.
        width: how many cells a day has.
        seed: of the random numbers, which are the same for all series.

    Returns:
        (n_series, 256, n_marks)
    """
    weights = way_weights(past, int(marks[-1]), width=width, seed=seed)
    table = _table(_N_PATHS, seed)
    ends = np.cumsum(weights, axis=1)[:, :-1]
    way = (table.way[None, :, None] >= ends[:, None, :]).sum(axis=2)
    ways = _ways(past, way, table, n_ahead=int(marks[-1]), width=width)
    return highest_reached(past, ways, table.blocks, marks)


def way_weights(past: Past, n_ahead: int, *, width: int, seed: int = 0) -> FloatArray:
    """Return (n_series, n_ways) weights that sum to 1, from a back-test at earlier origins.

    Each way is judged by the continuous ranked probability score (Gneiting and Raftery 2007) of
    the largest values reached; a series too young for that gives all ways the same weight.
    """
    n_series, n_cells = past.level.shape
    n_steps = min(n_ahead, n_cells // 3)
    loss = np.zeros((n_series, _N_WAYS))
    count = np.zeros((n_series, 1))
    for origin in _origins(n_cells, n_steps):
        own = _losses(past, origin, n_steps, width=width, seed=seed)
        is_known = (origin - past.first >= _LEAST_CELLS)[:, None]
        loss += np.where(is_known, own, 0.0)
        count += is_known
    return _normed(np.where(count > 0, loss, 1.0))


def _origins(n_cells: int, n_steps: int) -> list[int]:
    """Return the numbers of cells that are known at each origin, over half of the history."""
    last, first = n_cells - n_steps, max(n_cells // 2, _LEAST_CELLS)
    if n_steps < 1 or last < first:
        return []
    return sorted({int(place) for place in np.linspace(first, last, _MOST_ORIGINS)})


def _losses(past: Past, origin: int, n_steps: int, *, width: int, seed: int) -> FloatArray:
    known = Past(
        np.ascontiguousarray(past.level[:, :origin]),
        np.ascontiguousarray(past.highest[:, :origin]),
        np.minimum(past.first, origin - 1),
        past.period,
        past.block,
    )
    marks = np.unique([0, *(max(1, round(share * n_steps)) for share in _CHECKED)])
    came = np.maximum.accumulate(past.highest[:, origin : origin + n_steps], axis=1)
    came = np.maximum(came[:, marks[1:] - 1], known.level[:, -1:])
    table = _table(_N_TRIED, seed)
    way, shape, slope = (np.tile(p, _N_WAYS) for p in (table.way, table.shape, table.slope))
    repeated = _Table(way, shape, slope, np.tile(table.blocks, (_N_WAYS, 1)))
    each = np.repeat(np.arange(_N_WAYS), _N_TRIED)
    chosen = np.broadcast_to(each, (len(came), len(each)))
    ways = _ways(known, chosen, repeated, n_ahead=n_steps, width=width)
    reached = highest_reached(known, ways, repeated.blocks, marks)[:, :, 1:]
    by_way = reached.reshape(len(came), _N_WAYS, _N_TRIED, -1)
    losses: FloatArray = _ranked_scores(by_way, came[:, None, :]).mean(axis=2)
    return losses


def _ways(past: Past, way: IntegerArray, table: _Table, *, n_ahead: int, width: int) -> Ways:
    n_cells = past.level.shape[1]
    trends = trend_shapes(n_cells, n_ahead)
    trend = trend_of(past.level, trends, width=width)
    shape, slope = drawn(trend, table.shape, table.slope)
    recent = np.maximum(past.first, n_cells - max(n_cells // 3, 2))
    wander = ndtri(table.slope) * _wander(past)[:, None]
    is_increment = way >= 2
    return Ways(
        np.where(is_increment, INCREMENT, LEVEL),
        np.where(way == 3, recent[:, None], past.first[:, None]),
        np.where(way == 0, _NO_TREND, np.where(is_increment, _LINE, shape)),
        np.where(way == 1, slope, np.where(is_increment, wander, 0.0)),
        trends,
    )


def _wander(past: Past) -> FloatArray:
    """Return (n_series,) the standard error of the mean change over as many cells as are known."""
    n_cells, block = past.level.shape[1], min(past.block, max(past.level.shape[1] // 4, 1))
    change = past.level[:, block:] - past.level[:, :-block]
    place = np.arange(change.shape[1])
    held = place >= past.first[:, None]
    count = np.maximum(held.sum(axis=1), 1)
    mean = np.where(held, change, 0.0).sum(axis=1) / count
    power = np.where(held, (change - mean[:, None]) ** 2, 0.0).sum(axis=1) / count
    error: FloatArray = np.sqrt(power * block / count) * n_cells / block
    return error


def _ranked_scores(drawn_values: FloatArray, came: FloatArray) -> FloatArray:
    """Return the continuous ranked probability score of samples along the axis before the last."""
    n_drawn = drawn_values.shape[2]
    off = np.abs(drawn_values - came[:, :, None, :]).mean(axis=2)
    ordered = np.sort(drawn_values, axis=2)
    weight = (2 * np.arange(1, n_drawn + 1) - n_drawn - 1)[None, None, :, None]
    spread: FloatArray = (weight * ordered).sum(axis=2) / n_drawn**2
    score: FloatArray = off - spread
    return score


def _normed(loss: FloatArray) -> FloatArray:
    best = loss.min(axis=1, keepdims=True)
    floor = 1e-6 * loss.max(axis=1, keepdims=True) + np.finfo(np.float64).tiny
    quality = (best + floor) / (loss + floor)
    weights = np.where(quality >= 1 / _WORST, quality**_SHARPNESS, 0.0)
    normed: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return normed


def _table(n_paths: int, seed: int) -> _Table:
    """Return random numbers; those of one a path are spread evenly, which saves paths."""
    generator = np.random.default_rng(seed)
    even = (np.arange(n_paths) + 0.5) / n_paths
    way, shape, slope = (generator.permutation(even) for _ in range(3))
    return _Table(way, shape, slope, generator.random((n_paths, _N_DRAWS)))
