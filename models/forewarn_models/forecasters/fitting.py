"""Fit a weighed mixture of candidates, for each series by a rolling-origin back-test.

Each series is moved and scaled to median 0 and typical deviation 1 before anything else, so that
forecasts follow every shift and scale of their input, and no value is too large to square.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import NamedTuple

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.bounds import UNKNOWN, Bounds, floors
from forewarn_models.calendar import UTC, Calendar
from forewarn_models.durations import milliseconds_of
from forewarn_models.forecasters.backtest import future, origin_ages
from forewarn_models.forecasters.bands import spread_of
from forewarn_models.forecasters.blocks import blocks_of
from forewarn_models.forecasters.candidates import OF_HISTORY
from forewarn_models.forecasters.holidays import without_holidays
from forewarn_models.forecasters.lookback import short_periods
from forewarn_models.forecasters.mixture import (
    FittedMixture,
    FittedRegressor,
    Learned,
    forecasts_of,
)
from forewarn_models.forecasters.regressor import Regressors, driven, driving
from forewarn_models.forecasters.rows import Driver, Rows
from forewarn_models.forecasters.seen import View
from forewarn_models.forecasters.thinning import detail_of, middles, thinned, thinning_of
from forewarn_models.forecasters.usable import LEAST_SAMPLES, check_samples, usable
from forewarn_models.forecasters.weighing import mean_errors, mixture, weights_of
from forewarn_models.medians import finite_median
from forewarn_models.panel import Panel

# Judged on two days when nobody says how far ahead it will be asked, as far as history allows.
_DEFAULT_HORIZON_MILLISECONDS = 2 * 86_400_000
_MOST_JUDGED_STEPS = 1008


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a mixture is made.

    Args:
        kind: the catalogue name of the forecaster.
        candidates: names from `candidates.CANDIDATES`; the first must always be able to forecast.
        horizon: how far ahead candidates are judged; None = two days.
        is_weighed: false gives all weight to the last candidate wherever there is a season.
        bounds: that no forecast leaves.
        calendar: whose days and clock the series follow.
    """

    kind: str
    candidates: tuple[str, ...]
    horizon: timedelta | None
    is_weighed: bool = True
    bounds: Bounds = UNKNOWN
    calendar: Calendar = UTC


@dataclass(frozen=True, slots=True)
class _Plan:
    recipe: Recipe
    n_steps: int
    end_milliseconds: int
    step_milliseconds: int
    thinning: int
    view: View


class _Tried(NamedTuple):
    """A history as candidates see it, and what they say of it at each origin; see `Learned`."""

    normed: FloatArray
    centre: FloatArray
    size: FloatArray
    plain: FloatArray
    known: FloatArray
    period: FloatArray
    ages: IntegerArray
    forecasts: FloatArray
    missed: FloatArray


