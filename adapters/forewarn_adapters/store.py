"""The SQL store: the lease that picks the replica that writes, and the audit of what was done.

SQLite in a file serves one host; a PostgreSQL URL serves replicas on several. The code is the
same: SQLAlchemy Core, and one atomic upsert that both databases know.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, Table, create_engine, delete, event, func, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from forewarn_adapters.store_tables import (
    AUDIT,
    LEASE,
    LONGEST_TEXT,
    METADATA,
    SCHEMA,
    SCHEMA_VERSION,
)
from forewarn_models.errors import StoreError

_MOST_ENTRIES = 10_000
_SET_UP_LOCK = 7_366_207  # any number: replicas that start together take turns under it


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that somebody did: who, what, to what, and the particulars."""

    sequence: int
    timestamp_milliseconds: int
    actor: str
    action: str
    subject: str
    detail: str


class Store:
    """An open store. Threads may share it; close it when done.

    Args:
        url: `sqlite:///path` or `postgresql://user:password@host:port/database`.
        patience_seconds: how long to wait for a lock or a connection before giving up.

    Raises StoreError, here and in every method, when the database cannot be used.
    """

    def __init__(self, url: str, *, patience_seconds: float = 5.0) -> None:
        parsed = _parsed(url)
        self._location = parsed.render_as_string(hide_password=True)
        with _converted(self._location):
            self._engine = _engine(parsed, patience_seconds=patience_seconds)
        try:
            self._set_up()
        except StoreError:
            self._engine.dispose()
            raise

    def hold_lease(
        self, name: str, *, holder: str, now_milliseconds: int, ttl_milliseconds: int
    ) -> bool:
        """Return whether `holder` has the lease until `ttl_milliseconds` from now.

        A free or expired lease is taken, one's own is renewed, another's is left alone. Of any
        number of processes that ask at the same moment exactly one is told yes.
        """
        with self.transaction() as connection:
            offer = upsert(connection, LEASE).values(
                name=name, holder=holder, expires_milliseconds=now_milliseconds + ttl_milliseconds
            )
            wanted = {
                "holder": offer.excluded.holder,
                "expires_milliseconds": offer.excluded.expires_milliseconds,
            }
            free = or_(LEASE.c.holder == holder, LEASE.c.expires_milliseconds <= now_milliseconds)
            taken = offer.on_conflict_do_update(index_elements=["name"], set_=wanted, where=free)
            return connection.execute(taken.returning(LEASE.c.name)).first() is not None

    def release_lease(self, name: str, *, holder: str) -> None:
        """Give the lease back at once; it is no error when `holder` does not have it."""
        mine = (LEASE.c.name == name) & (LEASE.c.holder == holder)
        with self.transaction() as connection:
            connection.execute(delete(LEASE).where(mine))

    def record(
        self, actor: str, *, action: str, subject: str, detail: str = "", now_milliseconds: int
    ) -> None:
        """Write down what `actor` did; it is on disk when this returns."""
        entry = {"actor": actor, "action": action, "subject": subject, "detail": detail}
        values = {column: _cut(written) for column, written in entry.items()}
        with self.transaction() as connection:
            connection.execute(
                insert(AUDIT).values(timestamp_milliseconds=now_milliseconds, **values)
            )

    def audit_entries(
        self, *, limit: int = 100, before_sequence: int | None = None, subject: str | None = None
    ) -> tuple[AuditEntry, ...]:
        """Return at most `limit` entries, the newest first; page on with `before_sequence`."""
        query = select(AUDIT).order_by(AUDIT.c.sequence.desc())
        if before_sequence is not None:
            query = query.where(AUDIT.c.sequence < before_sequence)
        if subject is not None:
            query = query.where(AUDIT.c.subject == subject)
        with self.transaction() as connection:
            rows = connection.execute(query.limit(max(0, min(limit, _MOST_ENTRIES)))).mappings()
            return tuple(AuditEntry(**row) for row in rows)

    def ping(self) -> None:
        """Raise StoreError when the database does not answer: readiness asks this."""
        with self.transaction() as connection:
            connection.execute(select(SCHEMA.c.version))

    def close(self) -> None:
        """Close every connection; the store cannot be used afterwards."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection: all that it does is done when the block ends, or nothing is."""
        with _converted(self._location), self._engine.begin() as connection:
            yield connection

    def _set_up(self) -> None:
        """Create what is missing, under a lock; refuse a store that a newer version wrote."""
        with self.transaction() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_SET_UP_LOCK)))
            METADATA.create_all(connection)
            version = connection.execute(select(func.max(SCHEMA.c.version))).scalar()
            if version is None:
                connection.execute(insert(SCHEMA).values(version=SCHEMA_VERSION))
            elif version > SCHEMA_VERSION:
                raise StoreError(
                    f"the store {self._location} must have schema version {SCHEMA_VERSION} or "
                    f"older, got {version}: a newer Forewarn wrote it; upgrade this one"
                )


