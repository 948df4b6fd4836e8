"""Record three real exporters under scripted load and faults: `python record.py OUT_DIRECTORY`.

Starts Prometheus, node_exporter, a small web service, PostgreSQL and its exporter on loopback,
drives the web service with wrk and the database with pgbench in cycles of five minutes (the "day"
of the recordings), plants the faults of FAULTS one after another, and writes what Prometheus
scraped as `node.parquet`, `web.parquet`, `postgres.parquet` and the faults as `labels.csv`.
Needs root (PostgreSQL is started as its own user) and takes as long as the last fault says.
"""

import csv
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
POSTGRES_BINARIES = Path("/usr/lib/postgresql/15/bin")
PROMETHEUS = "http://127.0.0.1:19090"
WEB = "http://127.0.0.1:19080"
DATABASE = "postgresql://postgres@127.0.0.1:19432"
CYCLE_SECONDS = 300
TOTAL_SECONDS = 2060

NODE_SERIES = [
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
]
WEB_SERIES = [
    "route:http_requests:rate10s",
    "route:http_errors:ratio10s",
    "route:http_request_duration_seconds:mean10s",
    "route:http_request_duration_seconds:p99_30s",
    "instance:process_cpu:rate10s",
    'process_resident_memory_bytes{job="web"}',
    "http_requests_in_flight",
    'http_requests_total{code="200"}',
    'up{job="web"}',
]
POSTGRES_SERIES = [
    "datname:pg_xact_commit:rate10s",
    "datname:pg_blks_hit:rate10s",
    "datname:pg_blks_read:rate10s",
    "datname:pg_tup_returned:rate10s",
    "datname:pg_tup_updated:rate10s",
    "datname:pg_connections:count",
    "datname_state:pg_connections:count",
    "datname:pg_locks:count",
    'pg_database_size_bytes{datname="bench"}',
]
RECORDINGS = {"node": NODE_SERIES, "web": WEB_SERIES, "postgres": POSTGRES_SERIES}
DROPPED_LABELS = {"__name__", "job", "server", "release", "version"}


@dataclass(frozen=True)
class Fault:
    """A fault, when it is planted, for how long, what it is, and the series it changes most."""

    at_seconds: int
    seconds: int
    recording: str
    what: str
    series: str


FAULTS = [
    Fault(1000, 50, "node", "cpu", "instance:node_cpu_busy:ratio10s"),
    Fault(1080, 50, "web", "latency", "route:http_request_duration_seconds:mean10s"),
    Fault(1160, 40, "postgres", "lock", "datname:pg_xact_commit:rate10s"),
    Fault(1240, 50, "node", "switches", "instance:node_context_switches:rate10s"),
    Fault(1320, 50, "web", "errors", "route:http_errors:ratio10s"),
    Fault(1400, 60, "postgres", "connections", "datname:pg_connections:count"),
    Fault(1500, 50, "node", "memory", "node_memory_MemAvailable_bytes"),
    Fault(1580, 50, "web", "traffic", "route:http_requests:rate10s"),
    Fault(1660, 50, "postgres", "scans", "datname:pg_tup_returned:rate10s"),
    Fault(1740, 40, "node", "disk", "instance:node_disk_written_bytes:rate10s"),
    Fault(1810, 80, "web", "drift", "route:http_request_duration_seconds:mean10s"),
    Fault(1920, 40, "postgres", "stop", "datname:pg_xact_commit:rate10s"),
    Fault(1990, 12, "web", "restart", "up"),
]


