"""forewarn_models.forecasters.weighing"""

import numpy as np

from forewarn_models.forecasters.weighing import mixture, weights_of


def errors_of(*sizes: float, n_origins: int = 4, n_steps: int = 3) -> np.ndarray:
    return np.broadcast_to(
        np.array(sizes)[None, None, :, None], (1, n_origins, len(sizes), n_steps)
    ).copy()


def test_the_better_candidate_weighs_more_and_a_bad_one_nothing() -> None:
    weights, _ = weights_of(errors_of(1.0, 1.2, 9.0))
    assert weights[0, 0] > weights[0, 1] > weights[0, 2] == 0
    np.testing.assert_allclose(weights.sum(), 1)


def test_an_origin_does_not_choose_who_forecasts_it() -> None:
    errors = errors_of(1.0, 1.0, n_origins=3)
    errors[0, 1, 1] = 0.0  # the second candidate is right at one origin only
    _, judging = weights_of(errors)
    np.testing.assert_allclose(judging[0, 1], [0.5, 0.5])
    assert judging[0, 0, 1] > 0.5


def test_a_candidate_that_forecast_too_little_weighs_nothing() -> None:
    errors = errors_of(1.0, 0.1)
    errors[0, 1:, 1] = np.nan
    weights, _ = weights_of(errors)
    assert weights.tolist() == [[1.0, 0.0]]


def test_without_any_error_the_first_candidate_forecasts() -> None:
    weights, judging = weights_of(np.full((1, 2, 3, 4), np.nan))
    assert weights.tolist() == [[1.0, 0.0, 0.0]]
    assert judging.tolist() == [[[1.0, 0.0, 0.0]] * 2]


def test_candidates_without_error_share() -> None:
    weights, _ = weights_of(errors_of(0.0, 0.0))
    assert weights.tolist() == [[0.5, 0.5]]


def test_a_candidate_beside_one_that_is_always_right_weighs_nothing() -> None:
    weights, _ = weights_of(errors_of(0.0, 50.0))
    assert weights.tolist() == [[1.0, 0.0]]


def test_a_mixture_leaves_out_what_is_not_known() -> None:
    forecasts = np.array([[[1.0, 1.0, 7.0], [3.0, np.nan, np.nan]]])
    mixed = mixture(forecasts, np.array([[0.5, 0.5]]))
    assert mixed.tolist() == [[2.0, 1.0, 7.0]]


def test_a_mixture_falls_back_to_the_first_candidate() -> None:
    forecasts = np.array([[[1.0], [np.nan]]])
    assert mixture(forecasts, np.array([[0.0, 1.0]])).tolist() == [[1.0]]
