"""Bodies and requests of people who mean ill, or whose programs are broken."""

import gzip
import time

import pytest

from api_server import JSON, served
from forewarn_service.api.limits import Limits

PATHS = ["/api/v1/score", "/api/v1/forecast"]
GOOD = b'{"series":[{"timestamps":[1,2,3],"values":[1,2,3]}]}'
BODIES = {
    "empty": b"",
    "null": b"null",
    "a_list": b"[]",
    "a_number": b"1",
    "a_word": b"word",
    "unfinished": GOOD[:-1],
    "two_documents": GOOD + GOOD,
    "deep_lists": b"[" * 1_000_000,
    "deep_mappings": b'{"series":' * 100_000,
    "deep_inside": b'{"series":[{"timestamps":' + b"[" * 10_000 + b"]" * 10_000 + b"}]}",
    "not_a_number": b'{"series":[{"timestamps":[1],"values":[NaN]}]}',
    "infinity": b'{"series":[{"timestamps":[1],"values":[-Infinity]}]}',
    "too_large_a_number": b'{"series":[{"timestamps":[1],"values":[1e999]}]}',
    "ten_thousand_digits": b'{"series":[{"timestamps":[1],"values":[' + b"9" * 10_000 + b"]}]}",
    "text_for_a_number": b'{"series":[{"timestamps":[1],"values":["1"]}]}',
    "truth_for_a_number": b'{"series":[{"timestamps":[1],"values":[true]}]}',
    "time_before_all_times": b'{"series":[{"timestamps":[-1],"values":[1]}]}',
    "time_after_all_times": b'{"series":[{"timestamps":[1e18],"values":[1]}]}',
    "invalid_utf8": b'{"query":"\xff\xfe"}',
    "lone_surrogate": b'{"query":"\\ud800"}',
    "utf16": GOOD.decode().encode("utf-16"),
    "unknown_key": b'{"series":[{"timestamps":[1],"values":[1]}],"threshold":3}',
    "number_for_labels": b'{"series":[{"labels":3,"timestamps":[1],"values":[1]}]}',
    "strange_label": b'{"series":[{"labels":{"a b":"x"},"timestamps":[1],"values":[1]}]}',
    "too_many_series": b'{"series":[' + b",".join([b"{}"] * 100_000) + b"]}",
    "long_query": b'{"query":"' + b"x" * 10_001 + b'"}',
    "long_duration": b'{"query":"x","step":"' + b"1s" * 1_000 + b'"}',
    "a_million_complaints": b'{"series":[{"timestamps":[' + b'"",' * 10**6 + b'""],"values":[]}]}',
    "a_thousand_bad_series": b'{"series":[' + b",".join([b"{}"] * 1_000) + b"]}",
    "signal_that_is_a_path": b'{"signal":"../../etc/passwd","horizon":"1h"}',
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_not_as_declared_is_refused(shared_api, path, case, caplog):
    answer = shared_api.post(path, BODIES[case])
    assert (answer.status, answer.reason) == (422, "invalid_request")
    assert len(answer.body) < 10_000
    assert caplog.text == ""  # no body comes into the log


@pytest.mark.parametrize("path", [*PATHS, "/api/v1/signals/cpu/train"])
def test_a_large_body_is_refused_before_it_is_read(shared_api, path):
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\n"
    answer = shared_api.raw(f"{head}content-length: 10000000\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"reason":"body_too_large"' in answer


@pytest.mark.parametrize("path", PATHS)
def test_a_large_body_of_unknown_length_is_refused_while_it_comes(shared_api, path):
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\n"
    n_bytes = shared_api.parts.limits.body_bytes + 1  # and not one more, which would be cut off
    piece = f"{n_bytes:x}\r\n".encode() + b" " * n_bytes
    answer = shared_api.raw(f"{head}transfer-encoding: chunked\r\n\r\n".encode(), piece)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"reason":"body_too_large"' in answer


def test_bodies_that_trickle_in_are_given_up_and_free_their_places(make_parts):
    limits = Limits(workers=1, waiting=0, body_seconds=0.5)
    head = b"POST /api/v1/score HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    with served(make_parts(limits=limits)) as api:
        began = time.monotonic()
        answer = api.raw(head + b"content-length: 100\r\n\r\n{")
        assert time.monotonic() - began >= 0.5
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer.lower()
        assert api.post("/api/v1/score", {}).status == 422


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"]
)
@pytest.mark.parametrize("path", PATHS)
def test_a_body_of_another_type_is_refused(shared_api, path, kind):
    answer = shared_api.call("POST", path, body=GOOD, headers={"content-type": kind})
    assert (answer.status, answer.reason) == (415, "content_type")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_a_compressed_body_is_refused(shared_api, encoding):
    answer = shared_api.post("/api/v1/score", gzip.compress(GOOD), content_encoding=encoding)
    assert (answer.status, answer.reason) == (415, "content_encoding")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10,
        b"GET / HTTP/9.9\r\nconnection: close\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: " + b"a" * 100_000 + b"\r\n\r\n",
        b"POST /api/v1/score HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /api/v1/score HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1, 2\r\n\r\n",
        b"POST /api/v1/score HTTP/1.1\r\nhost: a\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n",
    ],
)
def test_bytes_that_are_not_http_end_the_connection(shared_api, request_bytes):
    answer = shared_api.raw(request_bytes)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert shared_api.get("/healthz").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/signals/%00",
        "/api/v1/signals/%ff%fe/series",
        "/api/v1/signals/..%2f..%2fetc%2fpasswd",
        "/api/v1/signals/cpu%0d%0ax-evil:1",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/v1/signals/" + "a" * 10_000,
    ],
)
def test_strange_paths_are_refused(shared_api, path):
    answer = shared_api.get(path)
    assert answer.status in {404, 422}
    assert "x-evil" not in answer.headers
