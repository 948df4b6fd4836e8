"""How the API is served: uvicorn with TLS, bounded headers, bounded connections."""

import asyncio
import ssl
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from forewarn_adapters.config.endpoints import Tls
from forewarn_adapters.config.schema import Api
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


def uvicorn_config(app: ASGIApp, api: Api, **changes: Any) -> uvicorn.Config:
    """Return how uvicorn serves `app`; `changes` are options of uvicorn that come last.

    Raises ConfigError when the certificates cannot be used.
    """
    options: dict[str, Any] = {
        "host": api.host,
        "port": api.port,
        "http": PatientProtocol,
        "h11_max_incomplete_event_size": _MAX_HEADER_BYTES,
        "ws": "none",
        "lifespan": "on",
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "limit_concurrency": _MAX_CONNECTIONS,
        "timeout_keep_alive": _KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": _GRACEFUL_SHUTDOWN_SECONDS,
        **_tls_options(api.tls),
        **changes,
    }
    config = uvicorn.Config(app, **options)
    try:
        config.load()
    except (OSError, ssl.SSLError) as refused:
        raise ConfigError(
            f"api.tls must name readable certificate and key files: {refused}"
        ) from refused
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config


def _tls_options(tls: Tls | None) -> dict[str, Any]:
    """Return uvicorn's options; with `ca_file`, callers must show a certificate that it signed."""
    if tls is None:
        return {}
    if tls.cert_file is None or tls.key_file is None:
        raise ConfigError("api.tls must have cert_file and key_file")
    options: dict[str, Any] = {"ssl_certfile": tls.cert_file, "ssl_keyfile": tls.key_file}
    if tls.ca_file is not None:
        options |= {"ssl_ca_certs": str(tls.ca_file), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return options
