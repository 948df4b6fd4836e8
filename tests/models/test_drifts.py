"""forewarn_models.drifts"""

import numpy as np

from forewarn_models.drifts import drifts_beside
from forewarn_models.paths import Past

N_CELLS, DAY, N_PATHS = 480, 4, 200
EVEN = (np.arange(N_PATHS) + 0.5) / N_PATHS
GENERATOR = np.random.default_rng(1)
CHANCES, LEVELS = GENERATOR.permutation(EVEN), GENERATOR.permutation(EVEN)


def walk(*, drift: float = 0.0, n_series: int = 200) -> np.ndarray:
    changes = np.random.default_rng(4).normal(drift, 1.0, (n_series, N_CELLS))
    return changes.cumsum(axis=1)


def drifts(level: np.ndarray, *, first: int = 0) -> np.ndarray:
    each = np.zeros(len(level), np.int64)
    past = Past(level, level, each, each + 1, 28)
    rows = np.full((len(level), N_PATHS), first)
    return drifts_beside(past, rows, CHANCES, LEVELS, width=DAY)


def own(level: np.ndarray) -> np.ndarray:
    return (level[:, -1] - level[:, 0]) * N_CELLS / (N_CELLS - 1)


def test_a_walk_of_chance_is_mostly_taken_to_have_no_drift() -> None:
    level = walk()
    is_none = np.isclose(drifts(level), -own(level)[:, None])
    assert 0.7 < is_none.mean() < 0.95


def test_a_drift_that_is_clear_is_kept_within_its_error() -> None:
    told = drifts(walk(drift=0.5))
    assert abs(told.mean()) < 0.1 * np.sqrt(N_CELLS)
    assert 0.8 < told.std(axis=1).mean() / np.sqrt(N_CELLS) < 1.2


def test_a_third_of_the_past_tells_a_drift_less_well() -> None:
    level = walk(drift=2.0)
    ratio = drifts(level, first=N_CELLS * 2 // 3).std(axis=1) / drifts(level).std(axis=1)
    assert abs(ratio.mean() - np.sqrt(3)) < 0.2


def test_what_never_moves_does_not_drift() -> None:
    assert np.abs(drifts(np.full((1, N_CELLS), 3.0))).max() == 0


def test_steady_growth_is_not_doubted() -> None:
    line = np.arange(N_CELLS, dtype=np.float64)[None]
    assert np.abs(drifts(line)).max() < 1e-6
