"""The outermost layers alone, where a whole server would not come to the case."""

import asyncio

import pytest

from forewarn_service.api.edge import bounded_body, numbered, same_host
from forewarn_service.api.limits import DEFAULT_LIMITS

SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")]}


async def never():
    """Nothing is received."""


async def sink(message):
    """What is sent is forgotten."""


def wrapped(app, counted):
    inner = same_host(bounded_body(app, limits=DEFAULT_LIMITS), must_be_loopback=True)
    return numbered(inner, request_ids=lambda: "1", count_error=counted.append)


def test_half_an_answer_breaks_the_connection_and_is_counted(caplog):
    async def broken(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("in the middle")

    counted = []
    with pytest.raises(RuntimeError, match="in the middle"):
        asyncio.run(wrapped(broken, counted)(dict(SCOPE), never, sink))
    assert counted == ["internal"]
    assert "request 1 failed" in caplog.text


def test_after_the_body_an_application_may_wait_for_the_end_of_the_connection():
    messages = iter(
        [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]
    )
    received = []

    async def receive():
        return next(messages)

    async def waiting(scope, receive, send):
        received.extend([(await receive())["type"], (await receive())["type"]])

    asyncio.run(wrapped(waiting, [])(dict(SCOPE), receive, sink))
    assert received == ["http.request", "http.disconnect"]


def test_what_is_not_a_request_passes_untouched():
    seen = []

    async def inner(scope, receive, send):
        seen.append(scope)

    asyncio.run(wrapped(inner, [])({"type": "lifespan"}, never, sink))
    assert seen == [{"type": "lifespan"}]
