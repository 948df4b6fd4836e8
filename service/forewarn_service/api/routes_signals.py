"""What the signals are doing right now, from the newest snapshots alone."""

from collections import Counter
from typing import Annotated

import numpy as np
import orjson
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from forewarn_adapters.config.signals import Signal
from forewarn_models.arrays import IntegerArray
from forewarn_models.durations import format_duration
from forewarn_models.verdicts import DIRECTIONS, SEVERITIES
from forewarn_models.views import view_name
from forewarn_service.api.documents import NAME_EXAMPLES, answers
from forewarn_service.api.faults import Refusal
from forewarn_service.api.guard import Reader, signal_for
from forewarn_service.api.limits import MAX_PAGE
from forewarn_service.api.parts import RunningApi
from forewarn_service.api.wire import SIGNAL_PATTERN, SeriesPage, SignalList, SignalSummary
from forewarn_service.live import CANNOT_SAY, SignalSnapshot

router = APIRouter(prefix="/api/v1/signals", tags=["signals"])

SignalPath = Annotated[str, Path(pattern=SIGNAL_PATTERN, openapi_examples=NAME_EXAMPLES)]
_COLUMNS = ("value", "expected", "lower", "upper", "score", "return_period_seconds")


@router.get("", summary="All signals", responses=answers(SignalList, 401, 403))
async def signals(caller: Reader, api: RunningApi) -> Response:
    """How many series each signal has, how many are anomalous, and how many cannot say."""
    snapshots = api.parts.live.snapshots()
    content = [
        _summary(signal, snapshots.get(signal.name))
        for signal in api.parts.config.signals
        if caller.sees(signal.team)
    ]
    return json_answer({"signals": content})


@router.get(
    "/{name}/series",
    summary="The newest verdict of each series of a signal",
    responses=answers(SeriesPage, 401, 403, 404, 409, 410, 422),
)
async def series(
    caller: Reader,
    api: RunningApi,
    name: SignalPath,
    *,
    anomalous: Annotated[bool | None, Query(description="Only those that are, or are not.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    cursor: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,9}\.[0-9]{1,9}$", description="`next_cursor`.")
    ] = None,
) -> Response:
    """The rows in the order of the model, the groups (`series="*"`) after their members."""
    snapshot = newest_snapshot(signal_for(caller, name, api), api)
    rows = _rows(snapshot, anomalous=anomalous)
    rows = rows[rows >= _first_row(cursor, snapshot)]
    page = rows[:limit]
    is_last = len(page) == len(rows)
    content = {
        "signal": name,
        "model_version": snapshot.champion_version,
        "updated": snapshot.published_milliseconds / 1000,
        "series": [_series_now(snapshot, row) for row in page.tolist()],
        "next_cursor": None if is_last else _cursor(snapshot, int(page[-1]) + 1),
    }
    return json_answer(content)


@router.get(
    "/{name}",
    summary="One signal",
    responses=answers(SignalSummary, 401, 403, 404, 422),
)
async def signal(caller: Reader, api: RunningApi, name: SignalPath) -> Response:
    """What `/api/v1/signals` says of it."""
    chosen = signal_for(caller, name, api)
    return json_answer(_summary(chosen, api.parts.live.snapshots().get(name)))


def json_answer(content: object, *, status: int = 200) -> Response:
    """Return `content` as JSON: arrays as lists, NaN as null."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status_code=status, media_type="application/json")


def newest_snapshot(chosen: Signal, api: RunningApi) -> SignalSnapshot:
    """Return the newest snapshot of a signal; Refusal with 409 when there is none yet."""
    snapshot = api.parts.live.snapshots().get(chosen.name)
    if snapshot is None:
        detail = f"the signal {chosen.name!r} has not been read yet: try again after its step"
        raise Refusal(409, "not_read_yet", detail)
    return snapshot


def _summary(signal: Signal, snapshot: SignalSnapshot | None) -> dict[str, object]:
    facts = {
        "name": signal.name,
        "query": signal.query,
        "step": format_duration(signal.step),
        "budget": str(signal.budget),
        "direction": signal.direction,
        "team": signal.team,
    }
    if snapshot is None:
        now = {"model_version": None, "updated": None}
        return {**facts, **now, "series": 0, "anomalous": 0, "episodes": 0, "cannot_say": {}}
    silent = Counter(CANNOT_SAY[reason] for reason in snapshot.cannot_say.tolist() if reason)
    return {
        **facts,
        "model_version": snapshot.champion_version,
        "updated": snapshot.published_milliseconds / 1000,
        "series": len(snapshot.series),
        "anomalous": len(_rows(snapshot, anomalous=True)),
        "episodes": int(np.count_nonzero(snapshot.newest.severity)),
        "cannot_say": dict(silent),
    }


def _rows(snapshot: SignalSnapshot, *, anomalous: bool | None) -> IntegerArray:
    """Return the rows that are anomalous, those that are ordinary, or all."""
    if anomalous is None:
        return np.arange(len(snapshot.series), dtype=np.int64)
    score = np.where(snapshot.cannot_say == 0, snapshot.newest.score, np.nan)
    chosen = score >= 1 if anomalous else score < 1
    return np.flatnonzero(chosen).astype(np.int64)


def _series_now(snapshot: SignalSnapshot, row: int) -> dict[str, object]:
    newest = snapshot.newest
    says = snapshot.cannot_say[row] == 0
    timestamp = int(newest.timestamp_milliseconds[row])
    start = int(newest.episode_start_milliseconds[row])
    numbers = {
        name: float(getattr(newest, name)[row]) if says or name == "value" else None
        for name in _COLUMNS
    }
    score = newest.score[row]
    return {
        "labels": dict(snapshot.series[row]),
        "timestamp": timestamp / 1000 if timestamp else None,
        **numbers,
        "anomalous": bool(score >= 1) if says and np.isfinite(score) else None,
        "view": view_name(int(newest.view[row])) if says else None,
        "severity": SEVERITIES[newest.severity[row]],
        "direction": DIRECTIONS[int(newest.episode_direction[row])],
        "episode_view": view_name(int(newest.episode_view[row])),
        "episode_start": start / 1000 if start else None,
        "cannot_say": CANNOT_SAY[snapshot.cannot_say[row]] or None,
        "absence_score": missed.score if (missed := snapshot.missed.get(row)) else None,
    }


def _cursor(snapshot: SignalSnapshot, row: int) -> str:
    return f"{snapshot.champion_version or 0}.{row}"


def _first_row(cursor: str | None, snapshot: SignalSnapshot) -> int:
    """Return the row that a cursor names; rows keep their order while the champion stays."""
    version, _, row = (cursor or _cursor(snapshot, 0)).partition(".")
    if int(version) != (snapshot.champion_version or 0):
        raise Refusal(410, "cursor_expired", "a new model serves the signal: begin without cursor")
    return int(row)
