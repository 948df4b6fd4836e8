import numpy as np
import pytest

from forewarn_models import joint as module
from forewarn_models.forest import isolation
from forewarn_models.groups import groups_of
from forewarn_models.joint import (
    DISCOUNT,
    MOST_LEARNED,
    joint_decades,
    joint_of,
    learn_joint,
    stride_of,
)

MINUTE_DECADES = float(np.log10(60.0))
LEARNED = 1_500


def group_of(*sizes):
    series = [(("g", str(g)), ("m", str(m))) for g, n in enumerate(sizes) for m in range(n)]
    return groups_of(tuple(series), ("g",))


def noise(n_series, n_times=LEARNED, *, seed=0):
    return np.random.default_rng(seed).normal(size=(n_series, n_times)).astype(np.float32)


@pytest.fixture(scope="module")
def ten():
    groups = group_of(10)
    return groups, learn_joint(groups, noise(10), cluster_gap=30)


def test_a_small_deviation_of_every_member_at_once_is_rare(ten):
    groups, joint = ten
    now = noise(10, 200, seed=1)
    now[:, 100] = 3.0
    decades = joint_decades(groups, joint, now, MINUTE_DECADES)[0]
    assert np.nanargmax(decades) == 100
    assert decades[100] > MINUTE_DECADES + 3.0


@pytest.mark.compiled
def test_healthy_deviations_are_as_rare_as_the_view_says(ten):
    groups, joint = ten
    decades = joint_decades(groups, joint, noise(10, 20_000, seed=2), MINUTE_DECADES)[0]
    level = MINUTE_DECADES + 3.0 - DISCOUNT  # once in a thousand slots
    assert 5 <= np.count_nonzero(decades >= level) <= 60


def test_a_tail_is_that_of_the_isolations_of_the_history(ten):
    groups, joint = ten
    features = np.arcsinh(noise(10).astype(float)).T[None]
    isolations = isolation(joint.forests, features)[0]
    start = np.quantile(isolations, 0.97)
    above = isolations[isolations > start] - start
    assert joint.start[0] == start
    assert joint.scale[0] == pytest.approx(above.mean())
    decades = joint_decades(groups, joint, noise(10), MINUTE_DECADES)[0]
    slot = int(np.argmax(isolations))
    share = 0.03 * np.exp(-(isolations[slot] - start) / above.mean())
    expected = MINUTE_DECADES - np.log10(share) + joint.crowding[0] - DISCOUNT
    assert decades[slot] == pytest.approx(expected)
    assert np.isnan(decades[isolations <= start]).all()


def test_deviations_in_one_run_count_as_one_cluster():
    groups, together = group_of(10), noise(10)
    together[:, 700:745] = 6.0
    joint = learn_joint(groups, together, cluster_gap=30)
    assert joint.crowding[0] == pytest.approx(np.log10(45))
    apart = noise(10)
    apart[:, ::40] = 6.0
    assert learn_joint(groups, apart, cluster_gap=30).crowding[0] < 0.2


def test_only_groups_of_three_to_a_hundred_members_have_a_forest():
    groups = group_of(1, 2, 3, 101, 5)
    joint = learn_joint(groups, noise(112), cluster_gap=30)
    assert joint.place.tolist() == [2, 4]
    decades = joint_decades(groups, joint, noise(112, 9), MINUTE_DECADES)
    assert decades.shape == (2, 9)


def test_where_no_group_is_large_enough_nothing_is_learned_and_nothing_said():
    groups = group_of(1, 2)
    joint = learn_joint(groups, noise(3), cluster_gap=30)
    assert [len(array) for array in (joint.place, joint.start, joint.scale)] == [0] * 3
    assert joint_decades(groups, joint, noise(3, 9), MINUTE_DECADES).shape == (0, 9)


def test_a_group_says_the_same_alone_and_beside_others():
    groups, values = group_of(4, 7), noise(11)
    both = joint_decades(groups, learn_joint(groups, values, cluster_gap=9), values, 0.0)
    alone = group_of(4)
    own = joint_decades(alone, learn_joint(alone, values[:4], cluster_gap=9), values[:4], 0.0)
    np.testing.assert_array_equal(both[:1], own)


