"""How fast a tick's verdicts become text, and how fast a scrape joins what is ready.

    python benchmarks/bench_exporter.py [--quick]

Printed: samples a second of one core, beside the writer of prometheus_client.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from forewarn_models.labels import Labels, labels_of
from forewarn_service.exporter import Exposition
from forewarn_service.live import SignalSnapshot
from forewarn_service.verdict_rows import empty


def labels(number: int) -> Labels:
    return labels_of(
        {"instance": f"10.0.{number // 256}.{number % 256}:9100", "job": "node", "cluster": "one"}
    )


def snapshot(n_series: int) -> SignalSnapshot:
    table = empty(tuple(labels(number) for number in range(n_series)), n_series)
    generator = np.random.default_rng(1)
    for name in ("value", "expected", "lower", "upper", "return_period_seconds", "score"):
        getattr(table, name)[:] = generator.random(n_series)
    table.timestamp_milliseconds[:] = 1
    return SignalSnapshot("node_load", 1, table, np.zeros(n_series, np.int8), 1)


def best(work: Callable[[], object], *, times: int = 5) -> float:
    seconds = []
    for _ in range(times):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def theirs(n_samples: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    gauge = Gauge("score", "x", ["instance", "job", "cluster", "signal"], registry=registry)
    for number in range(n_samples):
        gauge.labels(**dict(labels(number)), signal="node_load").set(number / 7)
    return registry


def main() -> None:
    n_series = 1_000 if "--quick" in sys.argv else 10_000
    made, tick = Exposition(CollectorRegistry()), snapshot(n_series)
    n_samples = 7 * n_series
    first = best(lambda: made.prepare(tick), times=1)
    again = best(lambda: made.prepare(tick))
    scrape = best(made.body)
    registry = theirs(n_samples)
    other = best(lambda: generate_latest(registry), times=1)
    size = len(made.body())
    print(f"{n_series} series, {n_samples} samples, {size / 1e6:.1f} MB")
    print(f"first tick (labels are written)  {n_samples / first / 1e6:6.2f} M samples/s")
    print(f"tick                             {n_samples / again / 1e6:6.2f} M samples/s")
    print(f"scrape (joins ready bytes)       {scrape * 1000:6.2f} ms")
    print(f"prometheus_client                {n_samples / other / 1e6:6.2f} M samples/s")


if __name__ == "__main__":
    main()
