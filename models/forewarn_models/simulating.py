"""Which paths a series takes: ways to go on, weighed by how well each foretold extremes before."""

from typing import NamedTuple

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.drifts import drifts_beside
from forewarn_models.paths import INCREMENT, LEVEL, NOT, SHARE, Past, Ways, highest_reached
from forewarn_models.trends import Trend, drawn, trend_of, trend_shapes

_N_PATHS = 256
_N_TRIED = 32  # paths of each way from each origin
_N_DRAWS = 64
_MOST_ORIGINS = 5
# Of the horizon, where extremes of a back-test are compared.
_CHECKED = (0.125, 0.25, 0.5, 1.0)
# A way weighs as the inverse of its loss to this power, nothing if it is so much worse.
_SHARPNESS = 6.0
_WORST = 1.5
# Nobody is surer than that whether a series is a random walk.
_DOUBT = 0.02
_LEAST_CELLS = 8
_LINE = 1  # of the shapes of trends
_LARGEST_LOG = 300.0  # of a value; growth beyond is no number any more


class _Way(NamedTuple):
    """A way to go on.

    Args:
        in_logs: of the distance from the origin.
        on_trend: around a trend.
        is_share: in logarithms around one that is not, so that swings grow with the trend.
        is_increment: by changes, which add up.
        is_recent: of the newest third only.
    """

    in_logs: bool = False
    on_trend: bool = False
    is_share: bool = False
    is_increment: bool = False
    is_recent: bool = False


_WAYS = (
    _Way(),
    _Way(on_trend=True),
    _Way(is_increment=True),
    _Way(is_increment=True, is_recent=True),
    _Way(in_logs=True, on_trend=True),
    _Way(in_logs=True, is_increment=True),
    _Way(in_logs=True, is_increment=True, is_recent=True),
    _Way(in_logs=True, on_trend=True, is_share=True),
)
_IN_LOGS = np.array([way.in_logs for way in _WAYS])
_ON_TREND = np.array([way.on_trend for way in _WAYS])
_IS_INCREMENT = np.array([way.is_increment for way in _WAYS])
_IS_SHARE = np.array([way.is_share for way in _WAYS])
_IS_RECENT = np.array([way.is_recent for way in _WAYS])


class Known(NamedTuple):
    """What is known of some series.

    Args:
        past: cells of their history; where small values are asked for, upside down.
        origin: (n_series,) below all of it, from where growth is measured in logarithms.
        width: how many cells a day has, at least 1.
    """

    past: Past
    origin: FloatArray
    width: int


class _Table(NamedTuple):
    """Random numbers in (0, 1) that choose: (n_paths,), and of blocks (n_paths, n_draws)."""

    way: FloatArray
    shape: FloatArray
    slope: FloatArray
    blocks: FloatArray


def simulated(known: Known, marks: IntegerArray, *, seed: int = 0) -> FloatArray:
    """Return the largest values that paths of each series reach; see `highest_reached`.

    Args:
        known: of the series; fewer than eight known cells give nothing worth having.
        marks: numbers of cells ahead, growing; 0 = now.
        seed: of the random numbers, which are the same for all series.

    Returns:
        (n_series, 256, n_marks)
    """
    weights = way_weights(known, int(marks[-1]), seed=seed)
    table = _table(_N_PATHS, seed)
    ends = np.cumsum(weights, axis=1)[:, :-1]
    way = (table.way[None, :, None] >= ends[:, None, :]).sum(axis=2)
    return _reached(known, way, table, marks)


