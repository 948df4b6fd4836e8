"""forewarn_models.trends"""

import numpy as np
import pytest

from forewarn_models.trends import drawn, trend_of, trend_shapes

N_CELLS, N_AHEAD, DAY = 480, 180, 4
TIME = np.arange(N_CELLS + N_AHEAD) / N_CELLS
NONE, LINE = 0, 1


def noise(*shape: int, size: float = 1.0, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, size, shape)


def foretold(path: np.ndarray) -> np.ndarray:
    """Return the change from the end of the history to the end of the horizon, on draws."""
    shapes = trend_shapes(N_CELLS, N_AHEAD)
    trend = trend_of(path[None, :N_CELLS], shapes, width=DAY)
    generator = np.random.default_rng(2)
    shape, slope = drawn(trend, generator.random(999), generator.random(999))
    return (slope * (shapes[shape, -1] - shapes[shape, N_CELLS - 1]))[0]


@pytest.mark.parametrize(
    "path",
    [
        50 * TIME,
        -50 * TIME,
        100 * (1 - np.exp(-TIME / 0.3)),
        20 * np.exp(TIME / 0.4),
        50 * np.log(TIME + 0.6),
    ],
    ids=["line", "falling line", "nearing a ceiling", "growing", "slowing down"],
)
def test_a_trend_goes_on_as_it_was(path: np.ndarray) -> None:
    change = np.median(foretold(path + noise(len(path), size=0.5)))
    expected = path[-1] - path[N_CELLS - 1]
    assert abs(change - expected) < 0.1 * abs(expected) + 0.5


def test_noise_has_no_trend() -> None:
    trend = trend_of(noise(200, N_CELLS), trend_shapes(N_CELLS, 0), width=DAY)
    assert np.median(trend.chance[:, NONE]) > 0.5
    np.testing.assert_allclose(trend.chance.sum(axis=1), 1.0)


def test_the_error_of_a_slope_is_what_it_says() -> None:
    trend = trend_of(50 * TIME[:N_CELLS] + noise(400, N_CELLS), trend_shapes(N_CELLS, 0), width=DAY)
    off = (trend.slope[:, LINE] - 50) / trend.error[:, LINE]
    assert 0.8 < off.std() < 1.25


def test_errors_that_persist_make_less_sure() -> None:
    shapes = trend_shapes(N_CELLS, 0)
    walk = noise(200, N_CELLS).cumsum(axis=1)
    walking, jumping = (trend_of(rows, shapes, width=DAY) for rows in (walk, noise(200, N_CELLS)))
    spread = walk.std(axis=1).mean()
    assert np.median(walking.error[:, LINE]) / spread > 3 * np.median(jumping.error[:, LINE])


def test_a_level_that_never_moves_has_no_trend() -> None:
    assert np.abs(foretold(np.full(N_CELLS + N_AHEAD, 5.0))).max() < 1e-9


def test_what_is_not_known_does_not_count() -> None:
    path = 50 * TIME + noise(len(TIME), size=0.5)
    path[:200] = np.nan
    assert abs(np.median(foretold(path)) - 50 * N_AHEAD / N_CELLS) < 3


def test_a_history_shorter_than_a_season_has_no_trend() -> None:
    shapes = trend_shapes(3, 5)
    trend = trend_of(np.array([[1.0, 2.0, 3.0]]), shapes, width=DAY)
    assert (trend.slope == 0).all()
    assert (trend.error == 0).all()


def test_trends_follow_scale() -> None:
    shapes, path = trend_shapes(N_CELLS, 0), 50 * TIME[:N_CELLS] + noise(2, N_CELLS)
    small, large = (trend_of(size * path + size, shapes, width=DAY) for size in (1e-6, 1e9))
    np.testing.assert_allclose(small.slope * 1e15, large.slope, rtol=1e-6)
    np.testing.assert_allclose(small.chance, large.chance, rtol=1e-4, atol=1e-9)
