import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kstest, spearmanr
from sklearn.ensemble import IsolationForest

from forewarn_models.arrays import frozen
from forewarn_models.errors import ConfigError, ModelError
from forewarn_models.forest import Forests, expected_length, forests_of, grow, isolation

# Without compilation loops are a hundred times slower: smaller trees then.
IS_COMPILED = not numba.config.DISABLE_JIT
N_SAMPLES, SAMPLE_SIZE, N_POINTS = (2_000, 256, 500) if IS_COMPILED else (200, 64, 60)

elements = st.integers(-3, 3) | st.floats(-1e3, 1e3, width=32)
tables = st.tuples(st.integers(2, 40), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=elements)
)
seeds = st.integers(0, 2**32 - 1)


def gaussian(n, *, seed=0, n_features=3):
    return np.random.default_rng(seed).normal(size=(n, n_features))


def student(n):
    return np.random.default_rng(1).standard_t(2, size=(n, 3))


def correlated(n):
    return gaussian(n, seed=2) @ np.array([[1.0, 0.9, 0.5], [0.0, 0.3, 0.5], [0.0, 0.0, 0.1]])


def tied(n):
    return np.random.default_rng(3).poisson(1.0, size=(n, 3)).astype(float)


def leaves(forests, tree, members, node=0, depth=0):
    """Yield each leaf of a tree of row 0: its depth, the first node of its bottom, its members."""
    feature, threshold = forests.feature[0, tree], forests.threshold[0, tree]
    if node >= len(feature) or feature[node] < 0:
        while node < len(feature):
            node = 2 * node + 1
        yield depth, node - len(feature), members
        return
    is_left = members[:, feature[node]] <= threshold[node]
    yield from leaves(forests, tree, members[is_left], 2 * node + 1, depth + 1)
    yield from leaves(forests, tree, members[~is_left], 2 * node + 2, depth + 1)


def cuts(forests, tree, members, node=0):
    """Yield each cut of a tree of row 0: its threshold and the values that it parts."""
    feature, threshold = forests.feature[0, tree], forests.threshold[0, tree]
    if node < len(feature) and feature[node] >= 0:
        values = members[:, feature[node]]
        yield threshold[node], values
        is_left = values <= threshold[node]
        yield from cuts(forests, tree, members[is_left], 2 * node + 1)
        yield from cuts(forests, tree, members[~is_left], 2 * node + 2)


def path_length(forests, tree, members, point, node=0):
    """Return the path length (algorithm 3 of the paper), counting anew who reaches the leaf."""
    feature, threshold = forests.feature[0, tree], forests.threshold[0, tree]
    if node >= len(feature) or feature[node] < 0:
        return float(expected_length(np.float64(len(members))))
    chosen = feature[node]
    is_left = members[:, chosen] <= threshold[node]
    if point[chosen] <= threshold[node]:
        return 1 + path_length(forests, tree, members[is_left], point, 2 * node + 1)
    return 1 + path_length(forests, tree, members[~is_left], point, 2 * node + 2)


def on_the_edges(forests, points):
    """Return points that lie on a root's threshold or, in single precision, just beyond it."""
    out = []
    for tree, point in enumerate(points[: forests.feature.shape[1]]):
        edge = forests.threshold[0, tree, 0]
        for value in (edge, np.nextafter(edge, np.float32(np.inf))):
            moved = point.copy()
            moved[forests.feature[0, tree, 0]] = value
            out.append(moved)
    return np.array(out)


def test_expected_lengths_are_those_of_the_paper():
    found = expected_length(np.array([0.0, 1.0, 2.0, 3.0, 256.0]))
    np.testing.assert_allclose(found, [0, 0, 1, 1.207392357589622, 10.244770920116851])


@settings(max_examples=40, deadline=None)
@given(tables, seeds)
def test_scores_are_those_of_a_plain_walk(table, seed):
    forests = grow(table[None], n_trees=3, sample_size=40, seed=seed)
    if forests.size[0] == 0:
        return
    points = np.concatenate([table[:5], 2 * table[:5] + 1])
    points = np.concatenate([points, on_the_edges(forests, points)])
    lengths = [
        [path_length(forests, tree, table, point) for tree in range(3)]
        for point in points.astype(np.float32)
    ]
    usual = expected_length(np.float64(len(table)))
    expected = 2 ** (-np.mean(lengths, axis=1) / usual)
    found = isolation(forests, points[None])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert ((found > 0) & (found <= 1)).all()


@settings(max_examples=40, deadline=None)
@given(tables, seeds)
def test_each_cut_parts_what_reaches_it(table, seed):
    forests = grow(table[None], n_trees=3, sample_size=40, seed=seed)
    for tree in range(3):
        for threshold, values in cuts(forests, tree, table):
            assert values.min() <= threshold < values.max()


@settings(max_examples=40, deadline=None)
@given(tables, seeds)
def test_leaves_are_alone_alike_or_as_deep_as_they_may_lie(table, seed):
    forests = grow(table[None], n_trees=3, sample_size=40, seed=seed)
    deepest = int(np.ceil(np.log2(len(table))))
    for tree in range(3):
        for depth, _, members in leaves(forests, tree, table):
            assert depth <= deepest
            assert depth == deepest or (members == members[0]).all()


