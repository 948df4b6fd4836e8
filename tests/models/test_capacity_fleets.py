"""Times to a limit on simulated fleets whose future is known: benchmarks/capacity.py in small."""

from datetime import timedelta

import numpy as np
import pytest

from forewarn_data.fleets import KINDS, Span, fleet
from forewarn_models.capacity import breach_probability, time_to_limit_seconds
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_models.panel import Panel

pytestmark = pytest.mark.compiled

HOUR = 3_600_000
SPAN = Span(n_history=24 * 90, n_ahead=24 * 30, n_futures=1)
WALKS = ("random walk", "drifting walk")
KINDS_OF_GROWTH = [kind for kind in KINDS if kind not in {"steps", "saturating", *WALKS}]
N_SERIES = 16


@pytest.fixture(scope="module")
def said() -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return for each kind the true hours to the limit, quantiles of them, the chance of any."""
    found = {}
    for kind in KINDS:
        made = fleet(kind, N_SERIES, SPAN, seed=11)
        values = np.stack([each.history for each in made])
        limits = np.array([each.limit for each in made])
        series = tuple((("row", str(row)),) for row in range(len(made)))
        panel = Panel(values, series, 0, HOUR)
        now = panel.end_milliseconds - HOUR
        extremes = SeasonalNaive(timedelta(days=1)).fit(panel).extremes(SPAN.n_ahead, "above")
        levels = (0.1, 0.5, 0.9)
        hours = time_to_limit_seconds(extremes, limits, levels, now_milliseconds=now) / 3600
        end = now + SPAN.n_ahead * HOUR
        is_beyond = np.stack([each.futures[0] for each in made]) >= limits[:, None]
        truth = np.where(is_beyond.any(axis=1), is_beyond.argmax(axis=1) + 1.0, np.inf)
        found[kind] = truth, hours, breach_probability(extremes, limits, until_milliseconds=end)
    return found


@pytest.mark.parametrize("kind", KINDS_OF_GROWTH)
def test_the_median_time_is_near_the_truth(said, kind: str) -> None:
    truth, hours, _ = said[kind]
    reached = np.isfinite(truth)
    off = np.abs(hours[reached, 1] - truth[reached]) / truth[reached]
    assert np.median(off) < 0.4


def test_what_is_not_reached_is_not_said_to_be(said) -> None:
    kinds = [each for kind, each in said.items() if kind not in WALKS]
    never = np.concatenate([hours[np.isinf(truth), 1] for truth, hours, _ in kinds])
    assert np.isposinf(never).mean() > 0.85


def test_quantiles_hold_the_truth_as_often_as_they_say(said) -> None:
    truth = np.concatenate([each[0] for each in said.values()])
    hours = np.concatenate([each[1] for each in said.values()])
    assert 0.75 < ((hours[:, 0] <= truth) & (truth <= hours[:, 2])).mean() < 0.99
    assert (truth < hours[:, 0]).mean() < 0.2


def test_probabilities_are_better_than_the_share_that_reaches_its_limit(said) -> None:
    came = np.concatenate([np.isfinite(each[0]) for each in said.values()])
    chance = np.concatenate([each[2] for each in said.values()])
    assert ((chance - came) ** 2).mean() < 0.5 * came.mean() * (1 - came.mean())
