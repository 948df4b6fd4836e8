"""Every detector of the catalogue against every promise of the contract."""

from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.catalogue import DETECTORS, detector_from_state
from forewarn_models.contract import State
from forewarn_models.errors import ModelError, NotEnoughHistory, UnknownFormat
from forewarn_models.fold import (
    FoldPolicy,
    fold_state_from_bytes,
    fold_state_to_bytes,
    start_fold,
)
from forewarn_models.panel import Panel
from strategies import SERIES, STEP, daily, noise, panel_of, values

GOLDEN = Path(__file__).parents[1] / "golden"
N, LIVE = 400, 60
ARRAYS = ("expected", "lower", "upper", "return_period_seconds", "direction", "view")


def every(n):
    return panel_of(*(make(n) for make in SERIES.values()))


@pytest.fixture(scope="module", params=sorted(DETECTORS))
def detector(request):
    """Each of the catalogue, with groups of siblings."""
    return replace(DETECTORS[request.param], group_by=("half",), siblings=("half",))


@pytest.fixture(scope="module")
def whole():
    return every(N + LIVE)


@pytest.fixture(scope="module")
def model(detector, whole):
    return detector.fit(whole.columns(0, N))


@pytest.fixture
def recent(whole):
    return whole.columns(N, N + LIVE)


def assert_same(ours, theirs):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)


def copies(arrays):
    return {name: array.copy() for name, array in arrays.items()}


def scored(model, recent, cuts=()):
    """The arrays of scores, computed in pieces."""
    carry, parts = model.initial_carry(), []
    for start, stop in zip((0, *cuts), (*cuts, recent.n_times), strict=True):
        part, carry = model.score(recent.columns(start, stop), carry)
        parts.append(part)
    arrays = {n: np.concatenate([getattr(p, n) for p in parts], axis=1) for n in ARRAYS}
    return replace(parts[0], **arrays), carry


@pytest.mark.compiled
@settings(max_examples=15, deadline=None)
@given(cuts=st.sets(st.integers(1, LIVE - 1), max_size=6))
def test_a_live_tick_equals_the_offline_score(model, whole, cuts):
    recent = whole.columns(N, N + LIVE)
    at_once, end = scored(model, recent)
    in_pieces, cut_end = scored(model, recent, tuple(sorted(cuts)))
    assert_same(at_once, in_pieces)
    for name, array in end.arrays.items():
        np.testing.assert_array_equal(array, cut_end.arrays[name], err_msg=name)
    assert end.next_milliseconds == cut_end.next_milliseconds == recent.end_milliseconds


def test_tick_by_tick_equals_the_offline_score(model, recent):
    at_once, _ = scored(model, recent)
    assert_same(at_once, scored(model, recent, tuple(range(1, LIVE)))[0])


def test_a_score_depends_on_no_later_value(model, recent):
    changed = recent.values.copy()
    changed[:, 30:] = 1e5
    ours, _ = scored(model, recent)
    theirs, _ = scored(model, replace(recent, values=changed))
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(ours, name)[:, :30], getattr(theirs, name)[:, :30])


def test_scoring_is_pure_and_leaves_its_input(model, recent):
    carry = model.initial_carry()
    before, values_before = copies(carry.arrays), recent.values.copy()
    first, _ = model.score(recent, carry)
    second, _ = model.score(recent, carry)
    assert_same(first, second)
    for name, array in before.items():
        np.testing.assert_array_equal(array, carry.arrays[name], err_msg=name)
    np.testing.assert_array_equal(values_before, recent.values)


def test_fitting_leaves_its_input(detector):
    values = noise(100)[None, :]
    history = Panel(values, ((("half", "0"),),), 0, STEP)
    detector.fit(history)
    np.testing.assert_array_equal(noise(100)[None, :], values)


def test_the_same_seed_gives_the_same_model(detector, model, whole, recent):
    again = detector.fit(whole.columns(0, N))
    assert_same(model.score(recent, model.initial_carry())[0], scored(again, recent)[0])
    assert to_bytes(model.state()) == to_bytes(again.state())


def test_state_and_carry_survive_the_way_through_bytes(model, recent):
    again = detector_from_state(from_bytes(to_bytes(model.state())))
    start = start_fold(model, FoldPolicy())
    carry = fold_state_from_bytes(fold_state_to_bytes(start)).carry
    assert again.series == model.series
    assert again.output_series == model.output_series
    assert again.step_milliseconds == model.step_milliseconds
    assert_same(scored(model, recent)[0], again.score(recent, carry)[0])


def test_nothing_is_missed_while_it_is_there_and_all_that_is_known_once_it_is_gone(model, whole):
    carry = model.initial_carry()
    end = carry.next_milliseconds
    is_there = np.isfinite(whole.values[:, N - 1])
    now, later = (model.absence(carry, end + slots * STEP) for slots in (0, 300))
    assert (now.return_period_seconds[is_there] == 0).all()
    assert (later.return_period_seconds[is_there] > 0).all()
    assert (later.since_milliseconds <= end).all()
    assert later.return_period_seconds.shape == (len(model.series),)


