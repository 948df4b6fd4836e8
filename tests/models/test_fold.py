from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.budget import parse_budget
from forewarn_models.contract import Carry, State
from forewarn_models.detector import RarityDetector
from forewarn_models.errors import DataError, UnknownFormat
from forewarn_models.fold import (
    FoldPolicy,
    fits,
    fold,
    fold_state_from_bytes,
    fold_state_to_bytes,
    start_fold,
    unknown_series,
)
from forewarn_models.samples import NO_SAMPLES, Samples
from strategies import STEP, noise, panel_of

POLICY = FoldPolicy(parse_budget("1/1d"))
LIVE = 30
COLUMNS = [
    name for name in Samples.__annotations__ if name != "series"
]  # the arrays that both kinds share


@pytest.fixture(scope="module")
def model():
    history = panel_of(noise(300, seed=1), noise(300, seed=2))
    return RarityDetector(group_by=("half",)).fit(history)


def samples_of(model, *, seed=3, skip=()):
    """One sample in each slot of each series, a little after the slot begins."""
    generator = np.random.default_rng(seed)
    row, column = np.divmod(np.arange(2 * LIVE), LIVE)
    times = model.end_milliseconds + column * STEP + generator.integers(0, STEP, 2 * LIVE)
    value = noise(2 * LIVE, seed=seed)
    value[LIVE + 20 :] += 40
    kept = ~np.isin(column, skip)
    return Samples(model.series, row[kept], times[kept], value[kept])


def until(model, slots=LIVE):
    return model.end_milliseconds + slots * STEP


def folded(model, samples, state=None, *, slots=LIVE):
    return fold(
        model,
        POLICY,
        samples,
        state or start_fold(model, POLICY),
        until_milliseconds=until(model, slots),
    )


def entries(verdicts):
    """Every verdict as a tuple, in an order that does not depend on the calls."""
    names = [name for name in type(verdicts).__annotations__ if name != "series"]
    rows = zip(*(getattr(verdicts, name).tolist() for name in names), strict=True)
    return sorted(map(repr, rows))


def test_each_sample_has_a_verdict_in_its_place_and_each_group_and_slot_one(model):
    samples = samples_of(model, skip=(4,))
    verdicts, state = folded(model, samples)
    n = len(samples)
    np.testing.assert_array_equal(samples.row, verdicts.row[:n])
    np.testing.assert_array_equal(
        samples.timestamp_milliseconds, verdicts.timestamp_milliseconds[:n]
    )
    np.testing.assert_array_equal(samples.value, verdicts.value[:n])
    assert len(verdicts) == n + 2 * (LIVE - 1)
    assert set(verdicts.row[n:].tolist()) == {2, 3}
    assert np.isnan(verdicts.value[n:]).all()
    assert np.isfinite(verdicts.score).all()
    assert state.carry.next_milliseconds == state.episodes.next_milliseconds == until(model)


def test_anomalies_become_episodes_of_their_direction(model):
    verdicts, _ = folded(model, samples_of(model))
    shifted = (verdicts.row == 1) & (verdicts.timestamp_milliseconds >= until(model, 21))
    assert (verdicts.score[shifted][0] >= 1) & (verdicts.direction[shifted][0] == 1)
    assert (verdicts.severity[shifted] > 0).all()
    assert (verdicts.episode_direction[shifted] == 1).all()
    assert set(verdicts.episode_start_milliseconds[shifted].tolist()) == {until(model, 20)}
    assert (verdicts.severity[(verdicts.row == 0)] == 0).all()


@settings(max_examples=20, deadline=None)
@given(cuts=st.sets(st.integers(1, LIVE - 1), max_size=5))
def test_the_fold_is_the_same_in_pieces(model, cuts):
    samples = samples_of(model)
    whole, end = folded(model, samples)
    state, pieces, begin = start_fold(model, POLICY), [], model.end_milliseconds
    for slots in (*sorted(cuts), LIVE):
        times = samples.timestamp_milliseconds
        now = until(model, slots)
        part, state = folded(
            model, samples.select((times >= begin) & (times < now)), state, slots=slots
        )
        state = fold_state_from_bytes(fold_state_to_bytes(state))
        pieces += entries(part)
        begin = now
    assert entries(whole) == sorted(pieces)
    assert fold_state_to_bytes(end) == fold_state_to_bytes(state)


