"""A server on a real socket that answers as no server should, one way at a time."""

import contextlib
import gzip
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import parse_qsl

Behaviour: TypeAlias = Callable[["Exchange"], None]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


class Exchange:
    """One request, and the connection that its answer goes to."""

    def __init__(self, request: Request, handler: BaseHTTPRequestHandler, over: threading.Event):
        self.request = request
        self.over = over
        self._handler = handler

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        lines = {"Content-Length": str(len(body)), **(headers or {})}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.raw(f"HTTP/1.1 {status} Status\r\n{text}\r\n".encode() + body)

    def raw(self, data: bytes) -> None:
        self._handler.wfile.write(data)
        self._handler.wfile.flush()

    def hang_up(self) -> None:
        self._handler.close_connection = True


class HostileServer:
    """Answers every request by `behaviour`, which may be exchanged at any time."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.requests: list[Request] = []
        self._over = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                request = Request(self.command, self.path, dict(self.headers), body)
                server.requests.append(request)
                # The client may be gone before the answer is out: that is what is tested.
                with contextlib.suppress(OSError):
                    server.behaviour(Exchange(request, self, server._over))

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

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextlib.contextmanager
def hostile(behaviour: Behaviour) -> Iterator[HostileServer]:
    server = HostileServer(behaviour)
    try:
        yield server
    finally:
        server.close()


def answering(
    status: int, body: bytes | str, headers: Mapping[str, str] | None = None
) -> Behaviour:
    data = body.encode() if isinstance(body, str) else body
    return lambda exchange: exchange.answer(status, data, headers)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Each in turn, then the last for ever."""
    turns = itertools.chain(behaviours, itertools.repeat(behaviours[-1]))

    def behave(exchange: Exchange) -> None:
        next(turns)(exchange)

    return behave


def hanging(exchange: Exchange) -> None:
    exchange.over.wait(60)
    exchange.hang_up()


def hanging_up(exchange: Exchange) -> None:
    exchange.hang_up()


def half_an_answer(exchange: Exchange) -> None:
    """Promise a length, send half of it and hang up."""
    body = matrix({"a": "b"}, [(1, "2"), (2, "3")])
    exchange.raw(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    exchange.raw(body[: len(body) // 2])
    exchange.hang_up()


def half_of_no_length(exchange: Exchange) -> None:
    """Promise nothing, send half of the JSON and hang up as if it were all."""
    body = matrix({"a": "b"}, [(1, "2"), (2, "3")])
    exchange.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body[: len(body) // 2])
    exchange.hang_up()


def dripping_headers(exchange: Exchange) -> None:
    exchange.raw(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not exchange.over.wait(0.05):
        exchange.raw(b"x")


def dripping_body(exchange: Exchange) -> None:
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not exchange.over.wait(0.05):
        exchange.raw(b" ")


def zip_bomb(exchange: Exchange) -> None:
    """Send a gigabyte of blanks as a megabyte."""
    member = gzip.compress(b" " * (1 << 26))
    body = member * 16
    exchange.answer(200, body, {"Content-Encoding": "gzip"})


def ten_million_points(exchange: Exchange) -> None:
    """Send ten million samples of one series, made while they are sent, whatever is asked."""
    exchange.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    exchange.raw(
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":['
    )
    portion = b",".join(b'[%d,"0.12345678901234567"]' % second for second in range(100_000))
    for _ in range(99):
        exchange.raw(portion + b",")
    exchange.raw(portion + b"]}]}}")
    exchange.hang_up()


def matrix(metric: Mapping[str, str], values: list[tuple[float, str]], **more: object) -> bytes:
    """A whole answer of one series, as compact as Prometheus writes it."""
    result = [{"metric": metric, "values": values}]
    data = {"resultType": "matrix", "result": result}
    reply = {"status": "success", "data": data, **more}
    return json.dumps(reply, separators=(",", ":")).encode()
