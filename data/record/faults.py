"""The faults of the recordings: when, for how long, what, and how they are caused."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode
from urllib.request import urlopen

from programs import DATABASE, POSTGRES_BINARIES, WEB, Room, ask_web, quietly, stop

TOTAL_SECONDS = 2060


@dataclass(frozen=True)
class Fault:
    """A fault, when it is planted, for how long, what it is, and the series it changes most."""

    at_seconds: int
    seconds: int
    recording: str
    what: str
    series: str


# The first 1,000 s are healthy: three cycles of the load to learn from.
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


def plant(room: Room, fault: Fault) -> None:
    """Cause a fault and return when it is over."""
    causes: dict[str, Callable[[Room, int], None]] = {
        "cpu": lambda _, seconds: stress(seconds, "--cpu", "1", "--cpu-load", "50"),
        "switches": lambda _, seconds: stress(seconds, "--switch", "1", "--switch-freq", "8000"),
        "memory": fill_memory,
        "disk": write_disk,
        "latency": lambda _, seconds: break_web(seconds, latency=4.0),
        "errors": lambda _, seconds: break_web(seconds, errors=0.25),
        "traffic": lambda _, seconds: ask_web(16, seconds=seconds),
        "drift": drift,
        "restart": restart,
        "lock": lock,
        "connections": leak_connections,
        "scans": scan,
        "stop": stop_load,
    }
    causes[fault.what](room, fault.seconds)


def stress(seconds: int, *arguments: str) -> None:
    quietly("stress-ng", "--quiet", *arguments, "--timeout", str(seconds))


def fill_memory(_: Room, seconds: int) -> None:
    stress(seconds, "--vm", "1", "--vm-bytes", "1500M", "--vm-hang", str(seconds))


def write_disk(_: Room, seconds: int) -> None:
    stress(seconds, "--hdd", "1", "--hdd-bytes", "256M", "--hdd-write-size", "1M")


def set_web(**settings: float) -> None:
    urlopen(f"{WEB}/fault?{urlencode(settings)}").read()


def break_web(seconds: int, **settings: float) -> None:
    set_web(**settings)
    time.sleep(seconds)
    set_web()


def drift(_: Room, seconds: int) -> None:
    for second in range(seconds):
        set_web(latency=1.0 + 1.5 * second / seconds)
        time.sleep(1)
    set_web()


def restart(room: Room, seconds: int) -> None:
    stop(room.web)
    time.sleep(seconds)
    room.start_web()


def psql(seconds: int, *statements: str) -> subprocess.Popen[bytes]:
    """Return a session with the database that is cut after some seconds."""
    commands = [part for text in statements for part in ("-c", text)]
    program = str(POSTGRES_BINARIES / "psql")
    return subprocess.Popen(
        ["timeout", str(seconds), program, f"{DATABASE}/bench", *commands],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def end_sleepers() -> None:
    """End the sessions whose client was cut: the database does not notice by itself."""
    sleeping = "query like '%pg_sleep%' and pid <> pg_backend_pid()"
    psql(5, f"select pg_terminate_backend(pid) from pg_stat_activity where {sleeping}").wait()


def lock(_: Room, seconds: int) -> None:
    psql(
        seconds,
        "begin; lock table pgbench_accounts in access exclusive mode; select pg_sleep(600)",
    ).wait()
    end_sleepers()


def leak_connections(_: Room, seconds: int) -> None:
    for leaked in [psql(seconds, "begin", "select pg_sleep(600)") for _ in range(25)]:
        leaked.wait()
    end_sleepers()


def scan(_: Room, seconds: int) -> None:
    one = ["select count(*) from pgbench_accounts where filler > 'z'", "select pg_sleep(0.3)"]
    psql(seconds, *one * 200).wait()


def stop_load(room: Room, seconds: int) -> None:
    room.database_is_idle.set()
    time.sleep(seconds)
    room.database_is_idle.clear()
