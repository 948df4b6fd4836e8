"""What every request passes before any route: its number, its host, the size of its body."""

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forewarn_adapters.config.addresses import is_loopback
from forewarn_models.errors import ForewarnError
from forewarn_service.api.faults import Refusal, problem, problem_of_error
from forewarn_service.api.limits import Limits

_LOG = logging.getLogger(__name__)
_READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CLOSE = {"connection": "close"}
_SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
}


def numbered(
    app: ASGIApp, *, request_ids: Callable[[], str], count_error: Callable[[str], None]
) -> ASGIApp:
    """Wrap `app`: each request has a number, each answer carries it, and each error is answered.

    This is the last handler: what nobody expected is logged here, counted, and told to the
    caller by its number alone.
    """

    async def numbered_app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        request_id = request_ids()
        scope.setdefault("state", {})["request_id"] = request_id
        has_started = False

        async def send_marked(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                _mark(message, request_id)
            await send(message)

        try:
            await app(scope, receive, send_marked)
        except ForewarnError as refused:
            await problem_of_error(refused, request_id=request_id)(scope, receive, send_marked)
        except Exception:
            _LOG.exception("request %s failed", request_id)
            count_error("internal")
            if has_started:
                raise  # half an answer cannot be mended: the connection must break
            detail = "an unexpected error; the service's log has it under this request id"
            answer = problem(500, "internal", detail, request_id=request_id)
            await answer(scope, receive, send_marked)

    return numbered_app


def same_host(app: ASGIApp, *, must_be_loopback: bool) -> ASGIApp:
    """Wrap `app`: web pages of others may not use a reader's browser to call it.

    Where no token protects it, the Host header must name this machine (a page may have its own
    name resolve to 127.0.0.1). A request that changes something and says which page it comes
    from (Origin) must come from this host.
    """

    async def same_host_app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host = headers.get("host", "")
            if must_be_loopback and not is_loopback(_name(host)):
                raise Refusal(
                    421,
                    "wrong_host",
                    "without tokens the Host header must be localhost or a loopback address",
                )
            origin = headers.get("origin")
            if origin and scope["method"] not in _READING_METHODS and _netloc(origin) != host:
                raise Refusal(403, "wrong_origin", "requests from pages of other hosts are refused")
        await app(scope, receive, send)

    return same_host_app


def bounded_body(app: ASGIApp, *, limits: Limits) -> ASGIApp:
    """Wrap `app`: a body is plain bytes, at most so long, and arrives whole in a given time."""

    async def bounded_app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Refusal(415, "content_encoding", "a body must not be compressed", headers=_CLOSE)
        if int(headers.get("content-length", "0")) > limits.body_bytes:
            raise _too_large(limits)
        await app(scope, _bounded(receive, limits), send)

    return bounded_app


def _bounded(receive: Receive, limits: Limits) -> Receive:
    received = 0
    is_whole = False
    deadline = asyncio.get_running_loop().time() + limits.body_seconds

    async def bounded_receive() -> Message:
        nonlocal received, is_whole
        if is_whole:  # what may still come is the end of the connection, at any time
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError as late:
            detail = f"a body must arrive whole in {limits.body_seconds:g} s"
            raise Refusal(408, "body_timeout", detail, headers=_CLOSE) from late
        received += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if received > limits.body_bytes:
            raise _too_large(limits)
        return message

    return bounded_receive


def _too_large(limits: Limits) -> Refusal:
    detail = f"a body must be at most {limits.body_bytes} bytes: split the request"
    return Refusal(413, "body_too_large", detail, headers=_CLOSE)


def _mark(message: Message, request_id: str) -> None:
    headers = MutableHeaders(raw=message.setdefault("headers", []))
    for name, value in _SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("cache-control", "no-store")
    headers["x-request-id"] = request_id


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