def test_the_samples_of_all_leaves_add_up_to_the_size():
    table = np.concatenate([gaussian(60), tied(40)])
    forests = grow(table[None], n_trees=5, sample_size=32, seed=5)
    usual = expected_length(np.arange(1.0, 33.0))
    for tree in range(5):
        found = [
            1 + np.abs(forests.length[0, tree, first] - depth - usual).argmin()
            for depth, first, _ in leaves(forests, tree, table)
        ]
        assert sum(found) == 32
        assert max(found) < 32


def test_no_sample_is_drawn_twice_and_each_as_often():
    # two different samples of three differ in two features: the third belongs to the one left out
    roots = grow(np.eye(3)[None], n_trees=3_000, sample_size=2, seed=1).feature[0, :, 0]
    assert np.bincount(roots, minlength=3) == pytest.approx([1_000] * 3, abs=80)


def test_each_feature_that_varies_is_drawn_as_often():
    table = np.stack([np.arange(4.0), np.ones(4), np.arange(4.0) ** 2], axis=1)
    roots = grow(table[None], n_trees=3_000, sample_size=4, seed=2).feature[0, :, 0]
    assert np.bincount(roots).tolist() == pytest.approx([1_500, 0, 1_500], abs=90)


def test_thresholds_are_uniform_between_the_samples():
    forests = grow(np.array([[[2.0], [6.0]]]), n_trees=1_000, sample_size=2, seed=3)
    assert kstest(forests.threshold[0, :, 0], "uniform", args=(2, 4)).pvalue > 0.05


def test_neighbours_in_single_precision_are_told_apart():
    low, high = np.float32(1.0), np.nextafter(np.float32(1.0), np.float32(2.0))
    forests = grow(np.array([[[low], [high]]], np.float64), n_trees=20, sample_size=2, seed=4)
    assert (forests.threshold[0, :, 0] == low).all()
    assert (forests.length == 1).all()


@pytest.mark.parametrize("make", [gaussian, student, correlated, tied])
def test_scores_are_those_of_scikit_learn_but_for_chance(make):
    table = make(N_SAMPLES)
    points = np.concatenate([table[:N_POINTS], 3 * table[:N_POINTS]])
    forests = grow(table[None], n_trees=200, sample_size=SAMPLE_SIZE, seed=7)
    ours = isolation(forests, points[None])[0]
    theirs = IsolationForest(n_estimators=200, max_samples=SAMPLE_SIZE, random_state=7).fit(table)
    difference = ours + theirs.score_samples(points)
    assert spearmanr(ours, ours - difference).statistic > 0.97
    assert np.abs(difference).mean() < 0.015
    assert abs(difference.mean()) < 0.005


@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(6, 1e6), st.integers(0, 2))
def test_an_outlier_is_isolated_sooner_than_the_centre(seed, far, feature):
    table = gaussian(64, seed=seed % 100)
    table[0, feature] = far
    forests = grow(table[None], n_trees=25, sample_size=64, seed=seed)
    outlier, centre = isolation(forests, np.stack([table[0], np.zeros(3)])[None])[0]
    assert outlier > centre + 0.05


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(5)), seeds)
def test_a_row_has_the_same_forest_whoever_stands_beside_it(order, seed):
    rows = np.stack([gaussian(20), student(20), np.ones((20, 3)), tied(20), gaussian(20, seed=1)])
    rows[3, :15] = np.nan
    together = grow(rows, n_trees=2, sample_size=8, seed=seed).arrays()
    other = grow(rows[order], n_trees=2, sample_size=8, seed=seed).arrays()
    alone = grow(rows[order[:1]], n_trees=2, sample_size=8, seed=seed).arrays()
    for name, array in together.items():
        np.testing.assert_array_equal(array[order], other[name])
        np.testing.assert_array_equal(array[order[:1]], alone[name])


def test_the_seed_decides():
    table = gaussian(50)[None]
    first, same, other = (
        {name: array.tobytes() for name, array in forests.arrays().items()}
        for forests in (grow(table, n_trees=2, sample_size=16, seed=seed) for seed in (1, 1, 2))
    )
    assert first == same
    assert first["threshold"] != other["threshold"]
    assert first["feature"] != other["feature"]


def test_trees_differ():
    forests = grow(gaussian(50)[None], n_trees=10, sample_size=16, seed=1)
    assert len(np.unique(forests.threshold[0, :, 0])) == 10


def test_a_forest_is_the_same_compiled_or_not_and_tomorrow():
    table = np.stack([np.arange(12.0) ** 2, np.arange(12.0)[::-1] % 5], axis=1)
    forests = grow(table[None], n_trees=2, sample_size=8, seed=11)
    assert forests.feature[0].tolist() == [[1, 0, 1, 0, -1, 0, -1], [0, 0, 0, 1, -1, -1, 0]]
    first, second = (
        values[kind >= 0]
        for values, kind in zip(forests.threshold[0], forests.feature[0], strict=True)
    )
    assert first.tolist() == [
        2.487534284591675,
        61.87819290161133,
        3.275308847427368,
        28.36942481994629,
        39.19913864135742,
    ]
    assert second.tolist() == [
        33.53453063964844,
        14.335108757019043,
        59.63377380371094,
        0.8088641166687012,
        90.72776794433594,
    ]
    found = isolation(forests, table[None, :3])[0]
    np.testing.assert_allclose(found, [0.4219200678986, 0.4686975187357, 0.532139096238], rtol=1e-9)


