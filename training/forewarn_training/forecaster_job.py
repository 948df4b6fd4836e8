"""One forecaster: read, fit, back-test at rolling origins, compare, log, promote."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forewarn_adapters.config.effective import plain
from forewarn_adapters.config.learning import CivilTime
from forewarn_adapters.config.signals import ForecastPolicy, Signal
from forewarn_adapters.registry import Champion, Table, TrainingRecord
from forewarn_adapters.signal_bounds import FoundBounds
from forewarn_models.catalogue import forecaster_from_state
from forewarn_models.contract import FittedForecaster, Forecaster
from forewarn_models.durations import format_duration, milliseconds_of
from forewarn_models.errors import ModelError, NotEnoughHistory
from forewarn_models.forecasters.choice import forecaster_for
from forewarn_models.forecasters.mixture import FittedMixture
from forewarn_models.forecasters.seasonal_naive import SeasonalNaive
from forewarn_models.panel import Panel
from forewarn_training.bounding import found_bounds
from forewarn_training.civil import calendar_for
from forewarn_training.forecast_judging import (
    LEVELS,
    ForecastQuality,
    Trial,
    back_test,
    evenly_chosen,
    pinball_loss,
)
from forewarn_training.gate import Decision, compare_forecasts, compare_logged
from forewarn_training.history import history_span, read_history
from forewarn_training.masking import CleanHistory, clean_history, with_hidden
from forewarn_training.outcome import ModelOutcome
from forewarn_training.pictures import forecast_pictures
from forewarn_training.regressing import FoundRegressor, found_regressor
from forewarn_training.tables import candidates_table, forecast_tables, relations_table
from forewarn_training.task import (
    Standing,
    Task,
    history_metrics,
    recipe_of,
    standing_champion,
    store,
)

# These fit one series at a time; a back-test of five fits is made on some series only.
_SLOW = ("prophet", "ets")
_FEW, _MANY = 20, 100_000


@dataclass(frozen=True, eq=False)
class Candidate:
    """The fitted forecaster, how its recipe did where it could be judged, and what it was told."""

    fitted: FittedForecaster
    quality: ForecastQuality | None
    bounds: FoundBounds
    regressor: FoundRegressor


def train_forecaster(signal: Signal, policy: ForecastPolicy, task: Task) -> ModelOutcome:
    """Return what came of training the forecaster; any ForewarnError may be raised."""
    task.progress("reading for the forecast")
    span = history_span(
        now_milliseconds=task.now_milliseconds, history=policy.history, step=policy.step
    )
    whole = read_history(task.source, signal.query, span=span)
    recipe = recipe_of(_recipe(signal))
    standing = standing_champion(task.registry, signal.name, "forecaster", recipe=recipe)
    history = clean_history(whole, signal, task, standing.champion)
    bounds = found_bounds(signal, task.source, whole)
    regressor = found_regressor(policy, task.source, span, history=history.panel)
    regressor = regressor.without(history.intervals)
    forecaster = forecaster_for(
        policy.model,
        horizon=policy.horizon,
        bounds=bounds.bounds,
        calendar=calendar_for(signal, span),
        regressor=regressor.panel,
    )
    task.progress(f"fitting forecasts of {whole.n_series} series")
    fitted = forecaster.fit(history.panel)
    task.progress("back-testing forecasts")
    naive = SeasonalNaive(policy.horizon, bounds.bounds)
    quality = _quality(forecaster, naive, history.panel, policy)
    decision = _decide(signal, standing, history.panel, forecaster=forecaster, quality=quality)
    candidate = Candidate(fitted, quality, bounds, regressor)
    return _stored(signal, task, history, candidate, decision=decision)


def most_judged(model: str) -> int:
    """Return how many series a back-test of the forecaster of a name tries."""
    return _FEW if model in _SLOW else _MANY


def _quality(
    forecaster: Forecaster, naive: SeasonalNaive, history: Panel, policy: ForecastPolicy
) -> ForecastQuality | None:
    try:
        return back_test(
            forecaster,
            history,
            naive=naive,
            trial=Trial(policy.horizon, most_series=most_judged(policy.model)),
        )
    except NotEnoughHistory:
        return None


def _decide(
    signal: Signal,
    standing: Standing,
    history: Panel,
    *,
    forecaster: Forecaster,
    quality: ForecastQuality | None,
) -> Decision:
    """Return whether the candidate is promoted.

    The champion's own forecast of what came after its history is compared with what the
    candidate's recipe says when it is given the history up to that same instant.
    """
    champion = standing.rival
    if champion is None:
        return Decision(True, standing.why_not)
    most = most_judged((signal.forecast or ForecastPolicy()).model)
    losses = _losses(champion, evenly_chosen(history, most), forecaster)
    if losses is not None:
        return compare_forecasts(*losses)
    return compare_logged({} if quality is None else quality.metrics(), champion.metrics)


def _losses(
    champion: Champion, history: Panel, forecaster: Forecaster
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the pinball losses of candidate and champion; None when nothing new came."""
    try:
        model = forecaster_from_state(champion.state)
        theirs = model.predict(1, LEVELS)
        place = (theirs.start_milliseconds - history.start_milliseconds) // (
            history.step_milliseconds
        )
        n_steps = history.n_times - place
        if n_steps < 1 or place < 1 or model.step_milliseconds != history.step_milliseconds:
            return None
        twin = forecaster.fit(history.columns(0, place))
    except (ModelError, NotEnoughHistory):
        return None
    actual = history.columns(place, history.n_times)
    return _loss(twin, actual, history), _loss(model, actual, history)


