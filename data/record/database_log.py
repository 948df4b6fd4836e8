"""Record the log of a real PostgreSQL under scripted load and faults: `python database_log.py OUT`.

Starts a PostgreSQL of its own on loopback, lets a few clients work on it, plants the faults of
`FAULTS` one after another, and writes the server's log, `database.log`, in which only the folder of
the server has another name, and the faults as `labels.csv`. The first sixteen minutes have no
planted fault. Needs the packages pgserver and psycopg, and 24 minutes; as root the server runs as
`nobody`.
"""

import contextlib
import csv
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pgserver
import psycopg
from psycopg import sql

PROGRAMS = Path(pgserver.__file__).parent / "pginstall" / "bin"
HEALTHY_SECONDS = 16 * 60
FAULT_SECONDS = 40
BETWEEN_SECONDS = 40
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": 24,
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_lock_waits": "on",
    "deadlock_timeout": "200ms",
    "log_checkpoints": "on",
    "checkpoint_timeout": "60s",
    "log_autovacuum_min_duration": "0",
    "autovacuum_naptime": "10s",
    "autovacuum_vacuum_threshold": "200",
    "log_min_duration_statement": "40ms",
    "log_temp_files": "0",
    "work_mem": "256kB",
    "log_statement": "ddl",
    "fsync": "off",
}


