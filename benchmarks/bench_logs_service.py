"""How fast batches of lines become counters, what a checkpoint and a scrape cost, and memory.

    python benchmarks/bench_logs_service.py [--quick]

Lines are simulated, about 130 bytes, of 5,000 statements and 100 services. Warm: lines that were
not met, of statements that were. From bytes to counters there is all that the service does in one
thread: lines as they are, and their messages as JSON with time, level and service, also in the form
of Kubernetes. Seconds of counting are of processor time, those of checkpoints are what reading
waits for. Memory is what is resident above what it was before the first line, after 50,000 services
with statements of their own were offered.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.batch import LogBatch, LogStream
from forewarn_adapters.logs.checkpoints import LogCheckpoints
from forewarn_adapters.logs.enrichment import enrich
from forewarn_adapters.logs.files.cutting import BLOCK_BYTES, cut_lines
from forewarn_adapters.security.rules import SecurityRules
from forewarn_data.log_lines import log_lines
from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.budget import Budget
from forewarn_models.lines.warming import warm_lines
from forewarn_models.patterns.scanning import line_places
from forewarn_models.patterns.warming import warm_patterns
from forewarn_service.logs.counting import LineCounting
from forewarn_service.logs.exposition import LogExposition
from forewarn_service.logs.outgoing import LogEncoder
from forewarn_service.logs.security import SecurityCounting
from forewarn_service.logs.stored import unpacked

TARGETS = "300,000 lines/s to counters, 50,000 series in 100 ms, 200 MB"
NOW = 1_790_000_000_000
BATCH_LINES = 10_000
N_STATEMENTS, N_SERVICES = 5_000, 100
CRI = "2026-11-27T15:00:00.123456789Z stdout F "
SETTINGS = LogSourceConfig(name="app", files=(Path("/app.log"),))


def new_counting() -> LineCounting:
    security = SecurityCounting(SecurityRules.load(shipped=True), [SETTINGS])
    return LineCounting(
        {"app": "files"},
        most_patterns=5_000,
        patterns_per_service=100,
        budget=Budget(1, timedelta(days=7)),
        security=security,
    )


def batch_of(lines: list[str], services: list[str]) -> LogBatch:
    data = "".join(f"{line}\n" for line in lines).encode()
    places = np.empty((len(lines), 2), dtype=np.int64)
    line_places(np.frombuffer(data, dtype=np.uint8), 0, places)
    n = len(lines)
    generator = np.random.default_rng(n)
    return LogBatch(
        lines=(data, places),
        messages=(data, places),
        timestamp_nanoseconds=np.full(n, NOW * 1_000_000),
        level=np.zeros(n, dtype=np.int8),
        stream=generator.integers(0, len(services), n),
        streams=tuple(LogStream(service=service) for service in services),
        cursor={"next": n},
    )


def batches_of(lines: list[str]) -> list[LogBatch]:
    services = [f"service-{number}" for number in range(N_SERVICES)]
    starts = range(0, len(lines), BATCH_LINES)
    return [batch_of(lines[start : start + BATCH_LINES], services) for start in starts]


def take(counting: LineCounting, batches: list[LogBatch]) -> None:
    for batch in batches:
        counting.take("app", batch, now_milliseconds=NOW)


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def show_speed(counting: LineCounting, n_lines: int) -> list[LogBatch]:
    lines = log_lines(2 * n_lines, n_statements=N_STATEMENTS)
    parsed: list[LogBatch] = []
    for name, part in (("cold", lines[:n_lines]), ("warm", lines[n_lines:])):
        batches = batches_of(part)
        began = time.process_time()
        parsed = [enrich(batch, SETTINGS) for batch in batches]
        parsing = time.process_time() - began
        take(counting, parsed)
        counted = time.process_time() - began - parsing
        print(f"  {name}: parsed           {n_lines / parsing:12,.0f} lines/s")
        print(f"  {name}: counted          {n_lines / counted:12,.0f} lines/s")
    return parsed


def json_line(line: str, number: int) -> str:
    return json.dumps(
        {
            "timestamp": f"2026-11-27T15:00:00.{number % 10**6:06d}Z",
            "level": "info",
            "service": f"service-{number % N_SERVICES}",
            "message": line,
        },
        separators=(",", ":"),
    )


FORMS: dict[str, Callable[[str, int], str]] = {
    "text": lambda line, _number: line,
    "json": json_line,
    "cri, json": lambda line, number: f"{CRI}{json_line(line, number)}",
}


def whole_path(counting: LineCounting, data: bytes) -> None:
    """Take lines as bytes of a file to counters, as the service does, in one thread."""
    begin = 0
    stream = LogStream(service="app", host="node-1")
    while begin < len(data):
        end = data.rfind(b"\n", begin, begin + BLOCK_BYTES) + 1
        block = data[begin:end]
        lines, _, _ = cut_lines(block)
        n, both = len(lines), (block, lines)
        zeros = np.zeros(n, dtype=np.int64)
        batch = LogBatch(both, both, zeros, zeros.astype(np.int8), zeros, (stream,), {"at": end})
        counting.take("app", enrich(batch, SETTINGS), now_milliseconds=NOW)
        begin = end


def show_whole_path(n_lines: int) -> None:
    """Show lines a second from bytes to counters: cut, read, mined, counted, rules of security."""
    lines = log_lines(2 * n_lines, n_statements=N_STATEMENTS)
    data, places = enrich(batch_of(lines, ["app"]), SETTINGS).messages
    messages = [data[begin:end].decode() for begin, end in places.tolist()]
    for name, form in FORMS.items():
        said = lines if name == "text" else messages
        texts = [form(line, number) for number, line in enumerate(said)]
        cold, warm = (
            "".join(f"{text}\n" for text in part).encode()
            for part in (texts[:n_lines], texts[n_lines:])
        )
        counting = new_counting()
        whole_path(counting, cold)
        began = time.process_time()
        whole_path(counting, warm)
        speed = len(said) // 2 / (time.process_time() - began)
        print(
            f"  {name:10} {len(warm) / n_lines:5.0f} bytes {speed:12,.0f} lines/s"
            f" {speed * len(warm) / n_lines / 1e6:6.0f} MB/s"
        )


def show_checkpoint(counting: LineCounting, batches: list[LogBatch]) -> None:
    with TemporaryDirectory() as folder:
        checkpoints = LogCheckpoints(Path(folder))
        for name in ("whole state", "changes"):
            take(counting, batches[:5])
            began = time.perf_counter()
            cut = counting.cut(now_milliseconds=NOW)
            waited = time.perf_counter() - began
            assert cut.state is not None
            data = to_bytes(cut.state)
            store = checkpoints.write if cut.is_whole else checkpoints.append
            on_disk = seconds(lambda d=data, s=store: s(d))  # type: ignore[misc]
            print(
                f"  {name:22} {1e3 * waited:8.1f} ms, {len(data) / 1e6:6.1f} MB, "
                f"{1e3 * on_disk:6.1f} ms to disk beside it"
            )
        states = [from_bytes(record) for record in checkpoints.read()]
        restart = seconds(lambda: new_counting().restore(unpacked(states)))
        print(f"  restart                {restart:8.2f} s")
    exposition, encoder = LogExposition(), LogEncoder()
    prepared = seconds(lambda: exposition.prepare(cut.snapshot))
    n_series = exposition.body(openmetrics=True).count(b"\n")
    encoded = seconds(lambda: encoder.encode(cut.snapshot))
    print(
        f"  {n_series:,} series: text in {1e3 * prepared:.0f} ms, samples in {1e3 * encoded:.0f} ms"
    )


def name_of(number: int) -> str:
    """Return letters for a number, which are a word: no two services have a pattern in common."""
    return "".join(chr(ord("a") + number // 26**place % 26) for place in range(4))


def offered(n_services: int) -> Iterator[LogBatch]:
    for first in range(0, n_services, 500):
        lines = log_lines(5_000, n_statements=50, seed=first)
        services = [name_of(first + number) for number in range(500)]
        yield batch_of([f"{services[n % 500]} {line}" for n, line in enumerate(lines)], services)


def show_memory(n_services: int) -> None:
    counting = new_counting()
    exposition = LogExposition()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    for number, batch in enumerate(offered(n_services)):
        counting.take("app", batch, now_milliseconds=NOW)
        if number % 10 == 0:
            cut = counting.cut(now_milliseconds=NOW)
            if cut.state is not None:
                to_bytes(cut.state)
            exposition.prepare(cut.snapshot)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{n_services:,} services, each with patterns of its own")
    print(f"  above the process      {after - before:8,.0f} MB")
    print(
        f"  services, patterns     {len(counting.services):8,} {len(counting.miner.patterns()):8,}"
    )


def main() -> None:
    is_quick = "--quick" in sys.argv
    print(f"targets: {TARGETS}")
    warm_lines()
    warm_patterns()
    show_memory(5_000 if is_quick else 50_000)
    n_lines = 50_000 if is_quick else 500_000
    print(f"{n_lines:,} lines, {N_STATEMENTS:,} statements, {N_SERVICES} services")
    print("bytes to counters, warm, one thread (target 400,000 lines/s)")
    show_whole_path(n_lines)
    counting = new_counting()
    show_checkpoint(counting, show_speed(counting, n_lines))


if __name__ == "__main__":
    main()
