from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.masks import Interval, covered_milliseconds, hidden_by, masked, merged
from forewarn_models.panel import Panel

STEP = 1_000
SERIES = ((("job", "a"),), (("job", "b"),), (("job", "c"),))


@dataclass(frozen=True)
class Job:
    """Accepts one job."""

    name: str

    def accepts(self, labels):
        return labels.get("job", "") == self.name


def panel_of(values=None, start=0):
    values = np.arange(30.0).reshape(3, 10) if values is None else values
    return Panel(values, SERIES[: len(values)], start, STEP)


instants = st.integers(-3_000, 15_000)
matchers = st.sampled_from([(), (Job("a"),), (Job("b"),), (Job("nobody"),), (Job("a"), Job("b"))])
intervals = st.lists(st.builds(Interval, instants, instants, matchers), max_size=8)
cells = st.one_of(st.floats(-1e9, 1e9), st.just(np.nan))
panels = st.builds(
    lambda rows, start: panel_of(np.array(rows), start),
    st.lists(st.lists(cells, min_size=10, max_size=10), min_size=3, max_size=3),
    st.integers(-2_500, 2_500),
)


def same(one, other):
    np.testing.assert_array_equal(one.values, other.values)
    return (one.series, one.start_milliseconds) == (other.series, other.start_milliseconds)


@given(panels, intervals)
def test_masking_twice_is_masking_once(panel, hidden):
    once = masked(panel, hidden)
    assert same(masked(once, hidden), once)


@given(panels, intervals)
def test_no_gap_is_ever_filled_and_no_value_changed(panel, hidden):
    after = masked(panel, hidden)
    is_left = np.isfinite(after.values)
    np.testing.assert_array_equal(after.values[is_left], panel.values[is_left])


@given(panels, intervals, st.randoms())
def test_the_order_of_intervals_is_irrelevant(panel, hidden, random):
    shuffled = random.sample(hidden, len(hidden))
    assert same(masked(panel, shuffled), masked(panel, hidden))


@given(panels, intervals, intervals)
def test_masks_come_on_top_of_each_other(panel, some, more):
    assert same(masked(panel, [*some, *more]), masked(masked(panel, some), more))


@given(panels, intervals)
def test_each_cell_is_hidden_that_lies_in_an_interval_of_its_series(panel, hidden):
    for row, labels in enumerate(panel.series):
        for column, time in enumerate(panel.times_milliseconds):
            inside = any(
                each.start_milliseconds <= time < each.end_milliseconds
                and all(matcher.accepts(dict(labels)) for matcher in each.matchers)
                for each in hidden
            )
            assert hidden_by(panel, hidden)[row, column] == inside


@given(panels, intervals)
def test_merged_intervals_hide_the_same(panel, hidden):
    assert same(masked(panel, merged(hidden)), masked(panel, hidden))
    assert merged(merged(hidden)) == merged(hidden)


@given(st.lists(st.builds(Interval, st.integers(0, 60), st.integers(0, 60), matchers)))
def test_what_is_covered_is_counted_once(hidden):
    covered = {
        instant
        for each in hidden
        for instant in range(each.start_milliseconds, each.end_milliseconds)
    }
    assert covered_milliseconds(hidden) == len(covered)


def test_an_instant_is_hidden_from_the_start_of_an_interval_up_to_but_without_its_end():
    after = masked(panel_of(), [Interval(2_000, 4_000)])
    assert np.flatnonzero(np.isnan(after.values[0])).tolist() == [2, 3]
    between = masked(panel_of(), [Interval(1_001, 3_001)])
    assert np.flatnonzero(np.isnan(between.values[0])).tolist() == [2, 3]


def test_only_series_that_all_matchers_accept_are_hidden():
    after = masked(panel_of(), [Interval(0, 10_000, (Job("b"),))])
    assert np.isnan(after.values).all(axis=1).tolist() == [False, True, False]


def test_a_panel_that_nothing_hides_is_the_same_panel():
    panel = panel_of()
    assert masked(panel, [Interval(-5_000, -1_000), Interval(99_000, 100_000)]) is panel


@pytest.mark.parametrize("n_times", [0, 1])
def test_a_panel_without_times_can_be_masked(n_times):
    panel = panel_of(np.ones((1, n_times)))
    assert masked(panel, [Interval(-(10**15), 10**15)]).n_times == n_times
