"""Lines of the recent past, and which are among them."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_adapters.logs.windowed import recent_lines as module
from forewarn_adapters.logs.windowed.recent_lines import none_since, recent_lines

SECOND = 1_000_000_000

lines = st.lists(st.tuples(st.integers(0, 20 * SECOND), st.integers(0, 2**48 - 1)))


def arrays_of(rows):
    table = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


@given(rows=lines, begin=st.integers(0, 20 * SECOND))
def test_lines_from_an_instant_on_are_known_by_their_second(rows, begin):
    known = none_since(begin).with_lines(*arrays_of(rows))
    kept = [(at // SECOND, identity) for at, identity in rows if at >= begin]
    seconds, counts = known.counts()
    assert dict(zip(seconds.tolist(), counts.tolist(), strict=True)) == Counter(
        second for second, _ in kept
    )
    for second in range(21):
        of_second = [identity for at, identity in kept if at == second]
        assert known.of_second(second).tolist() == of_second


@given(rows=lines, first=st.integers(0, 20 * SECOND), most=st.integers(1, 10))
def test_what_is_forgotten_is_before_where_knowledge_begins(rows, first, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_LINES", most)
        known = none_since(0).with_lines(*arrays_of(rows)).since(first)
    assert len(known.second) <= most
    assert known.begin_nanoseconds >= first // SECOND * SECOND
    kept = Counter(identity for at, identity in rows if at >= known.begin_nanoseconds)
    assert Counter(known.identity.tolist()) == kept
    assert known.since(0).begin_nanoseconds == known.begin_nanoseconds


@given(rows=lines)
def test_it_comes_back_from_json(rows):
    known = none_since(0).with_lines(*arrays_of(rows))
    again = recent_lines(json.loads(json.dumps(known.to_json())))
    assert again.begin_nanoseconds == 0
    assert again.second.tolist() == known.second.tolist()
    assert again.identity.tolist() == known.identity.tolist()
