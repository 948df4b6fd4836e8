"""Where the service listens."""

import socket
from urllib.parse import urlsplit

import pytest
import urllib3
from fastapi import FastAPI

from forewarn_adapters.config.api import Api
from forewarn_models.errors import ConfigError
from forewarn_service.http_server import HttpServer


@pytest.mark.parametrize(
    ("listen", "host"),
    [
        ("127.0.0.1:0", "127.0.0.1"),
        ("localhost:0", "127.0.0.1"),
        ("[::1]:0", "::1"),
        (":0", "0.0.0.0"),
    ],
)
def test_it_answers_where_it_was_told_to_listen(listen, host):
    server = HttpServer(FastAPI(), Api(listen=listen))
    server.start()
    try:
        parts = urlsplit(server.url)
        assert parts.hostname == host
        reached = f"[{host}]" if host == "::1" else "127.0.0.1"
        assert urllib3.request("GET", f"http://{reached}:{parts.port}/nothing").status == 404
    finally:
        server.stop()


def test_an_address_that_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"an address that is free, got '{listen}'"):
            HttpServer(FastAPI(), Api(listen=listen))
