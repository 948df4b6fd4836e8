"""forewarn_models.trends"""

import numpy as np
import pytest

from forewarn_models.trends import Trend, drawn, trend_of, trend_shapes

N_CELLS, N_AHEAD, DAY = 480, 180, 4
TIME = np.arange(N_CELLS + N_AHEAD) / N_CELLS
NONE, LINE = 0, 1


def noise(*shape: int, size: float = 1.0, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, size, shape)


def trend_in(level: np.ndarray, shapes: np.ndarray, *, period: int = 1) -> Trend:
    return trend_of(level, shapes, width=DAY, periods=np.full(len(level), period))


def foretold(path: np.ndarray, *, period: int = 1) -> np.ndarray:
    """Return the change from the end of the history to the end of the horizon, on draws."""
    shapes = trend_shapes(N_CELLS, N_AHEAD)
    trend = trend_in(path[None, :N_CELLS], shapes, period=period)
    generator = np.random.default_rng(2)
    found = drawn(trend, generator.random(999), generator.random(999))
    return (found.slope * (shapes[found.shape, -1] - shapes[found.shape, N_CELLS - 1]))[0]


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
    trend = trend_in(noise(200, N_CELLS), trend_shapes(N_CELLS, 0))
    assert np.median(trend.chance[:, NONE]) > 0.5
    np.testing.assert_allclose(trend.chance.sum(axis=1), 1.0)


def test_the_error_of_a_slope_is_what_it_says() -> None:
    trend = trend_in(50 * TIME[:N_CELLS] + noise(400, N_CELLS), trend_shapes(N_CELLS, 0))
    off = (trend.slope[:, LINE] - 50) / trend.error[:, LINE]
    assert 0.8 < off.std() < 1.25


def test_a_week_of_days_that_differ_leaves_the_trend_as_it_is() -> None:
    path = 50 * TIME + noise(len(TIME), size=0.5)
    free = (np.arange(len(TIME)) // DAY) % 7 >= 5
    plain = foretold(path)
    weekly, not_told = (foretold(path - 20 * free, period=each) for each in (7 * DAY, 1))
    assert abs(np.median(weekly) - np.median(plain)) < 0.5
    assert weekly.std() < 1.5 * plain.std() < 0.5 * not_told.std()


def test_a_season_of_parts_of_days_or_that_is_not_held_twice_is_left_alone() -> None:
    level, shapes = noise(1, N_CELLS), trend_shapes(N_CELLS, 0)
    plain = trend_in(level, shapes)
    for period in (2, DAY, DAY + 1, N_CELLS // 2 + DAY):
        np.testing.assert_array_equal(plain.slope, trend_in(level, shapes, period=period).slope)


def test_a_random_walk_is_told_from_noise_around_a_trend() -> None:
    shapes = trend_shapes(N_CELLS, 0)
    walk = trend_in(noise(100, N_CELLS).cumsum(axis=1), shapes)
    line = trend_in(50 * TIME[:N_CELLS] + noise(100, N_CELLS), shapes)
    assert np.median(walk.wanders) > 0.7
    assert np.median(line.wanders) < 0.01


def test_a_base_and_so_much_of_a_shape_are_the_level() -> None:
    shapes = trend_shapes(N_CELLS, 0)
    trend = trend_in(7 + 50 * TIME[None, :N_CELLS] + noise(1, N_CELLS, size=0.1), shapes)
    found = drawn(trend, np.full(1, 0.5), np.full(1, 0.5))
    level = found.base + found.slope * shapes[found.shape[0, 0]]
    np.testing.assert_allclose(level[0], 7 + 50 * TIME[:N_CELLS], atol=0.3)


def test_errors_that_persist_make_less_sure() -> None:
    shapes = trend_shapes(N_CELLS, 0)
    walk = noise(200, N_CELLS).cumsum(axis=1)
    walking, jumping = (trend_in(rows, shapes) for rows in (walk, noise(200, N_CELLS)))
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
    trend = trend_in(np.array([[1.0, 2.0, 3.0]]), shapes)
    assert (trend.slope == 0).all()
    assert (trend.error == 0).all()


def test_trends_follow_scale() -> None:
    shapes, path = trend_shapes(N_CELLS, 0), 50 * TIME[:N_CELLS] + noise(2, N_CELLS)
    small, large = (trend_in(size * path + size, shapes) for size in (1e-6, 1e9))
    np.testing.assert_allclose(small.slope * 1e15, large.slope, rtol=1e-6)
    np.testing.assert_allclose(small.chance, large.chance, rtol=1e-4, atol=1e-9)
