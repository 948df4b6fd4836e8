"""forewarn_models.demand"""

from math import inf, nan

import numpy as np
import pytest

from forewarn_models.contract import Extremes
from forewarn_models.demand import (
    DemandCurve,
    demand_at_limit,
    demand_curve,
    load_factor,
    under_load,
)
from forewarn_models.errors import ConfigError

HOURS = np.arange(24 * 14)
DEMAND = 100 + 50 * np.sin(2 * np.pi * HOURS / 24)


def noise(size: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0, size, len(HOURS))


def test_a_line_from_demand_to_resource_is_found() -> None:
    curve = demand_curve((0.2 + 0.004 * DEMAND + noise(0.01))[None], DEMAND[None])
    np.testing.assert_allclose(curve.base, 0.2, atol=0.01)
    np.testing.assert_allclose(curve.per_demand, 0.004, rtol=0.03)
    assert curve.explained_ratio[0] > 0.9


def test_outages_and_gaps_do_not_move_it() -> None:
    resource = 0.2 + 0.004 * DEMAND
    resource[::25] = 5.0
    resource[100:140] = nan
    curve = demand_curve(resource[None], DEMAND[None])
    np.testing.assert_allclose((curve.base[0], curve.per_demand[0]), (0.2, 0.004), rtol=0.02)


def test_what_demand_does_not_move_is_not_explained_by_it() -> None:
    curve = demand_curve(noise(1.0)[None], DEMAND[None])
    assert curve.explained_ratio[0] < 0.1


@pytest.mark.parametrize(
    ("resource", "demand"),
    [(DEMAND[:39], DEMAND[:39]), (DEMAND, np.full(len(HOURS), 3.0)), (DEMAND * nan, DEMAND)],
    ids=["too short", "steady demand", "no resource"],
)
def test_too_little_gives_no_line(resource: np.ndarray, demand: np.ndarray) -> None:
    curve = demand_curve(resource[None], demand[None])
    assert all(
        np.isnan(part).all() for part in (curve.base, curve.per_demand, curve.explained_ratio)
    )


def test_a_steady_resource_costs_nothing_per_demand() -> None:
    curve = demand_curve(np.full((1, len(HOURS)), 7.0), DEMAND[None])
    assert (curve.base[0], curve.per_demand[0], curve.explained_ratio[0]) == (7.0, 0.0, 0.0)


def test_the_demand_at_the_limit_is_where_the_line_meets_it() -> None:
    base, per_demand = np.array([0.2, 0.2, 0.2, nan]), np.array([0.004, -0.1, 0.0, 1.0])
    curve = DemandCurve(base, per_demand, np.ones(4))
    found = demand_at_limit(curve, np.array([1.0, 1.0, 1.0, 1.0]))
    np.testing.assert_allclose(found, [200.0, inf, inf, nan])


def test_load_grows_with_demand_and_is_shared_by_nodes() -> None:
    assert load_factor(1.5) == 1.5
    assert load_factor(1.0, n_nodes=2, n_added=2) == 0.5
    assert load_factor(1.0, n_nodes=2, n_added=-1) == 2.0


@pytest.mark.parametrize("growth", [-0.1, inf, nan])
def test_growth_must_be_a_factor(growth: float) -> None:
    with pytest.raises(ConfigError, match="growth must be a factor"):
        load_factor(growth)


@pytest.mark.parametrize(("n_nodes", "n_added"), [(0, 3), (2, -2)])
def test_a_node_must_be_left(n_nodes: int, n_added: int) -> None:
    with pytest.raises(ConfigError, match="at least 1 before and after"):
        load_factor(1.0, n_nodes=n_nodes, n_added=n_added)


def extremes(value: float) -> Extremes:
    return Extremes(((),), "above", np.array([0]), np.array([0.5]), np.full((1, 1, 1), value))


def test_only_what_demand_moves_grows_under_load() -> None:
    assert under_load(extremes(0.6), np.array([0.2]), 1.5).reached.item() == pytest.approx(0.8)


def test_what_is_left_of_a_size_shrinks_under_load() -> None:
    free, size = 40.0, 100.0
    assert under_load(extremes(free), np.array([size]), 1.5).reached.item() == pytest.approx(10.0)


def test_a_factor_of_load_must_be_one() -> None:
    with pytest.raises(ConfigError, match="at least 0, got -1"):
        under_load(extremes(1.0), np.array([0.0]), -1.0)
