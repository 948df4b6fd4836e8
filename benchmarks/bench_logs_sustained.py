"""A terabyte of logs a day through `forewarn run`, sustained: does it keep up on one core?

    python benchmarks/bench_logs_sustained.py [--minutes 10] [--terabytes-a-day 1.0] [--quick]

A server gives lines as Loki does: JSON, 20 streams, 5,000 lines an answer at most, simulated lines
of about 130 bytes of 400 statements, each at its own nanosecond. `forewarn run --role logs` reads,
parses, mines and counts them, holds all shipped security rules against each, and is confined to
one core; the server has another. Printed every half minute: lines and bytes a second since the last
row, how late the newest line is read, the share of the core, resident memory. In the end each line
that was read was counted.
"""

import argparse
import os
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Event, Process, Queue
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import orjson

from forewarn_adapters.local_servers import LocalServer
from forewarn_data.log_lines import log_lines
from log_service import log_samples, log_service

SECOND = 10**9
N_STREAMS = 20
MOST_LINES = 5_000
POOL_LINES = 100_000
REPORT_SECONDS = 30.0


class Conveyor:
    """Lines as a function of time: each at a time of its own, the streams in turn."""

    def __init__(self, bytes_a_second: float) -> None:
        lines = log_lines(POOL_LINES, n_statements=400, seed=1)
        mean_bytes = sum(len(line.encode()) for line in lines) / len(lines)
        self.spacing = round(SECOND * mean_bytes / bytes_a_second)
        self._texts = [orjson.dumps(line) for line in lines]
        self._heads = [
            b'{"stream":{"app":"service-%d","namespace":"prod"},"values":[' % stream
            for stream in range(N_STREAMS)
        ]

    def answer(self, start: int, end: int, limit: int) -> bytes:
        """Return the first lines of a span of time, as Loki writes them."""
        first = -(-start // self.spacing)
        last = min(-(-min(end, time.time_ns()) // self.spacing), first + min(limit, MOST_LINES))
        streams: list[list[bytes]] = [[] for _ in range(N_STREAMS)]
        for number in range(first, last):
            text = self._texts[number % POOL_LINES]
            streams[number % N_STREAMS].append(b'["%d",%b]' % (number * self.spacing, text))
        results = [
            b"%b%b]}" % (head, b",".join(values))
            for head, values in zip(self._heads, streams, strict=True)
            if values
        ]
        return (
            b'{"status":"success","data":{"resultType":"streams","result":[%b],"stats":{}}}'
            % b",".join(results)
        )


def serve(bytes_a_second: float, port: "Queue[int]", core: int, stop: Any) -> None:
    os.sched_setaffinity(0, {core})
    conveyor = Conveyor(bytes_a_second)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = {key: values[-1] for key, values in parse_qs(urlsplit(self.path).query).items()}
            span = (int(asked["start"]), int(asked["end"]), int(asked["limit"]))
            body = conveyor.answer(*span)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the terminal for the figures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.timeout = 0.5
    port.put(server.server_port)
    while not stop.is_set():
        server.handle_request()
    server.server_close()


def figures(service: LocalServer) -> dict[str, float]:
    """Return the sums of the metrics of logs by name."""
    sums: dict[str, float] = {}
    for sample in log_samples(service):
        sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


def core_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def watch(service: LocalServer, pid: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    print(f"{'minute':>6} {'lines/s':>9} {'MB/s':>6} {'late s':>7} {'core':>5} {'MB':>6}")
    began, before, used = time.monotonic(), figures(service), core_seconds(pid)
    at = began
    while time.monotonic() < until:
        time.sleep(REPORT_SECONDS)
        now, after, core = time.monotonic(), figures(service), core_seconds(pid)
        lines, read = (
            (after[name] - before[name]) / (now - at)
            for name in ("forewarn_log_lines_read_total", "forewarn_log_bytes_read_total")
        )
        late = after["forewarn_log_read_lag_seconds"]
        print(
            f"{(now - began) / 60:6.1f} {lines:9,.0f} {read / 1e6:6.2f} {late:7.1f} "
            f"{(core - used) / (now - at):5.2f} {resident_megabytes(pid):6.0f}",
            flush=True,
        )
        at, before, used = now, after, core
    lines_read, counted = (
        before[name] for name in ("forewarn_log_lines_read_total", "forewarn_log_lines_total")
    )
    print(f"{lines_read:,.0f} lines read, {counted:,.0f} counted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--terabytes-a-day", type=float, default=1.0)
    parser.add_argument("--quick", action="store_true", help="one minute")
    options = parser.parse_args()
    minutes = 1.0 if options.quick else options.minutes
    cores = sorted(os.sched_getaffinity(0))
    port, stop = Queue(), Event()
    bytes_a_second = options.terabytes_a_day * 1e12 / 86_400
    server = Process(target=serve, args=(bytes_a_second, port, cores[-1], stop))
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        loki = f"{{url: 'http://127.0.0.1:{port.get()}', query: '{{namespace=\"prod\"}}'}}"
        service = log_service(
            Path(folder),
            [f"{{name: loki, loki: {loki}}}"],
            prefix=["taskset", "--cpu-list", str(cores[0])],
        ).start()
        try:
            while "forewarn_log_lines_total" not in figures(service):
                time.sleep(1.0)
            watch(service, service.process.pid if service.process else 0, minutes * 60)
        finally:
            service.stop()
            stop.set()
            server.join()


if __name__ == "__main__":
    main()