def fit_mixture(
    history: Panel, recipe: Recipe, regressors: Regressors | None = None
) -> FittedMixture:
    """Return a mixture of candidates, weighed for each series by a rolling-origin back-test.

    What drives the series is forecast by a mixture of its own, of the candidates that need nothing
    but a history, also at each origin of the back-test.

    Infinities count as gaps. Raises NotEnoughHistory when no series has two samples.
    """
    check_samples(history, what=f"the forecaster {recipe.kind!r}")
    end, step = history.end_milliseconds, history.step_milliseconds
    asked = milliseconds_of(recipe.horizon) if recipe.horizon else _DEFAULT_HORIZON_MILLISECONDS
    n_asked = -(-asked // step)
    # Seasonal naive is what its formula says, slot by slot.
    thinning = thinning_of(history.n_times, n_asked, step) if recipe.is_weighed else 1
    n_known = history.n_times // thinning
    n_steps = max(1, min(-(-n_asked // thinning), n_known // 3, _MOST_JUDGED_STEPS))
    view = View(recipe.calendar, is_levelled=recipe.is_weighed)
    plan = _Plan(recipe, n_steps, end, step, thinning, view)
    blocks = blocks_of(
        (history.n_series, n_known),
        n_steps * len(recipe.candidates),
        n_origins=len(origin_ages(n_known, n_steps, step * thinning)),
    )
    parts = (
        _learn(usable(history.values[block]), plan, _driver(regressors, block, plan))
        for block in blocks
    )
    joined = _joined(parts, blocks)
    drives = None
    if regressors is not None:
        itself = fit_mixture(regressors.panel, _of_regressor(recipe))
        drives = FittedRegressor(itself, regressors.place)
    return FittedMixture(
        recipe.kind,
        recipe.candidates,
        history.series,
        end,
        step,
        thinning,
        view,
        joined,
        drives,
    )


def _of_regressor(recipe: Recipe) -> Recipe:
    return replace(recipe, candidates=OF_HISTORY, bounds=UNKNOWN)


def _driver(regressors: Regressors | None, block: slice, plan: _Plan) -> Driver | None:
    """Return what drives a block of series, and what was forecast of it at each origin.

    As for bands, each origin is forecast with weights that the other origins chose.
    """
    if regressors is None:
        return None
    rows, which = driving(regressors.place[block])
    if not len(rows):
        return None
    own = replace(plan, recipe=_of_regressor(plan.recipe))
    tried = _tried(usable(regressors.panel.values[rows]), own, None)
    _, judging = weights_of(tried.missed)
    ahead = mixture(tried.forecasts, judging)
    return Driver(driven(tried.known, which), driven(ahead, which))


def _tried(values: FloatArray, plan: _Plan, driver: Driver | None) -> _Tried:
    held = np.isfinite(values)
    centre = np.where(held.sum(axis=1) >= LEAST_SAMPLES, finite_median(values), np.nan)
    size = _typical_deviation(values - centre[:, None])
    normed = (values - centre[:, None]) / size[:, None]
    plain, _ = plan.view.of(normed, plan.end_milliseconds, plan.step_milliseconds)
    known = thinned(plain, plan.thinning)
    period = short_periods(known, plan.step_milliseconds * plan.thinning)
    ages, forecasts = _backtest(known, period, plan, driver)
    came = future(known, ages, n_steps=plan.n_steps)
    missed = came[:, :, None] - forecasts
    return _Tried(normed, centre, size, plain, known, period, ages, forecasts, missed)


def _learn(values: FloatArray, plan: _Plan, driver: Driver | None) -> Learned:
    tried = _tried(values, plan, driver)
    weights, judging = weights_of(tried.missed)
    if not plan.recipe.is_weighed:
        weights = _last_usable(tried.period, len(plan.recipe.candidates))
        judging = weights[:, None, :]
    detail = detail_of(tried.plain, plan.thinning, plan.step_milliseconds)
    # Bands are those of single slots, not of means.
    single = middles(tried.plain - _repeated(detail, tried.plain.shape[1]), plan.thinning)
    came = future(single, tried.ages, n_steps=plan.n_steps)
    spread = spread_of(came - mixture(tried.forecasts, judging), values=tried.normed)
    is_ever_negative = (np.where(np.isfinite(values), values, 0.0) < 0).any(axis=1)
    floor = floors(plan.recipe.bounds, is_never_negative=np.logical_not(is_ever_negative))
    ceiling = np.full(len(values), plan.recipe.bounds.high)
    in_slots = tried.period * plan.thinning
    error = mean_errors(tried.missed) * tried.size[:, None]
    rest = (floor, ceiling, in_slots, weights, spread.scale, spread.table, detail, error)
    return Learned(tried.normed, tried.centre, tried.size, *rest)


def _joined(parts: Iterable[Learned], blocks: Sequence[slice]) -> Learned:
    """Return what was learned of blocks as one, each part let go before the next is learned."""
    joined: dict[str, FloatArray] = {}
    for block, part in zip(blocks, parts, strict=True):
        for field in fields(Learned):
            array: FloatArray = getattr(part, field.name)
            if field.name not in joined:
                joined[field.name] = np.empty((blocks[-1].stop, *array.shape[1:]))
            joined[field.name][block] = array
    return Learned(**joined)


def _repeated(detail: FloatArray, n_times: int) -> FloatArray:
    """Return the detail of the slots of a history, the newest last."""
    return detail[:, np.arange(-n_times, 0) % detail.shape[1]]


def _backtest(
    known: FloatArray, period: FloatArray, plan: _Plan, driver: Driver | None
) -> tuple[IntegerArray, FloatArray]:
    """Return ages of origins, and (n, n_origins, n_candidates, n_steps) forecasts from them."""
    step = plan.step_milliseconds * plan.thinning
    ages = origin_ages(known.shape[1], plan.n_steps, step)
    weekends = without_holidays(plan.view.calendar)
    rows = Rows(known, ages, period, plan.end_milliseconds, step, weekends, driver)
    forecasts = forecasts_of(rows, plan.recipe.candidates, plan.n_steps)
    shape = (len(known), len(ages), len(plan.recipe.candidates), plan.n_steps)
    return ages, forecasts.reshape(shape)


def _last_usable(period: FloatArray, n_candidates: int) -> FloatArray:
    """Return weights that give all to the last candidate, to the first where there is no season."""
    weights = np.zeros((len(period), n_candidates))
    has_season = np.isfinite(period)
    weights[has_season, -1] = 1.0
    weights[~has_season, 0] = 1.0
    return weights


def _typical_deviation(deviations: FloatArray) -> FloatArray:
    size = np.abs(deviations)
    typical = finite_median(size)
    count = np.maximum(np.isfinite(size).sum(axis=1), 1)
    # Where most values are the same, the others say what a deviation is.
    mean = np.nan_to_num(size).sum(axis=1) / count
    chosen = np.where(typical > 1e-3 * mean, typical, mean)
    return np.where(chosen > 0, chosen, 1.0)
