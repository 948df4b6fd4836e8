import numpy as np
import pytest

import oracles_detect as oracle
from forewarn_models.forest import expected_length, forests_of, grow, isolation, stacked

GENERATOR = np.random.default_rng(0)
TABLES = [GENERATOR.normal(size=(n, 3)) for n in (300, 1, 2, 100)]
POINTS = GENERATOR.normal(size=(40, 3)) * 2


def test_scores_are_those_of_scikit_learn():
    forests = grow(TABLES, n_trees=7, seed=3)
    ours = isolation(forests, np.stack([POINTS] * len(TABLES)))
    for row, table in enumerate(TABLES):
        if len(table) > 1:  # of one sample scikit-learn divides nothing by nothing
            theirs = oracle.isolation(table, POINTS, n_trees=7, seed=3)
            np.testing.assert_allclose(theirs, ours[row], rtol=1e-6)


def test_a_row_without_a_forest_or_with_a_gap_has_no_score():
    forests = grow([TABLES[0], None], n_trees=3, seed=0)
    points = np.stack([POINTS, POINTS])
    points[0, 4, 1] = np.nan
    scores = isolation(forests, points)
    assert np.isnan(scores[1]).all()
    assert np.isnan(scores[0]).nonzero()[0].tolist() == [4]


def test_no_trees_score_nothing():
    assert np.isnan(isolation(grow(TABLES[:1], n_trees=0, seed=0), POINTS[None])).all()


def test_forests_put_together_score_as_they_did_apart():
    parts = [grow(TABLES[:1], n_trees=4, seed=1), grow([None, TABLES[3]], n_trees=4, seed=1)]
    apart = np.concatenate([isolation(part, np.stack([POINTS] * len(part.size))) for part in parts])
    together = isolation(stacked(parts), np.stack([POINTS] * 3))
    np.testing.assert_array_equal(apart, together)


def test_arrays_are_all_there_is():
    forests = grow(TABLES[:1], n_trees=4, seed=1)
    again = forests_of(forests.arrays())
    np.testing.assert_array_equal(isolation(forests, POINTS[None]), isolation(again, POINTS[None]))


def test_lengths_of_small_trees_are_those_of_the_paper():
    assert expected_length(np.array([0.0, 1, 2])).tolist() == [0, 0, 1]
    assert expected_length(np.array([256.0]))[0] == pytest.approx(10.244770920116851)
