"""Fourier terms of day and week, fitted robustly to many rows at once, with gaps."""

import numpy as np

from forewarn_models.arrays import FloatArray
from forewarn_models.forecasters.lookback import DAY_MILLISECONDS, WEEK_MILLISECONDS
from forewarn_models.medians import finite_median

_DAY_WAVES = 6
_WEEK_WAVES = 3
_ROUNDS = 5
# Of the scale: Huber's constant for 95 % efficiency on Gaussian errors.
_HUBER = 1.345
_LONGEST_SEASONS = 4
_MOST_POINTS = 2048
_RIDGE = 1e-3


def robust_waves(values: FloatArray, *, step_milliseconds: int, n_steps: int) -> FloatArray:
    """Return fitted and future values.

    A Huber regression by reweighted least squares: gaps weigh nothing, so each row solves its own
    normal equations, all rows in one product.

    Args:
        values: (n_rows, n_times) the newest slot last.
        step_milliseconds: from one slot to the next.
        n_steps: how many slots after the newest to predict.

    Returns:
        (n_rows, n_known + n_steps) the fit of the newest `n_known` slots, and the future.
    """
    n_times = values.shape[1]
    n_known = min(n_times, _window(n_times, step_milliseconds))
    slots = np.arange(-n_known, n_steps)
    basis = _basis(slots, n_known, step_milliseconds)
    stride = -(-n_known // _MOST_POINTS)
    known = values[:, n_times - n_known :]
    coefficients = _huber(known[:, ::stride], basis[:n_known:stride])
    fitted: FloatArray = coefficients @ basis.T
    return fitted


def _window(n_times: int, step_milliseconds: int) -> int:
    season = WEEK_MILLISECONDS if _holds(n_times, WEEK_MILLISECONDS, step_milliseconds) else None
    longest = (season or DAY_MILLISECONDS) // step_milliseconds * _LONGEST_SEASONS
    return max(int(longest), 16)


def _holds(n_slots: int, season_milliseconds: int, step_milliseconds: int) -> bool:
    return 1.5 * season_milliseconds <= n_slots * step_milliseconds


def _basis(slots: FloatArray, n_known: int, step_milliseconds: int) -> FloatArray:
    """Return (n_slots, n_terms); terms are only those that the known slots can tell apart."""
    columns = [np.ones(len(slots))]
    for season, waves in ((DAY_MILLISECONDS, _DAY_WAVES), (WEEK_MILLISECONDS, _WEEK_WAVES)):
        per_season = season / step_milliseconds
        if _holds(n_known, season, step_milliseconds):
            for wave in range(1, min(waves, int((per_season - 1) // 2)) + 1):
                angle = 2 * np.pi * wave * slots / per_season
                columns += [np.sin(angle), np.cos(angle)]
    return np.column_stack(columns)


def _huber(values: FloatArray, basis: FloatArray) -> FloatArray:
    """Return (n_rows, n_terms)."""
    held = np.isfinite(values)
    n_terms = basis.shape[1]
    products = (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)
    # Solved around each row's median and scale, so that the ridge means the same to all rows.
    centre = np.nan_to_num(finite_median(values))[:, None]
    size = np.nan_to_num(finite_median(np.abs(values - centre)))[:, None]
    size = np.where(size > 0, size, 1.0)
    target = np.where(held, (values - centre) / size, 0.0)
    weights = held.astype(np.float64)
    ridge = _RIDGE * np.maximum(held.sum(axis=1), 1)[:, None, None] * np.eye(n_terms)
    for _ in range(_ROUNDS):
        gram = (weights @ products).reshape(-1, n_terms, n_terms) + ridge
        right = (weights * target) @ basis
        solution = np.linalg.solve(gram, right[:, :, None])[:, :, 0]
        error = np.where(held, np.abs(target - solution @ basis.T), np.nan)
        scale = _HUBER * 1.4826 * np.nan_to_num(finite_median(error))[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = np.where(held & (error > scale), scale / error, held.astype(np.float64))
    solution = solution * size
    solution[:, 0] += centre[:, 0]
    return solution
