import gzip
import json
import socket
import ssl
import threading
import time
import zlib
from contextlib import contextmanager

import pytest
import trustme
import urllib3
from log_lines import read_on, streams, texts
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from otlp_bodies import protobuf, record, request
from pydantic import SecretStr

from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.endpoints import Tls
from forewarn_adapters.config.log_sources import Otlp
from forewarn_adapters.logs.batch import Keeping, LogSource
from forewarn_adapters.logs.receiving import otlp_app
from forewarn_adapters.logs.receiving.otlp import OtlpSource
from forewarn_adapters.logs.receiving.otlp_request import JSON, PROTOBUF
from forewarn_models.errors import ConfigError, SourceUnavailable, StoreError

MEGABYTE = 1 << 20
TOKEN = "a token of enough bytes"


@contextmanager
def receiving(directory, *, buffer_bytes=64 * MEGABYTE, clock=None, **settings):
    settings = Otlp(**{"listen": "127.0.0.1:0", **settings})
    more = {"clock": clock} if clock else {}
    source = OtlpSource("o", settings, directory=directory, buffer_bytes=buffer_bytes, **more)
    try:
        yield source
    finally:
        source.close()


@pytest.fixture(scope="module")
def http():
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        yield pool


@pytest.fixture
def post(http):
    def send(source, body, kind=PROTOBUF, **headers):
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return http.request("POST", source.url, body=body, headers={"content-type": kind, **named})

    return send


def one(text: str = "one", **more) -> bytes:
    return protobuf(request(record(text, **more), service__name="shop"))


def words(answer) -> str:
    """What an answer says: the message of google.rpc.Status."""
    if answer.headers["content-type"] == JSON:
        return answer.json()["message"]
    assert answer.data[:1] == b"\x12"
    length = answer.data[1] & 127 | answer.data[2] << 7
    assert len(answer.data) == 3 + length
    return answer.data[3:].decode()


def test_it_is_a_source_that_keeps(tmp_path):
    with receiving(tmp_path) as source:
        assert isinstance(source, Keeping)
        described: LogSource = source
        assert described.name == "o"
        assert source.read(None).n_lines == 0


@pytest.mark.parametrize("pack", [None, gzip.compress, zlib.compress])
@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_what_was_answered_with_success_can_be_read(tmp_path, post, kind, pack):
    fields = request(record("one", severityNumber=17), record("two"), service__name="shop")
    body = protobuf(fields) if kind == PROTOBUF else json.dumps(fields).encode()
    encoding = {None: {}, gzip.compress: {"content_encoding": "gzip"}}.get(
        pack, {"content_encoding": "deflate"}
    )
    with receiving(tmp_path) as source:
        answer = post(source, pack(body) if pack else body, kind, **encoding)
        assert (answer.status, answer.headers["content-type"]) == (200, kind)
        assert answer.data == (b"{}" if kind == JSON else b"")
        batch = source.read(None)
        assert texts(batch.messages) == [b"one", b"two"]
        assert streams(batch)[0].service == "shop"


def test_what_was_received_is_there_after_a_restart_and_goes_when_released(tmp_path, post):
    with receiving(tmp_path, buffer_bytes=MEGABYTE) as source:
        for number in range(6):
            assert post(source, one(f"{number}" * 100_000)).status == 200
        first = source.read(None)
    with receiving(tmp_path, buffer_bytes=MEGABYTE) as source:
        assert post(source, one("after")).status == 200
        cursor = first.cursor
        found, end = read_on(source, cursor)
        found = texts(first.messages) + found
        assert [message[:1] for message in found] == [b"0", b"1", b"2", b"3", b"4", b"5", b"a"]
        assert len(list(tmp_path.glob("*.journal"))) > 1
        source.release(end)
        assert len(list(tmp_path.glob("*.journal"))) == 1
        assert read_on(source, cursor)[0] == [b"after"]  # whoever asks for less safe lines


