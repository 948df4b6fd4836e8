import http.client
import socket
import ssl
import time

import pytest
import trustme

from api_parts import CONFIG, TOKENS, with_tokens
from api_server import served
from forewarn_adapters import http_serving
from forewarn_adapters.config.api import Api
from forewarn_adapters.config.endpoints import Tls
from forewarn_adapters.config.schema import Config
from forewarn_models.errors import ConfigError
from forewarn_service.api.serving import uvicorn_config


async def nothing(scope, receive, send):
    """An application that is never called."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Paths of an authority, a server's pair and a client's pair."""
    directory = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    paths = {"ca": directory / "ca.pem"}
    authority.cert_pem.write_to_path(paths["ca"])
    for name in ("127.0.0.1", "client"):
        issued = authority.issue_cert(name)
        paths[f"{name}_key"] = directory / f"{name}.key"
        paths[name] = directory / f"{name}.pem"
        issued.private_key_pem.write_to_path(paths[f"{name}_key"])
        issued.cert_chain_pems[0].write_to_path(paths[name])
    return paths


def get(port, context):
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    try:
        connection.request(
            "GET", "/api/v1/signals", headers={"authorization": f"Bearer {TOKENS['read']}"}
        )
        return connection.getresponse().status
    finally:
        connection.close()


def config_with(tls):
    config = with_tokens(CONFIG)
    return Config.model_construct(
        **{**vars(config), "api": config.api.model_copy(update={"tls": tls})}
    )


def test_tls_is_served_from_the_configured_pair(make_parts, certificates):
    tls = Tls(cert_file=certificates["127.0.0.1"], key_file=certificates["127.0.0.1_key"])
    context = ssl.create_default_context(cafile=certificates["ca"])
    with served(make_parts(config=config_with(tls))) as api:
        assert get(api.port, context) == 200
        old = ssl.create_default_context(cafile=certificates["ca"])
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError):
            get(api.port, old)


def test_with_an_authority_callers_must_show_a_certificate(make_parts, certificates):
    tls = Tls(
        cert_file=certificates["127.0.0.1"],
        key_file=certificates["127.0.0.1_key"],
        ca_file=certificates["ca"],
    )
    with served(make_parts(config=config_with(tls))) as api:
        unknown = ssl.create_default_context(cafile=certificates["ca"])
        with pytest.raises((ssl.SSLError, ConnectionError)):
            get(api.port, unknown)
        known = ssl.create_default_context(cafile=certificates["ca"])
        known.load_cert_chain(certificates["client"], certificates["client_key"])
        assert get(api.port, known) == 200


def test_a_certificate_without_its_key_is_refused():
    api = Api.model_construct(listen="127.0.0.1:0", tls=Tls.model_construct(cert_file="a"))
    api.tls.__dict__.setdefault("key_file", None)
    with pytest.raises(ConfigError, match="cert_file and key_file"):
        uvicorn_config(nothing, api)


def test_certificates_that_cannot_be_read_are_refused(tmp_path):
    missing = tmp_path / "missing.pem"
    api = Api.model_construct(
        listen="127.0.0.1:0", tls=Tls.model_construct(cert_file=missing, key_file=missing)
    )
    api.tls.__dict__.setdefault("ca_file", None)
    with pytest.raises(ConfigError, match="readable certificate and key files"):
        uvicorn_config(nothing, api)


def test_the_listening_address_is_the_configured_one():
    config = uvicorn_config(nothing, Api.model_construct(listen="[::1]:1234", tls=None))
    assert (config.host, config.port) == ("::1", 1234)


def test_a_client_that_never_ends_its_headers_is_left(make_parts, monkeypatch):
    monkeypatch.setattr(http_serving, "_HEADERS_SECONDS", 0.3)
    with served(make_parts()) as api:
        began = time.monotonic()
        with socket.create_connection((api.host, api.port), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n")
            assert connection.recv(100) == b""
        assert time.monotonic() - began >= 0.3


def test_a_client_that_goes_on_asking_is_kept(make_parts, monkeypatch):
    monkeypatch.setattr(http_serving, "_HEADERS_SECONDS", 1.0)
    with served(make_parts()) as api:
        connection = http.client.HTTPConnection(api.host, api.port, timeout=10)
        connection.connect()
        first = connection.sock
        until = time.monotonic() + 2.2
        while time.monotonic() < until:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            time.sleep(0.02)
        assert connection.sock is first
        connection.close()


def test_a_slow_answer_is_not_cut(make_parts, monkeypatch):
    monkeypatch.setattr(http_serving, "_HEADERS_SECONDS", 0.1)

    def slow(*, openmetrics):
        time.sleep(0.5)
        return b"up 1\n"

    with served(make_parts(metrics=slow)) as api:
        assert api.get("/metrics").status == 200
