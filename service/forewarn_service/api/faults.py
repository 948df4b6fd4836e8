"""Every error that a caller can see, as `application/problem+json` (RFC 9457)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import ClassVar

import orjson
from starlette.responses import Response

from forewarn_models.errors import (
    AccessDenied,
    ConfigError,
    DataError,
    ForewarnError,
    ModelError,
    RegistryError,
    SourceError,
    SourceRejected,
    SourceTimeout,
    SourceUnavailable,
    StoreError,
    WriteError,
)

# The most special class of an error that stands here decides.
STATUS_OF: Mapping[type[ForewarnError], int] = MappingProxyType(
    {
        ForewarnError: 500,
        ConfigError: 422,
        DataError: 422,
        ModelError: 503,
        SourceError: 502,
        SourceRejected: 422,
        SourceTimeout: 504,
        SourceUnavailable: 503,
        WriteError: 503,
        RegistryError: 503,
        StoreError: 503,
        AccessDenied: 403,
    }
)
_REASON_OF_STATUS = MappingProxyType(
    {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 500: "internal"}
)
_MAX_COMPLAINTS = 20
_MAX_DETAIL_CHARACTERS = 2_000


class Refusal(ForewarnError):  # noqa: N818  named as AccessDenied is: the name says what happened
    """The API does not do what was asked: with this status, this reason, these headers."""

    reason: ClassVar[str] = "refused"

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers = headers


def problem(
    status: int,
    reason: str,
    detail: str,
    *,
    request_id: str,
    headers: Mapping[str, str] = MappingProxyType({}),
    extra: Mapping[str, object] = MappingProxyType({}),
) -> Response:
    """Return the answer that says what was wrong; `reason` is for programs, `detail` for people."""
    content: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "reason": reason,
        "detail": detail[:_MAX_DETAIL_CHARACTERS],
        "request_id": request_id,
    }
    return Response(
        orjson.dumps(content | dict(extra)),
        status_code=status,
        media_type="application/problem+json",
        headers=dict(headers),
    )


def problem_of_error(error: ForewarnError, *, request_id: str) -> Response:
    """Return the answer for one of our errors, by the table."""
    if isinstance(error, Refusal):
        return problem(
            error.status, error.code, str(error), request_id=request_id, headers=error.headers
        )
    status = next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)
    headers = {"retry-after": "5"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return problem(status, error.reason, str(error), request_id=request_id, headers=headers)


def problem_of_status(
    status: int, detail: str, *, request_id: str, headers: Mapping[str, str]
) -> Response:
    """Return the answer for an error of the framework, such as a path that does not exist."""
    reason = _REASON_OF_STATUS.get(status, HTTPStatus(status).name.lower())
    return problem(status, reason, detail, request_id=request_id, headers=headers)


def problem_of_complaints(
    complaints: Sequence[Mapping[str, object]], *, request_id: str
) -> Response:
    """Return the answer for a request that is not of the declared form: what is wrong where.

    The refused values are left out: a caller may have put a secret in the wrong place.
    """
    errors = [_complaint(complaint) for complaint in complaints[:_MAX_COMPLAINTS]]
    detail = "; ".join(f"{error['where']}: {error['what']}" for error in errors)
    return problem(422, "invalid_request", detail, request_id=request_id, extra={"errors": errors})


def _complaint(complaint: Mapping[str, object]) -> Mapping[str, str]:
    place = complaint.get("loc")
    parts = place if isinstance(place, tuple | list) else ()
    where = ".".join(str(part) for part in parts)[:200] or "body"
    return {"where": where, "what": str(complaint.get("msg", "")).removeprefix("Value error, ")}
