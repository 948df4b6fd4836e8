"""Scores and forecasts of what a request brings or asks the source for."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import numpy as np
import orjson
from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from forewarn_adapters.config.signals import Signal
from forewarn_models.budget import DEFAULT_BUDGET, parse_budget
from forewarn_models.contract import Forecast
from forewarn_models.detector import RarityDetector
from forewarn_models.durations import milliseconds_of, parse_duration
from forewarn_models.errors import DataError, NotEnoughHistory
from forewarn_models.forecasters.choice import forecaster_for
from forewarn_models.rulers import usual_step_milliseconds
from forewarn_models.samples import Samples, floor_to_step
from forewarn_service.api import on_demand
from forewarn_service.api.access import Caller
from forewarn_service.api.documents import answers, body_of
from forewarn_service.api.faults import Refusal, problem_of_complaints
from forewarn_service.api.guard import Scorer, signal_for
from forewarn_service.api.limits import MAX_SAMPLES, MAX_SLOW_SERIES
from forewarn_service.api.parts import Running, RunningApi
from forewarn_service.api.wire import (
    Asked,
    ForecastAnswer,
    ForecastRequest,
    ScoreAnswer,
    ScoreRequest,
)

router = APIRouter(prefix="/api/v1", tags=["on demand"])

_REFUSALS = (401, 403, 404, 408, 409, 413, 415, 422, 502, 503, 504)
_DEFAULT_HISTORY = "1d"
_DEFAULT_QUERY_STEP = "1m"
_SLOW_FORECASTERS = frozenset({"prophet", "ets"})
Form = TypeVar("Form", bound=Asked)


@router.post(
    "/score",
    summary="How rare is each value",
    responses=answers(ScoreAnswer, *_REFUSALS),
    openapi_extra=body_of(ScoreRequest),
)
async def score(request: Request, caller: Scorer, api: RunningApi) -> Response:
    """Values are scored with a fresh fit on their own past, or with a signal's champion."""
    return await _answer(request, caller, api, form=ScoreRequest, work=_score)


@router.post(
    "/forecast",
    summary="What comes next",
    responses=answers(ForecastAnswer, *_REFUSALS),
    openapi_extra=body_of(ForecastRequest),
)
async def forecast(request: Request, caller: Scorer, api: RunningApi) -> Response:
    """Quantiles of each series at every step up to the horizon."""
    return await _answer(request, caller, api, form=ForecastRequest, work=_forecast)


async def _answer(
    request: Request,
    caller: Caller,
    api: Running,
    *,
    form: type[Form],
    work: Callable[[Form, Signal | None, Running], bytes],
) -> Response:
    """Read the body under the limits, check it in a thread, do the work in a thread."""
    _require_json(request)
    with api.pool.place():
        body = await request.body()
        try:
            asked = await api.pool.run(lambda: form.model_validate_json(body))
        except ValidationError as wrong:
            complaints = wrong.errors(include_input=False, include_url=False, include_context=False)
            return problem_of_complaints(complaints, request_id=request.state.request_id)
        signal = signal_for(caller, asked.signal, api) if asked.signal else None
        if asked.query is not None:
            await _admit_query(caller, api, asked=asked, action=request.url.path)
        content = await api.pool.run(lambda: work(asked, signal, api))
    return Response(content, media_type="application/json")


def _require_json(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "content_type", "a body must be of the type application/json")


async def _admit_query(caller: Caller, api: Running, *, asked: Asked, action: str) -> None:
    """Refuse a free query to a caller of one team: no query respects teams. Audit the rest."""
    query = asked.query or ""
    if caller.team is not None:
        await api.audit.record_denied(caller.name, action, query=query, team=caller.team)
        raise Refusal(
            403,
            "access_denied",
            f"the token {caller.name!r} is limited to the team {caller.team!r}: it may send "
            "values or name its signals, not send queries",
        )
    await api.audit.record(
        caller.name,
        "query",
        action,
        query=query,
        history=asked.history or _DEFAULT_HISTORY,
        step=asked.step or _DEFAULT_QUERY_STEP,
    )


