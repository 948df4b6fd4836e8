"""What the fake servers of logs share: HTTP on a real socket, and answers that go wrong."""

import contextlib
import random
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class FakeRequest:
    method: str
    path: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class FakeAnswer:
    status: int
    body: bytes = b""
    content_type: str = "application/json"


class FakeHttp:
    """Answers by `handle`; a request goes wrong with a chance of `faults`, one way or another."""

    def __init__(self, handle: Callable[[FakeRequest], FakeAnswer], seed: int = 0) -> None:
        self.handle = handle
        self.faults = 0.0
        self.requests: list[FakeRequest] = []
        self.n_faults = 0
        self._chance = random.Random(seed)
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                parts = urlsplit(self.path)
                fields = dict(parse_qsl(parts.query))
                kind = self.headers.get("Content-Type", "")
                if kind.startswith("application/x-www-form-urlencoded"):
                    fields |= dict(parse_qsl(body.decode()))
                request = FakeRequest(
                    self.command, parts.path, fields, dict(self.headers.items()), body
                )
                server.requests.append(request)
                # The client may be gone before the answer is out: that is what is tested.
                with contextlib.suppress(OSError):
                    server.answer(self, request)

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle()

            def do_GET(self) -> None:
                self.do_POST()

            def do_DELETE(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                """Keep the terminal quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def answer(self, handler: BaseHTTPRequestHandler, request: FakeRequest) -> None:
        fault = self._chance.choice(("500", "429", "cut", "hang up"))
        if self._chance.random() >= self.faults:
            fault = ""
        self.n_faults += bool(fault)
        if fault == "500":
            send(handler, FakeAnswer(500, b"{}"))
        elif fault == "429":
            send(handler, FakeAnswer(429, b'{"error":{"type":"es_rejected_execution_exception"}}'))
        elif fault == "hang up":
            handler.close_connection = True
        else:
            send(handler, self.handle(request), part=0.5 if fault == "cut" else 1.0)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def send(handler: BaseHTTPRequestHandler, answer: FakeAnswer, part: float = 1.0) -> None:
    lines = (
        f"HTTP/1.1 {answer.status} Status",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        "\r\n",
    )
    handler.wfile.write("\r\n".join(lines).encode())
    handler.wfile.write(answer.body[: int(part * len(answer.body))])
    if part < 1.0:
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)
