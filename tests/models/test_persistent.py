"""forewarn_models.persistent"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.persistent import fitted
from oracles_walk import patient

N_TIMES = 60
SHAPES = np.stack([np.zeros(N_TIMES), np.linspace(-1, 1, N_TIMES), np.linspace(0, 2, N_TIMES) ** 3])


def errors(persistence: float, *, n_series: int = 1, seed: int = 0) -> np.ndarray:
    news = np.random.default_rng(seed).normal(size=(n_series, N_TIMES))
    news[:, 1:] *= np.sqrt(1 - persistence**2) if persistence < 1 else 1.0
    for time in range(1, N_TIMES):
        news[:, time] += persistence * news[:, time - 1]
    return news


def restricted(values: np.ndarray, columns: np.ndarray, persistence: float) -> tuple:
    """Return the logarithm of the restricted likelihood, and the weights of the columns."""
    apart = np.abs(np.subtract.outer(np.arange(len(values)), np.arange(len(values))))
    covariance = persistence**apart / (1 - persistence**2)
    inverse = np.linalg.inv(covariance)
    square = columns.T @ inverse @ columns
    beta = np.linalg.solve(square, columns.T @ inverse @ values)
    left = values - columns @ beta
    power = left @ inverse @ left
    free = len(values) - columns.shape[1]
    determinants = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(square)[1]
    return -0.5 * (free * np.log(power) + determinants), beta, power / free * np.linalg.inv(square)


@patient
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.4, 0.9]), st.sampled_from([0.0, 0.7]))
def test_a_fit_is_that_of_generalised_least_squares(seed, true, persistence) -> None:
    values = errors(true, seed=seed) + 3 * SHAPES[1]
    fit = fitted(values, SHAPES, np.ones_like(values), persistence=persistence)
    level = np.ones((N_TIMES, 1))
    likelihood, _, _ = restricted(values[0], level, persistence)
    assert fit.likelihood[0, 0] == pytest.approx(likelihood)
    assert (fit.slope[0, 0], fit.variance[0, 0]) == (0.0, 0.0)
    for shape in (1, 2):
        columns = np.column_stack([level, SHAPES[shape]])
        _, beta, covariance = restricted(values[0], columns, persistence)
        assert fit.slope[0, shape] == pytest.approx(beta[1])
        assert fit.variance[0, shape] == pytest.approx(covariance[1, 1])


def test_errors_that_all_but_last_for_ever_go_over_into_changes() -> None:
    values = errors(1.0) + 3 * SHAPES[1]
    nearly, walk = (
        fitted(values, SHAPES, np.ones_like(values), persistence=each) for each in (1 - 1e-7, 1.0)
    )
    for one, other in zip(nearly, walk, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3)


@pytest.mark.parametrize("true", [0.0, 0.6, 1.0])
def test_the_likelihood_finds_how_much_persists(true: float) -> None:
    values = errors(true, n_series=300)
    tried = (0.0, 0.6, 1.0)
    weight = np.ones_like(values)
    by = [
        fitted(values, SHAPES, weight, persistence=each).likelihood[:, 0].mean() for each in tried
    ]
    assert tried[int(np.argmax(by))] == true


def test_a_shape_that_is_not_there_is_less_likely_than_none() -> None:
    values = errors(0.0, n_series=300)
    fit = fitted(values, SHAPES, np.ones_like(values), persistence=0.0)
    assert (fit.likelihood[:, 1] < fit.likelihood[:, 0]).mean() > 0.9


def test_what_weighs_nothing_does_not_count() -> None:
    values, weight = errors(0.6), np.ones((1, N_TIMES))
    values[:, :20], weight[:, :20] = 0.0, 0.0
    whole = fitted(values, SHAPES, weight, persistence=0.6)
    part = fitted(values[:, 20:], SHAPES[:, 20:], weight[:, 20:], persistence=0.6)
    for one, other in zip(whole, part, strict=True):
        np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("persistence", [0.0, 1.0])
def test_two_observations_make_nobody_sure_of_a_line(persistence: float) -> None:
    values = np.array([[0.0, 5.0]])
    fit = fitted(
        values, np.array([[0.0, 0.0], [0.0, 1.0]]), np.ones((1, 2)), persistence=persistence
    )
    assert fit.slope[0, 1] == pytest.approx(5.0)
    assert abs(fit.likelihood[0, 1] - fit.likelihood[0, 0]) < 1
