"""Single samples, judged against what is remembered; whole walks are in test_walk.py."""

import math

import numpy as np
import pytest

import oracles_walk as oracle
from forewarn_models import layout as at
from forewarn_models.judging import (
    _ALIKE,
    _CROWD_DECADES,
    _DAY_DECADES,
    count_crowds,
    excuse_daily,
    judge_windows,
)
from forewarn_models.noise import DAYS, HOURS, N_LEARNED, TOTAL
from forewarn_models.rules import rules_of
from forewarn_models.views import CHANGE, N_VIEWS, VALUE
from forewarn_models.walk import blank_memory
from forewarn_models.windows import FILLED, LEAST_FILLED, N_ACCOUNT, SLOTS

RULES = rules_of(300.0)
WINDOWS = range(at.N_WINDOWS)
OFFSET = 0.3


def rows():
    """A series of which nothing was seen, and room for a sample's arithmetic."""
    exact, rough = (array[0] for array in blank_memory(1))
    return exact, rough.astype(oracle.SINGLE), np.zeros(at.N_WORK)


def changes_of(work):
    return work[at.DECADES + CHANGE : at.DECADES + CHANGE + at.N_WINDOWS].tolist()


# Against both windows


def judged(center, value, profiles, *, filled=(3, 3)):
    """The arithmetic of a change from `center` after another one, where one of 1 is usual."""
    exact, _, work = rows()
    work[: at.IN_NOISE] = 5.0
    for window in WINDOWS:
        exact[at.ACCOUNTS + window * N_ACCOUNT + FILLED] = filled[window]
        rising = at.RISING + window * SLOTS
        work[rising : rising + 3] = center
    exact[at.LEARNED + TOTAL :: N_LEARNED][: at.N_CHANNELS] = 100
    work[at.USUAL : at.USUAL + at.N_CHANNELS] = 1.0
    judge_windows(exact, work, value, profiles, OFFSET)
    return work


def sizes_of(work):
    return work[at.DEVIATIONS : at.DEVIATIONS + at.N_CHANNELS].tolist()


@pytest.mark.parametrize("window", WINDOWS)
def test_of_a_window_of_too_few_slots_nothing_is_said_and_nothing_stays_of_the_sample_before(
    window,
):
    filled = [LEAST_FILLED] * at.N_WINDOWS
    filled[window] -= 1
    work = judged(2.0, -5.0, (0.0, 0.0, 0.0), filled=filled)
    signs = work[at.SIGNS : at.SIGNS + N_VIEWS].tolist()
    said = [other != window for other in WINDOWS]
    assert [decades > 0 for decades in changes_of(work)] == said
    assert signs == [
        *(-1.0 if is_said else 0.0 for is_said in said),
        *[5.0] * (N_VIEWS - at.N_WINDOWS),
    ]
    assert np.isfinite(sizes_of(work)).tolist() == said * 2
    others = work[at.DECADES + VALUE : at.DECADES + N_VIEWS].tolist()
    assert others == [5.0] * (N_VIEWS - at.N_WINDOWS)


def test_below_zero_a_logarithm_is_that_of_zero_for_what_is_and_for_what_was_foretold():
    sizes = pytest.approx([7.0, 7.0, *[math.log((2 + OFFSET) / OFFSET)] * 2])
    foretold = judged(2.0, -5.0, (-10.0, 0.0, 0.0))
    assert changes_of(foretold) == [0.0, 0.0]
    assert sizes_of(foretold) == sizes
    rising = judged(-5.0, 2.0, (0.0, 0.0, 0.0))
    assert min(changes_of(rising)) > 0
    assert sizes_of(rising) == sizes


# As clusters


def crowded(quiet, decades):
    """What is counted of each window after one sample, and its decades then."""
    exact, _, work = rows()
    for window, row in enumerate(np.split(exact[at.CLUSTER : at.PARTS], at.N_WINDOWS)):
        row[[at.EXCEEDANCES, at.CLUSTERS, at.QUIET, at.CROWDING]] = 7, 5, quiet[window], 0.25
    work[at.DECADES + CHANGE : at.DECADES + CHANGE + at.N_WINDOWS] = decades
    count_crowds(exact, work, RULES)
    counts = exact[at.CLUSTER : at.PARTS].reshape(at.N_WINDOWS, at.N_CLUSTER)
    return counts[:, [at.EXCEEDANCES, at.CLUSTERS, at.QUIET]].tolist(), changes_of(work)


def test_a_cluster_begins_where_as_many_slots_were_quiet_as_part_two_episodes():
    gap = RULES.cluster_gap
    assert crowded([gap, gap - 1], [3.0, 3.0])[0] == [[8, 6, 0], [8, 5, 0]]
    assert crowded([gap - 1, gap], [3.0, 3.0])[0] == [[8, 5, 0], [8, 6, 0]]


def test_a_slot_is_quiet_in_the_window_in_which_nothing_rare_came():
    rare, less = _CROWD_DECADES, _CROWD_DECADES - 1e-9
    counts, decades = crowded([2, 2], [rare, less])
    assert counts == [[8, 5, 0], [7, 5, 3]]
    assert crowded([2, 2], [less, rare])[0] == [[7, 5, 3], [8, 5, 0]]
    assert decades == pytest.approx([_CROWD_DECADES + RULES.step_decades + 0.25] * 2)


# As on each of the last days

HOUR = 5


def excused(decades, sizes, came=8.0):
    """The decades of both windows, where deviations of a size came about this hour on each day."""
    _, rough, work = rows()
    rough[at.PEAKS + HOURS + HOUR : at.PEAKS + (DAYS + 1) * HOURS : HOURS] = came
    work[at.DECADES + CHANGE : at.DECADES + CHANGE + at.N_WINDOWS] = decades
    work[at.DEVIATIONS : at.DEVIATIONS + at.N_WINDOWS] = sizes
    excuse_daily(rough, work, HOUR)
    return changes_of(work)


def test_each_window_is_excused_by_its_own_change():
    alike, larger = 8.0 * _ALIKE, 8.0 * _ALIKE + 0.01
    assert excused([9.0, 8.0], [alike, larger]) == [_DAY_DECADES, 8.0]
    assert excused([9.0, 8.0], [larger, alike]) == [9.0, _DAY_DECADES]
    assert excused([9.0, 8.0], [alike, alike]) == [_DAY_DECADES] * 2
    assert excused([9.0, 8.0], [alike, alike], came=0.0) == [9.0, 8.0]


def test_what_is_more_common_than_a_day_stays_so():
    assert excused([3.0, 4.5], [8.0, 8.0]) == [3.0, 4.5]
