"""forewarn_models.paths"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.paths import INCREMENT, LEVEL, NOT, SHARE, Past, Ways, highest_reached
from oracles_paths import path_reaches
from oracles_walk import patient

N_AHEAD = 30


def past_of(level: np.ndarray, *, first: int = 0, period: int = 1, block: int = 4) -> Past:
    rows = np.atleast_2d(np.asarray(level, np.float64))
    each = np.ones(len(rows), np.int64)
    return Past(rows, rows + 0.25, first * each, period * each, block)


def reached(
    past: Past,
    mode: int,
    *,
    trend: object = 0.0,
    base: float = 0.0,
    marks: object,
    n_paths: int = 8,
):
    shape = (len(past.level), n_paths)
    trends = np.broadcast_to(trend, (1, past.level.shape[1] + N_AHEAD)).astype(np.float64)
    first = np.broadcast_to(past.first[:, None], shape)
    every = np.ones(shape)
    ways = Ways(np.full(shape, mode), first, np.zeros(shape, np.int64), every, base * every, trends)
    uniforms = np.random.default_rng(1).random((n_paths, 64))
    return highest_reached(past, ways, uniforms, np.asarray(marks))


@patient
@given(
    st.integers(0, 10_000),
    st.sampled_from([LEVEL, INCREMENT]),
    st.integers(2, 40),
    st.integers(1, 9),
    st.integers(1, 9),
    st.lists(st.integers(0, N_AHEAD), min_size=2, unique=True).map(sorted),
)
def test_paths_are_those_of_the_plain_version(seed, mode, n_cells, period, block, marks) -> None:
    generator = np.random.default_rng(seed)
    level = generator.normal(size=n_cells).cumsum()
    first = int(generator.integers(0, n_cells - 1))
    trend = generator.normal(size=n_cells + N_AHEAD)
    past = past_of(level, first=first, period=period, block=block)
    found = reached(past, mode, trend=trend, marks=marks)[0]
    for path, uniforms in enumerate(np.random.default_rng(1).random((8, 64))):
        expected = path_reaches(
            level,
            level + 0.25,
            first=first,
            period=period,
            block=block,
            mode=mode,
            trend=trend,
            uniforms=uniforms,
            marks=marks,
        )
        np.testing.assert_allclose(found[path], expected, rtol=1e-9, atol=1e-9)


def test_a_sawtooth_goes_on_as_a_sawtooth() -> None:
    level = np.arange(60.0) % 10  # ends at 9, before a fall to 0
    found = reached(past_of(level), LEVEL, marks=[1, 5, 9, 10, 30])
    np.testing.assert_allclose(found[0, 0], [0.0, 4.25, 8.25, 9.25, 9.25])


def test_changes_of_a_line_add_up() -> None:
    found = reached(past_of(np.arange(20.0)), INCREMENT, marks=[0, 1, 30])
    np.testing.assert_allclose(found[0], [[19.0, 20.25, 49.25]] * 8)


def test_a_trend_is_followed_by_levels_and_added_to_changes() -> None:
    level, trend = np.arange(20.0), np.arange(20.0 + N_AHEAD)
    np.testing.assert_allclose(
        reached(past_of(level), LEVEL, trend=trend, marks=[0, 30])[0], [[19.0, 49.25]] * 8
    )
    np.testing.assert_allclose(
        reached(past_of(level), INCREMENT, trend=trend, marks=[0, 30])[0], [[19.0, 79.25]] * 8
    )


def test_swings_of_shares_grow_with_their_trend() -> None:
    time = np.arange(40.0 + N_AHEAD)
    swing = np.tile([1.0, 1.5, 1.0, 0.5], 18)[: len(time)]
    logs = np.log((10 + time) * swing)
    past = past_of(logs[:40], period=4)._replace(highest=logs[None, :40])
    found = reached(past, SHARE, trend=time, base=10.0, marks=[0, 2, 30])
    top = np.maximum.accumulate(logs[39:])[[0, 2, 30]]
    np.testing.assert_allclose(found[0], [top] * 8)


def test_a_trend_that_falls_below_the_past_has_no_shares_beyond_it() -> None:
    logs = np.log(10 + np.arange(40.0))
    falling = reached(past_of(logs), SHARE, trend=-np.arange(40.0 + N_AHEAD), marks=[0, 30])
    level = reached(past_of(logs), LEVEL, marks=[0, 30])
    np.testing.assert_allclose(falling, level)


def test_what_comes_before_the_first_mark_does_not_count() -> None:
    falling = past_of(np.arange(20.0)[::-1])
    found = reached(falling, INCREMENT, marks=[4, 6])
    np.testing.assert_allclose(found[0], [[-4.0, -4.0]] * 8)


def test_a_path_that_nobody_asks_for_is_not_known() -> None:
    assert np.isnan(reached(past_of(np.arange(20.0)), NOT, marks=[0, 5])).all()


def test_a_path_keeps_to_the_phase_of_its_season() -> None:
    daily = np.tile([0.0, 5.0, 1.0, 2.0], 12)
    for mode in (LEVEL, INCREMENT):
        found = reached(past_of(daily, period=4), mode, marks=[1, 2])
        np.testing.assert_allclose(found[0], [[0.0, 5.25]] * 8)


def test_series_do_not_depend_on_each_other() -> None:
    rows = np.random.default_rng(3).normal(size=(3, 50)).cumsum(axis=1)
    together = reached(past_of(rows), LEVEL, marks=[0, 10, 30])
    alone = reached(past_of(rows[1]), LEVEL, marks=[0, 10, 30])
    np.testing.assert_array_equal(together[1], alone[0])
