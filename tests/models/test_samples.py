import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.errors import DataError
from forewarn_models.samples import NO_SAMPLES, Samples, floor_to_step, grid

SERIES = ((("row", "a"),), (("row", "b"),))


def samples(*rows):
    row, time, value = zip(*rows, strict=True)
    return Samples(SERIES, np.array(row), np.array(time), np.array(value, dtype=float))


def test_a_sample_needs_a_row_a_time_and_a_value():
    with pytest.raises(DataError, match="got 1, 1 and 0"):
        Samples(SERIES, np.zeros(1, int), np.zeros(1, int), np.zeros(0))


def test_chosen_samples_keep_their_series():
    chosen = samples((0, 1, 5), (1, 2, 6)).select(np.array([False, True]))
    assert (len(chosen), chosen.value.tolist(), chosen.series) == (1, [6.0], SERIES)


def test_the_earliest_sample_of_a_slot_is_laid_and_others_are_repeats():
    laid = grid(
        samples((0, 1999, 2), (0, 1000, 1), (1, 1500, 3), (0, 2000, 4), (0, 1000, 9)),
        step_milliseconds=1000,
        start_milliseconds=0,
        n_times=3,
    )
    np.testing.assert_array_equal(laid.panel.values, [[np.nan, 1, 4], [np.nan, 3, np.nan]])
    assert laid.column.tolist() == [1, 1, 1, 2, 1]
    assert laid.is_repeat.tolist() == [True, False, False, False, True]


@pytest.mark.parametrize("time", [-1, 3000])
def test_a_sample_outside_the_grid_is_refused(time):
    with pytest.raises(DataError, match="must lie in the grid of 3 slots"):
        grid(samples((0, time, 1)), step_milliseconds=1000, start_milliseconds=0, n_times=3)


def test_no_samples_make_an_empty_panel():
    laid = grid(NO_SAMPLES, step_milliseconds=1000, start_milliseconds=0, n_times=2)
    assert laid.panel.values.shape == (0, 2)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9_999), st.floats(-9, 9)), min_size=1))
def test_each_sample_is_in_the_panel_or_a_repeat(rows):
    given_samples = samples(*rows)
    laid = grid(given_samples, step_milliseconds=700, start_milliseconds=0, n_times=15)
    assert np.isfinite(laid.panel.values).sum() == (~laid.is_repeat).sum()
    first = ~laid.is_repeat
    np.testing.assert_array_equal(
        laid.panel.values[given_samples.row[first], laid.column[first]], given_samples.value[first]
    )


@given(st.integers(0, 10**13), st.integers(1, 10**9))
def test_a_slot_starts_at_or_before_its_samples(time, step):
    slot = floor_to_step(time, step)
    assert slot % step == 0
    assert slot <= time < slot + step