def _loss(model: FittedForecaster, actual: Panel, history: Panel) -> np.ndarray:
    """Return the loss of each row of the history; NaN for series that the model lacks."""
    forecast = model.predict(actual.n_times, LEVELS)
    losses = pinball_loss(forecast, actual.rows(forecast.series).values)
    by_series = dict(zip(forecast.series, losses, strict=True))
    return np.array([by_series.get(labels, np.nan) for labels in history.series])


def _stored(
    signal: Signal,
    task: Task,
    history: CleanHistory,
    candidate: Candidate,
    *,
    decision: Decision,
) -> ModelOutcome:
    task.progress("storing the forecaster")
    quality = candidate.quality
    metrics = history_metrics(history.panel, n_masked=history.n_masked)
    metrics |= {} if quality is None else quality.metrics()
    record = TrainingRecord(
        signal=signal.name,
        kind="forecaster",
        state=with_hidden(candidate.fitted.state(), history),
        trained_milliseconds=task.now_milliseconds,
        recipe=recipe_of(_recipe(signal)),
        params=_params(signal, candidate.bounds, decision),
        metrics=metrics,
        tables=_tables(candidate, history.panel),
        plots=forecast_pictures(signal, history.panel, candidate.fitted),
    )
    warnings = (*history.warnings, *candidate.bounds.warnings, *candidate.regressor.warnings)
    return store(task, record, decision, warnings=warnings)


def _tables(candidate: Candidate, history: Panel) -> dict[str, Table]:
    fitted, quality = candidate.fitted, candidate.quality
    tables = {} if quality is None else forecast_tables(quality)
    if isinstance(fitted, FittedMixture):
        tables["candidates"] = candidates_table(fitted)
    if candidate.regressor.panel is not None:
        tables["relations"] = relations_table(history, candidate.regressor.panel)
    return tables


def _recipe(signal: Signal) -> dict[str, object]:
    policy = signal.forecast or ForecastPolicy()
    # Left out where there is none, so that champions of before there were any stay comparable.
    regressor = {} if policy.regressor is None else {"regressor": policy.regressor}
    return {
        "query": signal.query,
        "step": format_duration(policy.step),
        "model": policy.model,
        "horizon": format_duration(policy.horizon),
        "bounds": signal.bounds,
        "calendar": plain(signal.calendar or CivilTime()),
        **regressor,
    }


def _params(signal: Signal, bounds: FoundBounds, decision: Decision) -> Mapping[str, str]:
    policy = signal.forecast or ForecastPolicy()
    return {
        **{name: str(value) for name, value in _recipe(signal).items()},
        "history": format_duration(policy.history),
        "bounds": str(bounds),
        "horizon_steps": str(milliseconds_of(policy.horizon) // milliseconds_of(policy.step)),
        "promoted": str(decision.is_promoted),
        "why": decision.why,
    }
