"""Where the signals are heading and when they reach their limits, from the newest snapshots."""

from typing import Annotated, NamedTuple

import numpy as np
from fastapi import APIRouter, Query
from starlette.responses import Response

from forewarn_adapters.config.signals import Limit, Signal
from forewarn_models.arrays import IntegerArray
from forewarn_models.contract import Forecast
from forewarn_models.durations import milliseconds_of, parse_duration
from forewarn_models.errors import DataError
from forewarn_models.outlook import TIME_LEVELS, Outlook, growth_per_day, ranked
from forewarn_service.api.access import Caller
from forewarn_service.api.documents import answers
from forewarn_service.api.faults import Refusal
from forewarn_service.api.guard import Reader, signal_for
from forewarn_service.api.limits import MAX_PAGE_VALUES
from forewarn_service.api.parts import Running, RunningApi
from forewarn_service.api.routes_signals import json_answer
from forewarn_service.api.selecting import rows_chosen
from forewarn_service.api.wire_capacity import (
    CapacityPage,
    CapacityQuery,
    ForecastPage,
    ForecastsQuery,
)
from forewarn_service.limits import side_of
from forewarn_service.live import ForecastSnapshot

router = APIRouter(prefix="/api/v1", tags=["capacity"])

_REFUSALS = (401, 403, 404, 409, 422, 503)


class _Part(NamedTuple):
    """What of a forecast is shown: places of slots, which may lie beyond its end, and of levels."""

    slots: IntegerArray
    levels: IntegerArray


class _Limited(NamedTuple):
    """A signal with a limit, its newest forecast, and what follows from it."""

    name: str
    made: ForecastSnapshot
    outlook: Outlook


@router.get(
    "/forecasts",
    summary="Where the series of a signal are heading",
    responses=answers(ForecastPage, *_REFUSALS, 410),
)
async def forecasts(
    caller: Reader, api: RunningApi, asked: Annotated[ForecastsQuery, Query()]
) -> Response:
    """The newest forecast by the signal's champion, as the service holds it."""
    signal = signal_for(caller, asked.signal, api)
    if signal.forecast is None:
        raise Refusal(404, "no_forecast", f"the signal {signal.name!r} has no `forecast`")
    made = _made(signal, api)
    if made is None:
        detail = f"there is no forecast of {signal.name!r} yet: train it, or wait for its next tick"
        raise Refusal(409, "not_read_yet", detail)
    with api.pool.place():
        return await api.pool.run(lambda: json_answer(_page(asked, made)))


@router.get(
    "/capacity",
    summary="Which series run out first, and when",
    responses=answers(CapacityPage, *_REFUSALS),
)
async def capacity(
    caller: Reader, api: RunningApi, asked: Annotated[CapacityQuery, Query()]
) -> Response:
    """Series with a limit, ranked by the time to it over all signals.

    Ranks are those of this moment: between two pages a series may move to the other one.
    """
    with api.pool.place():
        return await api.pool.run(
            lambda: json_answer(_ranking(asked, *_with_limit(caller, asked.signal, api)))
        )


def _made(signal: Signal, api: Running) -> ForecastSnapshot | None:
    snapshot = api.parts.live.snapshots().get(signal.name)
    return None if snapshot is None else snapshot.forecast


def _page(asked: ForecastsQuery, made: ForecastSnapshot) -> dict[str, object]:
    forecast, version = made.forecast, made.champion_version
    part = _Part(_slots(asked, made), _levels(asked, forecast))
    rows = np.flatnonzero(rows_chosen(forecast.series, asked.match))
    rows = rows[rows >= _first_row(asked.cursor, version)]
    shown = rows[: asked.limit]
    _check_size(len(shown), part)
    times = forecast.start_milliseconds + forecast.step_milliseconds * part.slots
    return {
        "signal": asked.signal,
        "model_version": version,
        "made": made.made_milliseconds / 1000,
        "step_seconds": forecast.step_milliseconds / 1000,
        "timestamps": times / 1000,
        "quantile_levels": [forecast.quantile_levels[place] for place in part.levels.tolist()],
        "series": [_series_ahead(made, row, part) for row in shown.tolist()],
        "next_cursor": None if len(shown) == len(rows) else f"{version}.{shown[-1] + 1}",
    }


def _series_ahead(made: ForecastSnapshot, row: int, part: _Part) -> dict[str, object]:
    forecast = made.forecast
    quantiles = np.full((len(part.levels), len(part.slots)), np.nan)
    is_there = part.slots < forecast.quantiles.shape[1]
    quantiles[:, is_there] = forecast.quantiles[row][np.ix_(part.slots[is_there], part.levels)].T
    return {
        "labels": dict(forecast.series[row]),
        "model": forecast.model[row],
        "value": float(made.values[row]),
        "quantiles": quantiles,
    }


