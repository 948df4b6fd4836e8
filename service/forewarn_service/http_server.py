"""Serves the application in a thread of its own."""

import socket
import threading

import uvicorn
from fastapi import FastAPI

from forewarn_adapters.config.schema import Api
from forewarn_models.errors import ConfigError
from forewarn_service.api.serving import uvicorn_config

_BACKLOG = 512


class HttpServer:
    """Listens from the moment it is made; answers between `start` and `stop`.

    Raises ConfigError when the address of `api.listen` cannot be listened on.
    """

    def __init__(self, app: FastAPI, api: Api) -> None:
        self._socket = _listening(api)
        self._server = uvicorn.Server(uvicorn_config(app, api))
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="http", daemon=True
        )
        host, port = self._socket.getsockname()[:2]
        scheme = "https" if api.tls else "http"
        self.url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self, *, seconds: float = 1.5) -> None:
        """Answer what is under way and end."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(seconds)
        self._socket.close()


def _listening(api: Api) -> socket.socket:
    # Where nothing resolves names, this one still means what it says.
    host = "127.0.0.1" if api.host == "localhost" else api.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, api.port), family=family, backlog=_BACKLOG)
    except OSError as refused:
        raise ConfigError(
            f"api.listen must be an address that is free, got {api.listen!r}: {refused.strerror}"
        ) from refused
