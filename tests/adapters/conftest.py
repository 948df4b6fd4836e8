"""Both databases that the SQL store works with."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from shutil import chown, copytree, rmtree

import pytest

from forewarn_adapters.store_tables import METADATA

DEBIAN = Path("/usr/lib/postgresql")


def _user() -> str | None:
    """Return whom PostgreSQL must run as: it refuses to be root."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _as_postgres(*command: str | Path) -> None:
    words = [str(part) for part in command]
    done = subprocess.run(words, user=_user(), cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _programs(folder: Path) -> Path:
    """Return where initdb is: Debian's, or a copy of the test group's that any user may run."""
    if found := sorted(DEBIAN.glob("*/bin/initdb")):
        return found[-1].parent
    package = find_spec("pgserver")
    assert package is not None, "PostgreSQL must be there: apt-get install postgresql"
    assert package.origin is not None
    source = Path(package.origin).parent
    copytree(source / "pginstall", folder / "pgserver" / "pginstall")
    copytree(source.with_suffix(".libs"), folder / "pgserver.libs")
    return folder / "pgserver" / "pginstall" / "bin"


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A throw-away PostgreSQL on a Unix socket in its own folder: no port to collide on."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    programs = _programs(folder)
    if user := _user():
        chown(folder, user=user)
    data = folder / "data"
    settings = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    _as_postgres(programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N")
    log = folder / "log"
    start = (programs / "pg_ctl", "-D", data, "-w", "-l", log, "-o", settings, "start")
    _as_postgres(*start)
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        _as_postgres(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, postgresql_url: str) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/state/store.sqlite"
        return
    yield postgresql_url
    import psycopg

    with psycopg.connect(postgresql_url) as connection:
        connection.execute(f"DROP TABLE {', '.join(METADATA.tables)}")