def _slots(asked: ForecastsQuery, made: ForecastSnapshot) -> IntegerArray:
    """Return the slots that are asked for: of a path each that is there, else one a horizon."""
    forecast = made.forecast
    step = forecast.step_milliseconds
    if asked.path:
        wide = step if asked.step is None else milliseconds_of(parse_duration(asked.step))
        if wide % step or wide < step:
            raise DataError(
                f"`step` must be a multiple of the forecast's, {step / 1000:g} s, got {asked.step}"
            )
        return np.arange(wide // step - 1, forecast.quantiles.shape[1], wide // step)
    given = [milliseconds_of(parse_duration(text)) for text in asked.horizon]
    distances = given or [milliseconds_of(horizon) for horizon in made.horizons]
    longest = milliseconds_of(made.horizons[-1])
    if min(distances) < step or max(distances) > longest:
        raise DataError(
            f"`horizon` must be from the forecast's step, {step / 1000:g} s, to its whole horizon, "
            f"{longest / 1000:g} s, got {', '.join(asked.horizon)}"
        )
    return np.array(distances, np.int64) // step - 1


def _levels(asked: ForecastsQuery, forecast: Forecast) -> IntegerArray:
    known = forecast.quantile_levels
    unknown = [level for level in asked.quantile if level not in known]
    if unknown:
        raise DataError(
            f"`quantile` must be one of {', '.join(map(str, known))}, got {unknown[0]:g}"
        )
    wanted = sorted(set(asked.quantile or known))
    return np.array([known.index(level) for level in wanted], np.int64)


def _first_row(cursor: str | None, version: int) -> int:
    """Return the row that a cursor names; rows keep their order while the champion stays."""
    if cursor is None:
        return 0
    of_version, _, row = cursor.partition(".")
    if int(of_version) != version:
        raise Refusal(410, "cursor_expired", "a new model serves the signal: begin without cursor")
    return int(row)


def _check_size(n_rows: int, part: _Part) -> None:
    n_values = n_rows * len(part.slots) * len(part.levels)
    if n_values > MAX_PAGE_VALUES:
        raise DataError(
            f"a page must have at most {MAX_PAGE_VALUES} quantiles, got {n_rows} series x "
            f"{len(part.slots)} slots x {len(part.levels)}: lengthen `step`, or lower `limit`"
        )


def _with_limit(caller: Caller, name: str | None, api: Running) -> tuple[list[_Limited], list[str]]:
    """Return what is known of the signals with a limit, and those that have no forecast yet."""
    if name is None:
        signals = [each for each in api.parts.config.signals if caller.sees(each.team)]
    else:
        signals = [signal_for(caller, name, api)]
    found, waiting = [], []
    for signal in signals:
        limit = None if signal.forecast is None else signal.forecast.limit
        if limit is None:
            if name is not None:
                raise Refusal(404, "no_forecast", f"the signal {name!r} has no limit to reach")
            continue
        made = _made(signal, api)
        if made is None:
            waiting.append(signal.name)
        else:
            found.append(_Limited(signal.name, made, _outlook(made, limit)))
    return found, waiting


def _outlook(made: ForecastSnapshot, limit: Limit) -> Outlook:
    places = [made.forecast.quantile_levels.index(level) for level in TIME_LEVELS]
    return Outlook(
        series=made.forecast.series,
        value=made.values,
        limit=made.limits,
        side=side_of(limit),
        growth_per_day=growth_per_day(made.forecast),
        time_to_limit_seconds=made.time_to_limit_seconds[:, places],
        horizons_seconds=tuple(horizon.total_seconds() for horizon in made.horizons),
        breach_probability=made.breach_probability,
    )


def _ranking(
    asked: CapacityQuery, signals: list[_Limited], waiting: list[str]
) -> dict[str, object]:
    order = ranked([signal.outlook for signal in signals])
    kept = [rows_chosen(signal.outlook.series, asked.match) for signal in signals]
    order = order[[bool(kept[which][row]) for which, row in order.tolist()]]
    first = int(asked.cursor or 0)
    after = first + asked.limit
    shown = enumerate(order[first:after].tolist(), start=first + 1)
    return {
        "series": [_series_capacity(signals[which], row, rank) for rank, (which, row) in shown],
        "waiting": waiting,
        "next_cursor": str(after) if after < len(order) else None,
    }


def _series_capacity(signal: _Limited, row: int, rank: int) -> dict[str, object]:
    outlook, made = signal.outlook, signal.made
    times = zip(TIME_LEVELS, outlook.time_to_limit_seconds[row].tolist(), strict=True)
    chances = zip(outlook.horizons_seconds, outlook.breach_probability[row].tolist(), strict=True)
    return {
        "rank": rank,
        "signal": signal.name,
        "labels": dict(outlook.series[row]),
        "value": float(outlook.value[row]),
        "limit": float(outlook.limit[row]),
        "side": outlook.side,
        "growth_per_day": float(outlook.growth_per_day[row]),
        "time_to_limit_seconds": {f"p{100 * level:.0f}": seconds for level, seconds in times},
        "breach": [{"horizon_seconds": far, "probability": chance} for far, chance in chances],
        "made": made.made_milliseconds / 1000,
        "model_version": made.champion_version,
    }
