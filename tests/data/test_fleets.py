"""forewarn_data.fleets"""

import numpy as np
import pytest

from forewarn_data.fleets import KINDS, Span, fleet

SPAN = Span(n_history=24 * 60, n_ahead=24 * 20, n_futures=30)


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_fleet_is_reproducible_and_has_not_reached_its_limits(kind: str) -> None:
    first, again, other = (fleet(kind, 4, SPAN, seed=seed) for seed in (1, 1, 2))
    for one, twin, stranger in zip(first, again, other, strict=True):
        assert one.history.shape == (SPAN.n_history,)
        assert one.futures.shape == (SPAN.n_futures, SPAN.n_ahead)
        assert one.history[-1] < one.limit
        np.testing.assert_array_equal(one.futures, twin.futures)
        assert not np.array_equal(one.history, stranger.history)


@pytest.mark.parametrize("kind", list(KINDS))
def test_some_of_a_fleet_reach_their_limit_and_some_do_not(kind: str) -> None:
    made = fleet(kind, 40, SPAN, seed=3)
    reached = np.array([(each.futures[0] >= each.limit).any() for each in made])
    assert 0 < reached.sum() < len(made)


@pytest.mark.parametrize("kind", list(KINDS))
def test_futures_begin_where_the_history_ends_and_then_differ(kind: str) -> None:
    for one in fleet(kind, 3, SPAN, seed=5):
        usual = np.abs(np.diff(one.history)).max()
        assert (np.abs(one.futures[:, 0] - one.history[-1]) < 2 * usual).all()
        assert one.futures[:, -1].std() > 0
