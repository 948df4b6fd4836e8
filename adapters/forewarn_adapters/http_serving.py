"""How HTTP is served: uvicorn with TLS, bounded headers, bounded connections, in a thread."""

import asyncio
import socket
import ssl
import threading
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from forewarn_adapters.config.endpoints import Tls
from forewarn_models.errors import ConfigError

# A scrape every 15 s keeps its connection.
_KEEP_ALIVE_SECONDS = 20
_HEADERS_SECONDS = 20.0
_MAX_HEADER_BYTES = 32 * 1024
_MAX_CONNECTIONS = 512
_GRACEFUL_SHUTDOWN_SECONDS = 5


class PatientProtocol(H11Protocol):
    """HTTP/1.1 whose clients must send a request's headers whole in a given time.

    h11 is used, not httptools: it alone bounds the size of the headers that it buffers.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the parent class
        super().connection_made(transport)
        self._seen_cycle: object = self
        self._patience = self.loop.call_later(_HEADERS_SECONDS, self._lose_patience)

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.cancel()
        super().connection_lost(exc)

    def _lose_patience(self) -> None:
        """Close when a whole period went by in which no new request began and none was served."""
        cycle: RequestResponseCycle | None = self.cycle
        is_busy = cycle is not None and not cycle.response_complete
        if not is_busy and cycle in {None, self._seen_cycle}:
            self.transport.close()
            return
        self._seen_cycle = cycle
        self._patience = self.loop.call_later(_HEADERS_SECONDS, self._lose_patience)


def serving_config(
    app: ASGIApp, *, tls: Tls | None, tls_key: str, **changes: Any
) -> uvicorn.Config:
    """Return how uvicorn serves `app`; `changes` are options of uvicorn that come last.

    Raises ConfigError, which names `tls_key`, when the certificates cannot be used.
    """
    options: dict[str, Any] = {
        "http": PatientProtocol,
        "h11_max_incomplete_event_size": _MAX_HEADER_BYTES,
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "limit_concurrency": _MAX_CONNECTIONS,
        "timeout_keep_alive": _KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": _GRACEFUL_SHUTDOWN_SECONDS,
        **_tls_options(tls, tls_key),
        **changes,
    }
    config = uvicorn.Config(app, **options)
    try:
        config.load()
    except (OSError, ssl.SSLError) as refused:
        raise ConfigError(
            f"{tls_key} must name readable certificate and key files: {refused}"
        ) from refused
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config


class ServingThread:
    """Serves at a socket that listens, in a thread of its own, between `start` and `stop`."""

    def __init__(self, listener: socket.socket, config: uvicorn.Config) -> None:
        self._listener = listener
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="http", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self, *, seconds: float) -> None:
        """Answer what is under way and end; after `seconds` this returns all the same."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(seconds)
        self._listener.close()


def _tls_options(tls: Tls | None, key: str) -> dict[str, Any]:
    """Return uvicorn's options; with `ca_file`, callers must show a certificate that it signed."""
    if tls is None:
        return {}
    if tls.cert_file is None or tls.key_file is None:
        raise ConfigError(f"{key} must have cert_file and key_file")
    options: dict[str, Any] = {"ssl_certfile": tls.cert_file, "ssl_keyfile": tls.key_file}
    if tls.ca_file is not None:
        options |= {"ssl_ca_certs": str(tls.ca_file), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return options
