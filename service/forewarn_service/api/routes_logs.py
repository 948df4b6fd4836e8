"""Which patterns of logs changed around a time, from the counters that were written."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from starlette.responses import Response

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.config.schema import Config
from forewarn_models.arrays import IntegerArray
from forewarn_models.durations import parse_duration
from forewarn_models.errors import DataError
from forewarn_service.api.access import Caller
from forewarn_service.api.documents import answers
from forewarn_service.api.faults import Refusal
from forewarn_service.api.guard import Reader, signal_for
from forewarn_service.api.limits import MAX_CHANGED_SERVICES, MAX_WINDOW_SECONDS
from forewarn_service.api.parts import Running, RunningApi
from forewarn_service.api.routes_signals import json_answer, newest_snapshot
from forewarn_service.api.selecting import rows_chosen
from forewarn_service.api.wire_logs import ChangesPage, ChangesQuery
from forewarn_service.logs.change_reading import (
    ChangeWindow,
    FoundChanges,
    read_changes,
    read_templates,
)
from forewarn_service.logs.names import OTHER_IDENTIFIER
from forewarn_service.logs.services import UNKNOWN

router = APIRouter(prefix="/api/v1/logs", tags=["logs"])

_LEAST_SCORE = 1.0
_LEAST_SECONDS = 60


@router.get(
    "/changes",
    summary="Which patterns changed around a time",
    responses=answers(ChangesPage, 401, 403, 404, 409, 422, 502, 503, 504),
)
async def changes(
    caller: Reader, api: RunningApi, asked: Annotated[ChangesQuery, Query()]
) -> Response:
    """Patterns of log lines whose rate changed most in a window, new ones first."""
    services = _services(caller, asked, api)
    window = _window(asked, now_milliseconds=api.parts.now_milliseconds())
    with api.pool.place():
        return await api.pool.run(lambda: json_answer(_page(asked, services, window, api)))


def _services(caller: Caller, asked: ChangesQuery, api: Running) -> list[str]:
    """Return the services that are asked about; none = all."""
    if asked.signal is None:
        if caller.team is not None:
            raise Refusal(
                403,
                "access_denied",
                f"lines belong to no team, the token {caller.name!r} is limited to "
                f"{caller.team!r}: ask by `signal`",
            )
        return [] if asked.service is None else [asked.service]
    snapshot = newest_snapshot(signal_for(caller, asked.signal, api), api)
    chosen = rows_chosen(snapshot.series, asked.match)
    in_episode = chosen & (snapshot.newest.severity > 0)
    rows = np.flatnonzero(in_episode if in_episode.any() else chosen)
    labels = _service_labels(api.parts.config)
    series = [dict(snapshot.series[row]) for row in rows.tolist()]
    named = [next((each[label] for label in labels if each.get(label)), "") for each in series]
    found = [name for name in dict.fromkeys(named) if name]
    if not 0 < len(found) <= MAX_CHANGED_SERVICES:
        raise DataError(
            f"the chosen series must name from 1 to {MAX_CHANGED_SERVICES} services by one of the "
            f"labels {', '.join(labels)}, got {len(found)}: choose others with `match`, or give "
            "`service` in place of `signal`"
        )
    return found


def _service_labels(config: Config) -> tuple[str, ...]:
    """Return the labels that name a service, as the sources of logs are told."""
    if config.logs is None:
        usual: tuple[str, ...] = LogSourceConfig.model_fields["service_labels"].default
        return usual
    names = [label for source in config.logs.sources for label in source.service_labels]
    return tuple(dict.fromkeys(names))


def _window(asked: ChangesQuery, *, now_milliseconds: int) -> ChangeWindow:
    seconds = parse_duration(asked.window).total_seconds()
    if not (_LEAST_SECONDS <= seconds <= MAX_WINDOW_SECONDS and seconds.is_integer()):
        raise DataError(
            f"`window` must be whole seconds, from {_LEAST_SECONDS} to {MAX_WINDOW_SECONDS}, got "
            f"{asked.window}"
        )
    end_seconds = int(now_milliseconds / 1000 if asked.at is None else asked.at)
    window = ChangeWindow(1000 * end_seconds, int(seconds), asked.windows_before)
    if window.instants_milliseconds[0] < 0:
        raise DataError("`at` must lie later than the windows before it are long")
    return window


def _page(
    asked: ChangesQuery, services: list[str], window: ChangeWindow, api: Running
) -> dict[str, object]:
    found = read_changes(api.parts.source, services, window)
    rows = _shown(found)[: asked.limit].tolist()
    names = [found.patterns[int(found.ranked.pattern[row])] for row in rows]
    templates = read_templates(
        api.parts.source, list(dict.fromkeys(names)), window.end_milliseconds
    )
    before_start, *_, start, end = window.instants_milliseconds
    return {
        "start": start / 1000,
        "end": end / 1000,
        "before_start": before_start / 1000,
        "services": services,
        "patterns": [
            {
                "rank": rank,
                **_change(found, row),
                "template": templates.get(name),
                "example": api.parts.log_example(name),
            }
            for rank, (row, name) in enumerate(zip(rows, names, strict=True), start=1)
        ],
    }


def _shown(found: FoundChanges) -> IntegerArray:
    """Return the rows that changed by more than little, or are new."""
    changed, order = found.ranked.changes, found.ranked.changes.order
    is_new = changed.is_new & (found.ranked.pattern != OTHER_IDENTIFIER)
    shown: IntegerArray = order[(is_new | (changed.score >= _LEAST_SCORE))[order]]
    return shown


def _change(found: FoundChanges, row: int) -> dict[str, object]:
    ranked = found.ranked
    service, pattern = int(ranked.service[row]), int(ranked.pattern[row])
    return {
        "service": found.services[service],
        "pattern": found.patterns[pattern],
        "level": found.levels.get((service, pattern), "") or UNKNOWN,
        "before": float(ranked.lines[row, :-1].sum()),
        "during": float(ranked.lines[row, -1]),
        "ratio": float(ranked.changes.ratio[row]),
        "score": float(ranked.changes.score[row]),
        "is_new": bool(ranked.changes.is_new[row]),
    }