def way_weights(known: Known, n_ahead: int, *, seed: int = 0) -> FloatArray:
    """Return (n_series, n_ways) weights that sum to 1, from a back-test at earlier origins.

    Each way is judged by the continuous ranked probability score (Gneiting and Raftery 2007) of
    the largest values reached. There are few such origins, and chance lets random walks look like
    trends: so each way weighs also as likely as the changes from day to day say that the series is
    a random walk, or that it is not. To a series too young for a back-test only that applies.
    """
    n_series, n_cells = known.past.level.shape
    n_steps = min(n_ahead, n_cells // 4)
    loss = np.zeros((n_series, len(_WAYS)))
    count = np.zeros((n_series, 1))
    for origin in _origins(n_cells, n_steps):
        own = _losses(known, origin, n_steps, seed=seed)
        is_judged = (origin - known.past.first >= _LEAST_CELLS)[:, None]
        loss += np.where(is_judged, own, 0.0)
        count += is_judged
    loss = np.where(count > 0, loss, 1.0)
    weights = _normed(loss) * _likely(known)
    normed: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return normed


def _likely(known: Known) -> FloatArray:
    """Return (n_series, n_ways) how likely changes add up, or do not, as the way has it."""
    past = known.past
    trend = _trend(past, trend_shapes(past.level.shape[1], 0), width=known.width)
    wanders = np.clip(trend.wanders, _DOUBT, 1 - _DOUBT)[:, None]
    return np.where(_IS_INCREMENT, wanders, 1 - wanders)


def _origins(n_cells: int, n_steps: int) -> list[int]:
    """Return the numbers of cells that are known at each origin, over half of the history."""
    last, first = n_cells - n_steps, max(n_cells // 2, _LEAST_CELLS)
    if n_steps < 1 or last < first:
        return []
    return sorted({int(place) for place in np.linspace(first, last, _MOST_ORIGINS)})


def _losses(known: Known, origin: int, n_steps: int, *, seed: int) -> FloatArray:
    """Return (n_series, n_ways) mean scores of what each way says at an origin."""
    past = known.past
    then = past._replace(
        level=np.ascontiguousarray(past.level[:, :origin]),
        highest=np.ascontiguousarray(past.highest[:, :origin]),
        first=np.minimum(past.first, origin - 2),
    )
    marks = np.unique([0, *(max(1, round(share * n_steps)) for share in _CHECKED)])
    came = np.maximum.accumulate(past.highest[:, origin : origin + n_steps], axis=1)
    came = np.maximum(came[:, marks[1:] - 1], then.level[:, -1:])
    table = _table(_N_TRIED, seed)
    repeated = _Table(*(np.concatenate([part] * len(_WAYS)) for part in table))
    way = np.tile(np.repeat(np.arange(len(_WAYS)), _N_TRIED), (len(came), 1))
    reached = _reached(known._replace(past=then), way, repeated, marks)[:, :, 1:]
    by_way = reached.reshape(len(came), len(_WAYS), _N_TRIED, -1)
    losses: FloatArray = _ranked_scores(by_way, came[:, None, :]).mean(axis=2)
    return losses


def _reached(known: Known, way: IntegerArray, table: _Table, marks: IntegerArray) -> FloatArray:
    """Return (n_series, n_paths, n_marks) the largest values, each path going its way."""
    past, in_logs = known.past, _IN_LOGS[way]
    ways = _ways(past, way, table, marks, width=known.width)
    plain = _asked(past, ways, ~in_logs, table, marks)
    if not in_logs.any():
        return plain
    origin = known.origin[:, None]
    logs = past._replace(level=_logs(past.level - origin), highest=_logs(past.highest - origin))
    log_ways = _ways(logs, way, table, marks, width=known.width)
    is_share = _IS_SHARE[way]
    log_ways = log_ways._replace(
        mode=np.where(is_share, SHARE, log_ways.mode),
        shape=np.where(is_share, ways.shape, log_ways.shape),
        slope=np.where(is_share, ways.slope, log_ways.slope),
        base=ways.base - origin,
    )
    bent = _asked(logs, log_ways, in_logs, table, marks)
    back = origin[:, None] + np.exp(np.minimum(bent, _LARGEST_LOG))
    return np.where(in_logs[:, :, None], back, plain)


def _asked(
    past: Past, ways: Ways, is_asked: BooleanArray, table: _Table, marks: IntegerArray
) -> FloatArray:
    asked = ways._replace(mode=np.where(is_asked, ways.mode, NOT))
    return highest_reached(past, asked, table.blocks, marks)


def _logs(distance: FloatArray) -> FloatArray:
    logs: FloatArray = np.log(np.maximum(distance, np.finfo(np.float64).tiny))
    return logs


def _ways(past: Past, way: IntegerArray, table: _Table, marks: IntegerArray, *, width: int) -> Ways:
    n_cells = past.level.shape[1]
    trends = trend_shapes(n_cells, int(marks[-1]))
    follows = drawn(_trend(past, trends, width=width), table.shape, table.slope)
    recent = np.maximum(past.first, n_cells - max(n_cells // 3, 2))
    first = np.where(_IS_RECENT[way], recent[:, None], past.first[:, None])
    drift = drifts_beside(past, first, table.shape, table.slope, width=width)
    on_trend, is_increment = _ON_TREND[way], _IS_INCREMENT[way]
    return Ways(
        np.where(is_increment, INCREMENT, LEVEL),
        first,
        np.where(on_trend, follows.shape, np.where(is_increment, _LINE, 0)),
        np.where(on_trend, follows.slope, np.where(is_increment, drift, 0.0)),
        follows.base,
        trends,
    )


def _trend(past: Past, shapes: FloatArray, *, width: int) -> Trend:
    is_known = np.arange(past.level.shape[1]) >= past.first[:, None]
    level = np.where(is_known, past.level, np.nan)
    return trend_of(level, shapes, width=width, periods=past.period)


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
    floor = 1e-6 * best + np.finfo(np.float64).tiny
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
