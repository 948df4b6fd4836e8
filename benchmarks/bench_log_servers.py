"""How fast lines of VictoriaLogs and documents of Elasticsearch are read.

    python benchmarks/bench_log_servers.py [--quick]

Lines of 130 bytes, pages of 10,000: from the bytes of an answer to arrays, and over HTTP. The
servers are the tests' own, in a process of their own; seconds are of processor time of the reader.
"""

import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import orjson

from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.log_sources import Elasticsearch, VictoriaLogs
from forewarn_adapters.logs.rfc3339 import rfc3339
from forewarn_adapters.logs.windowed.elasticsearch import ElasticsearchSource
from forewarn_adapters.logs.windowed.elasticsearch_answer import answer_hits
from forewarn_adapters.logs.windowed.victorialogs import VictoriaLogsSource
from forewarn_adapters.logs.windowed.victorialogs_answer import answer_lines

PAGE_LINES = 10_000
MILLISECOND = 1_000_000
BEGIN = 1_795_416_000_000 * MILLISECOND
TARGET = 100_000
FIELDS = {
    "log": {"level": "info", "offset": 17},
    "service": {"name": "api"},
    "host": {"name": "node-1"},
    "kubernetes": {"namespace": "prod", "pod": {"name": "api-7f"}},
}


def line(number: int) -> str:
    text = f"GET /v1/plans/{number} 200 {number % 977}ms user={number * 7919 % 10007} "
    return text.ljust(130, "x")


def victorialogs_answer() -> bytes:
    rows = (
        {
            "_time": rfc3339(BEGIN + number * 1_000),
            "_stream_id": f"{number % 5:048x}",
            "_stream": f'{{app="app{number % 5}",namespace="prod"}}',
            "_msg": line(number),
            "app": f"app{number % 5}",
            "level": "info",
            "namespace": "prod",
        }
        for number in range(PAGE_LINES)
    )
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def elasticsearch_answer() -> bytes:
    hits = [
        {
            "_index": ".ds-logs-app-2026.11.23-000001",
            "_id": f"{number:020x}",
            "_score": None,
            "_source": {"@timestamp": rfc3339(BEGIN), "message": line(number), **FIELDS},
            "sort": [BEGIN + number * 1_000],
        }
        for number in range(PAGE_LINES)
    ]
    return orjson.dumps({"timed_out": False, "_shards": {"failed": 0}, "hits": {"hits": hits}})


def lines_per_second(work: Callable[[], object], repeats: int) -> float:
    speeds = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        speeds.append(PAGE_LINES / (time.process_time() - began))
    return statistics.median(speeds)


def show_parsing(repeats: int) -> None:
    print(f"bytes of an answer to arrays (target {TARGET:,} lines/s)")
    rows, hits = victorialogs_answer(), elasticsearch_answer()
    cases: tuple[tuple[str, bytes, Callable[[], object]], ...] = (
        ("VictoriaLogs", rows, lambda: answer_lines(rows).batch({})),
        ("Elasticsearch", hits, lambda: answer_hits(hits, "message").lines.batch({})),
    )
    for name, body, work in cases:
        speed = lines_per_second(work, repeats)
        print(f"  {name:14}{len(body) // PAGE_LINES:5} bytes a line {speed:10,.0f} lines/s")


def serve(pipe: Connection, kind: str, n_lines: int, lines_at_once: int) -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "adapters" / "logs"))
    from fake_elasticsearch import FakeElasticsearch
    from fake_victorialogs import FakeVictoriaLogs

    server: Any = FakeVictoriaLogs() if kind == "VictoriaLogs" else FakeElasticsearch()
    server.push(
        (BEGIN + (1 + number // lines_at_once) * MILLISECOND, line(number))
        for number in range(n_lines)
    )
    pipe.send(server.url)
    pipe.recv()
    pipe.send(len(server.http.requests))
    server.close()


def source_of(kind: str, url: str, clock: ManualClock) -> VictoriaLogsSource | ElasticsearchSource:
    delay = timedelta(seconds=1)
    if kind == "VictoriaLogs":
        return VictoriaLogsSource(kind, VictoriaLogs(url=url, query="*", delay=delay), clock=clock)
    settings = Elasticsearch(url=url, index="logs-*", delay=delay, page_lines=PAGE_LINES)
    return ElasticsearchSource(kind, settings, clock=clock)


def show_reading(kind: str, n_lines: int, lines_at_once: int) -> None:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(there, kind, n_lines, lines_at_once)
    )
    process.start()
    clock = ManualClock(BEGIN // MILLISECOND + 1_000)
    source = source_of(kind, here.recv(), clock)
    cursor = source.read(None).cursor
    clock.advance(milliseconds=500_000)
    n_read, n_bytes = 0, 0
    began = time.process_time()
    while (batch := source.read(cursor)).n_lines:
        cursor = batch.cursor
        n_read += batch.n_lines
        n_bytes += len(batch.lines[0])
    seconds = time.process_time() - began
    source.close()
    here.send("done")
    n_requests = here.recv()
    process.join()
    print(f"{kind} over HTTP, {lines_at_once:,} lines at each timestamp: {n_read:,} of {n_lines:,}")
    print(f"  {n_read / seconds:10,.0f} lines/s, {n_bytes / seconds / 1e6:.1f} MB/s of lines")
    print(f"  requests {n_requests:,}, bytes of a cursor {len(orjson.dumps(cursor)):,}")


def main() -> None:
    is_quick = "--quick" in sys.argv
    show_parsing(5 if is_quick else 40)
    for kind in ("VictoriaLogs", "Elasticsearch"):
        for lines_at_once in (1, 1_000, 40_000):
            show_reading(kind, 50_000 if is_quick else 400_000, lines_at_once)


if __name__ == "__main__":
    main()
