"""forewarn_models.offline"""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from forewarn_models import offline
from forewarn_models.contract import FittedDetector
from forewarn_models.detector import RarityDetector
from forewarn_models.errors import DataError, NotEnoughHistory
from forewarn_models.fold import FoldPolicy
from forewarn_models.offline import Schedule, score_recording
from forewarn_models.panel import Panel
from forewarn_models.samples import Samples
from forewarn_models.verdicts import Verdicts

STEP = 60_000
SERIES = ((("series", "a"),), (("series", "b"),))
DETECTOR = RarityDetector()


@dataclass
class Recorder:
    """A detector that remembers what it was shown."""

    seen: list[Panel] = field(default_factory=list)
    earlier: list[FittedDetector | None] = field(default_factory=list)

    def fit(self, history: Panel, earlier: FittedDetector | None = None) -> FittedDetector:
        self.seen.append(history)
        self.earlier.append(earlier)
        return DETECTOR.fit(history, earlier)


def recording(n_times: int = 400, *, seed: int = 0, first: int = 0) -> Samples:
    values = np.random.default_rng(seed).normal(10, 1, (n_times, 2))
    return Samples(
        SERIES,
        np.tile(np.arange(2), n_times),
        np.repeat(first + STEP * np.arange(n_times), 2),
        values.reshape(-1),
    )


def schedule(*, train: int = 200, every: int = 1000, history: int = 10_000) -> Schedule:
    return Schedule(train * STEP, every * STEP, history * STEP)


def scored(samples: Samples, plan: Schedule) -> tuple[Verdicts, np.ndarray]:
    answer = score_recording(DETECTOR, FoldPolicy(), samples, plan)
    return answer.verdicts, answer.sample


def test_every_sample_after_training_has_one_verdict() -> None:
    samples = recording()
    verdicts, index = scored(samples, schedule())
    assert sorted(index.tolist()) == list(range(400, 800))
    np.testing.assert_array_equal(samples.value[index], verdicts.value)
    np.testing.assert_array_equal(
        samples.timestamp_milliseconds[index], verdicts.timestamp_milliseconds
    )


def test_later_samples_change_no_verdict() -> None:
    whole = recording()
    cut = whole.select(whole.timestamp_milliseconds < 317 * STEP)
    plan = schedule(every=50)
    (all_verdicts, all_index), (verdicts, index) = scored(whole, plan), scored(cut, plan)
    order, place = np.argsort(all_index), np.argsort(index)
    np.testing.assert_allclose(
        all_verdicts.score[order][: len(index)], verdicts.score[place], rtol=1e-9
    )


def test_models_are_fitted_again_on_what_has_passed() -> None:
    detector = Recorder()
    plan = schedule(every=75, history=250)
    score_recording(detector, FoldPolicy(), recording(), plan)
    ends = [panel.end_milliseconds for panel in detector.seen]
    assert np.diff(ends).tolist() == [75 * STEP] * 2
    assert [panel.n_times for panel in detector.seen] == [200, 250, 250]
    first, *following = detector.earlier
    assert first is None
    assert [model.initial_carry().next_milliseconds for model in following if model] == ends[:-1]


def test_an_empty_stretch_fits_nothing() -> None:
    detector = Recorder()
    samples = recording()
    times = samples.timestamp_milliseconds
    gapped = samples.select((times < 210 * STEP) | (times >= 390 * STEP))
    answer = score_recording(detector, FoldPolicy(), gapped, schedule(every=50))
    assert len(detector.seen) == 2
    assert len(answer.sample) == 40


def test_a_first_model_that_lacks_history_waits_for_the_next_fit() -> None:
    verdicts, index = scored(recording(), schedule(train=20, every=100))
    assert index.min() == 2 * 120
    assert np.isfinite(verdicts.score).any()


def test_too_little_history_for_any_model_says_so() -> None:
    with pytest.raises(NotEnoughHistory, match="at least 60 samples"):
        scored(recording(30), schedule(train=20))


def test_history_that_suffices_only_at_the_end_says_so_too() -> None:
    with pytest.raises(NotEnoughHistory):
        scored(recording(90), schedule(train=20))


def test_one_timestamp_makes_no_grid() -> None:
    with pytest.raises(NotEnoughHistory, match="at least 2 samples"):
        scored(recording(1), schedule())


def test_repeated_and_late_samples_are_scored_too() -> None:
    samples = recording()
    order = np.arange(len(samples))
    order[500], order[501] = 501, 500
    twice = samples.select(np.concatenate([order[:500], order[498:]]))
    verdicts, index = scored(twice, schedule())
    assert len(index) == len(verdicts) == 402


def test_a_recording_with_absurd_gaps_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "_MOST_SLOTS", 700)
    with pytest.raises(DataError, match="cut it at its long gaps"):
        scored(recording(), schedule())


def test_jitter_leaves_a_sample_in_its_slot_and_at_its_own_time() -> None:
    samples = recording()
    shaken = samples.timestamp_milliseconds.copy()
    shaken[501] -= STEP // 3
    shaken[600] += STEP // 3
    jittered = Samples(samples.series, samples.row, shaken, samples.value)
    answer = score_recording(DETECTOR, FoldPolicy(), jittered, schedule())
    order = np.argsort(answer.sample)
    np.testing.assert_array_equal(answer.verdicts.timestamp_milliseconds[order], shaken[400:])
    np.testing.assert_array_equal(
        answer.slot_milliseconds[order], samples.timestamp_milliseconds[400:]
    )


def test_an_episode_begins_at_its_own_time_after_a_gap_longer_than_a_refit() -> None:
    samples = recording(700)
    times = samples.timestamp_milliseconds
    gapped = samples.select((times < 210 * STEP) | (times >= 590 * STEP))
    value = gapped.value.copy()
    value[gapped.timestamp_milliseconds >= 650 * STEP] += 1000.0
    answer = score_recording(
        DETECTOR, FoldPolicy(), replace(gapped, value=value), schedule(every=50)
    )
    verdicts = answer.verdicts
    began = verdicts.episode_start_milliseconds[verdicts.severity > 0]
    assert set(began.tolist()) == {650 * STEP}
