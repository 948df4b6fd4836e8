"""What security rules found in lines of logs."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from forewarn_adapters.security.events import SecurityEvent
from forewarn_service.api.documents import answers
from forewarn_service.api.faults import Refusal
from forewarn_service.api.guard import Reader
from forewarn_service.api.parts import RunningApi
from forewarn_service.api.routes_signals import json_answer
from forewarn_service.api.wire_security import SecurityEventsPage, SecurityEventsQuery
from forewarn_service.logs.services import MOST_SERVICE_BYTES, UNKNOWN, label_value

router = APIRouter(prefix="/api/v1/security", tags=["security"])


@router.get(
    "/events",
    summary="What security rules found",
    responses=answers(SecurityEventsPage, 401, 403, 409, 422),
)
async def security_events(
    caller: Reader, api: RunningApi, asked: Annotated[SecurityEventsQuery, Query()]
) -> Response:
    """Events that go on, and the last 1,000 that ended since the process began to read logs."""
    if caller.team is not None:
        raise Refusal(
            403,
            "access_denied",
            f"lines belong to no team, the token {caller.name!r} is limited to {caller.team!r}",
        )
    known = api.parts.security_events()
    if known is None:
        raise Refusal(
            409,
            "no_logs",
            "this process reads no logs now: ask the one that has the role `logs` and its lease",
        )
    with api.pool.place():
        return await api.pool.run(lambda: json_answer({"events": _chosen(known, asked)}))


def _chosen(known: Sequence[SecurityEvent], asked: SecurityEventsQuery) -> list[dict[str, object]]:
    since = 0 if asked.since is None else int(asked.since * 1e9)
    found = [
        event
        for event in known
        if event.timestamp_nanoseconds >= since
        and asked.level in (None, event.rule_level)
        and asked.service in (None, _service(event))
    ]
    found.sort(key=lambda event: (event.timestamp_nanoseconds, event.event_id), reverse=True)
    return [_shown(event) for event in found[: asked.limit]]


def _service(event: SecurityEvent) -> str:
    return label_value(event.service, MOST_SERVICE_BYTES) or UNKNOWN


def _shown(event: SecurityEvent) -> dict[str, object]:
    return {
        "event_id": event.event_id,
        "rule": event.rule_name,
        "rule_id": event.rule_id,
        "title": event.rule_title,
        "level": event.rule_level,
        "source": event.source,
        "service": _service(event),
        "host": event.host,
        "source_address": event.source_address,
        "account": event.account,
        "fields": dict(event.fields),
        "began": event.began_nanoseconds / 1e9,
        "newest": event.timestamp_nanoseconds / 1e9,
        "lines": event.count,
        "is_ended": event.is_ended,
        "evidence": list(event.evidence),
    }