def test_a_state_of_another_kind_or_format_is_refused(model):
    state = model.state()
    with pytest.raises(UnknownFormat):
        detector_from_state(replace(state, kind="prophet"))
    with pytest.raises(UnknownFormat):
        detector_from_state(replace(state, format_version=99))


def test_a_state_that_lacks_a_part_is_refused(model):
    state = model.state()
    with pytest.raises(ModelError, match="must hold 'rough'"):
        detector_from_state(
            replace(state, arrays={n: a for n, a in state.arrays.items() if n != "rough"})
        )
    with pytest.raises(ModelError, match="must be a list"):
        detector_from_state(replace(state, manifest={**state.manifest, "series": 3}))


def test_each_row_says_something_or_that_it_cannot(model, recent):
    scores, _ = scored(model, recent)
    rows = len(recent.series)
    known = np.isfinite(recent.values)
    period = scores.return_period_seconds
    np.testing.assert_array_equal(known, ~np.isnan(period[:rows]))
    assert (period[~np.isnan(period)] > 0).all()
    assert np.isfinite(period[~np.isnan(period)]).all()
    assert ((scores.direction[:rows] == 0) == ~known).all()
    assert ((scores.view == -1) == np.isnan(period))[:rows].all()
    assert (scores.view[rows:] == -1).all()
    assert (scores.lower[:rows] <= scores.upper[:rows]).all()
    assert np.isnan(scores.expected[rows:]).all()
    assert (scores.direction[rows:] == 0).all()


def test_rows_are_the_series_and_then_the_groups(model, recent):
    scores, _ = scored(model, recent)
    groups = ((("half", "0"), ("series", "*")), (("half", "1"), ("series", "*")))
    assert scores.series == model.output_series == (*recent.series, *groups)


def test_one_sample_more_is_enough_to_be_scored_and_one_is_not_enough_to_learn(detector, model):
    scores, carry = model.score(
        Panel(np.empty((len(model.series), 0)), model.series, model.end_milliseconds, STEP),
        model.initial_carry(),
    )
    assert scores.expected.shape == (len(model.output_series), 0)
    assert carry.next_milliseconds == model.end_milliseconds
    with pytest.raises(NotEnoughHistory) as raised:
        detector.fit(panel_of([1.0]))
    assert (raised.value.needed, raised.value.got) == (60, 1)


def test_a_panel_without_rows_or_columns_has_not_enough_history(detector):
    for empty in (Panel(np.empty((0, 0)), (), 0, STEP), panel_of([])):
        with pytest.raises(NotEnoughHistory):
            detector.fit(empty)


def test_sixty_samples_are_enough(detector):
    model = detector.fit(panel_of(noise(60)))
    quiet, loud = panel_of([10.0], start=model.end_milliseconds), 60.0
    ordinary, _ = model.score(quiet, model.initial_carry())
    strange, _ = model.score(replace(quiet, values=[[loud]]), model.initial_carry())
    assert ordinary.return_period_seconds[0, 0] < 3_600
    assert strange.return_period_seconds[0, 0] > 20 * ordinary.return_period_seconds[0, 0]


def test_a_row_with_too_little_history_speaks_when_it_has_enough_and_hurts_no_other(detector):
    young = np.full(N, np.nan)
    young[-50:] = noise(50)
    model = detector.fit(panel_of(noise(N, seed=3), young))
    alone = detector.fit(panel_of(noise(N, seed=3)))
    recent = panel_of(noise(20, seed=8), noise(20, seed=9), start=model.end_milliseconds)
    scores, _ = model.score(recent, model.initial_carry())
    silent = np.isnan(scores.return_period_seconds[1])
    assert silent.tolist() == [True] * 10 + [False] * 10
    only, _ = alone.score(recent.rows(recent.series[:1]), alone.initial_carry())
    np.testing.assert_array_equal(only.return_period_seconds[0], scores.return_period_seconds[0])


def test_a_row_that_was_never_seen_cannot_say(detector):
    model = detector.fit(panel_of(noise(N), np.full(N, np.nan)))
    recent = panel_of(noise(20), noise(20), start=model.end_milliseconds)
    scores, _ = model.score(recent, model.initial_carry())
    for name in ("expected", "lower", "upper", "return_period_seconds"):
        assert np.isnan(getattr(scores, name)[1]).all()


def test_a_young_row_beside_old_ones_is_learned_from_its_own_days(detector):
    young = np.full(2_000, np.nan)
    young[-100:] = noise(100, seed=2)
    model = detector.fit(panel_of(noise(2_000), young))
    recent = panel_of([10.0], [10.0], start=model.end_milliseconds)
    scores, _ = model.score(recent, model.initial_carry())
    assert np.isfinite(scores.return_period_seconds).all()


