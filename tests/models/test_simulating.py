"""forewarn_models.simulating"""

import numpy as np
import pytest
from scipy.stats import norm

from forewarn_models.paths import Past
from forewarn_models.simulating import Known, simulated, way_weights

N_CELLS, DAY = 240, 4
MARKS = np.array([0, 10, 60])
# In the order of the module; the last four are in logarithms.
LEVELS, ON_TREND, CHANGES, NEW_CHANGES, GROWTH_ON_TREND, _, _, SHARES = range(8)
TIME = np.arange(N_CELLS)


def noise(*shape: int, size: float = 1.0, seed: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, size, shape)


def known(*rows: object, origin: float | None = None, first: int = 0) -> Known:
    level = np.atleast_2d(np.array(rows, np.float64))
    each = np.ones(len(level), np.int64)
    past = Past(level, level, first * each, each, 14)
    below = level.min(axis=1) - 1 if origin is None else origin * each
    return Known(past, below.astype(np.float64), DAY)


def median(told: Known) -> np.ndarray:
    return np.median(simulated(told, MARKS), axis=1)


SAWTOOTH = TIME % 17.0 + noise(N_CELLS, size=0.3)
LINE = 0.5 * TIME + noise(N_CELLS)
STEPS = (5.0 * (np.random.default_rng(6).random(N_CELLS) < 0.1)).cumsum() + noise(N_CELLS, size=0.1)
SWINGS = (10 + 0.2 * TIME) * (1 + 0.4 * (TIME % DAY == 1) + noise(N_CELLS, size=0.02))
GROWTH = 10 * np.exp(TIME / 80 + noise(N_CELLS, size=0.2))


@pytest.mark.parametrize(
    ("row", "ways"),
    [
        (SAWTOOTH, (LEVELS,)),
        (LINE, (ON_TREND,)),
        (STEPS, (CHANGES, NEW_CHANGES)),
        (GROWTH, (GROWTH_ON_TREND,)),
        (SWINGS, (SHARES,)),
    ],
    ids=["sawtooth", "line", "steps", "growth", "swings that grow"],
)
def test_the_way_that_a_series_goes_is_found(row: np.ndarray, ways: tuple[int, ...]) -> None:
    weights = way_weights(known(row, origin=0.0 if row.min() > 5 else None), 60)[0]
    assert weights.sum() == pytest.approx(1.0)
    assert weights.argmax() in ways


def test_a_sawtooth_stays_where_it_was_and_a_line_goes_on() -> None:
    sawtooth, line = median(known(SAWTOOTH))[0], median(known(LINE))[0]
    assert sawtooth[2] < SAWTOOTH.max() + 1
    assert abs(line[2] - line[0] - 30) < 3


@pytest.mark.compiled
def test_the_chance_that_a_walk_gets_somewhere_is_that_of_a_walk() -> None:
    walks = noise(60, N_CELLS).cumsum(axis=1)
    reached = simulated(known(*walks), MARKS)[:, :, -1] - walks[:, -1:]
    # By the reflection principle.
    for share in (0.5, 1.0, 2.0):
        expected = 2 * norm.sf(share)
        assert abs((reached >= share * np.sqrt(MARKS[-1])).mean() - expected) < 0.1


def test_growth_goes_on_growing() -> None:
    calm = 10 * np.exp(TIME / 80 + noise(N_CELLS, size=0.02))
    now, _, later = median(known(calm, origin=0.0))[0]
    assert 0.8 < later / now / np.exp(60 / 80) < 1.25


def test_a_constant_stays_as_it_is() -> None:
    np.testing.assert_allclose(simulated(known(np.full(N_CELLS, 3.0)), MARKS), 3.0, atol=1e-6)


def test_the_same_seed_gives_the_same_and_another_seed_other_paths() -> None:
    told = known(LINE)
    first = simulated(told, MARKS)
    np.testing.assert_array_equal(first, simulated(told, MARKS))
    assert not np.array_equal(first, simulated(told, MARKS, seed=1))


@pytest.mark.compiled
def test_series_do_not_depend_on_each_other() -> None:
    together = simulated(known(SAWTOOTH, LINE, STEPS), MARKS)
    np.testing.assert_allclose(together[1], simulated(known(LINE), MARKS)[0], rtol=1e-9)


def test_paths_never_go_back_behind_what_they_reached() -> None:
    assert (np.diff(simulated(known(STEPS, LINE), MARKS), axis=2) >= 0).all()


def test_a_series_too_young_for_a_back_test_goes_all_ways() -> None:
    for young in (known(noise(9)), known(LINE, first=N_CELLS - 8)):
        weights = way_weights(young, 60)
        assert weights.min() > 0.05
        assert len(np.unique(weights)) == 2  # changes add up, or do not


def test_a_longer_history_that_is_not_known_changes_little() -> None:
    short = known(LINE[120:])
    padded = known(np.concatenate([np.full(120, LINE[120]), LINE[120:]]), first=120)
    assert abs(median(short)[0, 2] - median(padded)[0, 2]) < 8
