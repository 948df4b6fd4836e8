"""The real API on a real socket of loopback, for tests and benchmarks."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn

from forewarn_service.api.app import create_app
from forewarn_service.api.parts import Parts
from forewarn_service.api.serving import uvicorn_config

JSON = "application/json"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def reason(self) -> str:
        assert self.headers["content-type"] == "application/problem+json", self.body
        assert self.json["status"] == self.status
        assert self.json["request_id"] == self.headers["x-request-id"]
        return self.json["reason"]


@dataclass
class Api:
    """A running API."""

    host: str
    port: int
    parts: Parts
    token: str | None = None
    errors: list[str] = field(default_factory=list)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, headers=headers)

    def post(self, path: str, content: object = None, **headers: str) -> Answer:
        body = content if isinstance(content, bytes) else orjson.dumps(content)
        return self.call("POST", path, body=body, headers={"content-type": JSON, **headers})

    def call(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if self.token and "authorization" not in sent:
            sent["authorization"] = f"Bearer {self.token}"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def raw(self, *pieces: bytes, timeout: float = 10.0) -> bytes:
        """Send bytes as they are, and return all that comes back until the far end closes.

        An end that closes before it has read all that was sent resets the connection: an end too.
        """
        answer = bytearray()
        with (
            socket.create_connection((self.host, self.port), timeout=timeout) as connection,
            contextlib.suppress(ConnectionResetError, BrokenPipeError),
        ):
            for piece in pieces:
                connection.sendall(piece)
            while part := connection.recv(65_536):
                answer += part
        return bytes(answer)


@contextlib.contextmanager
def served(parts: Parts, *, token: str | None = None, **options: Any) -> Iterator[Api]:
    """Serve `parts` in a thread until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn_config(create_app(parts), parts.config.api, **options)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server must start"
            thread.join(0.01)
        yield Api("127.0.0.1", listener.getsockname()[1], parts, token)
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server must stop"
