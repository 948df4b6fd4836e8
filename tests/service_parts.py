"""What tests of the scoring loop are made of: a small exporter, a champion, a place for it."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from forewarn_models.contract import FittedDetector, State
from forewarn_models.detector import RarityDetector
from forewarn_models.labels import Labels, labels_of
from forewarn_models.panel import Panel
from forewarn_models.samples import Samples
from forewarn_models.verdicts import Verdicts
from forewarn_service.live import SignalSnapshot

LOAD = "load_ratio"


class Exporter:
    """Exposes gauges `load_ratio{machine=...}` on a real socket: noise about 1, or what is set."""

    def __init__(self, machines: Sequence[str], *, seed: int = 5) -> None:
        self.fixed: dict[str, float] = {}
        self._machines = machines
        self._generator = np.random.default_rng(seed)
        self._lock = threading.Lock()
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = exporter.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep the terminal quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.target = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def text(self) -> str:
        with self._lock:
            values = healthy(self._generator, len(self._machines))
        lines = [f"# TYPE {LOAD} gauge"]
        lines += [
            f'{LOAD}{{machine="{machine}"}} {self.fixed.get(machine, value):.6f}'
            for machine, value in zip(self._machines, values, strict=True)
        ]
        return "\n".join(lines) + "\n"

    def add(self, machine: str) -> None:
        """Expose one more series."""
        self._machines = (*self._machines, machine)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def healthy(generator: np.random.Generator, size: int | tuple[int, int]) -> np.ndarray:
    return 1.0 + 0.05 * generator.standard_normal(size)


def history(
    series: Sequence[Labels],
    *,
    end_milliseconds: int,
    step_milliseconds: int = 1_000,
    n_times: int = 3_600,
    seed: int = 3,
) -> Panel:
    """A panel of healthy rows that ends, on the grid of the epoch, at or before `end`."""
    end = end_milliseconds - end_milliseconds % step_milliseconds
    values = healthy(np.random.default_rng(seed), (len(series), n_times))
    return Panel(values, tuple(series), end - n_times * step_milliseconds, step_milliseconds)


def scraped(machines: Sequence[str], target: str, job: str = "fleet") -> tuple[Labels, ...]:
    """The labels that Prometheus gives to the exporter's series, without the name."""
    return tuple(
        labels_of({"machine": machine, "instance": target, "job": job}) for machine in machines
    )


def fitted(panel: Panel, **options: object) -> FittedDetector:
    return RarityDetector(**options).fit(panel)  # type: ignore[arg-type]  # options of the test


@dataclass
class Held:
    """A champion."""

    version: int
    state: State


@dataclass
class MemoryChampions:
    """Champions in memory: a registry that needs no MLflow."""

    held: dict[tuple[str, str], Held] = field(default_factory=dict)
    live: list[tuple[str, int, Mapping[str, float]]] = field(default_factory=list)

    def put(self, signal: str, model: FittedDetector, *, version: int = 1) -> None:
        self.held[signal, "detector"] = Held(version, model.state())

    def champion(self, signal: str, kind: str) -> Held | None:
        return self.held.get((signal, kind))

    def champion_version(self, signal: str, kind: str) -> int | None:
        held = self.held.get((signal, kind))
        return held.version if held else None

    def log_live(
        self,
        signal: str,
        kind: str,  # noqa: ARG002  of forecasters alone
        number: int,
        metrics: Mapping[str, float],
        *,
        at_milliseconds: int,  # noqa: ARG002  they stand in order
    ) -> None:
        self.live.append((signal, number, metrics))


def samples_of(rows: Mapping[Labels, Sequence[tuple[int, float]]]) -> Samples:
    """Samples given as (timestamp, value) for each series."""
    series = tuple(rows)
    flat = [(row, *sample) for row, labels in enumerate(series) for sample in rows[labels]]
    row, timestamp, value = zip(*flat, strict=True) if flat else ((), (), ())
    return Samples(
        series,
        np.array(row, np.int64),
        np.array(timestamp, np.int64),
        np.array(value, np.float64),
    )


class MemorySource:
    """Samples in memory, and failures on request."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self.failure: Exception | None = None
        self.reads: list[tuple[int, int]] = []

    def read_newest(
        self,
        query: str,  # noqa: ARG002  there is only one
        *,
        after_milliseconds: int,
        until_milliseconds: int,
        step_milliseconds: int,  # noqa: ARG002  raw samples
    ) -> Samples:
        self.reads.append((after_milliseconds, until_milliseconds))
        if self.failure:
            raise self.failure
        times = self.samples.timestamp_milliseconds
        return self.samples.select((times > after_milliseconds) & (times <= until_milliseconds))

    def read_range(
        self, query: str, *, start_milliseconds: int, end_milliseconds: int, step_milliseconds: int
    ) -> Samples:
        return self.read_newest(
            query,
            after_milliseconds=start_milliseconds - 1,
            until_milliseconds=end_milliseconds,
            step_milliseconds=step_milliseconds,
        )

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Collected:
    """An output that keeps what it is given."""

    snapshots: list[SignalSnapshot] = field(default_factory=list)
    emitted: list[Verdicts] = field(default_factory=list)
    unsent: int | None = None

    def publish(self, snapshot: SignalSnapshot, emitted: Verdicts) -> None:
        self.snapshots.append(snapshot)
        self.emitted.append(emitted)

    def oldest_unsent_milliseconds(self, signal: str) -> int | None:  # noqa: ARG002
        return self.unsent

    def handed_out(self) -> list[tuple[int, int]]:
        """Row and time of every verdict that was handed out."""
        return [
            (int(row), int(time))
            for each in self.emitted
            for row, time in zip(each.row, each.timestamp_milliseconds, strict=True)
        ]
