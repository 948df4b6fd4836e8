"""The receiver of OTLP/HTTP as an ASGI application: `POST /v1/logs`."""

import asyncio
import hmac
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from forewarn_adapters.logs.receiving.otlp_request import (
    JSON,
    PROTOBUF,
    Request,
    request_of,
    unpacked,
)
from forewarn_models.errors import DataError, JournalFull, StoreError

_MOST_PACKED_BYTES = 8 << 20
_MOST_UNPACKED_BYTES = 16 << 20
_MOST_HELD_BYTES = 64 << 20  # of all requests that are being read at one time
_MOST_REQUESTS = 256
_MOST_UNPACKING = 2
_BODY_SECONDS = 30.0
_RETRY_SECONDS = 5
_RETRY = {"retry-after": str(_RETRY_SECONDS)}

# Keeps a request unless it is a repeat; raises StoreError where it cannot.
Keep = Callable[[bytes, Request], None]


@dataclass(eq=False)
class _Refusal(Exception):  # noqa: N818  an answer, not an error of ours
    status: int
    reason: str
    words: str
    headers: tuple[tuple[str, str], ...] = ()


class OtlpApp:
    """Answers 200 when a request is kept, and says how to go on where it is not.

    Args:
        keep: called with the unpacked body and what it holds, one at a time.
        bearer_token: what senders must show; None = nothing.
        most_bytes: how large a request may be, unpacked.

    `n_requests` counts those that were kept, `refused` the others by reason; `record` are records
    that could not be used in requests that were kept.
    """

    def __init__(self, keep: Keep, *, bearer_token: str | None, most_bytes: int) -> None:
        self._keep = keep
        self._token = bearer_token.encode() if bearer_token else None
        self._most_bytes = min(most_bytes, _MOST_UNPACKED_BYTES)
        self._held_bytes = 0
        self._n_requests_now = 0
        self.n_requests = 0
        self.refused: Counter[str] = Counter()
        self._unpacking = asyncio.Semaphore(_MOST_UNPACKING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._n_requests_now += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self._n_requests_now -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = HttpRequest(scope, receive)
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            self._check(request, content_type)
            taken = await self._take(request, content_type)
            self._count(taken)
            response = _accepted(taken, content_type)
        except _Refusal as refusal:
            self.refused[refusal.reason] += 1
            response = _refused(refusal, content_type)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    def _count(self, taken: Request) -> None:
        self.n_requests += 1
        if taken.n_rejected:
            self.refused["record"] += taken.n_rejected

    def _check(self, request: HttpRequest, content_type: str) -> None:
        if self._n_requests_now > _MOST_REQUESTS:
            raise _busy()
        if request.url.path != "/v1/logs":
            raise _Refusal(404, "path", "logs are received at /v1/logs")
        if request.method != "POST":
            raise _Refusal(405, "method", "logs are received by POST", (("allow", "POST"),))
        if self._token and not hmac.compare_digest(_shown_token(request), self._token):
            raise _Refusal(
                401,
                "token",
                "the bearer token of the source must be sent",
                (("www-authenticate", "Bearer"),),
            )
        if content_type not in (PROTOBUF, JSON):
            raise _Refusal(415, "content_type", f"the content type must be {PROTOBUF} or {JSON}")
        if _encoding(request) not in ("identity", "gzip", "deflate"):
            raise _Refusal(415, "content_encoding", "the content encoding must be gzip or deflate")

    async def _take(self, request: HttpRequest, content_type: str) -> Request:
        """Return what a request held, when it is kept."""
        body = bytearray()
        try:
            await self._read(request, body)
            async with self._unpacking:
                content, taken = await asyncio.to_thread(
                    self._parsed, bytes(body), _encoding(request), content_type
                )
        finally:
            self._held_bytes -= len(body)
        try:
            self._keep(content, taken)
        except StoreError as failed:
            reason = "full" if isinstance(failed, JournalFull) else "not_written"
            raise _Refusal(503, reason, str(failed), tuple(_RETRY.items())) from failed
        return taken

    async def _read(self, request: HttpRequest, body: bytearray) -> None:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for chunk in request.stream():
                    if len(body) + len(chunk) > min(_MOST_PACKED_BYTES, self._most_bytes):
                        raise _too_large(min(_MOST_PACKED_BYTES, self._most_bytes))
                    self._hold(len(chunk))
                    body += chunk
        except TimeoutError as late:
            raise _Refusal(
                408, "late", f"the body must come within {_BODY_SECONDS:.0f} s"
            ) from late

    def _hold(self, n_bytes: int) -> None:
        if self._held_bytes + n_bytes > _MOST_HELD_BYTES:
            raise _busy()
        self._held_bytes += n_bytes

    def _parsed(self, body: bytes, encoding: str, content_type: str) -> tuple[bytes, Request]:
        try:
            content = unpacked(body, encoding, most_bytes=self._most_bytes)
            if content is None:
                raise _too_large(self._most_bytes)
            taken = request_of(content, content_type)
        except DataError as failed:
            raise _Refusal(400, "malformed", str(failed)) from failed
        if len(taken.protobuf) > self._most_bytes:  # as JSON it was shorter
            raise _too_large(self._most_bytes)
        return content, taken


def _shown_token(request: HttpRequest) -> bytes:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip().encode("latin-1") if scheme.lower() == "bearer" else b""


def _encoding(request: HttpRequest) -> str:
    return request.headers.get("content-encoding", "").strip().lower() or "identity"


def _busy() -> _Refusal:
    return _Refusal(503, "busy", "too many requests at one time", tuple(_RETRY.items()))


def _too_large(most_bytes: int) -> _Refusal:
    words = f"a request must have at most {most_bytes} bytes: send smaller batches"
    return _Refusal(413, "too_large", words)


def _accepted(taken: Request, content_type: str) -> Response:
    if content_type == JSON:
        partial = {
            "rejectedLogRecords": str(taken.n_rejected),
            "errorMessage": taken.rejected_because,
        }
        content = orjson.dumps({"partialSuccess": partial} if taken.n_rejected else {})
        return Response(content, media_type=JSON)
    response = ExportLogsServiceResponse()
    if taken.n_rejected:
        response.partial_success.rejected_log_records = taken.n_rejected
        response.partial_success.error_message = taken.rejected_because
    return Response(response.SerializeToString(), media_type=PROTOBUF)


def _refused(refusal: _Refusal, content_type: str) -> Response:
    """Return an answer with google.rpc.Status, of which only the message is told."""
    headers = dict(refusal.headers)
    if content_type == PROTOBUF:
        words = refusal.words.encode()[:1000]
        length = bytes([len(words) & 127 | 128, len(words) >> 7])
        return Response(b"\x12" + length + words, refusal.status, headers, PROTOBUF)
    return Response(orjson.dumps({"message": refusal.words}), refusal.status, headers, JSON)