def test_a_large_request_is_read_in_parts_each_line_once(tmp_path, post):
    body = protobuf(request(*[record(f"{number:05}") for number in range(25_000)]))
    with receiving(tmp_path) as source:
        assert post(source, one("before")).status == 200
        assert post(source, body).status == 200
        assert post(source, one("after")).status == 200
        first = source.read(None)
        assert first.n_lines == 10_000
        found = texts(first.messages) + read_on(source, first.cursor)[0]
        assert found == [b"before", *[b"%05d" % number for number in range(25_000)], b"after"]


def test_a_request_that_is_repeated_is_kept_once(tmp_path, post):
    clock = ManualClock(10_000_000)
    with receiving(tmp_path, clock=clock) as source:
        answers = [post(source, one()).status for _ in range(3)]
        packed = post(source, gzip.compress(one()), content_encoding="gzip")
        assert ([*answers, packed.status], read_on(source)[0]) == ([200] * 4, [b"one"])
    with receiving(tmp_path, clock=clock) as source:
        assert post(source, one()).status == 200
        assert read_on(source)[0] == [b"one"]
        clock.advance(milliseconds=3_600_000)
        assert post(source, one()).status == 200
        assert read_on(source)[0] == [b"one", b"one"]


def test_a_repeat_is_told_when_the_process_ended_before_it_was_noted(tmp_path, post):
    with receiving(tmp_path) as source:
        assert post(source, one()).status == 200
    (tmp_path / "recent").unlink()
    with receiving(tmp_path) as source:
        assert post(source, one()).status == 200
        assert read_on(source)[0] == [b"one"]


def test_a_full_journal_says_come_back_later(tmp_path, post):
    with receiving(tmp_path, buffer_bytes=MEGABYTE) as source:
        number = 0
        while (answer := post(source, one(f"{number}" + "x" * 100_000))).status == 200:
            number += 1
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert "must have room" in words(answer)
        found, end = read_on(source)
        source.release(end)
        assert post(source, one(f"{number}" + "x" * 100_000)).status == 200
        found += read_on(source, end)[0]
        assert len(found) == number + 1


def test_what_can_never_fit_is_refused_for_good(tmp_path, post):
    with receiving(tmp_path, buffer_bytes=MEGABYTE) as source:
        for body, more in (
            (one("x" * 300_000), {}),
            (gzip.compress(one("x" * 300_000)), {"content_encoding": "gzip"}),
        ):
            answer = post(source, body, **more)
            assert (answer.status, words(answer)[:25]) == (413, "a request must have at mo")
        # Shorter as JSON than as protobuf: each value has its length beside it.
        numbers = ",".join(['{"intValue":1}'] * 10)
        assert post(source, numbers.encode(), JSON).status == 400


def test_json_that_is_longer_as_protobuf_has_the_same_limit(tmp_path, post, monkeypatch):
    with receiving(tmp_path, buffer_bytes=MEGABYTE) as source:
        body = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[' + b",".join(
            [b'{"timeUnixNano":1,"observedTimeUnixNano":1}'] * 5000
        )
        body += b"]}]}]}"
        assert post(source, body, JSON).status == 200  # 215 kB of JSON
        monkeypatch.setattr(otlp_app, "request_of", lambda *_: Larger())
        answer = post(source, one("new"))
        assert answer.status == 413


class Larger:
    protobuf = b"x" * MEGABYTE
    n_records = 1


def test_only_some_records_may_be_rejected(tmp_path, post):
    fields = request(record("good"), record("bad", traceId="no hexadecimal"))
    large = protobuf(request(record("good too"), record("x" * (MEGABYTE + 1))))
    with receiving(tmp_path) as source:
        answer = post(source, json.dumps(fields).encode(), JSON)
        assert answer.json() == {
            "partialSuccess": {
                "rejectedLogRecords": "1",
                "errorMessage": "ids must be hexadecimal",
            }
        }
        answer = post(source, large)
        partial = ExportLogsServiceResponse.FromString(answer.data).partial_success
        assert partial.rejected_log_records == 1
        assert partial.error_message == "a record must have at most 1048576 bytes"
        assert read_on(source)[0] == [b"good", b"good too"]


