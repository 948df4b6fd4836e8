"""The states that the fold can go back to, beside a list that keeps all of them."""

import numpy as np
import pytest

from forewarn_models.contract import Carry
from forewarn_models.fold import FoldPolicy, FoldState, fold, start_fold
from forewarn_models.labels import labels_of
from forewarn_models.panel import Panel
from forewarn_models.samples import samples_of
from forewarn_service import state_ring
from forewarn_service.state_difference import difference, restored, state_bytes
from forewarn_service.state_ring import StateRing
from service_parts import fitted, history

STEP, SPACING, WINDOW = 1_000, 15_000, 60_000
START = 1_800_000_000_000
N_ROWS = 40
SERIES = tuple(labels_of({"machine": str(number)}) for number in range(N_ROWS))


def blank() -> FoldState:
    carry = {"exact": np.zeros((N_ROWS, 30)), "rough": np.zeros((N_ROWS, 50), np.float32)}
    episodes = {"times": np.zeros((N_ROWS, 3), np.int64), "view": np.zeros(N_ROWS, np.int8)}
    return FoldState(Carry(carry, START), Carry(episodes, START))


def moved(state: FoldState, n_slots: int, generator: np.random.Generator) -> FoldState:
    """Return a state some slots later, in which a tenth of all numbers are others."""
    following = state.carry.next_milliseconds + n_slots * STEP
    parts = []
    for carry in (state.carry, state.episodes):
        arrays = {name: array.copy() for name, array in carry.arrays.items()}
        for array in arrays.values():
            chosen = generator.random(array.shape) < 0.1
            array[chosen] = generator.choice([0.0, -0.0, 1.0, 7.0], chosen.sum())
            if array.dtype.kind == "f":
                array[generator.random(array.shape) < 0.01] = np.nan
        parts.append(Carry(arrays, following))
    return FoldState(*parts)


def bits(state: FoldState) -> list[tuple[str, bytes]]:
    """Return all that a state holds, so that NaN and the sign of zero count."""
    return [
        (name, array.tobytes())
        for carry in (state.carry, state.episodes)
        for name, array in sorted(carry.arrays.items())
    ]


def ring_of(start: FoldState) -> StateRing:
    return StateRing(start, step=STEP, spacing=SPACING, window=WINDOW)


@pytest.mark.parametrize("seed", range(12))
def test_a_state_is_bit_by_bit_as_it_was_given_whatever_was_gone_back_to_before(seed):
    generator = np.random.default_rng(seed)
    state = blank()
    ring, given = ring_of(state), {START: bits(state)}
    for _ in range(150):
        newest = state.carry.next_milliseconds
        if generator.random() < 0.3:  # late samples: mostly by a slot or two, some by more
            late = int(generator.choice([1, 1, 2, 3, 9, 30, 55])) * STEP
            state = ring.rewind(max(newest - late, ring.oldest_milliseconds))
        for stop in ring.stops(state.carry.next_milliseconds, newest):
            n_slots = (stop - state.carry.next_milliseconds) // STEP
            state = moved(state, n_slots, generator)
            ring.push(state)
            given[stop] = bits(state)
        assert ring.newest is state
        for time in range(ring.oldest_milliseconds, newest + STEP, STEP):
            found = ring.at_or_before(time)
            assert bits(found) == given[found.carry.next_milliseconds]
            assert found.carry.next_milliseconds > time - SPACING


def test_the_ring_goes_back_for_the_window_and_little_more():
    state, ring = blank(), ring_of(blank())
    generator = np.random.default_rng(0)
    for _ in range(300):
        state = moved(state, 1, generator)
        ring.push(state)
        newest = state.carry.next_milliseconds
        if newest >= START + WINDOW + SPACING:
            assert WINDOW <= newest - ring.oldest_milliseconds < WINDOW + SPACING


def test_the_slots_before_the_newest_need_no_more_than_one_slot_again():
    state, ring = blank(), ring_of(blank())
    generator = np.random.default_rng(0)
    for _ in range(200):
        state = moved(state, 1, generator)
        ring.push(state)
        newest = state.carry.next_milliseconds
        for back in (0, 1, 2)[: (newest - START) // STEP]:
            found = ring.at_or_before(newest - back * STEP)
            assert found.carry.next_milliseconds == newest - back * STEP


def test_going_back_again_and_again_gathers_no_states():
    state, ring = blank(), ring_of(blank())
    generator = np.random.default_rng(0)
    most = 0
    for _ in range(400):
        newest = state.carry.next_milliseconds
        state = ring.rewind(max(newest - 17 * STEP, START))
        for stop in ring.stops(state.carry.next_milliseconds, newest):
            state = moved(state, (stop - state.carry.next_milliseconds) // STEP, generator)
            ring.push(state)
        most = max(most, ring.kept_bytes)
    assert most < 5 * state_bytes(state)


def test_the_oldest_go_when_memory_is_short(monkeypatch):
    state, ring = blank(), ring_of(blank())
    monkeypatch.setattr(state_ring, "_MAX_BYTES", 2.5 * state_bytes(state))
    generator = np.random.default_rng(0)
    for _ in range(200):
        state = moved(state, 1, generator)
        ring.push(state)
        newest = state.carry.next_milliseconds
        assert newest - ring.oldest_milliseconds >= min(2 * STEP, newest - START)
    assert ring.kept_bytes < 2.7 * state_bytes(state)
    assert newest - ring.oldest_milliseconds < WINDOW
    assert bits(ring.at_or_before(newest)) == bits(state)


@pytest.mark.parametrize("n_rows", [0, 1, 2_000])
def test_a_difference_leads_back_to_the_very_state(n_rows):
    generator = np.random.default_rng(n_rows)
    values = generator.choice([0.0, -0.0, np.nan, 1.5], (2, n_rows, 37))
    one, other = (
        FoldState(Carry({"exact": each}, at), Carry({}, at)) for at, each in enumerate(values)
    )
    again = restored(difference(one, other), other)
    assert bits(again) == bits(one)
    assert again.carry.arrays["exact"].shape == (n_rows, 37)
    assert (again.carry.next_milliseconds, again.episodes.next_milliseconds) == (0, 0)


def test_the_states_of_a_detector_take_less_than_four_whole_ones():
    panel = history(SERIES, end_milliseconds=START)
    model = fitted(panel)
    policy = FoldPolicy()
    state = start_fold(model, policy)
    ring = StateRing(state, step=STEP, spacing=150 * STEP, window=600 * STEP)
    values = 1.0 + 0.05 * np.random.default_rng(1).standard_normal((N_ROWS, 1_000))
    samples = samples_of(Panel(values, SERIES, START, STEP))
    for stop in ring.stops(START, START + 999 * STEP):
        at = state.carry.next_milliseconds
        times = samples.timestamp_milliseconds
        chosen = samples.select((times >= at) & (times < stop))
        _, state = fold(model, policy, chosen, state, until_milliseconds=stop)
        ring.push(state)
    assert ring.kept_bytes < 3.5 * state_bytes(state)