def test_repeats_are_scored_from_the_carry_before_their_slot_and_not_folded(model):
    samples = samples_of(model)
    at = until(model, 10) + STEP - 1
    extra = Samples(
        model.series,
        np.array([0, 0, 1, 0]),
        np.array([at, at, at, until(model, 12) + STEP - 1]),
        np.array([99.0, 10.0, np.nan, 99.0]),
    )
    both = Samples(
        model.series,
        *(np.concatenate([getattr(extra, n), getattr(samples, n)]) for n in COLUMNS),
    )
    plain, end = folded(model, samples)
    verdicts, same_end = folded(model, both)
    assert fold_state_to_bytes(end) == fold_state_to_bytes(same_end)
    np.testing.assert_array_equal(plain.score, verdicts.score[4:])
    assert (verdicts.score[[0, 3]] >= 1).all()
    assert verdicts.score[1] < 1
    assert np.isnan(verdicts.score[2])
    slot = plain.timestamp_milliseconds // STEP == at // STEP
    expected = plain.expected[slot & (plain.row == 0)][0]
    assert verdicts.expected[:2].tolist() == [expected, expected]


def test_a_repeat_in_the_first_slot_and_in_a_row_of_slots(model):
    start = model.end_milliseconds
    samples = Samples(
        model.series,
        np.zeros(4, np.int64),
        start + np.array([0, 1, STEP, STEP + 1]),
        np.array([10.0, 99.0, 10.0, 99.0]),
    )
    verdicts, _ = folded(model, samples, slots=2)
    assert (verdicts.score[:4] >= 1).tolist() == [False, True, False, True]


def test_series_that_the_model_does_not_know_are_named_and_passed_over(model):
    stranger = (("half", "0"), ("row", "9"))
    known = samples_of(model)
    samples = Samples(
        (stranger, *known.series),
        np.append(known.row + 1, 0),
        np.append(known.timestamp_milliseconds, model.end_milliseconds),
        np.append(known.value, 1.0),
    )
    assert unknown_series(model, samples) == (stranger,)
    assert unknown_series(model, known) == ()
    assert entries(folded(model, samples)[0]) == entries(folded(model, known)[0])


def test_no_samples_move_the_fold_on(model):
    verdicts, state = folded(model, NO_SAMPLES)
    assert len(verdicts) == 0
    assert state.carry.next_milliseconds == until(model)


def test_the_end_is_rounded_down_to_the_grid_and_never_goes_back(model):
    start = start_fold(model, POLICY)
    for until_milliseconds, slots in ((until(model, 3) + 1, 3), (until(model, -5), 0)):
        _, state = fold(model, POLICY, NO_SAMPLES, start, until_milliseconds=until_milliseconds)
        assert state.carry.next_milliseconds == until(model, slots)


def test_samples_outside_the_span_are_refused(model):
    with pytest.raises(DataError, match="must lie in the grid of 5 slots"):
        folded(model, samples_of(model), slots=5)


def test_a_state_that_was_stored_before_episodes_had_views_goes_on(model):
    samples = samples_of(model)
    stored = from_bytes(fold_state_to_bytes(start_fold(model, POLICY)))
    older = {
        n: a for n, a in stored.arrays.items() if n not in ("episodes/view", "episodes/rarest")
    }
    state = fold_state_from_bytes(to_bytes(replace(stored, arrays=older)))
    assert len(older) == len(stored.arrays) - 2
    assert entries(folded(model, samples, state)[0]) == entries(folded(model, samples)[0])


def test_bytes_of_something_else_are_no_state():
    with pytest.raises(UnknownFormat, match="a fold's state of format 1 is needed, got 'x' 1"):
        fold_state_from_bytes(to_bytes(State("x", 1)))


def test_bytes_that_lack_a_part_are_no_state(model):
    stored = from_bytes(fold_state_to_bytes(start_fold(model, POLICY)))
    arrays = {name: array for name, array in stored.arrays.items() if name != "episodes/active"}
    for broken in (replace(stored, manifest={}), replace(stored, arrays=arrays)):
        with pytest.raises(UnknownFormat, match="a fold's state must be whole"):
            fold_state_from_bytes(to_bytes(broken))


def test_a_state_fits_the_model_that_it_is_of_and_no_other_layout(model):
    _, state = folded(model, samples_of(model))
    assert fits(model, fold_state_from_bytes(fold_state_to_bytes(state)))
    for part in ("carry", "episodes"):
        held = getattr(state, part)
        for name, array in held.arrays.items():
            longer = np.zeros((len(array) + 1, *array.shape[1:]))
            wider = np.zeros((*array.shape[:-1], array.shape[-1] + 1))
            others = [longer, array[..., None], wider]
            changed = [{**held.arrays, name: other} for other in others]
            changed.append({key: each for key, each in held.arrays.items() if key != name})
            changed.append({**held.arrays, "more": array})
            for arrays in changed:
                other = replace(state, **{part: Carry(arrays, held.next_milliseconds)})
                assert not fits(model, other)
