from datetime import timedelta

import numpy as np
import pytest

from forewarn_models.budget import Budget
from forewarn_models.detector import RarityDetector
from forewarn_models.fold import FoldPolicy, fold, start_fold
from forewarn_models.rules import cluster_gap
from forewarn_models.samples import Samples
from forewarn_training import judging
from forewarn_training.judging import RETURN_LEVELS_SECONDS, judge

BUDGET = Budget(1, timedelta(days=10))
POLICY = FoldPolicy(BUDGET)


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(3)
    phase = 2 * np.pi * np.arange(8 * 144) / 144
    values = np.stack([100 + 10 * np.sin(phase + row) for row in range(3)])
    values += rng.normal(size=values.shape)
    values[1, -300:-290] += 40.0
    values[2, -100:-50] = np.nan
    return values


@pytest.fixture
def history(panel_of, values):
    return panel_of(values)


@pytest.fixture
def model(history):
    return RarityDetector(group_by=("nothing",)).fit(history.columns(0, 6 * 144))


def verdicts_of(model, history):
    part = history.columns(6 * 144, history.n_times)
    row, column = np.nonzero(np.isfinite(part.values))
    times = part.times_milliseconds[column]
    samples = Samples(part.series, row, times, part.values[row, column])
    state = start_fold(model, POLICY)
    return fold(model, POLICY, samples, state, until_milliseconds=part.end_milliseconds)[0]


def test_counts_are_those_of_the_fold(model, history):
    quality = judge(model, POLICY, history, from_milliseconds=0)
    verdicts = verdicts_of(model, history)
    own = verdicts.row < 3
    inside = (verdicts.lower <= verdicts.value) & (verdicts.value <= verdicts.upper)
    for row in range(4):
        mine = verdicts.row == row
        assert quality.judged[row] == np.isfinite(verdicts.score[mine]).sum()
        assert quality.peak_score[row] == np.nanmax(verdicts.score[mine])
        assert quality.inside[row] == inside[mine & own].sum()
    assert quality.banded.tolist() == [288.0, 288.0, 238.0, 0.0]
    assert quality.error[0] == pytest.approx(
        np.abs(verdicts.value - verdicts.expected)[verdicts.row == 0][1:].sum()
    )


def test_a_planted_fault_is_an_alarm_and_the_rest_is_not(model, history):
    quality = judge(model, POLICY, history, from_milliseconds=0)
    assert quality.alarms[1] >= 1
    assert quality.alarms[[0, 2]].tolist() == [0, 0]
    assert quality.exceedances[1, -1] >= 1


def test_episodes_that_reach_a_level_are_clusters_more_than_the_gap_apart(model, history):
    quality = judge(model, POLICY, history, from_milliseconds=0)
    verdicts = verdicts_of(model, history)
    gap = cluster_gap(600.0)
    for row in range(4):
        mine = verdicts.row == row
        order = np.argsort(verdicts.timestamp_milliseconds[mine])
        times = verdicts.timestamp_milliseconds[mine][order] // 600_000
        period = verdicts.return_period_seconds[mine][order]
        for place, level in enumerate(RETURN_LEVELS_SECONDS):
            count, last = 0, -(10**12)
            for time, seconds in zip(times, period, strict=True):
                if seconds >= level:
                    count += time - last > gap
                    last = time
            assert quality.exceedances[row, place] == count


def test_judging_in_parts_gives_what_one_part_gives(model, history, monkeypatch):
    whole = judge(model, POLICY, history, from_milliseconds=0)
    monkeypatch.setattr(judging, "_CELLS_IN_A_PART", 4 * 37)
    parts = judge(model, POLICY, history, from_milliseconds=0)
    assert np.array_equal(whole.alarms, parts.alarms)
    assert np.array_equal(whole.exceedances, parts.exceedances)
    assert np.array_equal(whole.judged, parts.judged)
    np.testing.assert_allclose(whole.interval_score, parts.interval_score, rtol=1e-9)
    np.testing.assert_allclose(whole.naive_error, parts.naive_error, rtol=1e-9)
    for name, matrix in whole.pictures.items():
        np.testing.assert_allclose(parts.pictures[name], matrix, rtol=1e-5)


def test_only_what_comes_after_the_given_time_counts(model, history):
    start = history.end_milliseconds - 50 * 600_000
    quality = judge(model, POLICY, history, from_milliseconds=start)
    assert quality.judged[:2].tolist() == [50.0, 50.0]
    assert quality.pictures_start_milliseconds == start
    assert quality.pictures["value"].shape == (3, 50)


def test_figures_of_a_signal_are_ratios_to_what_was_promised(model, history):
    quality = judge(model, POLICY, history, from_milliseconds=0)
    metrics = quality.metrics(BUDGET)
    seconds = quality.judged.sum() * 600.0
    assert metrics["judged_series_days"] == seconds / 86_400
    assert metrics["alarm_budget_ratio"] == quality.alarms.sum() / (seconds / 864_000)
    assert metrics["exceedance_ratio_1d"] == quality.exceedances[:, 3].sum() / (seconds / 86_400)
    assert metrics["exceedance_ratio_3d"] == quality.exceedances[:, 4].sum() / (seconds / 259_200)
    assert 0.9 < metrics["band_coverage_ratio"] <= 1.0
    assert 0.5 < metrics["one_step_error_ratio"] < 1.0


def test_nothing_to_judge_is_not_zero_but_unknown(model, history):
    nothing = judge(model, POLICY, history, from_milliseconds=history.end_milliseconds)
    assert nothing.judged.sum() == 0
    assert np.isnan(nothing.peak_score).all()
    metrics = nothing.metrics(BUDGET)
    assert np.isnan(metrics["alarm_budget_ratio"])
    assert np.isnan(metrics["one_step_error_ratio"])
