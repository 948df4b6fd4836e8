"""Hashes of lines that were read."""

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from forewarn_adapters.logs.loki import remembered
from forewarn_adapters.logs.loki.remembered import LONGEST_NANOSECONDS, Remembered, decoded

SECOND = 10**9


def arrays(times: list[int], hashes: list[int]):
    return np.array(times, np.int64), np.array(hashes)


@given(st.lists(st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 2**48 - 1)), min_size=1)))
def test_what_was_read_is_known_also_after_json(batches):
    memory = Remembered(0)
    for batch in batches:
        times, hashes = arrays(*zip(*sorted(batch), strict=True))
        memory = memory.with_lines(times, hashes)
    again = decoded(orjson.loads(orjson.dumps(memory.encoded())))
    for batch in batches:
        times, hashes = arrays(*zip(*sorted(batch), strict=True))
        assert memory.knows(times, hashes).all()
        assert again.knows(times, hashes).all()
        # Wherever it is asked with other lines, or is alone.
        assert again.knows(times[:1], hashes[:1]).all()
    assert again.encoded() == memory.encoded()
    assert memory.n_lines == sum(map(len, batches))


def test_what_was_not_read_is_not_known():
    memory = Remembered(0).with_lines(*arrays([5, 6], [1, 2]))
    assert memory.knows(*arrays([5, 6], [3, 2])).tolist() == [False, True]
    assert not Remembered(0).knows(*arrays([5], [1])).any()
    assert not memory.knows(*arrays([50], [1])).any()


def test_the_oldest_are_forgotten_and_since_says_from_where_all_are_known(monkeypatch):
    monkeypatch.setattr(remembered, "MOST_LINES", 1_000)
    memory = Remembered(0)
    for second in range(100):
        times = np.full(100, second * SECOND)
        memory = memory.with_lines(times, np.arange(100) + second * 100)
        assert memory.n_lines <= 1_000
        assert memory.since <= second * SECOND
    for second in range(100):
        hashes = np.arange(100) + second * 100
        known = memory.knows(np.full(100, second * SECOND), hashes)
        assert known.all() or second * SECOND < memory.since
    assert memory.since > 80 * SECOND


def test_what_is_older_than_an_hour_is_forgotten():
    memory = Remembered(0).with_lines(*arrays([0], [1]))
    memory = memory.with_lines(*arrays([LONGEST_NANOSECONDS + 5], [2]))
    assert (memory.since, memory.n_lines) == (6, 1)


def test_single_lines_share_blocks_and_late_ones_do_not_grow_them_without_end():
    memory = Remembered(0)
    for number in range(3_000):
        late = number % 3 == 0
        when = number * SECOND if not late else max(number - 600, 0) * SECOND
        memory = memory.with_lines(*arrays([when], [number]))
    assert len(memory.blocks) <= 512
    assert memory.n_lines == 3_000
    assert memory.since == 0


def test_blocks_are_bounded_in_number(monkeypatch):
    monkeypatch.setattr(remembered, "_SMALL_LINES", 1)
    memory = Remembered(0)
    for number in range(600):
        memory = memory.with_lines(*arrays([number], [number]))
    assert len(memory.blocks) == 512
    assert memory.since == 88


def test_50_000_lines_are_400_kilobytes():
    memory = Remembered(0)
    for second in range(20):
        hashes = np.random.default_rng(second).integers(0, 2**48, 5_000)
        memory = memory.with_lines(np.full(5_000, second), hashes)
    assert memory.n_lines == 50_000
    assert len(orjson.dumps(memory.encoded())) < 402_000
