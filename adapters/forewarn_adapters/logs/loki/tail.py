"""Lines that a Loki sends as they come, over a WebSocket."""

import contextlib
import logging
import queue
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode, urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from forewarn_adapters.clock import Clock
from forewarn_adapters.config.log_sources import Loki
from forewarn_adapters.credentials import authorization, public_url, tls_context
from forewarn_adapters.http import shown
from forewarn_adapters.logs.loki.answer import Message, message_of

_LOG = logging.getLogger(__name__)

_MOST_FRAME_BYTES = 1 << 22
_MOST_FRAMES_WAITING = 32
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_CLOSE_SECONDS = 0.5
_PING_SECONDS = 20.0
# The library tells in a traceback of what is told here in a line.
_SILENT = logging.getLogger(f"{__name__}.connection")
_SILENT.disabled = True
# Without any stage Loki leaves out the labels of single lines, such as detected_level; this one
# lets all lines pass, because no line has the label.
_EVERY_LINE = '\n| forewarn_passes!="nothing"'


class LokiTail:
    """A connection on which lines come by themselves, made anew whenever it is lost.

    It begins at the first `take`. What it misses is not its business: a query finds all.
    """

    def __init__(self, settings: Loki, headers: Mapping[str, str], clock: Clock) -> None:
        self._settings = settings
        self._headers = authorization(settings) | dict(headers)
        self._tls = tls_context(settings.tls) if settings.url.startswith("https:") else None
        self._clock = clock
        self._frames: queue.Queue[bytes | str | None] = queue.Queue(_MOST_FRAMES_WAITING)
        self._closing = threading.Event()
        self._open = threading.Event()
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    @property
    def is_open(self) -> bool:
        return self._open.is_set()

    def take(self, seconds: float) -> Sequence[Message]:
        """Return what has come, after waiting so long at most for the first of it.

        Raises SourceUnavailable for what is no message of Loki.
        """
        if self._thread is None and not self._closing.is_set():
            self._thread = threading.Thread(target=self._run, name="loki-tail", daemon=True)
            self._thread.start()
        frames = []
        with contextlib.suppress(queue.Empty):
            frames.append(self._frames.get(block=seconds > 0, timeout=seconds))
            while len(frames) < _MOST_FRAMES_WAITING:
                frames.append(self._frames.get_nowait())
        return [message_of(frame) for frame in frames if frame is not None]

    def close(self) -> None:
        """Close the connection; a `take` that waits ends at once."""
        self._closing.set()
        with contextlib.suppress(queue.Full):
            self._frames.put_nowait(None)
        with contextlib.suppress(OSError, AttributeError):  # it may be closed, or not yet open
            self._socket.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]  # as above
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        while not self._closing.is_set():
            try:
                with self._connected() as connection:
                    pause_seconds = _FIRST_PAUSE_SECONDS
                    self._receive(connection)
            except (OSError, WebSocketException) as failed:
                if not self._closing.is_set():
                    name, why = public_url(self._settings.url), shown(str(failed))
                    _LOG.warning("%s is polled, for it cannot be tailed: %s", name, why)
            self._closing.wait(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[ClientConnection]:
        url = urlsplit(public_url(self._settings.url))
        is_secure = self._tls is not None
        port = url.port or (443 if is_secure else 80)
        seconds = self._settings.timeout.total_seconds()
        tls = self._settings.tls
        # With a socket of its own no redirect is followed: credentials go to one server only.
        with socket.create_connection((url.hostname, port), seconds) as plain:
            self._socket = plain
            with connect(
                f"{'wss' if is_secure else 'ws'}://{url.netloc}{url.path}{self._question()}",
                sock=plain,
                ssl=self._tls,
                server_hostname=tls.server_name if tls else None,
                additional_headers=self._headers,
                user_agent_header="forewarn",
                proxy=None,
                open_timeout=seconds,
                close_timeout=_CLOSE_SECONDS,
                max_size=_MOST_FRAME_BYTES,
                ping_interval=_PING_SECONDS,
                logger=_SILENT,
            ) as connection:
                self._socket = connection.socket
                self._open.set()
                try:
                    yield connection
                finally:
                    self._open.clear()

    def _question(self) -> str:
        start = self._clock() * 1_000_000
        fields = {
            "query": self._settings.query + _EVERY_LINE,
            "start": str(start),
            "limit": str(self._settings.page_lines),
        }
        return f"/loki/api/v1/tail?{urlencode(fields)}"

    def _receive(self, connection: ClientConnection) -> None:
        for frame in connection:
            while not self._closing.is_set():
                # While nobody takes them, frames wait at the server; it may leave some out.
                with contextlib.suppress(queue.Full):
                    self._frames.put(frame, timeout=_CLOSE_SECONDS)
                    break
