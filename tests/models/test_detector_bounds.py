"""What is expected stays inside the bounds, and they change nothing else."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.bounds import UNKNOWN, Bounds
from forewarn_models.catalogue import detector_from_state
from forewarn_models.detector import RarityDetector
from strategies import noise, panel_of

N = 400
SAID = ("expected", "lower", "upper")
OTHERS = ("return_period_seconds", "direction", "view")


@pytest.fixture(scope="module")
def whole():
    """A share near its top that once leaves it, and one that touches zero."""
    high = np.minimum(0.97 + 0.02 * noise(N + 100, seed=1, level=0.0), 1.0)
    high[-20] = 1.3
    low = np.maximum(0.03 * noise(N + 100, seed=2, level=0.0), 0.0)
    return panel_of(high, low)


@pytest.fixture(scope="module")
def scores_of(whole):
    """Return a function that gives the scores of a model with bounds."""

    def scored(bounds, *, stored=False):
        model = RarityDetector(bounds=bounds).fit(whole.columns(0, N))
        if stored:
            model = detector_from_state(from_bytes(to_bytes(model.state())))
        return model.score(whole.columns(N, N + 100), model.initial_carry())[0]

    return scored


def test_the_band_is_cut_at_the_bounds_and_no_score_changes(scores_of):
    free, kept = scores_of(Bounds(-inf)), scores_of(Bounds(0.0, 1.0))
    for name in SAID:
        np.testing.assert_array_equal(getattr(kept, name), np.clip(getattr(free, name), 0.0, 1.0))
    assert np.nanmax(free.upper[0]) > 1.0 == np.nanmax(kept.upper[0])
    assert np.nanmin(free.lower[1]) < 0.0 == np.nanmin(kept.lower[1])
    for name in OTHERS:
        np.testing.assert_array_equal(getattr(kept, name), getattr(free, name))


def test_where_nothing_is_known_a_series_that_was_never_negative_stays_so(scores_of):
    free, kept = scores_of(Bounds(-inf)), scores_of(UNKNOWN)
    for name in SAID:
        np.testing.assert_array_equal(getattr(kept, name), np.maximum(getattr(free, name), 0.0))


def test_bounds_survive_the_way_through_bytes(scores_of):
    fresh, stored = (scores_of(Bounds(0.01, 0.98), stored=stored) for stored in (False, True))
    for name in (*SAID, *OTHERS):
        np.testing.assert_array_equal(getattr(fresh, name), getattr(stored, name))
    assert np.nanmax(stored.upper) == 0.98


def test_a_model_that_was_stored_before_there_were_bounds_knows_none(whole):
    state = RarityDetector(bounds=Bounds(0.5, 0.6)).fit(whole.columns(0, N)).state()
    manifest = {key: value for key, value in state.manifest.items() if key != "bounds"}
    assert detector_from_state(replace(state, manifest=manifest)).bounds == UNKNOWN
    assert detector_from_state(state).bounds == Bounds(0.5, 0.6)