def test_samples_with_a_gap_are_left_out():
    whole = gaussian(30)
    gaps = np.insert(whole, [0, 7, 7, 30], 0.0, axis=0)
    gaps[[0, 8, 9, 33], [0, 1, 2, 1]] = np.nan
    expected = grow(whole[None], n_trees=2, sample_size=16, seed=1).arrays()
    for name, array in grow(gaps[None], n_trees=2, sample_size=16, seed=1).arrays().items():
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize("n", [2, 3, 5, 15])
def test_of_fewer_samples_all_are_taken(n):
    forests = grow(gaussian(n)[None], n_trees=3, sample_size=16, seed=1)
    assert forests.size.tolist() == [n]
    assert forests.feature.shape == (1, 3, 15)
    found = isolation(forests, gaussian(n)[None])
    assert found.shape == (1, n)
    assert (found < 0.8).all()


def test_a_row_without_two_different_samples_has_no_forest_and_no_score():
    tables = np.full((5, 4, 2), np.nan)
    tables[0] = gaussian(4, n_features=2)
    tables[1] = 7.0
    tables[2, 3] = 7.0
    tables[4, 1:3] = [[1, 2], [1, 3]]
    forests = grow(tables, n_trees=3, sample_size=4, seed=0)
    assert forests.size.tolist() == [4, 0, 0, 0, 2]
    assert (forests.feature[1:4] == -1).all()
    scores = isolation(forests, np.zeros((5, 2, 2)))
    assert np.isnan(scores).all(axis=1).tolist() == [False, True, True, True, False]
    assert not np.isnan(scores[[0, 4]]).any()


def test_no_samples_and_no_trees_score_nothing():
    points = np.zeros((2, 3, 3))
    nothing = grow(np.zeros((2, 0, 3)), n_trees=3, seed=0)
    assert np.isnan(isolation(nothing, points)).all()
    treeless = grow(np.stack([gaussian(9)] * 2), n_trees=0, seed=0)
    assert np.isnan(isolation(treeless, points)).all()


def test_a_point_with_a_gap_has_no_score():
    forests = grow(gaussian(20)[None], n_trees=3, sample_size=8, seed=0)
    points = np.zeros((1, 5, 3))
    points[0, 1, 0] = points[0, 4, 2] = np.nan
    assert np.isnan(isolation(forests, points))[0].tolist() == [False, True, False, False, True]


def test_values_beyond_single_precision_are_far_away_and_no_more():
    table = gaussian(20)
    table[:2] = [[np.inf, 0, 0], [-1e300, 0, 0]]
    forests = grow(table[None], n_trees=50, sample_size=20, seed=0)
    assert np.isfinite(forests.threshold).all()
    points = np.array([[np.inf, 0, 0], [1e200, 0, 0], [-np.inf, 0, 0], [0, 0, 0]])
    right, also, left, centre = isolation(forests, points[None])[0]
    assert right == also > centre
    assert left > centre


def test_arrays_are_all_there_is():
    forests = grow(gaussian(40)[None], n_trees=4, sample_size=16, seed=1)
    again = forests_of({name: frozen(array) for name, array in forests.arrays().items()})
    points = gaussian(5, seed=1)[None]
    np.testing.assert_array_equal(isolation(forests, points), isolation(again, points))
    for name, array in again.arrays().items():
        assert array.tobytes() == getattr(forests, name).tobytes()


def test_forests_are_small():
    def n_bytes(forests: Forests) -> int:
        return sum(array.nbytes for array in forests.arrays().values())

    assert n_bytes(grow(gaussian(9)[None], n_trees=25, sample_size=64, seed=0)) <= 16_000
    assert n_bytes(grow(gaussian(9)[None], n_trees=100, sample_size=256, seed=0)) <= 230_000


def test_features_may_be_many():
    table = np.zeros((1, 4, 200))
    table[0, :, 199] = np.arange(4)
    forests = grow(table, n_trees=2, sample_size=4, seed=0)
    assert forests.feature[0, :, 0].tolist() == [199, 199]
    assert grow(table[:, :, 73:], n_trees=1, seed=0).feature.dtype == np.int8


def test_what_cannot_be_grown_or_scored_is_refused():
    with pytest.raises(ConfigError, match="at least 2 samples, got 1"):
        grow(gaussian(9)[None], n_trees=3, sample_size=1, seed=0)
    forests = grow(gaussian(9)[None], n_trees=1, sample_size=4, seed=0)
    with pytest.raises(ModelError, match="1 rows, got 2"):
        isolation(forests, np.zeros((2, 1, 3)))
