"""The HTTP client against servers that misbehave."""

import gzip
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from forewarn_adapters import http
from forewarn_adapters.config.endpoints import BasicAuth, Endpoint, Tls
from forewarn_adapters.http import (
    Answer,
    AnswerTooLarge,
    HttpClient,
    HttpLimits,
    shown,
)
from forewarn_models.errors import ConfigError, SourceTimeout, SourceUnavailable
from hostile_server import (
    answering,
    dripping_body,
    dripping_headers,
    half_an_answer,
    hanging,
    hanging_up,
    hostile,
    in_turn,
    zip_bomb,
)
from secure_prometheus import NAME, PASSWORD, USERNAME, SecurePrometheus, secure_prometheus


def client_of(
    url: str, *, retries: int = 0, seconds: float = 5.0, answer_bytes: int = 1 << 20
) -> HttpClient:
    endpoint = Endpoint(url=url, timeout=timedelta(seconds=seconds))
    return HttpClient(endpoint, HttpLimits(2, retries, answer_bytes))


def asked(url: str, **limits: float) -> Answer:
    client = client_of(url, **limits)
    try:
        return client.post_form("/ask", {"query": "a b"})
    finally:
        client.close()


def test_a_form_is_sent_below_the_path_of_the_url_and_its_answer_comes_back():
    with hostile(answering(200, "yes")) as server:
        assert asked(f"{server.url}/below/") == Answer(200, b"yes")
        request = server.requests[0]
    assert (request.method, request.path, request.body) == ("POST", "/below/ask", b"query=a+b")
    assert request.headers["Accept-Encoding"] == "gzip"


def test_a_question_in_the_address_is_asked():
    with hostile(answering(200, "yes")) as server:
        client = client_of(server.url)
        assert client.get("/ask", {"query": "a&b"}).body == b"yes"
        assert client.get("/ask", {}).body == b"yes"
        client.close()
        assert [request.path for request in server.requests] == ["/ask?query=a%26b", "/ask"]


def test_extra_headers_go_with_every_request():
    with hostile(answering(200, "yes")) as server:
        endpoint = Endpoint(url=server.url)
        client = HttpClient(endpoint, HttpLimits(), {"X-Scope-OrgID": "team-a"})
        client.get("/ask", {})
        client.post_form("/ask", {})
        client.close()
        assert [request.headers["X-Scope-OrgID"] for request in server.requests] == ["team-a"] * 2


@pytest.mark.parametrize("value", ["a\r\nAuthorization: Basic x", "t\u00e9am", "a\x00b"])
def test_an_extra_header_that_cannot_be_sent_is_refused_without_being_shown(value):
    endpoint = Endpoint(url="http://127.0.0.1:1")
    with pytest.raises(ConfigError) as refused:
        HttpClient(endpoint, HttpLimits(), {"X-Scope-OrgID": value})
    assert str(refused.value) == "the header X-Scope-OrgID must be printable ASCII characters"


def test_connections_are_used_again():
    with hostile(lambda exchange: exchange.answer(200, str(id(exchange._handler)).encode())) as s:
        client = client_of(s.url)
        answers = {bytes(client.post_form("/", {}).body) for _ in range(5)}
        client.close()
    assert len(answers) == 1


def test_a_connection_is_free_again_after_an_answer_that_was_too_large():
    with hostile(in_turn(*[answering(200, b"x" * 11)] * 5, answering(200, "yes"))) as server:
        client = client_of(server.url, seconds=1.0, answer_bytes=10)
        for _ in range(5):
            with pytest.raises(AnswerTooLarge):
                client.get("/", {})
        assert client.get("/", {}).body == b"yes"
        client.close()


def test_a_removal_is_asked_for_with_a_body():
    with hostile(answering(200, "gone")) as server:
        client = client_of(server.url)
        assert client.delete("/it", b"{}", headers={"X-Kind": "a"}).body == b"gone"
        client.close()
    request = server.requests[0]
    assert (request.method, request.path, request.body) == ("DELETE", "/it", b"{}")
    assert request.headers["X-Kind"] == "a"