class Database:
    """A PostgreSQL on a free port of loopback, whose log goes to a file."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "database.log"
        self.user = "nobody" if os.getuid() == 0 else None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        data = folder / "data"
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        (data / "pg_hba.conf").write_text(
            "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )
        options = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        self._file = self.log.open("wb")
        self.process = subprocess.Popen(
            [PROGRAMS / "postgres", "-D", data, f"-p{self.port}", *options],
            stdout=self._file,
            stderr=subprocess.STDOUT,
            user=self.user,
            cwd=folder,
        )

    def connect(self, user: str = "postgres", **more: object) -> psycopg.Connection:
        address = f"host=127.0.0.1 port={self.port} user={user} dbname=shop connect_timeout=5"
        return psycopg.connect(address, autocommit=True, **more)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self._file.close()

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(PROGRAMS / program), *map(str, arguments)]
        subprocess.run(command, check=True, user=self.user, stdout=subprocess.DEVNULL)


def prepare(database: Database) -> None:
    """Make the tables of a shop and the accounts that work on them."""
    address = f"host=127.0.0.1 port={database.port} user=postgres dbname=postgres"
    while True:
        with contextlib.suppress(psycopg.OperationalError):
            connection = psycopg.connect(address, autocommit=True)
            break
        time.sleep(0.2)
    with connection:
        connection.execute("CREATE DATABASE shop")
    with database.connect() as shop:
        shop.execute(
            "CREATE TABLE orders (id bigserial PRIMARY KEY, customer int NOT NULL,"
            " total numeric CHECK (total >= 0), state text DEFAULT 'open')"
        )
        shop.execute("CREATE TABLE customers (id int PRIMARY KEY, mail text UNIQUE)")
        shop.execute(
            "INSERT INTO customers SELECT i, 'customer' || i || '@example.com'"
            " FROM generate_series(1, 2000) i"
        )
        shop.execute(
            "INSERT INTO orders (customer, total) SELECT i % 2000 + 1, i % 97"
            " FROM generate_series(1, 60000) i"
        )
        for user in ("web", "batch", "report"):
            name = sql.Identifier(user)
            shop.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'made-up'").format(name))
            shop.execute(sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA public TO {}").format(name))
            shop.execute(sql.SQL("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {}").format(name))


def order(shop: psycopg.Connection, dice: random.Random) -> None:
    customer, total = dice.randint(1, 2010), dice.randint(-1, 120)
    shop.execute("INSERT INTO orders (customer, total) VALUES (%s, %s)", (customer, total))


def register(shop: psycopg.Connection, dice: random.Random) -> None:
    number = dice.randint(1900, 90_000)
    mail = f"customer{dice.randint(1, 60_000)}@example.com"
    shop.execute("INSERT INTO customers VALUES (%s, %s)", (number, mail))


def pay(shop: psycopg.Connection, dice: random.Random) -> None:
    shop.execute("UPDATE orders SET state = 'paid' WHERE id = %s", (dice.randint(1, 60_000),))


def look(shop: psycopg.Connection, dice: random.Random) -> None:
    shop.execute("SELECT * FROM orders WHERE customer = %s", (dice.randint(1, 2000),)).fetchall()


def summary(shop: psycopg.Connection, dice: random.Random) -> None:
    shop.execute(
        "SELECT customer, sum(total) FROM orders GROUP BY customer ORDER BY 2 DESC LIMIT %s",
        (dice.randint(5, 50),),
    ).fetchall()


def mistake(shop: psycopg.Connection, dice: random.Random) -> None:
    shop.execute(sql.SQL("SELECT total / {} FROM orders LIMIT 1").format(dice.choice([0, 0, 7])))


WORK = {
    "web": [order] * 6 + [pay] * 6 + [look] * 10 + [register] * 4,
    "batch": [pay] * 10 + [summary],
    "report": [summary] * 8 + [mistake],
}


def work(database: Database, user: str, dice: random.Random, stopped: threading.Event) -> None:
    """Open a connection, do some things, close it, and again."""
    while not stopped.is_set():
        # A server that is in trouble is part of the recording.
        with (
            contextlib.suppress(psycopg.Error),
            database.connect(user, password="made-up") as shop,
        ):
            for _ in range(dice.randint(2, 12)):
                with contextlib.suppress(psycopg.DataError, psycopg.IntegrityError):
                    dice.choice(WORK[user])(shop, dice)
                stopped.wait(dice.expovariate(2.0))
        stopped.wait(dice.expovariate(0.7))


def deadlocks(database: Database) -> None:
    def lock_both(first: int, second: int) -> None:
        with (
            contextlib.suppress(psycopg.Error),
            database.connect() as shop,
            shop.transaction(),
        ):
            shop.execute("UPDATE orders SET total = 1 WHERE id = %s", (first,))
            time.sleep(0.3)
            shop.execute("UPDATE orders SET total = 1 WHERE id = %s", (second,))

    pair = [threading.Thread(target=lock_both, args=ids) for ids in ((1, 2), (2, 1))]
    for thread in pair:
        thread.start()
    for thread in pair:
        thread.join()


def timeouts(database: Database) -> None:
    with database.connect() as shop:
        shop.execute("SET statement_timeout = '150ms'")
        with contextlib.suppress(psycopg.errors.QueryCanceled):
            shop.execute("SELECT count(*) FROM orders a, orders b WHERE a.total < b.total")


def guesses(database: Database) -> None:
    for user in ("admin", "web", "root"):
        with contextlib.suppress(psycopg.OperationalError):
            database.connect(user, password="wrong").close()
        time.sleep(0.4)


def connections(database: Database) -> None:
    held = []
    with contextlib.suppress(psycopg.OperationalError):
        while len(held) < 40:
            held.append(database.connect("web", password="made-up"))
    time.sleep(5)
    for connection in held:
        connection.close()


def crash(database: Database) -> None:
    """Kill a backend: the server ends all others and recovers, once in the whole fault."""
    if getattr(database, "has_crashed", False):
        time.sleep(1)
        return
    database.has_crashed = True
    with contextlib.suppress(psycopg.Error), database.connect() as shop:
        os.kill(shop.info.backend_pid, signal.SIGKILL)
        time.sleep(1)


# What is done, and words that only its lines have.
FAULTS: dict[str, tuple[Callable[[Database], None], str]] = {
    "deadlock": (deadlocks, "deadlock detected"),
    "timeout": (timeouts, "canceling statement due to statement timeout"),
    "guessing": (guesses, "password authentication failed for user"),
    "connections": (connections, "remaining connection slots are reserved"),
    "crash": (crash, "was terminated by signal 9"),
}


@contextlib.contextmanager
def load(database: Database) -> Iterator[None]:
    """Keep six clients at work."""
    stopped = threading.Event()
    users = ["web", "web", "web", "batch", "report", "web"]
    clients = [
        threading.Thread(target=work, args=(database, user, random.Random(number), stopped))
        for number, user in enumerate(users)
    ]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        stopped.set()
        for client in clients:
            client.join()


def plant(database: Database, path: Path) -> None:
    """Plant each fault for its time and write down when it began and ended."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["recording", "start", "end", "fault", "series"])
        for name, (fault, words) in FAULTS.items():
            start = datetime.now(UTC)
            until = time.monotonic() + FAULT_SECONDS
            while time.monotonic() < until:
                fault(database)
                time.sleep(1)
            end = datetime.now(UTC)
            table.writerow(["database", start.isoformat(), end.isoformat(), name, words])
            time.sleep(BETWEEN_SECONDS)


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        database = Database(folder)
        try:
            prepare(database)
            with load(database):
                time.sleep(HEALTHY_SECONDS)
                plant(database, out / "labels.csv")
        finally:
            database.stop()
        text = database.log.read_text().replace(str(folder), "/var/lib/postgresql")
        (out / "database.log").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
