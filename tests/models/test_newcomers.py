import numpy as np
import pytest

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.budget import score_of
from forewarn_models.catalogue import detector_from_state
from forewarn_models.detector import RarityDetector
from forewarn_models.fold import FoldPolicy, fold, start_fold, welcome, without_newcomers
from forewarn_models.layout import LAST, SEEN
from forewarn_models.panel import Panel
from forewarn_models.samples import Samples

STEP = 300_000
DAY = 288
START = 1_700_006_400_000
BUDGET = 30 * 86_400.0


def pod(name, *, service="shop"):
    return (("pod", name), ("service", service))


OLD = (pod("a"), pod("b"), pod("c", service="mail"))
NEW = pod("d")
DETECTOR = RarityDetector(group_by=("service",), siblings=("service",))


def daily(n_series, n_times, *, first=0, seed=0):
    phase = 2 * np.pi * (first + np.arange(n_times)) / DAY
    shape = 50 + 10 * np.sin(phase)
    return shape + np.random.default_rng(seed).normal(size=(n_series, n_times))


def panel(values, series, first=0):
    return Panel(values, series, START + first * STEP, STEP)


@pytest.fixture(scope="module")
def model():
    return DETECTOR.fit(panel(daily(3, 7 * DAY), OLD))


@pytest.fixture(scope="module")
def wider(model):
    return model.welcome({NEW: 50.0}, model.initial_carry())


def live(n_series, n_times=DAY, *, seed=1):
    return daily(n_series, n_times, first=7 * DAY, seed=seed)


def test_a_newcomer_is_scored_from_its_first_sample(wider):
    model, carry = wider
    values = live(4)
    values[3, 40] += 15
    scores, _ = model.score(panel(values, model.series, 7 * DAY), carry)
    assert model.series == (*OLD, NEW)
    score = score_of(scores.return_period_seconds[3], BUDGET)
    assert np.isfinite(score).all()
    assert score[40] >= 1
    assert np.delete(score, 40).max() < 1
    np.testing.assert_allclose(scores.expected[3], values[0], atol=6)


def test_what_is_said_of_the_others_stays_the_same(model, wider):
    values = live(4)
    ours, _ = wider[0].score(panel(values, wider[0].series, 7 * DAY), wider[1])
    theirs, _ = model.score(panel(values[:3], OLD, 7 * DAY), model.initial_carry())
    np.testing.assert_array_equal(ours.return_period_seconds[:3], theirs.return_period_seconds[:3])
    assert ours.series == (*OLD, NEW, *theirs.series[3:])


def test_beside_living_siblings_it_inherits_a_day(wider):
    _, carry = wider
    assert carry.arrays["exact"][3, SEEN] == DAY
    assert carry.arrays["exact"][3, LAST] == 50.0
    assert carry.arrays["exact"][0, SEEN] == 7 * DAY


def test_of_a_sibling_that_fell_silent_it_inherits_everything(model):
    values = live(3)
    values[1, 10:] = np.nan
    _, carry = model.score(panel(values, OLD, 7 * DAY), model.initial_carry())
    _, wider = model.welcome({NEW: 50.0}, carry)
    assert wider.arrays["exact"][3, SEEN] == carry.arrays["exact"][1, SEEN] == 7 * DAY + 10


def test_a_series_without_a_sibling_and_one_that_is_known_are_not_taken_in(model):
    asked = {pod("e", service="new"): 1.0, OLD[0]: 2.0}
    same, carry = model.welcome(asked, model.initial_carry())
    assert same.series == OLD
    for name, array in model.initial_carry().arrays.items():
        np.testing.assert_array_equal(array, carry.arrays[name])


def test_without_labels_nobody_is_a_sibling():
    model = RarityDetector().fit(panel(daily(3, 100), OLD))
    assert model.welcome({NEW: 50.0}, model.initial_carry())[0].series == OLD


def test_a_new_group_comes_below_the_others():
    detector = RarityDetector(group_by=("pod",), siblings=("service",))
    model = detector.fit(panel(daily(3, 100), OLD))
    wider, _ = model.welcome({NEW: 50.0}, model.initial_carry())
    assert wider.output_series[: len(wider.series)] == (*OLD, NEW)
    assert wider.groups.labels[:3] == model.groups.labels
    assert len(wider.groups.labels) == 4


