import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.contract import Carry
from forewarn_models.episodes import (
    distinct_alarms,
    episode_policy,
    fold_episodes,
    no_episodes,
    with_views,
)

MINUTE = 60_000


def walked(score, *, step=MINUTE, direction=1, views=0, cuts=()):
    """Severity, direction, start and view of one row."""
    scores = np.array([score], dtype=float)
    signs = np.full(scores.shape, direction, dtype=np.int8)
    which = np.broadcast_to(np.array(views, np.int8), scores.shape)
    carry, parts = no_episodes(1, 0), []
    for first, end in zip((0, *cuts), (*cuts, scores.shape[1]), strict=True):
        part, carry = fold_episodes(
            scores[:, first:end],
            signs[:, first:end],
            which[:, first:end].copy(),
            carry=carry,
            step_milliseconds=step,
            policy=episode_policy(step),
        )
        parts.append(part)
    assert carry.next_milliseconds == step * scores.shape[1]
    return [np.concatenate(column, axis=1)[0].tolist() for column in zip(*parts, strict=True)]


def test_one_anomalous_sample_warns_at_once_and_holds_for_minutes():
    severity, direction, start, _ = walked([0, 1.0, *[0.0] * 7], direction=-1)
    assert severity == [0, 1, 1, 1, 1, 1, 0, 0, 0]
    assert direction == [0, -1, -1, -1, -1, -1, 0, 0, 0]
    assert start == [0, *[MINUTE] * 5, 0, 0, 0]


def test_a_deviation_ten_times_rarer_than_the_budget_is_critical_at_once():
    assert walked([0.9, 4 / 3, 0.0])[0] == [0, 2, 2]


def test_what_stays_anomalous_becomes_critical():
    assert walked([1.1] * 7)[0] == [1, 1, 1, 1, 1, 2, 2]
    assert walked([1.1, 1.1, 0.0, 1.1, 1.1, 1.1, 1.1])[0] == [1] * 7


def test_a_score_that_only_lingers_keeps_a_warning_a_warning():
    assert walked([1.1, *[0.7] * 10])[0] == [1] * 11


def test_a_flapping_series_is_one_episode():
    severity, _, start, _ = walked([1.1, 0.0, 0.0] * 10)
    assert set(severity) == {1}
    assert set(start) == {0}


def test_an_unknown_score_ends_nothing_but_a_long_gap_parts_two_episodes():
    severity, _, start, _ = walked([1.1, *[np.nan] * 9, 1.1, 0.0])
    assert severity == [1] * 12
    assert start == [0] * 10 + [10 * MINUTE] * 2
    assert walked([1.1, *[np.nan] * 9, 0.9])[0][-1] == 0


def test_the_view_of_the_rarest_sample_speaks_for_the_episode():
    score = [0.2, 1.1, 0.9, 1.3, 1.2, 0.0, *[0.0] * 5, 1.0]
    views = [5, 0, 1, 2, 3, 4, *[4] * 5, 6]
    told = [-1, 0, 0, *[2] * 6, -1, -1, 6]
    assert walked(score, views=views)[3] == told
    assert walked(score, views=views, cuts=(2, 4, 7))[3] == told


def test_a_carry_that_was_stored_before_episodes_had_views_gets_one_with_the_next_sample():
    stored = no_episodes(1, 0)
    stored = Carry({name: stored.arrays[name] for name in ("times", "active")}, 0)
    one = np.ones((1, 1))
    signs = np.ones((1, 1), np.int8)
    told, _ = fold_episodes(
        one,
        signs,
        signs * 3,
        carry=with_views(stored),
        step_milliseconds=MINUTE,
        policy=episode_policy(MINUTE),
    )
    assert told.view.tolist() == [[3]]


@pytest.mark.parametrize(
    ("step", "hold", "persist"),
    [
        (100, 6_000, 300_000),
        (1_000, 60_000, 300_000),
        (30_000, 300_000, 300_000),
        (300_000, 1_500_000, 300_000),
        (3_600_000, 18_000_000, 3_600_000),
    ],
)
def test_times_follow_the_step(step, hold, persist):
    policy = episode_policy(step)
    assert (policy.hold_milliseconds, policy.persist_milliseconds) == (hold, persist)


@given(
    st.lists(st.one_of(st.floats(0, 2), st.just(float("nan"))), min_size=2, max_size=40),
    st.data(),
)
def test_episodes_fold_the_same_in_pieces(score, data):
    cut = data.draw(st.integers(1, len(score) - 1))
    assert walked(score) == walked(score, cuts=(cut,))


def test_an_alarm_is_a_start_and_each_four_hours_that_it_stays_on():
    hours = np.arange(10) * 3_600_000
    ten, none = np.zeros(10, dtype=np.int64), np.empty(0, dtype=np.int64)
    assert distinct_alarms(ten, ten, hours).tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 2]]
    starts = np.array([0, hours[2], hours[2]])
    two = distinct_alarms(np.ones(3, dtype=np.int64), starts, hours[[0, 2, 3]])
    assert two.tolist() == [[1, 0, 0], [1, hours[2], 0]]
    assert distinct_alarms(none, none, none).tolist() == []