class Room:
    """The programs that run, where they keep their files, and what is switched off."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self.stack = stack
        self.directory = directory
        self.began = time.time()
        self.paused: set[str] = set()
        self.stopped = threading.Event()

    def start(
        self, name: str, *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        log = self.stack.enter_context((self.directory / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            ["nice", "-n", "10", *arguments],
            stdout=log,
            stderr=log,
            env={**os.environ, **(environment or {})},
        )
        self.stack.callback(stop, process)
        return process

    def factor(self) -> float:
        """Return where the cycle stands: 0.4 at its trough, 1.6 at its peak."""
        return 1.0 + 0.6 * math.sin(2 * math.pi * (time.time() - self.began) / CYCLE_SECONDS)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


def as_postgres(*arguments: str) -> list[str]:
    return ["runuser", "-u", "postgres", "--", *arguments]


def start_database(room: Room) -> None:
    data = room.directory / "pg"
    data.mkdir()
    shutil.chown(data, "postgres")
    initdb = str(POSTGRES_BINARIES / "initdb")
    subprocess.run(
        as_postgres(initdb, "-D", str(data), "-A", "trust", "-U", "postgres", "-N"),
        check=True,
        capture_output=True,
        cwd="/",
    )
    room.start(
        "postgres",
        *as_postgres(
            str(POSTGRES_BINARIES / "postgres"),
            "-D",
            str(data),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "port=19432",
            "-c",
            "unix_socket_directories=",
            "-c",
            "shared_buffers=32MB",
            "-c",
            "synchronous_commit=off",
        ),
    )
    psql = str(POSTGRES_BINARIES / "psql")
    wait(
        lambda: (
            subprocess.run(
                [psql, f"{DATABASE}/postgres", "-c", "create database bench"], capture_output=True
            ).returncode
            == 0
        )
    )
    subprocess.run(
        ["pgbench", "-i", "-q", "-s", "5", f"{DATABASE}/bench"], check=True, capture_output=True
    )


def start_programs(room: Room) -> None:
    start_database(room)
    room.start(
        "postgres_exporter",
        "prometheus-postgres-exporter",
        "--web.listen-address=127.0.0.1:19187",
        environment={"DATA_SOURCE_NAME": f"{DATABASE}/bench?sslmode=disable"},
    )
    room.start(
        "node_exporter",
        "prometheus-node-exporter",
        "--web.listen-address=127.0.0.1:19100",
        "--collector.disable-defaults",
        *(
            f"--collector.{name}"
            for name in (
                "cpu",
                "meminfo",
                "diskstats",
                "loadavg",
                "stat",
                "netdev",
                "filefd",
                "sockstat",
                "vmstat",
            )
        ),
    )
    room.web = room.start("web", sys.executable, str(HERE / "web_service.py"), "19080")
    room.start(
        "prometheus",
        "prometheus",
        f"--config.file={HERE / 'prometheus.yml'}",
        f"--storage.tsdb.path={room.directory / 'tsdb'}",
        "--web.listen-address=127.0.0.1:19090",
    )
    wait(lambda: urlopen(f"{PROMETHEUS}/-/ready").status == 200)
    wait(lambda: urlopen(f"{WEB}/metrics").status == 200)


def wait(ready: object) -> None:
    for _ in range(300):
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("a program did not become ready in 30 s")


def load_web(room: Room) -> None:
    while not room.stopped.is_set():
        connections = max(1, round(3 * room.factor()))
        subprocess.run(
            [
                "nice",
                "wrk",
                "-t1",
                f"-c{connections}",
                "-d10s",
                "-s",
                str(HERE / "routes.lua"),
                WEB,
            ],
            capture_output=True,
        )


def load_database(room: Room) -> None:
    while not room.stopped.is_set():
        if "postgres" in room.paused:
            time.sleep(0.2)
            continue
        pgbench(10 if room.factor() else 0, rate=60 * room.factor())


def pgbench(seconds: int, *, rate: float) -> None:
    subprocess.run(
        [
            "nice",
            "pgbench",
            "-n",
            "-c",
            "2",
            "-T",
            str(seconds),
            "-R",
            f"{rate:.0f}",
            f"{DATABASE}/bench",
        ],
        capture_output=True,
    )


def psql(seconds: int, *statements: str) -> subprocess.Popen[bytes]:
    commands = [part for text in statements for part in ("-c", text)]
    return subprocess.Popen(
        ["timeout", str(seconds), str(POSTGRES_BINARIES / "psql"), f"{DATABASE}/bench", *commands],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def stress(seconds: int, *arguments: str) -> None:
    subprocess.run(
        ["nice", "stress-ng", "--quiet", *arguments, "--timeout", str(seconds)],
        cwd=tempfile.gettempdir(),
    )


def web_fault(**settings: float) -> None:
    urlopen(f"{WEB}/fault?{urlencode(settings)}").read()


def plant(room: Room, fault: Fault) -> None:
    """Cause a fault and return when it is over."""
    seconds, what = fault.seconds, fault.what
    if what == "cpu":
        stress(seconds, "--cpu", "1", "--cpu-load", "50")
    elif what == "switches":
        stress(seconds, "--switch", "1", "--switch-freq", "8000")
    elif what == "memory":
        stress(seconds, "--vm", "1", "--vm-bytes", "1500M", "--vm-hang", str(seconds))
    elif what == "disk":
        stress(
            seconds,
            "--hdd",
            "1",
            "--hdd-bytes",
            "256M",
            "--hdd-write-size",
            "1M",
            "--hdd-opts",
            "wr-seq",
        )
    elif what == "traffic":
        subprocess.run(
            ["nice", "wrk", "-t1", "-c16", f"-d{seconds}s", "-s", str(HERE / "routes.lua"), WEB],
            capture_output=True,
        )
    else:
        plant_in_services(room, fault)


def plant_in_services(room: Room, fault: Fault) -> None:
    seconds, what = fault.seconds, fault.what
    if what in ("latency", "errors"):
        web_fault(**({"latency": 4.0} if what == "latency" else {"errors": 0.25}))
        time.sleep(seconds)
        web_fault()
    elif what == "drift":
        for second in range(seconds):
            web_fault(latency=1.0 + 1.5 * second / seconds)
            time.sleep(1)
        web_fault()
    elif what == "restart":
        stop(room.web)
        time.sleep(seconds)
        room.web = room.start("web2", sys.executable, str(HERE / "web_service.py"), "19080")
    else:
        plant_in_database(room, fault)


def plant_in_database(room: Room, fault: Fault) -> None:
    seconds, what = fault.seconds, fault.what
    if what == "lock":
        psql(
            seconds,
            "begin; lock table pgbench_accounts in access exclusive mode; select pg_sleep(600)",
        ).wait()
        subprocess.run(
            [
                str(POSTGRES_BINARIES / "psql"),
                f"{DATABASE}/bench",
                "-c",
                "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()",
            ],
            capture_output=True,
        )
    elif what == "connections":
        leaked = [psql(seconds, "begin", "select pg_sleep(600)") for _ in range(25)]
        for process in leaked:
            process.wait()
        subprocess.run(
            [
                str(POSTGRES_BINARIES / "psql"),
                f"{DATABASE}/bench",
                "-c",
                "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()",
            ],
            capture_output=True,
        )
    elif what == "scans":
        psql(
            seconds,
            *["select count(*) from pgbench_accounts where filler > 'z'", "select pg_sleep(0.3)"]
            * 200,
        ).wait()
    elif what == "stop":
        room.paused.add("postgres")
        time.sleep(seconds)
        room.paused.discard("postgres")


def run_faults(room: Room, path: Path) -> None:
    """Plant each fault at its time and write down when it really began and ended."""
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["recording", "start", "end", "fault", "series"])
        for fault in FAULTS:
            time.sleep(max(0.0, room.began + fault.at_seconds - time.time()))
            start = time.time()
            plant(room, fault)
            table.writerow(
                [fault.recording, instant(start), instant(time.time()), fault.what, fault.series]
            )
            file.flush()
    time.sleep(max(0.0, room.began + TOTAL_SECONDS - time.time()))


def instant(seconds: float) -> str:
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        + f".{int(seconds % 1 * 1000):03d}Z"
    )


def query(expression: str) -> list[dict[str, object]]:
    with urlopen(f"{PROMETHEUS}/api/v1/query?{urlencode({'query': expression})}") as reply:
        return json.load(reply)["data"]["result"]


def series_text(metric: dict[str, str]) -> str:
    labels = ",".join(
        f'{name}="{metric[name]}"' for name in sorted(metric) if name not in DROPPED_LABELS
    )
    return f"{metric['__name__']}{{{labels}}}"


def export(names: list[str], path: Path, *, began: float) -> None:
    """Write the raw samples of the named series, long form, ordered by series and time."""
    # What came before one whole window of the rates is left out.
    first = int(began) + 40
    columns: dict[str, list[object]] = {"timestamp": [], "series": [], "value": []}
    answers = [answer for name in names for answer in query(f"{name}[{TOTAL_SECONDS + 600}s]")]
    for answer in sorted(answers, key=lambda one: series_text(one["metric"])):
        kept = [(round(at * 1000), float(value)) for at, value in answer["values"] if at >= first]
        columns["timestamp"] += [at for at, _ in kept]
        columns["value"] += [value for _, value in kept]
        columns["series"] += [series_text(answer["metric"])] * len(kept)
    table = pa.table(
        {
            "timestamp": pa.array(columns["timestamp"], pa.timestamp("ms", tz="UTC")),
            "series": pa.array(columns["series"], pa.string()),
            "value": pa.array(columns["value"], pa.float64()),
        }
    )
    pq.write_table(
        table, path, compression="zstd", compression_level=19, use_dictionary=["series", "value"]
    )


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
        for name, series in RECORDINGS.items():
            export(series, out / f"{name}.parquet", began=room.began)
        room.stopped.set()


if __name__ == "__main__":
    main()