@pytest.mark.compiled
def test_a_young_row_of_a_history_inherits_too():
    values = daily(4, 7 * DAY)
    values[3, :-5] = np.nan
    series = (*OLD, NEW)
    scores = {}
    for siblings in ((), ("service",)):
        model = RarityDetector(siblings=siblings).fit(panel(values, series))
        recent = panel(live(4), series, 7 * DAY)
        scores[siblings], _ = model.score(recent, model.initial_carry())
    assert np.isnan(scores[()].return_period_seconds[3, :50]).all()
    assert np.isfinite(scores["service",].return_period_seconds[3]).all()
    np.testing.assert_array_equal(
        scores[()].return_period_seconds[:3], scores["service",].return_period_seconds[:3]
    )


def test_a_wider_model_survives_the_way_through_bytes(wider):
    model, carry = wider
    again = detector_from_state(from_bytes(to_bytes(model.state())))
    recent = panel(live(4), model.series, 7 * DAY)
    ours, _ = model.score(recent, carry)
    theirs, _ = again.score(recent, carry)
    np.testing.assert_array_equal(ours.return_period_seconds, theirs.return_period_seconds)


def samples_of(values, series):
    row, column = np.nonzero(np.isfinite(values))
    times = START + (7 * DAY + column) * STEP
    return Samples(series, row, times, values[row, column])


def test_episodes_go_on_when_a_series_is_welcomed_and_when_it_is_dismissed(model):
    values = live(3, 60)
    values[0, 50:] += 30
    policy, until = FoldPolicy(), START + (7 * DAY + 60) * STEP
    given = samples_of(values, OLD)
    _, state = fold(model, policy, given, start_fold(model, policy), until_milliseconds=until)
    wider, wide = welcome(model, state, {NEW: 50.0})
    assert wide.episodes.arrays["active"].shape[0] == len(wider.output_series) == 6
    back = without_newcomers(model, wider, wide)
    for part in ("carry", "episodes"):
        ours, theirs = getattr(back, part), getattr(state, part)
        assert ours.next_milliseconds == theirs.next_milliseconds
        for name, array in theirs.arrays.items():
            np.testing.assert_array_equal(array, ours.arrays[name], err_msg=name)
    assert state.episodes.arrays["active"].any()


@pytest.mark.compiled
def test_a_group_that_is_restarted_grows_no_larger():
    series = tuple(pod(name) for name in "abcd")
    model = DETECTOR.fit(panel(daily(4, 7 * DAY), series))
    values = live(4, 20)
    values[:, 10:] = np.nan
    _, carry = model.score(panel(values, series, 7 * DAY), model.initial_carry())
    wider, carry = model.welcome({pod(name): 50.0 for name in "ef"}, carry)
    assert wider.groups.members.shape == (1, 4)
    assert {4, 5} <= set(wider.groups.members[0].tolist())


@pytest.mark.compiled
def test_each_newcomer_follows_another_silent_sibling_the_latest_first():
    series = tuple(pod(name) for name in "abcd")
    model = DETECTOR.fit(panel(daily(4, 7 * DAY), series))
    values = live(4, 20)
    values[0, 5:], values[1, 10:] = np.nan, np.nan
    _, carry = model.score(panel(values, series, 7 * DAY), model.initial_carry())
    wider, _ = model.welcome({pod(name): 50.0 for name in "efg"}, carry)
    assert wider.groups.members.tolist() == [[5, 4, 2, 3, 6]]


def test_at_a_coarse_step_a_newcomer_is_judged_at_once_too():
    hours = panel(daily(3, 20 * DAY)[:, ::12], OLD)
    model = DETECTOR.fit(Panel(hours.values, OLD, START, 12 * STEP))
    wider, carry = model.welcome({NEW: 50.0}, model.initial_carry())
    recent = Panel(live(4, 2), wider.series, model.end_milliseconds, 12 * STEP)
    scores, _ = wider.score(recent, carry)
    assert np.isfinite(scores.return_period_seconds[3]).all()
