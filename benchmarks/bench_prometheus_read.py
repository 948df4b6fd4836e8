"""How fast answers of Prometheus become arrays, beside prometheus-api-client.

    python benchmarks/bench_prometheus_read.py [SERIES] [POINTS]

Both read the same answer over loopback HTTP, made once and sent by a process of its own, and both
get the whole answer into numpy arrays. Printed: samples a second of wall and of processor time.
"""

import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

import numpy as np

STEP_SECONDS = 60


def answer(series: int, points: int) -> bytes:
    """A range answer with whole numbers, short decimals and full doubles in turn."""
    rng = np.random.default_rng(7)
    times = [60 * (place + 1) for place in range(points)]
    forms: list[Callable[[float], str]] = [repr, lambda x: f"{x:.4f}", lambda x: str(int(x))]
    result = [
        {
            "metric": {"__name__": "m", "instance": f"10.0.0.{row}:9100", "job": "node"},
            "values": list(
                zip(times, map(forms[row % 3], rng.normal(100, 10, points).tolist()), strict=True)
            ),
        }
        for row in range(series)
    ]
    data = {"resultType": "matrix", "result": result}
    return json.dumps({"status": "success", "data": data}, separators=(",", ":")).encode()


def serve(series: int, points: int, port: Connection) -> None:
    body = answer(series, points)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the terminal quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.send((server.server_port, len(body)))
    server.serve_forever()


def measured(read: Callable[[], int]) -> tuple[float, float]:
    """Samples a second, wall and processor, best of five."""
    best = [0.0, 0.0]
    for _ in range(5):
        wall, cpu = time.perf_counter(), time.process_time()
        samples = read()
        best[0] = max(best[0], samples / (time.perf_counter() - wall))
        best[1] = max(best[1], samples / (time.process_time() - cpu))
    return best[0], best[1]


def main() -> None:
    series = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    points = int(sys.argv[2]) if len(sys.argv) > 2 else 8_064
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("fork").Process(
        target=serve, args=(series, points, theirs), daemon=True
    )
    server.start()
    port, size = ours.recv()
    url = f"http://127.0.0.1:{port}"
    print(f"{series} series x {points} points, {size / 1e6:.0f} MB of JSON")
    fast, slow = measured(forewarn_reader(url, points)), measured(client_reader(url, points))
    print(f"forewarn              {fast[0] / 1e6:6.2f} M samples/s wall, {fast[1] / 1e6:6.2f} cpu")
    print(f"prometheus-api-client {slow[0] / 1e6:6.2f} M samples/s wall, {slow[1] / 1e6:6.2f} cpu")
    print(f"ratio                 {fast[0] / slow[0]:6.1f} wall, {fast[1] / slow[1]:19.1f} cpu")
    server.terminate()
    server.join()


def forewarn_reader(url: str, points: int) -> Callable[[], int]:
    from forewarn_adapters.config.servers import Prometheus
    from forewarn_adapters.prometheus import PrometheusSource

    source = PrometheusSource(Prometheus(url=url, concurrency=1))

    def read() -> int:
        samples = source.read_range(
            "f(m)",
            start_milliseconds=STEP_SECONDS * 1000,
            end_milliseconds=points * STEP_SECONDS * 1000,
            step_milliseconds=STEP_SECONDS * 1000,
        )
        return len(samples)

    return read


def client_reader(url: str, points: int) -> Callable[[], int]:
    from prometheus_api_client import PrometheusConnect

    client = PrometheusConnect(url, method="POST")
    start = datetime.fromtimestamp(STEP_SECONDS, UTC)
    end = datetime.fromtimestamp(STEP_SECONDS * points, UTC)

    def read() -> int:
        result = client.custom_query_range("f(m)", start, end, str(STEP_SECONDS))
        arrays = [np.array(one["values"], dtype=np.float64) for one in result]
        return sum(len(array) for array in arrays)

    return read


if __name__ == "__main__":
    main()
