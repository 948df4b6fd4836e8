"""The application: wiring only."""

import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version as version_of
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response

from forewarn_adapters.config.addresses import is_loopback
from forewarn_models.errors import ForewarnError
from forewarn_service.api import (
    routes_capacity,
    routes_logs,
    routes_on_demand,
    routes_operation,
    routes_security,
    routes_signals,
)
from forewarn_service.api.access import tokens_of
from forewarn_service.api.audit import AuditTrail
from forewarn_service.api.champions import loaded_champions
from forewarn_service.api.documents import describe
from forewarn_service.api.edge import bounded_body, numbered, same_host
from forewarn_service.api.faults import problem_of_complaints, problem_of_error, problem_of_status
from forewarn_service.api.parts import Parts, Running
from forewarn_service.api.pool import WorkPool

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def create_app(parts: Parts) -> FastAPI:
    """Return the API on `parts`; nothing is opened, and nothing runs before the first request.

    Raises ConfigError when it would listen beyond loopback without a token.
    """
    running = Running(
        parts=parts,
        tokens=tokens_of(parts.config.api),
        audit=AuditTrail(
            parts.store,
            now_milliseconds=parts.now_milliseconds,
            denied_per_minute=parts.limits.denied_per_minute,
        ),
        pool=WorkPool(parts.limits),
        models=loaded_champions(parts.champions),
    )
    app = FastAPI(
        title="Forewarn",
        lifespan=_lifespan,
        middleware=_edge(running),
        exception_handlers=dict(_HANDLERS),
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.running = running
    for routes in (
        routes_on_demand,
        routes_signals,
        routes_capacity,
        routes_logs,
        routes_security,
        routes_operation,
    ):
        app.include_router(routes.router)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]  # the documented way to replace it
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = describe(app, version=version_of("forewarn"))
    return app.openapi_schema


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.running.pool.close()


def _edge(running: Running) -> list[Middleware]:
    """Return what a request passes, the outermost first."""
    parts = running.parts
    is_open = not running.tokens and is_loopback(parts.config.api.host)
    return [
        Middleware(
            numbered,
            request_ids=_numbers(parts.now_milliseconds()),
            count_error=parts.count_error,
        ),
        Middleware(same_host, must_be_loopback=is_open),
        Middleware(bounded_body, limits=parts.limits),
    ]


def _numbers(started_milliseconds: int) -> Callable[[], str]:
    """Return a function that names requests: by the start of the service, then by count."""
    counter = itertools.count(1)
    return lambda: f"{started_milliseconds:x}-{next(counter)}"


async def _on_our_error(request: Request, error: ForewarnError) -> Response:
    return problem_of_error(error, request_id=request.state.request_id)


async def _on_refused_request(request: Request, error: RequestValidationError) -> Response:
    return problem_of_complaints(error.errors(), request_id=request.state.request_id)


async def _on_framework_error(request: Request, error: HTTPException) -> Response:
    return problem_of_status(
        error.status_code,
        error.detail,
        request_id=request.state.request_id,
        headers=error.headers or _NO_HEADERS,
    )


_HANDLERS: Mapping[
    int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]
] = MappingProxyType(
    {
        ForewarnError: _on_our_error,
        RequestValidationError: _on_refused_request,
        HTTPException: _on_framework_error,
    }
)