def test_a_packed_answer_is_unpacked():
    packed = answering(200, gzip.compress(b"hello" * 1000), {"Content-Encoding": "gzip"})
    with hostile(packed) as server:
        assert asked(server.url).body == b"hello" * 1000


def test_an_answer_in_chunks_is_joined():
    def chunked(exchange):
        exchange.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in (b"one", b" two"):
            exchange.raw(b"%x\r\n%s\r\n" % (len(part), part))
        exchange.raw(b"0\r\n\r\n")

    with hostile(chunked) as server:
        assert asked(server.url).body == b"one two"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_answer_that_may_change_is_asked_for_again(status):
    with hostile(in_turn(answering(status, "wait"), answering(200, "yes"))) as server:
        assert asked(server.url, retries=1).body == b"yes"


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
def test_an_answer_that_stays_is_asked_for_once(status):
    with hostile(answering(status, "no")) as server:
        assert asked(server.url, retries=3).status == status
        assert len(server.requests) == 1


def test_the_last_answer_comes_back_when_no_try_is_left():
    with hostile(answering(500, "still down")) as server:
        assert asked(server.url, retries=2) == Answer(500, b"still down")
        assert len(server.requests) == 3


def test_the_next_try_comes_no_sooner_than_the_server_asks(monkeypatch):
    monkeypatch.setattr(http, "_LONGEST_BACKOFF_SECONDS", 0.0)
    busy = answering(429, "busy", {"Retry-After": "1"})
    with hostile(in_turn(busy, answering(200, "yes"))) as server:
        started = time.monotonic()
        assert asked(server.url, retries=1).body == b"yes"
        assert time.monotonic() - started >= 1.0


