"""How fast syslog and OpenTelemetry's logs are received into the journal, and read from it.

    python benchmarks/bench_log_receiving.py [--quick]

Over real sockets of loopback: sender and receiver are one process, so that they share its
interpreter. Reading is from the journal to batches, on one thread.
"""

import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import urllib3
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from forewarn_adapters.config.log_sources import Otlp, Syslog
from forewarn_adapters.logs.receiving.otlp import OtlpSource
from forewarn_adapters.logs.receiving.syslog import SyslogSource
from forewarn_adapters.logs.receiving.syslog_blocks import BYTES_OF_PLACE

BUFFER_BYTES = 1 << 32
MESSAGE = b"request number %09d was served in 12 ms for user alice from 10.0.0.1"
RECORDS_OF_REQUEST = 1000
ATTRIBUTES = ("http.method", "http.route", "code.function")


def old_line(number: int) -> bytes:
    head = b"<34>Nov 27 15:%02d:15 host-%d app-%d[42]: "
    return head % (number % 60, number % 7, number % 13) + MESSAGE % number


def new_line(number: int) -> bytes:
    head = b"<165>1 2026-11-27T15:%02d:15.003Z host-%d app-%d 42 - - "
    return head % (number % 60, number % 7, number % 13) + MESSAGE % number


def read_all(source: Any) -> tuple[int, float]:
    """Lines that were read, and how many in a second."""
    source.read(None)
    cursor, n_lines, began = None, 0, time.perf_counter()
    while (batch := source.read(cursor)).n_lines:
        cursor, n_lines = batch.cursor, n_lines + batch.n_lines
    return n_lines, n_lines / (time.perf_counter() - began)


def report(name: str, source: Any, n_lines: int, seconds: float, n_bytes: int) -> None:
    n_read, speed = read_all(source)
    assert n_read == n_lines, (n_read, n_lines)
    print(
        f"{name:22} {n_bytes / n_lines:5.0f} bytes a line  received {n_lines / seconds:11,.0f}/s"
        f"  read {speed:11,.0f}/s",
        flush=True,
    )


def journal_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.journal"))


def syslog(name: str, lines: list[bytes], *, has_lengths: bool) -> None:
    parts = (b"%d %s" % (len(line), line) if has_lengths else line + b"\n" for line in lines)
    data = b"".join(parts)
    with tempfile.TemporaryDirectory() as folder:
        settings = Syslog(listen="127.0.0.1:0")
        source = SyslogSource("bench", settings, directory=Path(folder), buffer_bytes=BUFFER_BYTES)
        with closing(source):
            host, port = source.address.rsplit(":", 1)
            began = time.perf_counter()
            with socket.create_connection((host, int(port))) as connection:
                sending = threading.Thread(target=connection.sendall, args=(data,))
                sending.start()
                sending.join()
            while journal_bytes(Path(folder)) < len(data) + BYTES_OF_PLACE * len(lines):
                time.sleep(0.001)
            report(name, source, len(lines), time.perf_counter() - began, len(data))


def requests(n_records: int) -> Iterator[bytes]:
    for first in range(0, n_records, RECORDS_OF_REQUEST):
        message = ExportLogsServiceRequest()
        logs = message.resource_logs.add()
        for key in ("service.name", "host.name", "k8s.pod.name"):
            logs.resource.attributes.add(key=key).value.string_value = key
        scope = logs.scope_logs.add()
        for number in range(first, first + RECORDS_OF_REQUEST):
            record = scope.log_records.add(time_unix_nano=number + 1, severity_number=9)
            record.body.string_value = (MESSAGE % number).decode()
            record.trace_id, record.span_id = b"\1" * 16, b"\2" * 8
            for key in ATTRIBUTES:
                record.attributes.add(key=key).value.string_value = "GET /orders"
        yield message.SerializeToString()


def otlp(n_records: int) -> None:
    bodies = list(requests(n_records))
    headers = {"content-type": "application/x-protobuf"}
    with tempfile.TemporaryDirectory() as folder, urllib3.PoolManager() as pool:
        settings = Otlp(listen="127.0.0.1:0")
        source = OtlpSource("bench", settings, directory=Path(folder), buffer_bytes=BUFFER_BYTES)
        with closing(source):
            began = time.perf_counter()
            for body in bodies:
                assert pool.request("POST", source.url, body=body, headers=headers).status == 200
            seconds = time.perf_counter() - began
            report("OTLP, 3 attributes", source, n_records, seconds, sum(map(len, bodies)))


if __name__ == "__main__":
    n_lines = 100_000 if "--quick" in sys.argv else 1_000_000
    syslog("RFC 5424, line feeds", [new_line(one) for one in range(n_lines)], has_lengths=False)
    syslog("RFC 5424, lengths", [new_line(one) for one in range(n_lines)], has_lengths=True)
    syslog("RFC 3164, line feeds", [old_line(one) for one in range(n_lines)], has_lengths=False)
    otlp(n_lines // 5)