def test_a_panel_that_does_not_fit_is_refused(model, recent):
    carry = model.initial_carry()
    for wrong, message in (
        (recent.rows(recent.series[1:]), "must have the model's 11 series"),
        (replace(recent, step_milliseconds=1), "must have the model's step of 60000 ms"),
        (recent.columns(1, 5), "must start where its carry ends"),
    ):
        with pytest.raises(ModelError, match=message):
            model.score(wrong, carry)


@settings(max_examples=25, deadline=None)
@given(st.lists(values, min_size=1, max_size=8))
def test_any_value_has_a_defined_answer(model, given_values):
    rows = np.tile(np.array(given_values), (len(model.series), 1))
    recent = Panel(rows, model.series, model.end_milliseconds, STEP)
    scores, carry = model.score(recent, model.initial_carry())
    period = scores.return_period_seconds[: len(model.series)]
    np.testing.assert_array_equal(np.isfinite(rows), ~np.isnan(period))
    assert not np.isinf(scores.return_period_seconds).any()
    assert not any(np.isnan(array).any() for array in carry.arrays.values())


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 8.0), (0.0, 1 / 64), (-4096.0, 0.25)])
@pytest.mark.parametrize("lowest", [0.0, -1000.0])
def test_scale_changes_no_return_period_and_shift_none_below_zero(detector, lowest, shift, scale):
    if lowest == 0.0 and shift != 0.0:
        lowest = -1.0  # what is never negative is also seen in logarithms, which a shift changes
    values = lowest + np.vstack([daily(N + LIVE, step=3 * STEP), noise(N + LIVE)])
    values[:, 5] = min(lowest, 0.0)
    values[:, N + 20] += 30
    fitted, periods = [], []
    for rows in (values, values * scale + shift):
        panel = panel_of(*rows)
        model = detector.fit(panel.columns(0, N))
        scores, _ = scored(model, panel.columns(N, N + LIVE))
        fitted.append(scores.expected[:2])
        periods.append(scores.return_period_seconds)
    np.testing.assert_allclose(periods[0], periods[1], rtol=1e-4)
    np.testing.assert_allclose(fitted[0] * scale + shift, fitted[1], rtol=1e-9)


def test_a_stored_model_must_be_of_the_catalogue():
    with pytest.raises(UnknownFormat, match="must be one of rarity_detector"):
        detector_from_state(State("", 1))


@pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT),
    reason="numpy mixes single and double precision by other rules than the compiled code",
)
def test_the_stored_model_of_format_3_loads_and_scores_as_when_it_was_stored():
    model = detector_from_state(from_bytes((GOLDEN / "rarity_detector_v4.zip").read_bytes()))
    with np.load(GOLDEN / "rarity_detector_v4_scores.npz") as stored:
        recent = Panel(stored["values"], model.series, model.end_milliseconds, STEP)
        scores, _ = model.score(recent, model.initial_carry())
        for name in ARRAYS:
            np.testing.assert_allclose(stored[name], getattr(scores, name), rtol=1e-9)


def test_without_groups_there_are_only_the_series(detector):
    model = replace(detector, group_by=()).fit(panel_of(noise(100)))
    again = detector_from_state(from_bytes(to_bytes(model.state())))
    assert again.output_series == model.series


def test_a_state_or_a_carry_of_another_layout_is_refused(model, recent):
    state, carry = model.state(), model.initial_carry()
    narrow = {n: a[:, :-1] if n in carry.arrays else a for n, a in state.arrays.items()}
    with pytest.raises(UnknownFormat, match="train it again"):
        detector_from_state(replace(state, arrays=narrow))
    with pytest.raises(ModelError, match="begin with `initial_carry"):
        model.score(recent, replace(carry, arrays={n: narrow[n] for n in carry.arrays}))


def test_a_young_row_is_said_the_same_of_in_pieces(detector):
    young = np.full(400, np.nan)
    young[-20:] = noise(20, seed=2)
    whole = panel_of(np.append(noise(400), noise(60, seed=3)), np.append(young, noise(60, seed=4)))
    model = detector.fit(whole.columns(0, 400))
    recent = whole.columns(400, 460)
    at_once, _ = scored(model, recent)
    assert_same(at_once, scored(model, recent, (10, 20, 30, 40, 50))[0])
    assert np.isnan(at_once.expected[1, :39]).all()
    assert np.isfinite(at_once.expected[1, 41:]).all()


def test_a_row_that_training_never_saw_begins_at_its_first_value(detector):
    unseen = np.full(400, np.nan)
    model = detector.fit(panel_of(noise(400), unseen))
    later = noise(200, level=100.0, seed=5)
    recent = panel_of(noise(200, seed=3), later, start=model.end_milliseconds)
    scores, _ = scored(model, recent)
    np.testing.assert_allclose(scores.expected[1, 70:], 100.0, atol=4.0)
