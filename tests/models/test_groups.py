import numpy as np

from forewarn_models.groups import fit_groups, group_features, groups_of
from forewarn_models.labels import labels_of

SERIES = tuple(labels_of({"host": host, "disk": disk}) for host, disk in ("ax", "ay", "bx"))
GENERATOR = np.random.default_rng(0)


def test_series_with_equal_labels_form_a_group():
    groups = groups_of(SERIES, ("host",))
    assert groups.labels == ((("host", "a"), ("series", "*")), (("host", "b"), ("series", "*")))
    assert groups.members.tolist() == [[0, 1], [2, -1]]
    assert groups.n_members.tolist() == [2, 1]
    gathered = groups.gathered(np.array([[1.0], [2.0], [3.0]]))[..., 0]
    np.testing.assert_array_equal(gathered, [[1, 2], [3, np.nan]])


def test_without_labels_there_are_no_groups():
    groups = groups_of(SERIES, ())
    assert (groups.labels, groups.members.shape) == ((), (0, 0))


def test_members_of_a_small_group_stand_for_themselves():
    residual = np.array([[[1.0, np.nan], [-99.0, np.nan]]])
    shown = group_features(residual, np.array([2]))
    assert shown.shape == (1, 2, 16)
    assert shown[0, 0].tolist() == [1.0, -10.0, *[0.0] * 14]
    assert np.isnan(shown[0, 1]).all()


def test_members_of_a_large_group_are_summed_up_and_a_small_one_beside_it_is_not():
    residual = np.full((2, 20, 1), np.nan)
    residual[0, :, 0] = [4.0, -2.0, *[0.0] * 18]
    residual[1, :2, 0] = [1.0, 2.0]
    large, small = group_features(residual, np.array([20, 2]))[:, 0]
    np.testing.assert_allclose(
        large[:8], [0.1, np.sqrt(1 - 0.01), 4, -2, 0.3, 0.1, 0.05, 2], rtol=1e-12
    )
    assert small[:3].tolist() == [1, 2, 0]


def test_many_members_that_are_a_little_strange_make_a_strange_group():
    groups = groups_of(tuple(labels_of({"a": "x", "n": str(n)}) for n in range(8)), ("a",))
    residual = GENERATOR.normal(size=(8, 1_500))
    statistic = GENERATOR.exponential(1 / np.log(10), size=(8, 1_500))
    model = fit_groups(groups, residual, statistic, n_trees=10, seed=0, step_seconds=60.0)
    now = np.array([[0.0, 2.5]] * 8)
    ordinary, strange = model.return_period_seconds(groups, now, np.array([[0.4, 2.0]] * 8))[0]
    assert ordinary < 3_600
    assert strange > 3 * 900 * 60.0  # three times as rare as what was seen at all


def test_a_group_with_too_little_history_cannot_say():
    groups = groups_of(SERIES, ("host",))
    short = np.ones((3, 50))
    model = fit_groups(groups, short, short, n_trees=3, seed=0, step_seconds=60.0)
    assert np.isnan(model.return_period_seconds(groups, short, short)).all()
