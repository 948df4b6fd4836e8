"""HTTP to one server, with every wait and every size bounded.

Redirects are never followed, so that credentials go to the configured server only. No message
holds a credential: they are kept out of URLs, and headers are never shown.
"""

import contextlib
import math
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

import tenacity
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    EmptyPoolError,
    HTTPError,
    InvalidHeader,
    NewConnectionError,
    ReadTimeoutError,
)

from forewarn_adapters.config.endpoints import Endpoint, Tls
from forewarn_adapters.credentials import authorization, public_url, tls_context
from forewarn_models.errors import (
    ConfigError,
    SourceError,
    SourceRejected,
    SourceTimeout,
    SourceUnavailable,
)

_PORTION_BYTES = 1 << 18
_FIRST_BACKOFF_SECONDS = 0.1
_LONGEST_BACKOFF_SECONDS = 5.0
_SHOWN_CHARACTERS = 300
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class AnswerTooLarge(SourceRejected):
    """The answer exceeds the limit of bytes: ask for less at a time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: any status, with the body unpacked.

    `retry_after_seconds` is the pause that it asks for before the next try, 0 where it does not.
    """

    status: int
    body: bytes | bytearray
    retry_after_seconds: float = 0.0

    def text(self) -> str:
        """Return the start of the body as one printable line, for messages."""
        start = self.body[: _SHOWN_CHARACTERS * 4].decode(errors="replace")
        return shown(start) or "an empty body"


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How far a client goes.

    Args:
        connections: that are open at a time; more requests wait for one.
        retries: after the first try, of answers that may change: 429, 5xx, lost connections.
        answer_bytes: of one answer once unpacked.
    """

    connections: int = 4
    retries: int = 3
    answer_bytes: int = 1 << 26


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def is_transient(answer: Answer) -> bool:
    """Tell whether the same request may be answered otherwise in a moment."""
    return answer.status == 429 or answer.status >= 500


class HttpClient:
    """Sends requests to one server over pooled connections; safe to share between threads.

    `extra_headers` go with every request, such as the name of a tenant; they are never shown.

    Raises ConfigError when the URL, the credentials or the certificates cannot be used, and when
    an extra header is not printable ASCII.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        limits: HttpLimits,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        self.name = public_url(endpoint.url)
        self.timeout_seconds = endpoint.timeout.total_seconds()
        self._limits = limits
        self._prefix = urlsplit(self.name).path.rstrip("/")
        self._headers = authorization(endpoint) | {
            "Accept-Encoding": "gzip",
            "User-Agent": "forewarn",
            **_checked(extra_headers or {}),
        }
        self._open: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()
        self._pool = _pool(self.name, endpoint.tls, limits.connections, self._open)
        self._closing = threading.Event()

    def post_form(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Return the answer to a form, whatever its status."""
        return self.post(path, urlencode(fields).encode(), headers=_FORM)

    def get(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Return the answer to a question that stands in the address, whatever its status."""
        query = f"?{urlencode(fields)}" if fields else ""
        return self._send(_Request("GET", path + query), is_transient)

    def post(
        self,
        path: str,
        body: bytes,
        *,
        headers: Mapping[str, str],
        may_change: Callable[[Answer], bool] = is_transient,
    ) -> Answer:
        """Return the answer to a body, whatever its status, after retries where it `may_change`.

        Raises SourceTimeout, SourceUnavailable when nothing whole came back, and AnswerTooLarge.
        """
        return self._send(_Request("POST", path, body, headers), may_change)

    def delete(self, path: str, body: bytes, *, headers: Mapping[str, str]) -> Answer:
        """Return the answer to a request that something be removed, whatever its status."""
        return self._send(_Request("DELETE", path, body, headers), is_transient)

    def _send(self, request: _Request, may_change: Callable[[Answer], bool]) -> Answer:
        def attempt() -> Answer:
            if self._closing.is_set():
                raise SourceUnavailable(f"{self.name} is not asked any more: the client is closed")
            answer = self._exchange(request)
            # Whoever asks may try again later than anybody would wait here.
            if may_change(answer) and answer.retry_after_seconds <= self.timeout_seconds:
                raise _MayChange(answer)
            return answer

        try:
            return self._retrying()(attempt)
        except _MayChange as last:
            return last.answer

    def close(self) -> None:
        """Close the connections; waits for an answer or for the next try end at once."""
        self._closing.set()
        for connection in tuple(self._open):
            _shut_down(connection)
        self._pool.close()

    def _retrying(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            stop=tenacity.stop_after_attempt(1 + self._limits.retries)
            | tenacity.stop_when_event_set(self._closing),
            wait=_pause_seconds,
            retry=tenacity.retry_if_exception_type((_MayChange, SourceUnavailable)),
            sleep=tenacity.sleep_using_event(self._closing),
            reraise=True,
        )

    def _exchange(self, request: _Request) -> Answer:
        deadline = time.monotonic() + self.timeout_seconds
        with self._converted():
            response = self._pool.urlopen(
                request.method,
                self._prefix + request.path or "/",
                body=request.body,
                headers={**self._headers, **request.headers},
                retries=False,
                redirect=False,
                timeout=urllib3.Timeout(total=self.timeout_seconds),
                pool_timeout=math.ceil(self.timeout_seconds),
                preload_content=False,
            )
            try:
                content = self._content(response, deadline)
            except BaseException:
                # What is left of the answer must not be taken for the next one. The pool counts
                # the connection as in use until it has it back.
                response.close()
                response.release_conn()
                raise
            response.release_conn()
            return Answer(response.status, content, _pause_asked_for(response))

    def _content(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytearray:
        content = bytearray()
        while portion := response.read1(_PORTION_BYTES, decode_content=True):
            content += portion
            if len(content) > self._limits.answer_bytes:
                raise AnswerTooLarge(
                    f"an answer of {self.name} must be at most {self._limits.answer_bytes} bytes: "
                    "ask for fewer series, a longer step or less history"
                )
            if time.monotonic() > deadline:
                raise SourceTimeout(self._too_slow())
        return content

    @contextlib.contextmanager
    def _converted(self) -> Iterator[None]:
        try:
            yield
        except SourceError:
            raise
        except NewConnectionError as closed:  # a kind of ConnectTimeoutError in urllib3 2
            why = shown(str(closed).partition(": ")[2])
            raise SourceUnavailable(f"{self.name} must be reachable: {why}") from closed
        except (ReadTimeoutError, ConnectTimeoutError, EmptyPoolError, TimeoutError) as slow:
            raise SourceTimeout(self._too_slow()) from slow
        except (HTTPError, OSError) as broken:
            raise SourceUnavailable(self._not_whole(broken)) from broken

    def _not_whole(self, failure: Exception) -> str:
        kind = type(failure).__name__
        return f"{self.name} must give a whole answer, got {kind}: {shown(str(failure))}"

    def _too_slow(self) -> str:
        return f"{self.name} must answer within {self.timeout_seconds:g} s, it did not"


def shown(text: str) -> str:
    """Return text from outside as one printable line of bounded length."""
    line = " ".join(text.split())
    line = "".join(character for character in line if character.isprintable())
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}..."


def _checked(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        # The HTTP library would show a value that it refuses.
        if not (value.isascii() and value.isprintable()):
            raise ConfigError(f"the header {name} must be printable ASCII characters")
    return headers


class _MayChange(Exception):  # noqa: N818  it carries an answer to the retry loop, no error yet
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def _pause_seconds(state: tenacity.RetryCallState) -> float:
    backoff = tenacity.wait_random_exponential(
        multiplier=_FIRST_BACKOFF_SECONDS, max=_LONGEST_BACKOFF_SECONDS
    )
    return max(backoff(state), _retry_after_seconds(state))


def _retry_after_seconds(state: tenacity.RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome else None
    return failure.answer.retry_after_seconds if isinstance(failure, _MayChange) else 0.0


def _pause_asked_for(response: urllib3.BaseHTTPResponse) -> float:
    """Return what Retry-After says, in seconds or as a date; 0 where it says nothing usable."""
    try:
        return urllib3.Retry().get_retry_after(response) or 0.0
    except (InvalidHeader, ValueError, OverflowError):
        return 0.0


# The two classes below exist because urllib3 takes its connections as classes. Its timeout is for
# each packet: a server that sends its headers byte by byte would hold a thread for ever.


class _BoundedConnection(HTTPConnection):
    # urllib3 gives its own kind of answer here, as its declaration says in the same way
    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as above
        with _cut_off(self):
            return super().getresponse()


class _BoundedTlsConnection(HTTPSConnection):
    # urllib3 gives its own kind of answer here, as its declaration says in the same way
    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as above
        with _cut_off(self):
            return super().getresponse()


@contextlib.contextmanager
def _cut_off(connection: HTTPConnection) -> Iterator[None]:
    """Shut the connection down unless the block ends within the connection's timeout."""
    was_cut = threading.Event()

    def cut() -> None:
        was_cut.set()
        _shut_down(connection)

    timer = threading.Timer(float(connection.timeout or 0), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, HTTPError, HTTPException):
        if not was_cut.is_set():
            raise
    finally:
        timer.cancel()
    # Headers that end early count as whole for the library.
    if was_cut.is_set():
        raise TimeoutError


def _shut_down(connection: HTTPConnection) -> None:
    with contextlib.suppress(OSError, AttributeError):  # it may be closed, or not yet open
        connection.sock.shutdown(socket.SHUT_RDWR)


def _pool(
    url: str, tls: Tls | None, connections: int, opened: "weakref.WeakSet[HTTPConnection]"
) -> urllib3.HTTPConnectionPool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        pool = urllib3.HTTPConnectionPool(host, parts.port, maxsize=connections, block=True)
        pool.ConnectionCls = _noted(_BoundedConnection, opened)
        return pool
    secure = urllib3.HTTPSConnectionPool(
        host,
        parts.port,
        maxsize=connections,
        block=True,
        ssl_context=tls_context(tls),
        server_hostname=tls.server_name if tls else None,
    )
    secure.ConnectionCls = _noted(_BoundedTlsConnection, opened)
    return secure


def _noted(
    connection_class: type[HTTPConnection], opened: "weakref.WeakSet[HTTPConnection]"
) -> Any:
    """Return what makes connections of a class and keeps them in mind while they are in use."""

    def connect(*args: Any, **options: Any) -> HTTPConnection:
        connection = connection_class(*args, **options)
        opened.add(connection)
        return connection

    return connect