@pytest.mark.compiled
def test_many_groups_are_learned_block_by_block(monkeypatch):
    groups, values = group_of(*[3] * 12), noise(36, 600)
    at_once = learn_joint(groups, values, cluster_gap=9)
    monkeypatch.setattr(module, "_CELLS", 2 * 3 * 600)
    in_blocks = learn_joint(groups, values, cluster_gap=9)
    assert in_blocks.place.tolist() == list(range(12))
    for name, array in at_once.arrays().items():
        np.testing.assert_array_equal(array, in_blocks.arrays()[name], err_msg=name)


@pytest.mark.parametrize(
    ("cells", "lengths"), [(2 * 3 * 600, [2] * 6), (3 * 600 * 5, [5, 5, 2]), (1, [1] * 12)]
)
def test_a_block_holds_as_many_groups_as_memory_bears_and_at_least_one(monkeypatch, cells, lengths):
    monkeypatch.setattr(module, "_CELLS", cells)
    blocks = module._blocks(np.full(12, 3), 600)
    assert [len(block) for block in blocks if len(block)] == lengths
    assert np.concatenate(blocks).tolist() == list(range(12))


def test_a_short_history_and_a_silent_group_say_nothing():
    groups = group_of(4)
    short = learn_joint(groups, noise(4, 400), cluster_gap=9)
    assert np.isnan(joint_decades(groups, short, noise(4, 5) + 9, 0.0)).all()
    silent = learn_joint(groups, np.full((4, LEARNED), np.nan, np.float32), cluster_gap=9)
    assert np.isnan(joint_decades(groups, silent, noise(4, 5) + 9, 0.0)).all()


def test_a_group_that_never_deviated_says_nothing():
    groups = group_of(4)
    joint = learn_joint(groups, np.zeros((4, LEARNED), np.float32), cluster_gap=9)
    assert np.isnan(joint_decades(groups, joint, noise(4, 5) + 9, 0.0)).all()


def test_a_silent_member_counts_as_ordinary_where_half_of_them_speak():
    groups = group_of(4)
    joint = learn_joint(groups, noise(4), cluster_gap=9)
    half = 3 * noise(4, 200, seed=4)
    half[2:] = np.nan
    decades = joint_decades(groups, joint, half, 0.0)
    assert np.isfinite(decades).any()
    np.testing.assert_array_equal(decades, joint_decades(groups, joint, np.nan_to_num(half), 0.0))
    half[1] = np.nan
    assert np.isnan(joint_decades(groups, joint, half, 0.0)).all()


@pytest.mark.parametrize(("members", "fewest"), [(3, 2), (4, 2), (5, 3)])
def test_a_group_has_features_where_half_of_it_speaks(members, fewest):
    now = np.full((members, members + 1), 2.0)
    now[np.arange(members)[:, None] >= np.arange(members + 1)] = np.nan  # none speaks, one, two ...
    features = module._features(group_of(members), now)[0]
    assert features.shape == (members + 1, members)
    assert np.isnan(features[:fewest]).all()
    assert features[fewest].tolist() == [np.arcsinh(2.0)] * fewest + [0.0] * (members - fewest)
    assert np.isfinite(features[fewest:]).all()


def test_what_is_learned_comes_back_from_arrays(ten):
    groups, joint = ten
    again = joint_of({"other": np.zeros(1), **joint.arrays()})
    now = noise(10, 50, seed=3) * 3
    np.testing.assert_array_equal(
        joint_decades(groups, joint, now, 0.0), joint_decades(groups, again, now, 0.0)
    )


@pytest.mark.parametrize("n_times", [0, 1, MOST_LEARNED, MOST_LEARNED + 1, 100_000])
def test_no_more_slots_are_learned_from_than_memory_bears(n_times):
    assert len(range(0, n_times, stride_of(n_times))) <= MOST_LEARNED
    assert stride_of(MOST_LEARNED) == 1
