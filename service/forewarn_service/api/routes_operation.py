"""Health, metrics, the audit, and training on request."""

import re
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from forewarn_models.errors import StoreError
from forewarn_service.api.documents import Answers, answers, refusals
from forewarn_service.api.faults import problem
from forewarn_service.api.guard import Admin, Operator, may_scrape, signal_for
from forewarn_service.api.limits import MAX_PAGE
from forewarn_service.api.parts import Running, RunningApi
from forewarn_service.api.routes_signals import SignalPath, json_answer
from forewarn_service.api.wire import AuditPage, Health, TrainAnswer
from forewarn_service.exporter import accepts_openmetrics, content_type, packed
from forewarn_service.live import CANNOT_SAY, SOURCE

router = APIRouter(tags=["operation"])

_GZIP_OFFER = re.compile(r"gzip(;q=(1.*|0?\.0*[1-9].*))?")

_METRICS_ANSWERS: Answers = {
    200: {
        "description": "OpenMetrics where the scraper accepts it, else the text format.",
        "content": {"application/openmetrics-text": {}, "text/plain": {}},
    },
    **refusals(401, 403),
}


@router.get("/healthz", summary="Is the process alive", responses=answers(Health, 503))
async def healthz(request: Request, api: RunningApi) -> Response:
    """Its loops have gone round recently; a failing source or store is no reason to restart it."""
    parts = api.parts
    silent_seconds = (parts.now_milliseconds() - parts.heartbeat_milliseconds()) / 1000
    reasons = []
    if silent_seconds > parts.heartbeat_timeout_seconds:
        detail = f"the loops were last heard of {silent_seconds:.0f} s ago"
        reasons.append({"reason": "no_heartbeat", "detail": detail})
    return _health(request, is_well=not reasons, reasons=reasons)


@router.get("/readyz", summary="Can it do its work", responses=answers(Health, 503))
async def readyz(request: Request, api: RunningApi) -> Response:
    """Models are loaded, logs are read, source and store answer; `reasons` name what is amiss."""
    blocking = (_log_reasons(api) or _blocking(api)) + await run_in_threadpool(_store_reasons, api)
    return _health(request, is_well=not blocking, reasons=blocking + _partial(api))


@router.get(
    "/metrics",
    summary="All metrics for Prometheus",
    dependencies=[Depends(may_scrape)],
    responses=_METRICS_ANSWERS,
    response_class=Response,
)
async def metrics(request: Request, api: RunningApi) -> Response:
    """What the last tick left ready; a scrape computes nothing."""
    openmetrics = accepts_openmetrics(request.headers.get("accept", ""))
    headers = {"vary": "Accept, Accept-Encoding"}
    is_packed = _accepts_gzip(request.headers.get("accept-encoding", ""))

    scraper = _scraper(request)

    def body() -> bytes:
        if scraper:
            api.parts.scraped(scraper)
        text = api.parts.metrics(openmetrics=openmetrics)
        return packed(text) if is_packed else text

    content = await run_in_threadpool(body)
    if is_packed:
        headers["content-encoding"] = "gzip"
    headers["content-type"] = content_type(openmetrics=openmetrics)
    return Response(content, headers=headers)


@router.post(
    "/api/v1/signals/{name}/train",
    summary="Train a signal now",
    status_code=202,
    responses=answers(TrainAnswer, 401, 403, 404, 422, 503, status=202),
)
async def train(caller: Operator, api: RunningApi, name: SignalPath) -> Response:
    """Queue a training; one that is queued or under way already is not queued twice."""
    signal = signal_for(caller, name, api)
    await api.audit.record(caller.name, "train", signal.name)
    queued = await run_in_threadpool(api.parts.train, signal.name)
    return json_answer({"signal": signal.name, "queued": queued}, status=202)


@router.get(
    "/api/v1/audit", summary="Who did what", responses=answers(AuditPage, 401, 403, 422, 503)
)
async def audit(
    caller: Admin,  # noqa: ARG001  the gate is its effect
    api: RunningApi,
    *,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    cursor: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next_cursor`.")
    ] = None,
    subject: Annotated[str | None, Query(max_length=200, description="Only this subject.")] = None,
) -> Response:
    """The newest entries first."""
    before = int(cursor) if cursor else None
    entries = await run_in_threadpool(
        api.parts.store.audit_entries, limit=limit, before_sequence=before, subject=subject
    )
    lines = [
        {
            "sequence": entry.sequence,
            "timestamp": entry.timestamp_milliseconds / 1000,
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "detail": entry.detail,
        }
        for entry in entries
    ]
    is_last = len(entries) < limit
    cursor_after = None if is_last else str(entries[-1].sequence)
    return json_answer({"entries": lines, "next_cursor": cursor_after})


def _scraper(request: Request) -> str:
    """Return who scrapes, by address; empty where somebody else looks."""
    is_scraper = "x-prometheus-scrape-timeout-seconds" in request.headers
    return request.client.host if is_scraper and request.client else ""


def _accepts_gzip(accept_encoding: str) -> bool:
    offers = (offer.replace(" ", "").lower() for offer in accept_encoding.split(","))
    return any(_GZIP_OFFER.fullmatch(offer) for offer in offers)


def _health(request: Request, *, is_well: bool, reasons: list[dict[str, str]]) -> Response:
    if is_well:
        return json_answer({"status": "ok", "reasons": reasons})
    return problem(
        503,
        "unavailable",
        "; ".join(reason["detail"] for reason in reasons),
        request_id=request.state.request_id,
        extra={"reasons": reasons},
    )


def _blocking(api: Running) -> list[dict[str, str]]:
    """Return what keeps every signal from being judged."""
    if not api.parts.is_warm():
        return [_reason("compiling", "the code is being compiled, once for each release")]
    if not api.parts.scores or not api.parts.config.signals:
        return []
    snapshots = api.parts.live.snapshots().values()
    if not snapshots:
        return [_reason("starting", "no signal has been read yet")]
    if all(snapshot.champion_version is None for snapshot in snapshots):
        return [_reason("no_model", "no signal has a model yet")]
    if all(len(s.cannot_say) and np.all(s.cannot_say == SOURCE) for s in snapshots):
        return [_reason(CANNOT_SAY[SOURCE], "the source of samples does not answer")]
    return []


def _log_reasons(api: Running) -> list[dict[str, str]]:
    """Return what keeps all logs from being read."""
    waits_for = api.parts.logs_wait_for()
    return [_reason(*waits_for)] if waits_for else []


def _partial(api: Running) -> list[dict[str, str]]:
    """Return what keeps some signals from being judged; counts only: no names without a token."""
    if not api.parts.scores:
        return []
    snapshots = api.parts.live.snapshots()
    configured = len(api.parts.config.signals)
    untrained = sum(s.champion_version is None for s in snapshots.values())
    unread = sum(bool(np.any(s.cannot_say == SOURCE)) for s in snapshots.values())
    counts = (
        ("not_read_yet", configured - len(snapshots), "not read yet"),
        ("untrained", untrained, "without a model"),
        ("source", unread, "not answered by the source"),
    )
    return [
        _reason(reason, f"{count} of {configured} signals {words}")
        for reason, count, words in counts
        if count
    ]


def _store_reasons(api: Running) -> list[dict[str, str]]:
    try:
        api.parts.store.ping()
    except StoreError:
        return [_reason("store", "the store does not answer")]
    return []


def _reason(reason: str, detail: str) -> dict[str, str]:
    return {"reason": reason, "detail": detail}
