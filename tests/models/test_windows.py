import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles_walk as oracle
from forewarn_models.windows import (
    FEWEST_SLOTS,
    FILLED,
    N_ACCOUNT,
    SLOTS,
    Span,
    middle,
    push,
    put_in_order,
    span_of,
)
from oracles_walk import patient
from strategies import noise

ACCOUNT, SLOT, RISING = 3, 9, 2  # anywhere but at the beginning, so that a place can be wrong
NUMBERS = st.one_of(st.floats(-1e9, 1e9), st.integers(-3, 3).map(float))
SPANS = [Span(6, 1), Span(15, 1), Span(6, 3), Span(10, 4)]


class Pushed:
    """A window, and its slots in order, among cells that nobody may touch."""

    def __init__(self, span):
        self.span = span
        self.row, self.work = np.full(40, np.nan), np.full(40, np.nan)
        self.row[ACCOUNT : ACCOUNT + N_ACCOUNT] = 0.0

    def push(self, value):
        push(self.row, (ACCOUNT, SLOT), self.work, RISING, value, self.span)

    @property
    def n(self):
        return int(self.row[ACCOUNT + FILLED])

    @property
    def rising(self):
        return self.work[RISING : RISING + self.n]

    def slots(self):
        account = self.row[ACCOUNT : ACCOUNT + N_ACCOUNT]
        return oracle.slots_of(account, self.row[SLOT : SLOT + SLOTS])


@pytest.mark.parametrize(
    ("seconds", "step", "most", "span"),
    [
        (600, 60, SLOTS, (10, 1)),
        (600, 45, SLOTS, (13, 1)),
        (600, 300, SLOTS, (6, 1)),
        (600, 3_600, SLOTS, (6, 1)),
        (600, 40, SLOTS, (15, 1)),
        (600, 38, SLOTS, (8, 2)),
        (600, 10, SLOTS, (15, 4)),
        (600, 1, SLOTS, (15, 40)),
        (3_600, 10, 6, (6, 60)),
        (3_600, 60, 6, (6, 10)),
        (3_600, 600, 6, (6, 1)),
        (3_600, 3_600, 6, (6, 1)),
    ],
)
def test_a_window_is_cut_as_fine_as_its_slots_allow(seconds, step, most, span):
    assert tuple(span_of(float(seconds), float(step), most)) == span


@patient
@given(st.floats(0.1, 100.0))
def test_a_window_is_as_long_as_it_should_be_to_within_a_few_samples(step):
    span = span_of(600.0, step)
    assert FEWEST_SLOTS <= span.n_slots <= SLOTS
    off = span.n_slots * span.samples_a_slot - 600.0 / step
    assert abs(off) <= 0.5 * span.samples_a_slot + 0.5


@pytest.mark.parametrize("span", SPANS)
@patient
@given(values=st.lists(NUMBERS, max_size=70))
def test_the_median_is_that_of_the_last_slots(span, values):
    window, slow = Pushed(span), oracle.Window(span)
    for value in values:
        window.push(value)
        slow.push(value)
        assert window.slots().tolist() == pytest.approx(list(slow.slots), rel=1e-12, abs=1e-6)
        np.testing.assert_array_equal(window.rising, np.sort(window.slots()))
        if slow.slots:
            median = middle(window.work, RISING, window.n)
            assert median == pytest.approx(slow.median(), rel=1e-12, abs=1e-6)


def test_a_slot_is_the_mean_of_its_samples_and_waits_for_all_of_them():
    window = Pushed(Span(6, 4))
    for value in (1.0, 2.0, 3.0):
        window.push(value)
    assert window.n == 0
    window.push(6.0)
    assert window.slots().tolist() == [3.0]
    for value in (10.0, 10.0, 20.0, 20.0):
        window.push(value)
    assert window.slots().tolist() == [3.0, 15.0]


@pytest.mark.parametrize("span", SPANS)
def test_nothing_is_written_outside_of_a_window(span):
    window = Pushed(span)
    for value in noise(100):
        window.push(value)
    used = np.r_[ACCOUNT : ACCOUNT + N_ACCOUNT, SLOT : SLOT + span.n_slots]
    assert np.isnan(np.delete(window.row, used)).all()
    assert np.isnan(np.delete(window.work, np.r_[RISING : RISING + span.n_slots])).all()


@patient
@given(st.lists(NUMBERS, min_size=1, max_size=SLOTS))
def test_slots_are_put_in_order(values):
    row, work = np.array([*[7.0] * SLOT, *values]), np.full(40, np.nan)
    put_in_order(row, SLOT, len(values), work, RISING)
    assert work[RISING : RISING + len(values)].tolist() == sorted(values)
    assert middle(work, RISING, len(values)) == pytest.approx(np.median(values), rel=1e-12)
    assert np.isnan(work[:RISING]).all()
    assert np.isnan(work[RISING + len(values) :]).all()


def test_a_few_wild_values_do_not_move_a_median():
    window = Pushed(Span(15, 1))
    for value in [*noise(15), *[1e9] * 7]:
        window.push(value)
    assert middle(window.work, RISING, window.n) < 15
