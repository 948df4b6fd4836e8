"""How fast lines of a Loki are read: from the bytes of an answer to arrays, and over HTTP.

    python benchmarks/bench_loki.py [--quick]

Lines of 130 bytes, pages of 5,000. The server is the tests' own, in a process of its own; seconds
are of processor time of the reader.
"""

import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import orjson

from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.log_sources import Loki
from forewarn_adapters.http import Answer
from forewarn_adapters.logs.loki.answer import page_of
from forewarn_adapters.logs.loki.source import LokiSource
from forewarn_adapters.logs.loki.streams import StreamCache

PAGE_LINES = 5_000
SECOND = 10**9
MILLISECOND = 10**6
BEGIN = 1_795_416_000 * SECOND
TARGET = 150_000


def line(number: int) -> str:
    text = f"GET /v1/plans/{number} 200 {number % 977}ms user={number * 7919 % 10007} "
    return text.ljust(130, "x")


def answer(n_streams: int) -> bytes:
    streams: dict[int, list[list[str]]] = {}
    for number in range(PAGE_LINES):
        # In no order, as of streams that are merged.
        value = [str(BEGIN + number * 1_000), line(number)]
        streams.setdefault(number * 7919 % n_streams, []).append(value)
    labels = {"level": "info", "namespace": "prod", "service_name": "api"}
    result = [
        {"stream": {"app": f"app{stream}", **labels}, "values": values}
        for stream, values in streams.items()
    ]
    return orjson.dumps({"status": "success", "data": {"resultType": "streams", "result": result}})


def ours(body: bytes, cache: StreamCache) -> None:
    page = page_of(Answer(200, body), cache)
    page.identity()
    page.batch({})


def lines_per_second(work: Callable[[], object], repeats: int) -> float:
    speeds = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        speeds.append(PAGE_LINES / (time.process_time() - began))
    return statistics.median(speeds)


def show_parsing(repeats: int) -> None:
    print(f"bytes of an answer to arrays (target {TARGET:,} lines/s)")
    for n_streams in (5, 500, PAGE_LINES):
        body = answer(n_streams)
        cache = StreamCache()
        known = lines_per_second(lambda: ours(body, cache), repeats)  # noqa: B023  called at once
        new = lines_per_second(lambda: ours(body, StreamCache()), repeats)  # noqa: B023  as above
        print(f"  {n_streams:5,} streams  known {known:10,.0f}  never met {new:10,.0f} lines/s")


def serve(pipe: Connection, n_lines: int, lines_at_once: int) -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "adapters" / "logs"))
    from fake_loki import FakeLoki

    server = FakeLoki()
    for stream in range(5):
        numbers = range(stream, n_lines, 5)
        values = ((BEGIN + n // lines_at_once * MILLISECOND, line(n)) for n in numbers)
        server.push({"app": f"app{stream}", "level": "info"}, values)
    pipe.send(server.url)
    pipe.recv()
    pipe.send(len(server.asked))
    server.close()


def show_reading(n_lines: int, lines_at_once: int) -> None:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(there, n_lines, lines_at_once)
    )
    process.start()
    clock = ManualClock(BEGIN // MILLISECOND - 10_000)
    source = LokiSource("bench", Loki(url=here.recv(), query='{app=~".+"}'), clock=clock)
    cursor = source.read(None).cursor
    clock.advance(milliseconds=1_000_000)
    n_read, n_bytes = 0, 0
    began, wall = time.process_time(), time.perf_counter()
    while (batch := source.read(cursor)).n_lines:
        cursor = batch.cursor
        n_read += batch.n_lines
        n_bytes += len(batch.lines[0])
    seconds, wall = time.process_time() - began, time.perf_counter() - wall
    source.close()
    here.send("done")
    n_requests = here.recv()
    process.join()
    print(f"over HTTP, {lines_at_once:,} lines at each instant: {n_read:,} of {n_lines:,} lines")
    print(f"  of the reader's processor time  {n_read / seconds:10,.0f} lines/s")
    print(f"  of the clock, server included   {n_read / wall:10,.0f} lines/s")
    print(f"  bytes of lines                  {n_bytes / seconds / 1e6:10,.1f} MB/s")
    print(f"  requests {n_requests:,}, bytes of a cursor {len(orjson.dumps(cursor)):,}")


def main() -> None:
    is_quick = "--quick" in sys.argv
    show_parsing(5 if is_quick else 40)
    for lines_at_once in (1, 1_000, 40_000):
        show_reading(50_000 if is_quick else 400_000, lines_at_once)


if __name__ == "__main__":
    main()
