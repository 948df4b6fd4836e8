"""forewarn_models.rulers"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.errors import NotEnoughHistory
from forewarn_models.rulers import ruler_of, usual_step_milliseconds
from forewarn_models.samples import NO_SAMPLES, Samples


def samples_at(times, row=None) -> Samples:
    rows = np.zeros(len(times), np.int64) if row is None else np.array(row)
    series = tuple((("row", str(number)),) for number in range(int(rows.max(initial=0)) + 1))
    return Samples(series, rows, np.array(times), np.ones(len(times)))


@given(st.integers(0, 10**13), st.integers(2, 10**6), st.integers(2, 30), st.integers(0, 2**31))
def test_regular_samples_with_jitter_below_half_a_step_never_share_a_slot(
    first: int, step: int, n_times: int, seed: int
) -> None:
    jitter = np.random.default_rng(seed).integers(-(step // 6), step // 6 + 1, n_times)
    times = first + step * np.arange(n_times) + jitter
    ruler = ruler_of(samples_at(times))
    ideal = ruler_of(samples_at(first + step * np.arange(n_times)))
    slots = ideal.laid(samples_at(first + step * np.arange(n_times))).timestamp_milliseconds - first
    assert ideal.start_milliseconds == first
    assert (slots // step).tolist() == list(range(n_times))
    laid = ruler.laid(samples_at(times)).timestamp_milliseconds - ruler.start_milliseconds
    assert laid.min() >= 0
    if ruler.step_milliseconds == step:
        assert len(set(laid // step)) == n_times


def test_an_instant_belongs_to_the_nearest_slot() -> None:
    ruler = ruler_of(samples_at(np.array([0, 100, 200])))
    assert (ruler.start_milliseconds, ruler.step_milliseconds) == (0, 100)
    assert [ruler.nearest(time) for time in (49, 50, 149, -50)] == [0, 100, 100, 0]


def test_the_step_is_that_within_a_series_whatever_others_do() -> None:
    samples = samples_at([0, 30, 100, 130, 200, 230], row=[0, 1, 0, 1, 0, 1])
    assert usual_step_milliseconds(samples) == 100


def test_repeats_and_late_samples_do_not_change_the_step() -> None:
    assert usual_step_milliseconds(samples_at([200, 0, 100, 100, 300])) == 100


@pytest.mark.parametrize("samples", [NO_SAMPLES, samples_at([5]), samples_at([5, 5])])
def test_no_two_timestamps_make_no_grid(samples: Samples) -> None:
    assert usual_step_milliseconds(samples) == 0
    with pytest.raises(NotEnoughHistory):
        ruler_of(samples)
