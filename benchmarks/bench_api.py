"""How many values a second the API scores, beside a plain FastAPI that only echoes them.

    python benchmarks/bench_api.py [--quick]

One client on one kept connection of loopback; the server shares this process, so that client and
server take turns on one core. Printed: requests and values a second (median), and the ratio to
the echo; then how long a scrape of 60,000 samples takes.
"""

import http.client
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import orjson
import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from api_parts import CONFIG, NOW, STEP, MemoryChampions, SineSource, history, sine
from api_server import served
from forewarn_adapters.clock import ManualClock
from forewarn_adapters.config.schema import Config
from forewarn_adapters.store import Store
from forewarn_models.detector import RarityDetector
from forewarn_models.labels import labels_of
from forewarn_service.api.parts import Parts
from forewarn_service.exporter import Exposition
from forewarn_service.live import Live, SignalSnapshot
from forewarn_service.verdict_rows import empty

N_VALUES = 10_000
SERIES = tuple(labels_of({"instance": f"web-{number}"}) for number in range(100))
REQUEST = dict[str, object]


class Values(BaseModel):
    """What the echo takes and gives back."""

    timestamps: list[float]
    values: list[float | None]


def echo() -> FastAPI:
    app = FastAPI()

    @app.post("/echo")
    async def echoed(values: Values) -> dict[str, list[float | None]]:
        return {"values": values.values}

    return app


@contextmanager
def echoing() -> Iterator[int]:
    config = uvicorn.Config(echo(), port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def samples(n_series: int) -> list[REQUEST]:
    n_times = N_VALUES // n_series
    times = NOW + STEP * np.arange(n_times)
    return [
        {
            "labels": dict(SERIES[row]),
            "timestamps": (times / 1000).tolist(),
            "values": sine(times, row).tolist(),
        }
        for row in range(n_series)
    ]


def exposition() -> Exposition:
    """Return an exposition of 60,000 samples: six for each of 10,000 series."""
    labels = tuple(
        labels_of({"instance": f"10.0.{n // 256}.{n % 256}:9100", "job": "node"})
        for n in range(10_000)
    )
    table = empty(labels, len(labels))
    generator = np.random.default_rng(1)
    for name in ("value", "expected", "lower", "upper", "return_period_seconds"):
        getattr(table, name)[:] = generator.random(len(labels))
    table.timestamp_milliseconds[:] = 1
    table.score[:] = np.nan
    made = Exposition(CollectorRegistry())
    made.prepare(SignalSnapshot("node_load", 1, table, np.zeros(len(labels), np.int8), 1))
    return made


def parts(directory: Path) -> Parts:
    detector = RarityDetector().fit(history(series=SERIES)).state()
    return Parts(
        config=Config.model_validate(CONFIG),
        live=Live(),
        store=Store(f"sqlite:///{directory / 'store.sqlite'}"),
        champions=MemoryChampions({("cpu", "detector"): detector}),
        source=SineSource(),
        metrics=exposition().body,
        train=lambda _signal: True,
        now_milliseconds=ManualClock(NOW),
        heartbeat_milliseconds=lambda: NOW,
    )


def seconds(work: Callable[[], None], *, times: int) -> float:
    """Return the median time of `work`, after a first call that does not count."""
    work()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def caller(
    port: int, method: str, path: str, *, content: object = None, **headers: str
) -> Callable[[], None]:
    """Return a function that makes one request on a connection that is kept."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = orjson.dumps(content) if content is not None else None
    sent = {name.replace("_", "-"): value for name, value in headers.items()}

    def call() -> None:
        connection.request(method, path, body=body, headers=sent)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(text)

    return call


def main() -> None:
    times = 5 if "--quick" in sys.argv else 50
    kind = "application/json"
    one = samples(1)[0]
    with echoing() as port:
        plain = {"timestamps": one["timestamps"], "values": one["values"]}
        call = caller(port, "POST", "/echo", content=plain, content_type=kind)
        floor = seconds(call, times=times)
    show("FastAPI echo, model in, dict out", floor, floor)
    requests = {
        "score, champion of 100 series, 100 samples each": {
            "signal": "cpu",
            "series": samples(100),
        },
        "score, fresh fit, 1 series": {"series": samples(1)},
        "score, fresh fit, 50 series": {"series": samples(50)},
    }
    with tempfile.TemporaryDirectory() as directory, served(parts(Path(directory))) as api:
        for name, content in requests.items():
            call = caller(api.port, "POST", "/api/v1/score", content=content, content_type=kind)
            show(name, seconds(call, times=times), floor)
        for encoding in ("identity", "gzip"):
            call = caller(api.port, "GET", "/metrics", accept_encoding=encoding)
            taken = seconds(call, times=times)
            print(f"/metrics, 60,000 samples, {encoding:<30} {taken * 1000:8.1f} ms")


def show(name: str, taken: float, floor: float) -> None:
    print(
        f"{name:<50} {1 / taken:7.1f} requests/s {N_VALUES / taken:11,.0f} values/s "
        f"{floor / taken:6.2f} x echo"
    )


if __name__ == "__main__":
    main()