def test_an_empty_request_is_answered_and_not_kept(tmp_path, post):
    with receiving(tmp_path) as source:
        assert post(source, b"").status == 200
        assert post(source, b"{}", JSON).status == 200
        assert list(tmp_path.glob("*.journal")) == []


@pytest.mark.parametrize(
    ("kind", "body", "headers", "status", "said"),
    [
        (PROTOBUF, b"\xff\xff", {}, 400, "must be an ExportLogsServiceRequest"),
        (JSON, b"{", {}, 400, "must be an ExportLogsServiceRequest in JSON"),
        (PROTOBUF, b"x", {"content_encoding": "gzip"}, 400, "got gzip that breaks off"),
        (PROTOBUF, b"x", {"content_encoding": "br"}, 415, "gzip or deflate"),
        ("text/plain", b"x", {}, 415, "the content type must be"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, post, kind, body, headers, status, said):
    with receiving(tmp_path) as source:
        answer = post(source, body, kind, **headers)
        assert answer.status == status
        assert said in words(answer)


def test_other_paths_and_methods_are_told(tmp_path, http):
    with receiving(tmp_path) as source:
        assert http.request("POST", source.url.replace("logs", "traces")).status == 404
        answer = http.request("GET", source.url)
        assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_senders_must_show_the_token(tmp_path, post):
    with receiving(tmp_path, bearer_token=SecretStr(TOKEN)) as source:
        for shown in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
            answer = post(source, one(), **shown)
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert TOKEN not in words(answer)
        assert read_on(source)[0] == []
        for scheme in ("Bearer", "bearer"):
            assert post(source, one(), authorization=f"{scheme} {TOKEN}").status == 200


def test_senders_must_show_a_certificate_where_an_authority_is_named(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name in ("127.0.0.1", "client"):
        issued = authority.issue_cert(name)
        issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / f"{name}.pem")
    pair = tmp_path / "127.0.0.1.pem"
    tls = Tls(cert_file=pair, key_file=pair, ca_file=tmp_path / "ca.pem")
    headers = {"content-type": PROTOBUF}
    with receiving(tmp_path / "journal", tls=tls) as source:
        assert source.url.startswith("https://")
        known = {"ca_certs": str(tmp_path / "ca.pem"), "retries": False, "timeout": 10}
        with (
            urllib3.PoolManager(**known) as unknown,
            pytest.raises(urllib3.exceptions.HTTPError),
        ):
            unknown.request("POST", source.url, body=one(), headers=headers)
        client = str(tmp_path / "client.pem")
        with urllib3.PoolManager(**known, cert_file=client) as sender:
            assert sender.request("POST", source.url, body=one(), headers=headers).status == 200
        assert read_on(source)[0] == [b"one"]


def raw(source) -> socket.socket:
    host, port = source.url.removeprefix("http://").removesuffix("/v1/logs").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def head(length: int) -> bytes:
    return (
        b"POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n"
        b"content-length: %d\r\n\r\n" % length
    )


def test_a_body_that_trickles_in_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(otlp_app, "_BODY_SECONDS", 0.2)
    with receiving(tmp_path) as source, raw(source) as connection:
        connection.sendall(head(1000) + b"x")
        assert b" 408 " in connection.recv(1000)


def test_a_sender_that_goes_in_the_middle_leaves_nothing(tmp_path, post):
    with receiving(tmp_path) as source:
        with raw(source) as connection:
            connection.sendall(head(1000) + one())
        assert post(source, one("two")).status == 200
        assert read_on(source)[0] == [b"two"]


def test_a_body_that_is_too_long_is_not_read(tmp_path, post):
    with receiving(tmp_path) as source, raw(source) as connection:
        connection.sendall(head(100 * MEGABYTE))
        for _ in range(9):
            connection.sendall(b"x" * MEGABYTE)
        assert b" 413 " in connection.recv(1000)


def test_bodies_that_come_at_one_time_have_a_limit_together(tmp_path, post, monkeypatch):
    monkeypatch.setattr(otlp_app, "_MOST_HELD_BYTES", 100_000)
    with receiving(tmp_path) as source, raw(source) as slow:
        slow.sendall(head(100_000) + b"\n" * 90_000)
        deadline = time.monotonic() + 10
        while (answer := post(source, one("x" * 20_000))).status == 200:
            assert time.monotonic() < deadline
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        slow.close()
        while post(source, one("y" * 20_000)).status != 200:
            assert time.monotonic() < deadline


def test_so_many_requests_at_one_time_are_answered_and_the_others_counted(
    tmp_path, post, monkeypatch, caplog
):
    monkeypatch.setattr(otlp_app, "_MOST_REQUESTS", 2)
    with receiving(tmp_path) as source, raw(source) as slow, raw(source) as slower:
        for connection in (slow, slower):
            connection.sendall(head(1_000) + b"\n")
        deadline = time.monotonic() + 10
        while (answer := post(source, one())).status == 200:
            assert time.monotonic() < deadline
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert source.figures().refused == {"busy": 1}
        slow.close()
        while post(source, one()).status != 200:
            assert time.monotonic() < deadline
    assert caplog.messages == []  # whoever connects must not be able to fill a log


def test_many_senders_at_one_time_are_all_kept(tmp_path, post):
    def send(source, sender: int) -> None:
        for number in range(10):
            assert post(source, one(f"{sender} {number}")).status == 200

    with receiving(tmp_path) as source:
        threads = [threading.Thread(target=send, args=(source, sender)) for sender in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expected = [b"%d %d" % (sender, number) for sender in range(8) for number in range(10)]
        assert sorted(read_on(source)[0]) == sorted(expected)


def test_a_journal_that_cannot_be_read_is_a_source_that_is_down(tmp_path, post):
    with receiving(tmp_path) as source:
        assert post(source, one()).status == 200
        next(tmp_path.glob("*.journal")).unlink()
        with pytest.raises(SourceUnavailable, match="must be readable"):
            source.read(None)


def test_a_cursor_of_another_kind_begins_at_the_start(tmp_path, post):
    with receiving(tmp_path) as source:
        assert post(source, one()).status == 200
        assert read_on(source, {"segment": 0, "offset": 0, "line": "x"})[0] == [b"one"]
        place = source.read(None).cursor["segment"]
        assert read_on(source, {"segment": place, "offset": 0, "line": "x"})[0] == [b"one"]


def test_what_cannot_be_opened_leaves_nothing_open(tmp_path):
    with receiving(tmp_path / "1") as source:
        taken = Otlp(listen=source.url.removeprefix("http://").removesuffix("/v1/logs"))
        with pytest.raises(ConfigError, match=r"sources t: otlp.listen must be an address"):
            OtlpSource("t", taken, directory=tmp_path / "2", buffer_bytes=MEGABYTE)
        bad = Otlp.model_construct(
            listen="127.0.0.1:0",
            bearer_token=None,
            tls=Tls.model_construct(cert_file=None, key_file=None),
        )
        with pytest.raises(ConfigError, match=r"sources t: otlp.tls must have"):
            OtlpSource("t", bad, directory=tmp_path / "2", buffer_bytes=MEGABYTE)
        with pytest.raises(StoreError, match="one process"):
            OtlpSource("t", Otlp(), directory=tmp_path / "1", buffer_bytes=MEGABYTE)
    with receiving(tmp_path / "2"):
        pass


def test_old_tls_is_refused(tmp_path):
    authority = trustme.CA()
    pair = tmp_path / "pair.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pair)
    with receiving(tmp_path / "journal", tls=Tls(cert_file=pair, key_file=pair)) as source:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        host, port = source.url.removeprefix("https://").removesuffix("/v1/logs").split(":")
        with (
            socket.create_connection((host, int(port)), timeout=10) as connection,
            pytest.raises(ssl.SSLError),
        ):
            context.wrap_socket(connection, server_hostname=host)
