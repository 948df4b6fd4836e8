"""The past folded again up to an instant, and what is explained from it."""

from dataclasses import replace

import numpy as np
import pytest

from forewarn_models.contract import FittedDetector
from forewarn_models.errors import DataError
from forewarn_models.explanation import Explanation, explain, rows_at
from forewarn_models.fold import FoldPolicy
from forewarn_models.labels import labels_of
from forewarn_models.replay import replay
from forewarn_models.samples import Samples
from forewarn_models.views import PEERS
from service_parts import fitted, healthy, history, samples_of

STEP = 1_000
END = 1_800_000_000_000
SLOTS = 60
SERIES = tuple(labels_of({"machine": name, "site": "x"}) for name in "abc")
AT = END + (SLOTS - 1) * STEP + 400


@pytest.fixture(scope="module")
def model() -> FittedDetector:
    return fitted(history(SERIES, end_milliseconds=END), group_by=("site",))


@pytest.fixture(scope="module")
def samples() -> Samples:
    values = healthy(np.random.default_rng(7), (SLOTS, len(SERIES)))
    values[20:22, 0] = 2.0
    values[-1, :2] = 2.5
    times = END + STEP * np.arange(SLOTS) + 400
    return samples_of(
        {
            labels: list(zip(times.tolist(), values[:, row].tolist(), strict=True))
            for row, labels in enumerate(SERIES)
        }
    )


def explained(
    model: FittedDetector, samples: Samples, *, slots: int = SLOTS, at: int = AT
) -> list[Explanation | None]:
    """All rows at an instant, from portions of so many slots."""
    portions = []
    for first in range(0, SLOTS, slots):
        start, end = END + first * STEP, END + min(first + slots, SLOTS) * STEP
        times = samples.timestamp_milliseconds
        portions.append((samples.select((times >= start) & (times < end)), end - 1))
    replayed = replay(model, FoldPolicy(), portions, at_milliseconds=at)
    return [explain(replayed, row) for row in range(len(model.output_series))]


@pytest.mark.parametrize("slots", [1, 2, 7, 29, 58, 59])
def test_an_explanation_does_not_depend_on_how_samples_are_portioned(model, samples, slots):
    assert repr(explained(model, samples, slots=slots)) == repr(explained(model, samples))


def test_a_sample_answers_until_a_step_has_passed(model, samples):
    late = samples.select(samples.timestamp_milliseconds < END + 59 * STEP)
    found = explained(model, late, at=END + 59 * STEP + 399)
    assert found[0] is not None
    assert found[0].timestamp_milliseconds == END + 58 * STEP + 400
    assert explained(model, late)[0] is None


def test_a_second_sample_of_a_slot_is_explained_from_the_state_before_the_slot(model, samples):
    twice = samples_of({SERIES[0]: [(AT + 100, 3.5)]})
    both = Samples(
        samples.series,
        np.append(samples.row, twice.row),
        np.append(samples.timestamp_milliseconds, twice.timestamp_milliseconds),
        np.append(samples.value, twice.value),
    )
    found = explained(model, both, at=AT + 100)[0]
    assert found is not None
    assert (found.value, found.views[found.view]) == (3.5, found.return_period_seconds)


@pytest.mark.compiled
def test_a_sample_is_explained_beside_the_peers_that_it_was_judged_beside():
    series = tuple(labels_of({"machine": name, "site": "x"}) for name in "abcdef")
    past = history(series, end_milliseconds=END)
    load = np.random.default_rng(3).normal(0, 5, past.n_times)  # hides what one of them does
    model = fitted(replace(past, values=past.values + load), siblings=("site",))
    twice = {labels: [(AT + row, 2.0), (AT + 20 + row, 4.0)] for row, labels in enumerate(series)}
    twice[series[0]] = [(AT + 1, 4.0), (AT + 21, 8.0)]
    until = END + SLOTS * STEP - 1
    for at in (AT + 19, AT + 40):  # the first samples of the slot, and the second
        replayed = replay(model, FoldPolicy(), [(samples_of(twice), until)], at_milliseconds=at)
        found = [explain(replayed, row) for row in range(len(series))]
        assert found[0].view == PEERS
        for each in found:
            rarest = max(*each.views, model.step_milliseconds / 1_000)
            assert rarest == pytest.approx(each.return_period_seconds, rel=1e-12)


def test_rows_come_rarest_first_and_without_a_sample_not_at_all(model, samples):
    times = samples.timestamp_milliseconds
    without = samples.select((samples.row != 2) | (times < END + 50 * STEP))
    replayed = replay(model, FoldPolicy(), [(without, END + SLOTS * STEP - 1)], at_milliseconds=AT)
    rows = rows_at(replayed, range(4))
    periods = [found.return_period_seconds for row in rows if (found := explain(replayed, row))]
    assert sorted(rows) == [0, 1, 3]
    assert periods == sorted(periods, reverse=True)


def test_what_a_model_has_learned_from_it_cannot_explain(model, samples):
    with pytest.raises(DataError, match="must lie after the model's history"):
        replay(model, FoldPolicy(), [(samples, AT)], at_milliseconds=END - 1)