@pytest.mark.parametrize("wanted", ["6", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_pause_longer_than_the_timeout_is_left_to_the_caller(wanted):
    with hostile(answering(503, "busy", {"Retry-After": wanted})) as server:
        assert asked(server.url, retries=3, seconds=5.0).status == 503
        assert len(server.requests) == 1


@pytest.mark.parametrize("wanted", ["soon", "", "-1", "9" * 5_000])
def test_a_pause_that_makes_no_sense_is_left_out(wanted):
    with hostile(answering(503, "busy", {"Retry-After": wanted})) as server:
        assert asked(server.url, retries=1) == Answer(503, b"busy")
        assert len(server.requests) == 2


def test_a_redirect_is_not_followed():
    with hostile(answering(200, "secret keeper")) as other:
        moved = answering(307, "", {"Location": other.url})
        with hostile(moved) as server:
            assert asked(server.url).status == 307
        assert other.requests == []


@pytest.mark.parametrize("behaviour", [half_an_answer, hanging_up], ids=["half", "hanging up"])
def test_a_lost_connection_is_tried_again_and_then_unavailable(behaviour):
    with hostile(behaviour) as server:
        with pytest.raises(SourceUnavailable, match=r"must give a whole answer, got \w+"):
            asked(server.url, retries=1)
        assert len(server.requests) == 2


def test_garbage_in_place_of_http_is_unavailable():
    with (
        hostile(lambda exchange: exchange.raw(b"\x00\x01 garbage\r\n\r\n")) as server,
        pytest.raises(SourceUnavailable, match="whole answer"),
    ):
        asked(server.url)


def test_garbage_in_place_of_gzip_is_unavailable():
    with (
        hostile(answering(200, "not packed", {"Content-Encoding": "gzip"})) as server,
        pytest.raises(SourceUnavailable, match="DecodeError"),
    ):
        asked(server.url)


def test_a_closed_port_is_unavailable():
    with hostile(answering(200, "")) as server:
        url = server.url
    with pytest.raises(SourceUnavailable, match=rf"{url} must be reachable: .*refused"):
        asked(url)


@pytest.mark.parametrize(
    "behaviour",
    [hanging, dripping_headers, dripping_body],
    ids=["hanging", "dripping headers", "dripping body"],
)
def test_a_slow_answer_ends_in_time_and_is_not_asked_for_again(behaviour):
    with hostile(behaviour) as server:
        started = time.monotonic()
        with pytest.raises(SourceTimeout, match=r"must answer within 0.3 s, it did not"):
            asked(server.url, retries=3, seconds=0.3)
        assert time.monotonic() - started < 5.0
        assert len(server.requests) == 1


def test_more_requests_than_connections_wait_no_longer_than_the_timeout():
    with hostile(hanging) as server:
        client = HttpClient(
            Endpoint(url=server.url, timeout=timedelta(seconds=1)), HttpLimits(1, 0, 100)
        )
        held = client._pool._get_conn()
        with pytest.raises(SourceTimeout):
            client.post_form("/", {})
        client._pool._put_conn(held)
        client.close()


@pytest.mark.parametrize("behaviour", [answering(200, b" " * 2_000_000), zip_bomb])
def test_an_answer_over_the_limit_is_refused(behaviour):
    with (
        hostile(behaviour) as server,
        pytest.raises(AnswerTooLarge, match="must be at most 1048576 bytes"),
    ):
        asked(server.url)


def test_closing_ends_the_wait_for_the_next_try(monkeypatch):
    monkeypatch.setattr(http, "_FIRST_BACKOFF_SECONDS", 1e6)
    monkeypatch.setattr(http, "_LONGEST_BACKOFF_SECONDS", 1e6)
    with hostile(answering(500, "down")) as server:
        client = client_of(server.url, retries=10)
        threading.Timer(0.2, client.close).start()
        with pytest.raises(SourceUnavailable, match="the client is closed"):
            client.post_form("/", {})
        assert len(server.requests) == 1


def test_closing_ends_the_wait_for_an_answer():
    with hostile(hanging) as server:
        client = client_of(server.url, seconds=60.0, retries=3)
        threading.Timer(0.2, client.close).start()
        with pytest.raises(SourceUnavailable):
            client.post_form("/", {})
        assert len(server.requests) == 1


@pytest.fixture(scope="module")
def secure(tmp_path_factory) -> Iterator[SecurePrometheus]:
    with secure_prometheus(tmp_path_factory.mktemp("secure")) as server:
        yield server


def answer_of(server: SecurePrometheus, tls: Tls, *, password=PASSWORD) -> int:
    endpoint = Endpoint(
        url=server.url,
        tls=tls,
        basic_auth=BasicAuth(username=USERNAME, password=password),
    )
    client = HttpClient(endpoint, HttpLimits(retries=0))
    try:
        return client.post_form("/api/v1/query", {"query": "1"}).status
    finally:
        client.close()


def test_a_prometheus_behind_tls_a_client_certificate_and_a_password_is_read(secure):
    tls = Tls(ca_file=secure.ca_file, cert_file=secure.cert_file, server_name=NAME)
    assert answer_of(secure, tls) == 200
    assert answer_of(secure, tls, password="wrong") == 401


def test_a_server_is_reached_under_another_name_where_that_is_said(secure):
    tls = Tls(ca_file=secure.ca_file, cert_file=secure.cert_file)
    with pytest.raises(SourceUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        answer_of(secure, tls)
    named = tls.model_copy(update={"server_name": NAME})
    assert answer_of(secure, named) == 200
    other = tls.model_copy(update={"server_name": "other.test"})
    with pytest.raises(SourceUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        answer_of(secure, other)


def test_an_unknown_authority_is_not_trusted(secure):
    with pytest.raises(SourceUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        answer_of(secure, Tls(cert_file=secure.cert_file, server_name=NAME))


def test_a_server_that_wants_a_certificate_gets_none_unless_told(secure):
    with pytest.raises(SourceUnavailable):
        answer_of(secure, Tls(ca_file=secure.ca_file, server_name=NAME))


def test_text_from_outside_is_shown_as_one_bounded_printable_line():
    assert shown("a\n\x1b[31mb\u202e  c") == "a [31mb c"
    assert shown("x" * 1000) == "x" * 300 + "..."
    assert Answer(200, b"").text() == "an empty body"
    assert Answer(200, b"\xff\xfe").text() == "\ufffd\ufffd"
