"""Serves the application in a thread of its own."""

from fastapi import FastAPI

from forewarn_adapters.config.api import Api
from forewarn_adapters.http_serving import ServingThread
from forewarn_adapters.listening import address_of, tcp_listener
from forewarn_service.api.serving import uvicorn_config


class HttpServer:
    """Listens from the moment it is made; answers between `start` and `stop`.

    Raises ConfigError when the address of `api.listen` cannot be listened on.
    """

    def __init__(self, app: FastAPI, api: Api) -> None:
        listener = tcp_listener(api.listen, key="api.listen")
        self._serving = ServingThread(listener, uvicorn_config(app, api))
        self.url = f"{'https' if api.tls else 'http'}://{address_of(listener)}"

    def start(self) -> None:
        """Begin to answer."""
        self._serving.start()

    def stop(self, *, seconds: float = 1.5) -> None:
        """Answer what is under way and end."""
        self._serving.stop(seconds=seconds)