def upsert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insert of which the database can be told what to do where the row is there."""
    is_postgresql = connection.dialect.name == "postgresql"
    return postgresql.insert(table) if is_postgresql else sqlite.insert(table)


def _cut(written: str) -> str:
    # PostgreSQL refuses the NUL character in text, and an audit must not fail for it.
    clean = written.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return clean if len(clean) <= LONGEST_TEXT else clean[: LONGEST_TEXT - 6] + " (cut)"


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as unreadable:
        # The URL is not repeated: it may hold a password.
        raise StoreError(
            "store_url must be sqlite:///path or postgresql://user:password@host:port/database"
        ) from unreadable
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise StoreError(
            f"store_url must begin with sqlite:/// or postgresql://, got {parsed.drivername}://"
        )
    is_postgresql = parsed.get_backend_name() == "postgresql"
    return parsed.set(drivername="postgresql+psycopg" if is_postgresql else "sqlite")


def _engine(url: URL, *, patience_seconds: float) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, patience_seconds=patience_seconds)
    options = f"-c lock_timeout={int(patience_seconds * 1000)}"
    try:
        return create_engine(
            url,
            pool_pre_ping=True,  # a restarted server is met with a new connection, not an error
            pool_size=2,
            connect_args={"connect_timeout": max(2, int(patience_seconds)), "options": options},
        )
    except ModuleNotFoundError as missing:
        raise StoreError(
            "a PostgreSQL store needs its driver: pip install 'forewarn[postgresql]'"
        ) from missing


def _sqlite_engine(url: URL, *, patience_seconds: float) -> Engine:
    if url.database and url.database != ":memory:":
        _make_private(Path(url.database))
    engine = create_engine(url, connect_args={"timeout": patience_seconds})

    @event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _record: object) -> None:
        # Without this the driver begins transactions when it sees fit, and reads before writes
        # could meet "database is locked" at once whatever the time-out.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _make_private(path: Path) -> None:
    """Create the file for its owner alone: the audit names people and what they did."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError as refused:
        raise StoreError(
            f"the store's file {path} must be creatable and writable: {refused.strerror}"
        ) from refused


_ADVICE = {
    "locked": "another process holds it for too long; one `forewarn run` per store, please",
    "full": "the disk is full; free some space, nothing was lost",
    "malformed": "the file is damaged; move it away (`sqlite3 FILE .recover` saves its audit)",
    "not a database": "the file is something else; move it away or name another in `store_url`",
    "readonly": "the file or its folder may not be written by this user",
    "unable to open": "the folder must exist and be writable by this user",
    "lock timeout": "another process holds it for too long",
}


@contextmanager
def _converted(location: str) -> Iterator[None]:
    """Turn every error of the database into a StoreError without statements or passwords."""
    try:
        yield
    except DBAPIError as failed:
        # Some failures of the driver have no words.
        said = next(iter(str(failed.orig).strip().splitlines()), type(failed.orig).__name__)
        advice = next((f": {text}" for sign, text in _ADVICE.items() if sign in said), "")
        raise StoreError(f"the store {location} failed: {said}{advice}") from failed
    except (SQLAlchemyError, sqlite3.Error) as failed:
        raise StoreError(f"the store {location} failed: {type(failed).__name__}") from failed
