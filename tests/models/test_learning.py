import numpy as np

from forewarn_models import learning
from forewarn_models.learning import Recipe, forest_samples, learn, windows
from forewarn_models.seasons import NO_SEASON
from strategies import START, STEP, noise


def test_rows_about_as_old_are_fitted_together_from_their_own_beginning():
    values = np.ones((4, 1_000))
    values[1, :500] = np.nan
    values[2, :480] = np.nan
    values[3] = np.nan
    found = [(rows.tolist(), first) for rows, first in windows(values)]
    assert sorted(row for rows, _ in found for row in rows) == [0, 1, 2, 3]
    for rows, first in found:
        for row in rows:
            age = 1_000 - np.isfinite(values[row]).argmax()
            assert 0.8 * age <= 1_000 - first + 1 <= age + 1


def test_blocks_hold_no_more_than_memory_allows(monkeypatch):
    monkeypatch.setattr(learning, "_CELLS", 250)
    blocks = [rows.tolist() for rows, _ in windows(np.ones((5, 100)))]
    assert blocks == [[0, 1], [2, 3], [4]]


def test_a_forest_grows_only_from_what_moves():
    features = np.zeros((3, 100, 5))
    features[1, :, 0] = noise(100)
    features[2] = features[1]
    features[2, :40] = np.nan
    none, grown, short = forest_samples(features)
    assert (none, short) == (None, None)
    assert grown.shape == (100, 5)


def test_what_is_learned_is_learned_of_the_unseen_part():
    recipe = Recipe((NO_SEASON,), "both", 3, 0, STEP)
    values, times = noise(200)[None], START + STEP * np.arange(200)
    (learned,) = learn(values, times, np.array([0]), recipe)
    assert learned.statistic.shape == learned.residual.shape == (1, 110)
    np.testing.assert_allclose(learned.edges, [[-2.7, 2.7]], atol=0.7)
    assert learned.healthy.exposure_seconds.tolist() == [110 * STEP / 1000]
