from dataclasses import replace
from datetime import timedelta

import numba
import numpy as np
import pytest

from forewarn_models import detector as detector_module
from forewarn_models.budget import score_of
from forewarn_models.detector import RarityDetector
from forewarn_models.errors import ConfigError
from forewarn_models.rules import cluster_gap
from strategies import START, noise, panel_of

# Without compilation loops are a hundred times slower: coarser steps and fewer rows then.
IS_COMPILED = not numba.config.DISABLE_JIT
GRAIN, ROWS = (300_000, 10) if IS_COMPILED else (1_800_000, 3)
DAY = 86_400_000 // GRAIN
BUDGET = 30 * 86_400.0
DETECTOR = RarityDetector()


def healthy(kind, rows, n, *, seed=0):
    """Simulated healthy series of one kind of noise on a daily shape of level and spread."""
    generator = np.random.default_rng(seed)
    drawn = {
        "gaussian": lambda: generator.normal(size=(rows, n)),
        "student": lambda: generator.standard_t(4, size=(rows, n)),
        "lognormal": lambda: np.exp(0.5 * generator.normal(size=(rows, n))),
        "counts": lambda: generator.poisson(4, size=(rows, n)).astype(float),
        "correlated": lambda: correlated(generator.normal(size=(rows, n))),
    }[kind]()
    phase = 2 * np.pi * np.arange(n) / DAY
    return 50 + 10 * np.sin(phase) + drawn * (1 + 0.5 * np.sin(phase + 1))


def correlated(noises):
    out = noises.copy()
    for t in range(1, out.shape[1]):
        out[:, t] += 0.7 * out[:, t - 1]
    return out


def split(values, n, step=GRAIN):
    panel = panel_of(*values, step=step, start=START)
    return panel.columns(0, n), panel.columns(n, panel.n_times)


def scored(detector, values, n):
    history, recent = split(values, n)
    model = detector.fit(history)
    return model.score(recent, model.initial_carry())[0]


@pytest.fixture(scope="module")
def fresh():
    """What two weeks of history of some series of each noise make of the next two."""
    kinds = ("gaussian", "student", "lognormal", "counts", "correlated")
    values = {kind: healthy(kind, ROWS, 28 * DAY, seed=7) for kind in kinds}
    return {
        kind: (rows[:, 14 * DAY :], scored(DETECTOR, rows, 14 * DAY))
        for kind, rows in values.items()
    }


@pytest.mark.compiled
@pytest.mark.parametrize("days", [3.0, 7.0])
def test_healthy_series_reach_a_return_level_as_often_as_it_says(fresh, days):
    gap = cluster_gap(GRAIN / 1000)
    clusters = expected = 0
    for _, scores in fresh.values():
        for row in scores.return_period_seconds:
            above = np.flatnonzero(row > days * 86_400)
            clusters += len(above) and 1 + int((np.diff(above) > gap).sum())
            expected += 14 / days
    assert 0.3 < clusters / expected < 1.5


@pytest.mark.compiled
def test_the_band_holds_99_percent_of_healthy_values(fresh):
    for values, scores in fresh.values():
        inside = np.mean((values >= scores.lower) & (values <= scores.upper))
        assert inside == pytest.approx(0.99, abs=0.009)


@pytest.fixture(scope="module")
def faults():
    """Series with faults at slot 100 of the day after two weeks, and one without."""
    values = healthy("gaussian", 7, 14 * DAY + 288, seed=12)
    at = 14 * DAY + 100
    values[0, at] += 20  # a spike
    values[1, at] -= 20
    values[2, at:] += 12  # a lasting shift
    values[3, at : at + 60] += 4 * np.tile([1.0, -1.0], 30)  # restless
    values[4, at : at + 100] = values[4, at]  # frozen
    values[5, at : at + 60] += np.linspace(0, 15, 60)  # a ramp
    scores = scored(DETECTOR, values, 14 * DAY)
    return score_of(scores.return_period_seconds, BUDGET), scores.direction


def test_planted_faults_reach_the_budget(faults):
    scores, _ = faults
    assert (scores[[0, 1], 100] >= 1).all()
    assert (scores[[2, 3, 5], 100:160].max(axis=1) >= 1).all()
    assert scores[[0, 1, 2, 3, 4, 5], :100].max() < 1
    assert scores[6].max() < 1


def test_a_spike_has_no_echo(faults):
    scores, _ = faults
    # The way back is a change too, and half an hour's step makes the hours after it restless.
    first = 102 if IS_COMPILED else 101 + cluster_gap(GRAIN / 1000)
    assert scores[[0, 1], first:].max() < 1


def test_the_direction_says_which_way(faults):
    _, direction = faults
    assert direction[[0, 1, 2], 100].tolist() == [1, -1, 1]


@pytest.mark.parametrize(("direction", "row"), [("up", 1), ("down", 0)])
def test_the_other_side_never_alarms(direction, row):
    values = healthy("gaussian", 3, 14 * DAY + 288, seed=12)
    values[0, -50:-20] += 40
    values[1, -50:-20] -= 40
    scores = scored(replace(DETECTOR, direction=direction), values, 14 * DAY)
    reached = (score_of(scores.return_period_seconds, BUDGET) >= 1)[:, -50:-20].any(axis=1)
    assert reached[row] == np.False_
    assert reached[1 - row] == np.True_


def test_seasons_may_be_given():
    values = healthy("gaussian", 2, 8 * DAY)
    history, _ = split(values, 8 * DAY)
    model = replace(DETECTOR, seasons=(timedelta(days=1),)).fit(history)
    assert [s.period_milliseconds for s in model.seasons] == [0, 86_400_000]
    assert model.known.kind.tolist() == [1, 1]


def test_a_band_is_negative_only_where_the_history_was():
    values = np.vstack([noise(500, level=0.5) ** 2, noise(500, level=0.0)])
    scores = scored(DETECTOR, values, 400)
    assert scores.lower[0].min() >= 0
    assert scores.lower[1].max() < 0


def test_scoring_in_chunks_changes_nothing(monkeypatch):
    values = healthy("gaussian", 2, 500)
    whole = scored(replace(DETECTOR, group_by=("half",)), values, 400)
    monkeypatch.setattr(detector_module, "_CELLS", 7)
    chunked = scored(replace(DETECTOR, group_by=("half",)), values, 400)
    np.testing.assert_array_equal(whole.return_period_seconds, chunked.return_period_seconds)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "left"}, "direction must be one of"),
        ({"min_history": 59}, "min_history must be at least 60 samples, got 59"),
    ],
)
def test_hyperparameters_out_of_range_are_refused_at_once(options, message):
    with pytest.raises(ConfigError, match=message):
        RarityDetector(**options)


@pytest.mark.parametrize(("size", "is_rare"), [(25.0, False), (60.0, True)])
def test_a_burst_that_comes_every_night_is_no_rarer_than_a_day(size, is_rare):
    days = 10
    values = noise((days + 1) * DAY, level=50.0)
    night = DAY // 12
    values[night::DAY] += 25.0
    values[days * DAY + night] = 50.0 + size
    scores = scored(DETECTOR, values[None], days * DAY)
    score = score_of(scores.return_period_seconds[0, night], BUDGET)
    assert (score >= 1) == is_rare
