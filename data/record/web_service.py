"""A small web service to be recorded: three routes, metrics, and faults that can be switched on.

A request waits for one of few workers, burns a little processor time and sleeps for a random
time, so that latency rises with load as it does in real services. `/fault?latency=5&errors=0.2`
multiplies the work and breaks a share of the requests; `/metrics` is what Prometheus scrapes.
"""

import asyncio
import hashlib
import random
import sys
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from prometheus_client import Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.4, 0.8, 1.6)
WORK_SECONDS = {"/checkout": 0.030, "/search": 0.018, "/login": 0.010}
WORKERS = 6

DURATION = Histogram(
    "http_request_duration_seconds",
    "From first byte in to last byte out.",
    ["route"],
    buckets=BUCKETS,
)
REQUESTS = Counter("http_requests", "Requests answered.", ["route", "code"])
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests taken and not yet answered.")


@dataclass
class Fault:
    """What is broken now: a factor on the work, and the share of requests that fail."""

    latency: float = 1.0
    errors: float = 0.0


async def work(route: str, *, fault: Fault, workers: asyncio.Semaphore) -> int:
    """Return the status of one request, after the work that it takes."""
    async with workers:
        hashlib.sha256(bytes(20_000)).digest()
        seconds = random.lognormvariate(0.0, 0.35) * WORK_SECONDS[route]
        await asyncio.sleep(seconds * fault.latency)
    return 500 if random.random() < 0.002 + fault.errors else 200


async def answer(target: str, *, fault: Fault, workers: asyncio.Semaphore) -> tuple[int, bytes]:
    """Return status and body for a request target."""
    url = urlsplit(target)
    if url.path == "/metrics":
        return 200, generate_latest()
    if url.path == "/fault":
        settings = parse_qs(url.query)
        fault.latency = float(settings.get("latency", ["1"])[0])
        fault.errors = float(settings.get("errors", ["0"])[0])
        return 200, b"ok\n"
    if url.path not in WORK_SECONDS:
        return 404, b"not found\n"
    began = time.perf_counter()
    with IN_FLIGHT.track_inprogress():
        code = await work(url.path, fault=fault, workers=workers)
    DURATION.labels(url.path).observe(time.perf_counter() - began)
    REQUESTS.labels(url.path, str(code)).inc()
    return code, b"done\n"


async def serve(port: int) -> None:
    """Answer requests on loopback until stopped."""
    fault, workers = Fault(), asyncio.Semaphore(WORKERS)

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                while (await reader.readline()).strip():
                    pass
                code, body = await answer(line.split()[1].decode(), fault=fault, workers=workers)
                head = f"HTTP/1.1 {code} X\r\nContent-Type: text/plain\r\nContent-Length: "
                writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        except (ConnectionError, IndexError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
