"""Record three real exporters under scripted load and faults: `python record.py OUT_DIRECTORY`.

Starts Prometheus, node_exporter, a small web service, PostgreSQL and its exporter on loopback,
drives the web service with wrk and the database with pgbench in cycles of five minutes (the "day"
of the recordings), plants the faults of `faults.FAULTS` one after another, and writes what
Prometheus holds as `node.parquet`, `web.parquet`, `postgres.parquet` and the faults as
`labels.csv`. Needs root (PostgreSQL runs as its own user) and 35 minutes.
"""

import csv
import json
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pyarrow as pa
import pyarrow.parquet as pq
from faults import FAULTS, TOTAL_SECONDS, plant
from programs import PROMETHEUS, Room, load_database, load_web, start_programs

RECORDINGS = {
    "node": [
        "instance:node_cpu_busy:ratio10s",
        "instance_mode:node_cpu_seconds:rate10s",
        "instance:node_context_switches:rate10s",
        "instance:node_forks:rate10s",
        "instance:node_disk_written_bytes:rate10s",
        "instance:node_disk_io_time:ratio10s",
        "instance:node_network_receive_bytes:rate10s",
        "node_load1",
        "node_procs_running",
        "node_memory_MemAvailable_bytes",
        "node_memory_Dirty_bytes",
        "node_filefd_allocated",
        "node_sockstat_TCP_inuse",
    ],
    "web": [
        "route:http_requests:rate10s",
        "route:http_errors:ratio10s",
        "route:http_request_duration_seconds:mean10s",
        "route:http_request_duration_seconds:p99_30s",
        "instance:process_cpu:rate10s",
        'process_resident_memory_bytes{job="web"}',
        "http_requests_in_flight",
        'http_requests_total{code="200"}',
        'up{job="web"}',
    ],
    "postgres": [
        "datname:pg_xact_commit:rate10s",
        "datname:pg_blks_hit:rate10s",
        "datname:pg_blks_read:rate10s",
        "datname:pg_tup_returned:rate10s",
        "datname:pg_tup_updated:rate10s",
        "datname:pg_connections:count",
        "datname_state:pg_connections:count",
        "datname:pg_locks:count",
        'pg_database_size_bytes{datname="bench"}',
    ],
}
DROPPED_LABELS = {"__name__", "job", "server", "release", "version"}
# What came before one whole window of the rates is left out.
WARM_UP_SECONDS = 40


def run_faults(room: Room, path: Path) -> None:
    """Plant each fault at its time and write down when it really began and ended."""
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["recording", "start", "end", "fault", "series"])
        for fault in FAULTS:
            time.sleep(max(0.0, room.began + fault.at_seconds - time.time()))
            start = instant()
            plant(room, fault)
            table.writerow([fault.recording, start, instant(), fault.what, fault.series])
            file.flush()
    time.sleep(max(0.0, room.began + TOTAL_SECONDS - time.time()))


def instant() -> str:
    return datetime.now(tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def query(expression: str) -> list[dict[str, Any]]:
    with urlopen(f"{PROMETHEUS}/api/v1/query?{urlencode({'query': expression})}") as reply:
        result: list[dict[str, Any]] = json.load(reply)["data"]["result"]
    return result


def series_text(metric: dict[str, str]) -> str:
    names = sorted(set(metric) - DROPPED_LABELS)
    labels = ",".join(f'{name}="{metric[name]}"' for name in names)
    return f"{metric['__name__']}{{{labels}}}"


def export(selectors: list[str], path: Path, *, began: float) -> None:
    """Write the samples of some series as Prometheus took them, ordered by series and time."""
    answers = [one for text in selectors for one in query(f"{text}[{TOTAL_SECONDS + 600}s]")]
    answers.sort(key=lambda one: series_text(one["metric"]))
    rows = [
        (round(at * 1000), series_text(answer["metric"]), float(value))
        for answer in answers
        for at, value in answer["values"]
        if at >= int(began) + WARM_UP_SECONDS
    ]
    times, series, values = zip(*rows, strict=True)
    stamped = pa.array(times, pa.timestamp("ms", tz="UTC"))
    table = pa.table({"timestamp": stamped, "series": series, "value": values})
    pq.write_table(table, path, compression="zstd", compression_level=19)


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        directory.chmod(0o755)
        room = Room(stack, directory)
        start_programs(room)
        room.began = time.time()
        for load in (load_web, load_database):
            threading.Thread(target=load, args=(room,), daemon=True).start()
        run_faults(room, out / "labels.csv")
        for name, selectors in RECORDINGS.items():
            export(selectors, out / f"{name}.parquet", began=room.began)
        room.is_over.set()


if __name__ == "__main__":
    main()
