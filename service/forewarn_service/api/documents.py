"""What the OpenAPI document says beside the types: answers, bodies, examples."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from forewarn_service.api.wire import ForecastRequest, Problem, ScoreRequest

_DESCRIPTION = """\
Scores and forecasts on demand, and what the configured signals are doing right now.

A **score** is how rare a value is against the alert budget: 1 is exactly the budget, from 1 upwards
a value is *anomalous*; null is *cannot say*. Timestamps are epoch seconds, NaN is null both ways.
Errors are `application/problem+json`; `reason` is for programs, `request_id` for the log.
"""
_MEANING: Mapping[int, str] = MappingProxyType(
    {
        400: "The request is not HTTP as it should be.",
        401: "No token, or not one of the configured ones.",
        403: "The token's role or team does not allow it.",
        404: "There is no such thing for this caller.",
        408: "The body did not arrive in time.",
        409: "Not yet: nothing was trained or read so far.",
        410: "The cursor belongs to an earlier model.",
        413: "The body is too large.",
        415: "The body is compressed or not JSON.",
        422: "The request, or the data in it, cannot be used; `errors` says what is wrong where.",
        500: "An unexpected error; the log has it under the request id.",
        502: "The source of samples gave an answer that cannot be used.",
        503: "Busy, too slow, or a part that is needed is down; see Retry-After.",
        504: "The source of samples did not answer in time.",
    }
)
NAME_EXAMPLES: Any = {"a signal": {"value": "api_latency_p99"}}
_REFERENCE = "#/components/schemas/{model}"


Answers = dict[int | str, dict[str, Any]]


def answers(model: type[BaseModel], *problems: int, status: int = 200) -> Answers:
    """Return the answers of a route: the good one, and each way in which it may refuse."""
    return {status: {"model": model}} | refusals(*problems)


def refusals(*statuses: int) -> Answers:
    """Return the ways in which a route may refuse."""
    schema = {"schema": {"$ref": _REFERENCE.format(model="Problem")}}
    return {
        status: {
            "description": _MEANING[status],
            "content": {"application/problem+json": schema},
        }
        for status in (*statuses, 500)
    }


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return how the document shows a body that a route reads itself."""
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def describe(app: FastAPI, *, version: str) -> dict[str, Any]:
    """Return the OpenAPI document of `app`, with the models that no route declares."""
    document = get_openapi(
        title="Forewarn",
        version=version,
        description=_DESCRIPTION,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    _, extra = models_json_schema(
        [(model, "validation") for model in (ScoreRequest, ForecastRequest, Problem)],
        ref_template=_REFERENCE,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(extra["$defs"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document
