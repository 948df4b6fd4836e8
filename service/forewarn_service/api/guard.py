"""The gate of each route: who calls, may that caller do this, and the audit of who may not."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from forewarn_adapters.config.addresses import is_loopback
from forewarn_adapters.config.api import Role
from forewarn_adapters.config.signals import Signal
from forewarn_service.api.access import Caller, require
from forewarn_service.api.faults import Refusal
from forewarn_service.api.parts import Running, RunningApi

# Tells the OpenAPI document about the header; the decision is made below.
_SHOWN = Security(
    HTTPBearer(
        auto_error=False,
        scheme_name="bearer",
        description="One of api.tokens; not needed while none is configured (loopback only).",
    )
)
Shown = Annotated[HTTPAuthorizationCredentials | None, _SHOWN]


def _gate(role: Role, *, any_team: bool) -> Callable[[Request, Running, Shown], Awaitable[Caller]]:
    async def caller_with_role(request: Request, api: RunningApi, _: Shown) -> Caller:
        actor = "anonymous"
        try:
            caller = api.tokens.caller(request.headers.get("authorization"))
            actor = caller.name
            require(caller, role, any_team=any_team)
        except Refusal as denied:
            if role != "read":
                peer = request.client.host if request.client else ""
                await api.audit.record_denied(
                    actor, request.url.path, status=denied.status, needed=role, peer=peer
                )
            raise
        return caller

    return caller_with_role


Reader = Annotated[Caller, Depends(_gate("read", any_team=False))]
Scorer = Annotated[Caller, Depends(_gate("score", any_team=False))]
Operator = Annotated[Caller, Depends(_gate("operate", any_team=False))]
Admin = Annotated[Caller, Depends(_gate("admin", any_team=True))]


async def may_scrape(request: Request, api: RunningApi, _: Shown) -> None:
    """Refuse a scrape without a token that reads all teams, unless only this machine can ask.

    The name of the host must then be this machine's too, so that no web page can ask through a
    reader's browser.
    """
    is_local = is_loopback(api.parts.config.api.host)
    if not (is_local and is_loopback(request.url.hostname or "")):
        require(api.tokens.caller(request.headers.get("authorization")), "read", any_team=True)


def signal_for(caller: Caller, name: str, api: Running) -> Signal:
    """Return the configured signal; Refusal with 404 when it is not there for this caller."""
    for signal in api.parts.config.signals:
        if signal.name == name and caller.sees(signal.team):
            return signal
    raise Refusal(404, "unknown_signal", f"there is no signal {name!r}: see /api/v1/signals")
