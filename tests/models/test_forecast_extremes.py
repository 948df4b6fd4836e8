"""forewarn_models.forecasters.extremes"""

from datetime import timedelta

import numpy as np
import pytest

from forewarn_models.forecasters.extremes import (
    LEVELS,
    Cells,
    cells_of,
    marks_of,
    past_of,
)
from forewarn_models.forecasters.hybrid import Hybrid
from forewarn_models.panel import Panel

HOUR = 3_600_000
DAY = 24 * HOUR
HALF = LEVELS.tolist().index(0.5)


def fitted(*rows: object, step: int = HOUR):
    values = np.array(rows, np.float64)
    series = tuple((("row", str(row)),) for row in range(len(values)))
    return Hybrid(timedelta(hours=24)).fit(Panel(values, series, 0, step))


def noise(n_times: int, *, size: float = 1.0, seed: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, size, n_times)


@pytest.mark.parametrize(
    ("n_steps", "step", "cells"),
    [
        (90 * 24, HOUR, Cells(12, 180, 2)),
        (45 * 24, HOUR, Cells(6, 180, 4)),
        (7 * 24, HOUR, Cells(1, 168, 24)),
        (5, HOUR, Cells(1, 5, 24)),
        (365 * 24, HOUR, Cells(48, 183, 1)),
        (7 * 1440, 60_000, Cells(60, 168, 24)),
        (400, 7 * DAY, Cells(2, 200, 1)),
        (1_000, 7_000_000, Cells(5, 200, 2)),
    ],
)
def test_cells_are_whole_parts_of_a_day_and_at_most_200(
    n_steps: int, step: int, cells: Cells
) -> None:
    assert cells_of(n_steps, step) == cells


def test_marks_reach_from_what_is_skipped_to_the_horizon() -> None:
    marks = marks_of(Cells(6, 180, 4), 10)
    assert (marks[0], marks[-1], len(marks)) == (10, 180, 48)
    assert marks_of(Cells(1, 5, 24), 0).tolist() == [0, 1, 2, 3, 4, 5]
    assert marks_of(Cells(1, 5, 24), 9).tolist() == [5]


def test_cells_hold_their_last_and_their_largest_value_and_gaps_what_was_before() -> None:
    row = [np.nan] * 3 + [9.0, 1.0, 5.0, np.nan, 2.0] + [np.nan] * 4 + [3.0, np.nan]
    past = past_of(np.array([row]), np.array([np.nan]), Cells(2, 10, 12))
    assert past.first.tolist() == [1]
    assert past.level[0, 1:].tolist() == [9.0, 5.0, 2.0, 2.0, 2.0, 3.0]
    assert past.highest[0, 1:].tolist() == [9.0, 5.0, 2.0, 2.0, 2.0, 3.0]
    assert past.period.tolist() == [1]


def test_a_week_is_the_season_where_its_days_differ() -> None:
    hours = np.arange(24 * 42)
    weekly = 10.0 * (hours // 24 % 7 < 5) + noise(len(hours), size=0.1)
    daily = 10.0 * np.sin(2 * np.pi * hours / 24) + noise(len(hours))
    past = past_of(np.stack([weekly, daily]), np.array([24.0, 24.0]), Cells(6, 40, 4))
    assert past.period.tolist() == [28, 4]


def test_growth_reaches_what_a_line_reaches_on_both_sides() -> None:
    line = 0.1 * np.arange(1000) + noise(1000)
    above = fitted(line).extremes(200, "above").reached[0, -1, HALF]
    below = fitted(-line).extremes(200, "below").reached[0, -1, HALF]
    assert abs(above - 120) < 4
    assert abs(below + 120) < 4


def test_a_sawtooth_is_not_thought_to_grow_nor_to_fall() -> None:
    saw = np.arange(1000) % 100 + noise(1000)
    for side, edge in (("above", 100), ("below", 0)):
        reached = fitted(saw).extremes(300, side).reached[0, -1]
        assert np.abs(reached[[0, HALF, -1]] - edge).max() < 8


@pytest.mark.parametrize("side", ["above", "below"])
def test_extremes_grow_with_time_and_with_the_level(side: str) -> None:
    reached = fitted(noise(600).cumsum(), noise(600)).extremes(150, side).reached
    ahead = np.diff(reached, axis=1) if side == "above" else -np.diff(reached, axis=1)
    assert (ahead >= 0).all()
    assert (np.diff(reached, axis=2) >= 0).all()


def test_instants_go_from_the_end_of_the_history_to_the_horizon() -> None:
    model = fitted(noise(600))
    extremes = model.extremes(150, "above")
    newest = 599 * HOUR
    assert extremes.times_milliseconds[[0, -1]].tolist() == [newest, newest + 150 * HOUR]
    later = model.extremes(150, "above", since_milliseconds=newest + 50 * HOUR)
    assert later.times_milliseconds[[0, -1]].tolist() == [newest + 50 * HOUR, newest + 150 * HOUR]


def test_what_came_before_an_instant_does_not_count() -> None:
    model = fitted(-0.1 * np.arange(1000) + noise(1000))
    later = model.extremes(200, "above", since_milliseconds=(999 + 150) * HOUR)
    assert later.reached[0, -1, HALF] < -105 < model.extremes(200, "above").reached[0, 0, HALF]


def test_a_young_series_stays_at_one_quantile_of_its_forecast() -> None:
    young = np.full(600, np.nan)
    young[-3:] = [1.0, 2.0, 4.0]
    model = fitted(young, noise(600))
    extremes, forecast = model.extremes(20, "above"), model.predict(20, [80])
    place = np.searchsorted(LEVELS, 0.1 - 1e-9)
    assert extremes.reached[0, 0, place] == pytest.approx(forecast.quantiles[0, 0, 0])
    largest = forecast.quantiles[0, :, 0].max()
    assert extremes.reached[0, -1, place] == pytest.approx(largest)


def test_where_all_are_young_all_stay_at_a_quantile() -> None:
    extremes = fitted([1.0, 2.0, 4.0], [3.0, 1.0, 2.0]).extremes(20, "below")
    assert np.isfinite(extremes.reached).all()
    assert (np.diff(extremes.reached, axis=1) <= 0).all()


def test_gaps_of_whole_cells_change_little() -> None:
    line = 0.1 * np.arange(1000) + noise(1000)
    holed = line.copy()
    holed[300:420] = np.nan
    whole, parted = (
        fitted(row).extremes(200, "above").reached[0, -1, HALF] for row in (line, holed)
    )
    assert abs(whole - parted) < 4