def _score(asked: ScoreRequest, signal: Signal | None, api: Running) -> bytes:
    samples = _samples(asked, api)
    if signal is not None:
        version, model = api.models.detectors.newest(signal.name)
        verdicts = on_demand.score_with(model, samples, budget=signal.budget)
        step, budget = model.step_milliseconds, signal.budget
    else:
        version = None
        budget = parse_budget(asked.budget) if asked.budget else DEFAULT_BUDGET
        verdicts, step = on_demand.score_fresh(
            samples, _detector(asked), budget=budget, train_fraction=asked.train_fraction
        )
    return _json(
        {
            "model_version": version,
            "step_seconds": step / 1000,
            "budget": str(budget),
            "series": on_demand.verdict_columns(samples, verdicts),
        }
    )


def _forecast(asked: ForecastRequest, signal: Signal | None, api: Running) -> bytes:
    horizon = milliseconds_of(parse_duration(asked.horizon))
    if signal is not None:
        version, model = api.models.forecasters.newest(signal.name)
        made = on_demand.forecast_with(
            model,
            horizon_milliseconds=horizon,
            levels=asked.levels,
            now=api.parts.now_milliseconds(),
        )
    else:
        version = None
        made = _forecast_fresh(asked, _samples(asked, api), horizon)
    return _forecast_json(made, version)


def _forecast_fresh(asked: ForecastRequest, samples: Samples, horizon: int) -> Forecast:
    step = _step(asked, samples)
    n_steps = on_demand.steps_of(horizon, step_milliseconds=step)
    on_demand.check_quantiles(len(samples.series), n_steps, len(asked.levels))
    if asked.model in _SLOW_FORECASTERS and len(samples.series) > MAX_SLOW_SERIES:
        raise DataError(
            f"the model {asked.model!r} takes at most {MAX_SLOW_SERIES} series in a request, got "
            f"{len(samples.series)}: send fewer, or take 'auto'"
        )
    panel = on_demand.panel_of(samples, step_milliseconds=step)
    judged = timedelta(milliseconds=n_steps * step)
    return forecaster_for(asked.model, horizon=judged).fit(panel).predict(n_steps, asked.levels)


def _samples(asked: Asked, api: Running) -> Samples:
    """Return the samples of the request, or those that the source has for its query."""
    if asked.series is not None:
        return on_demand.samples_of(asked.series)
    step = milliseconds_of(parse_duration(asked.step or _DEFAULT_QUERY_STEP))
    history = milliseconds_of(parse_duration(asked.history or _DEFAULT_HISTORY))
    if history // step > MAX_SAMPLES:
        raise DataError(f"`history` must be at most {MAX_SAMPLES} times `step`")
    end = floor_to_step(api.parts.now_milliseconds(), step)
    samples = api.parts.source.read_range(
        asked.query or "",
        start_milliseconds=floor_to_step(end - history, step),
        end_milliseconds=end,
        step_milliseconds=step,
    )
    on_demand.check_size(samples)
    return samples.select(np.lexsort((samples.timestamp_milliseconds, samples.row)))


def _step(asked: Asked, samples: Samples) -> int:
    if asked.step is not None:
        return milliseconds_of(parse_duration(asked.step))
    if asked.query is not None:
        return milliseconds_of(parse_duration(_DEFAULT_QUERY_STEP))
    usual = usual_step_milliseconds(samples)
    if not usual:
        raise NotEnoughHistory("a forecast without `step`", needed=2, got=1)
    return usual


def _detector(asked: ScoreRequest) -> RarityDetector:
    given = asked.seasons
    return RarityDetector(
        direction=asked.direction or "both",
        seasons=tuple(map(parse_duration, given)) if isinstance(given, list) else "auto",
        group_by=tuple(asked.group_by or ()),
    )


def _forecast_json(made: Forecast, version: int | None) -> bytes:
    n_steps = made.quantiles.shape[1]
    times = made.start_milliseconds + made.step_milliseconds * np.arange(n_steps)
    return _json(
        {
            "model_version": version,
            "step_seconds": made.step_milliseconds / 1000,
            "timestamps": times / 1000,
            "quantile_levels": list(made.quantile_levels),
            "series": [
                {
                    "labels": dict(labels),
                    "model": made.model[row],
                    "quantiles": np.ascontiguousarray(made.quantiles[row].T),
                }
                for row, labels in enumerate(made.series)
            ],
        }
    )


def _json(content: object) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
