"""The programs that are recorded, their load, and Prometheus beside them; all on loopback."""

import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

HERE = Path(__file__).parent
POSTGRES_BINARIES = Path("/usr/lib/postgresql/15/bin")
PROMETHEUS = "http://127.0.0.1:19090"
WEB = "http://127.0.0.1:19080"
DATABASE = "postgresql://postgres@127.0.0.1:19432"
CYCLE_SECONDS = 300
COLLECTORS = ("cpu", "meminfo", "diskstats", "loadavg", "stat", "netdev", "filefd", "sockstat")


class Room:
    """The programs that run, where they keep their files, and whether the database has load."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self.stack = stack
        self.directory = directory
        self.began = time.time()
        self.database_is_idle = threading.Event()
        self.is_over = threading.Event()

    def start(self, name: str, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Return a program that runs behind all others until the room is left."""
        log = self.stack.enter_context((self.directory / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            ["nice", "-n", "10", *command],
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
        )
        self.stack.callback(stop, process)
        return process

    def start_web(self) -> None:
        self.web = self.start("web", sys.executable, str(HERE / "web_service.py"), "19080")

    def level(self) -> float:
        """Return how much load there is in the cycle now: from 0.4 to 1.6."""
        return 1.0 + 0.6 * math.sin(2 * math.pi * (time.time() - self.began) / CYCLE_SECONDS)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


def quietly(*command: str) -> int:
    """Run a command behind all others and return its exit code."""
    done = subprocess.run(["nice", "-n", "10", *command], capture_output=True, cwd="/tmp")
    return done.returncode


def wait_until(is_ready: Callable[[], bool]) -> None:
    for _ in range(300):
        try:
            if is_ready():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("a program did not become ready in 30 s")


def start_programs(room: Room) -> None:
    start_database(room)
    listen = "--web.listen-address=127.0.0.1"
    room.start(
        "postgres_exporter",
        "prometheus-postgres-exporter",
        f"{listen}:19187",
        DATA_SOURCE_NAME=f"{DATABASE}/bench?sslmode=disable",
    )
    collectors = [f"--collector.{name}" for name in COLLECTORS]
    node = ["prometheus-node-exporter", f"{listen}:19100", "--collector.disable-defaults"]
    room.start("node_exporter", *node, *collectors)
    room.start_web()
    tsdb = f"--storage.tsdb.path={room.directory / 'tsdb'}"
    config = f"--config.file={HERE / 'prometheus.yml'}"
    room.start("prometheus", "prometheus", config, tsdb, f"{listen}:19090")
    wait_until(lambda: urlopen(f"{PROMETHEUS}/-/ready").status == 200)
    wait_until(lambda: urlopen(f"{WEB}/metrics").status == 200)


def start_database(room: Room) -> None:
    data = room.directory / "pg"
    data.mkdir()
    shutil.chown(data, "postgres")
    as_postgres = ["runuser", "-u", "postgres", "--"]
    initdb = [str(POSTGRES_BINARIES / "initdb"), "-D", str(data), "-A", "trust", "-N"]
    if quietly(*as_postgres, *initdb, "-U", "postgres"):
        raise SystemExit("initdb must work: is PostgreSQL installed, and are you root?")
    settings = [
        "listen_addresses=127.0.0.1",
        "port=19432",
        "unix_socket_directories=",
        "shared_buffers=32MB",
        "synchronous_commit=off",
    ]
    postgres = [str(POSTGRES_BINARIES / "postgres"), "-D", str(data)]
    room.start("postgres", *as_postgres, *postgres, *(f"-c{setting}" for setting in settings))
    psql = str(POSTGRES_BINARIES / "psql")
    wait_until(lambda: quietly(psql, f"{DATABASE}/postgres", "-c", "create database bench") == 0)
    quietly("pgbench", "-i", "-q", "-s", "5", f"{DATABASE}/bench")


def load_web(room: Room) -> None:
    while not room.is_over.is_set():
        ask_web(max(1, round(3 * room.level())), seconds=10)


def ask_web(connections: int, *, seconds: int) -> None:
    script = str(HERE / "routes.lua")
    quietly("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, WEB)


def load_database(room: Room) -> None:
    while not room.is_over.is_set():
        if room.database_is_idle.is_set():
            time.sleep(0.2)
        else:
            rate = f"-R{60 * room.level():.0f}"
            quietly("pgbench", "-n", "-c2", "-T10", rate, f"{DATABASE}/bench")
