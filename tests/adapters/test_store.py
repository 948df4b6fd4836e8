import signal
import sqlite3
import stat
import subprocess
import sys

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from forewarn_adapters.store import AuditEntry, Store
from forewarn_models.errors import StoreError

# Asks for many leases, all at one instant, and prints those that it got.
ASK_FOR_ALL = """
import sys
from forewarn_adapters.store import Store
url, holder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with Store(url, patience_seconds=30) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for i in range(count):
        if store.hold_lease(f"lease-{i}", holder=holder, now_milliseconds=0, ttl_milliseconds=1000):
            print(i)
"""

# Renews one lease and writes the audit until it is killed.
HOLD_FOR_EVER = """
import sys
from forewarn_adapters.store import Store
store = Store(sys.argv[1])
now = 0
while True:
    assert store.hold_lease("writer", holder="victim", now_milliseconds=now, ttl_milliseconds=1000)
    store.record("victim", action="tick", subject="writer", now_milliseconds=now)
    print(now, flush=True)
    now += 1
"""


def _start(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _hold(store: Store, holder: str, *, now: int, ttl: int = 1_000) -> bool:
    return store.hold_lease("writer", holder=holder, now_milliseconds=now, ttl_milliseconds=ttl)


def test_a_lease_is_held_by_one_until_it_expires(url):
    with Store(url) as store:
        assert _hold(store, "a", now=0)
        assert not _hold(store, "b", now=999)
        assert _hold(store, "b", now=1_000)
        assert not _hold(store, "a", now=1_001)


def test_a_holder_renews_its_lease(url):
    with Store(url) as store:
        assert all(_hold(store, "a", now=now) for now in range(0, 5_000, 500))
        assert not _hold(store, "b", now=5_499)
        assert _hold(store, "b", now=5_500)


def test_a_released_lease_is_free_at_once_and_only_its_holder_releases_it(url):
    with Store(url) as store:
        assert _hold(store, "a", now=0)
        store.release_lease("writer", holder="b")
        assert not _hold(store, "b", now=1)
        store.release_lease("writer", holder="a")
        assert _hold(store, "b", now=1)


def test_leases_of_different_names_are_independent(url):
    with Store(url) as store:
        assert _hold(store, "a", now=0)
        assert store.hold_lease("other", holder="b", now_milliseconds=0, ttl_milliseconds=1)


def test_two_processes_that_ask_at_once_never_both_get_the_lease(url):
    count = 200
    fighters = [_start(ASK_FOR_ALL, url, holder, str(count)) for holder in ("a", "b")]
    for fighter in fighters:
        assert fighter.stdout is not None
        assert fighter.stdout.readline() == "ready\n"
    for fighter in fighters:
        assert fighter.stdin is not None
        fighter.stdin.write("go\n")
        fighter.stdin.flush()
    won = [[int(line) for line in fighter.communicate()[0].split()] for fighter in fighters]
    assert [fighter.returncode for fighter in fighters] == [0, 0]
    assert sorted(won[0] + won[1]) == list(range(count))


def test_a_killed_holder_loses_the_lease_when_it_expires_and_nothing_is_damaged(url):
    victim = _start(HOLD_FOR_EVER, url)
    assert victim.stdout is not None
    for _ in range(20):
        victim.stdout.readline()
    victim.send_signal(signal.SIGKILL)
    rest = victim.communicate()[0]
    last = int(rest.split()[-1]) if rest else 19
    with Store(url) as store:
        assert not _hold(store, "b", now=last + 999)
        # The victim may have renewed once more than it could say.
        assert _hold(store, "b", now=last + 1_001)
        recorded = {entry.timestamp_milliseconds for entry in store.audit_entries(limit=10_000)}
        assert set(range(last + 1)) <= recorded


def test_the_audit_is_read_newest_first_and_page_by_page(url):
    with Store(url) as store:
        for number in range(5):
            store.record(
                "ann",
                action="promote",
                subject=f"signal-{number % 2}",
                detail=f"version {number}",
                now_milliseconds=1_000 + number,
            )
        newest = store.audit_entries(limit=2)
        assert newest[0] == AuditEntry(5, 1_004, "ann", "promote", "signal-0", "version 4")
        assert [entry.sequence for entry in newest] == [5, 4]
        older = store.audit_entries(limit=2, before_sequence=4)
        assert [entry.sequence for entry in older] == [3, 2]
        assert [entry.sequence for entry in store.audit_entries(subject="signal-1")] == [4, 2]


def test_a_text_that_is_too_long_or_holds_nul_is_recorded_cut_and_clean(url):
    with Store(url) as store:
        store.record(
            "ann", action="x", subject="a\x00b", detail="d" * 1_000_000, now_milliseconds=0
        )
        entry = store.audit_entries()[0]
        assert entry.subject == "a\N{REPLACEMENT CHARACTER}b"
        assert entry.detail == "d" * 3_994 + " (cut)"


def test_what_is_written_is_there_after_opening_again(url):
    with Store(url) as store:
        store.record("ann", action="train", subject="cpu", now_milliseconds=7)
    with Store(url) as store:
        store.ping()
        assert [entry.subject for entry in store.audit_entries()] == ["cpu"]


def test_a_store_of_a_newer_version_is_refused(url):
    store = Store(url)
    with store._engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO forewarn_schema VALUES (99)")
    store.close()
    with pytest.raises(StoreError, match="version 1 or older, got 99: a newer Forewarn wrote it"):
        Store(url)


def test_the_file_can_be_read_by_its_owner_alone_even_if_it_was_open_before(tmp_path):
    path = tmp_path / "store.sqlite"
    path.touch(mode=0o644)
    with Store(f"sqlite:///{path}") as store:
        store.record("ann", action="x", subject="y", now_milliseconds=0)
        for file in tmp_path.iterdir():  # the write-ahead log beside it too
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_locked_store_says_so_and_works_again_afterwards(tmp_path):
    path = tmp_path / "store.sqlite"
    with Store(f"sqlite:///{path}", patience_seconds=0.05) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError) as caught:
            _hold(store, "a", now=0)
        assert str(caught.value) == (
            f"the store sqlite:///{path} failed: database is locked: another process holds it for "
            "too long; one `forewarn run` per store, please"
        )
        other.close()
        assert _hold(store, "a", now=0)


def _fill_up(store):
    for number in range(100):
        store.record("ann", action="x", subject="y", detail="z" * 4_000, now_milliseconds=number)


def test_a_full_disk_says_so_and_loses_nothing(tmp_path):
    path = tmp_path / "store.sqlite"
    with Store(f"sqlite:///{path}") as store:
        store.record("ann", action="before", subject="x", now_milliseconds=0)

        @event.listens_for(store._engine, "begin")
        def _fill(connection):
            connection.exec_driver_sql("PRAGMA max_page_count=1")  # cut to what is in use

        with pytest.raises(StoreError, match="disk is full: the disk is full; free some space"):
            _fill_up(store)
        assert store.audit_entries(limit=10_000)[-1].action == "before"


def test_a_failure_without_words_is_told_by_its_name(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:

        @event.listens_for(store._engine, "before_cursor_execute")
        def _fail(*_, **__):
            raise OperationalError("SELECT 1", {}, sqlite3.OperationalError())

        with pytest.raises(StoreError, match=r"failed: OperationalError$"):
            store.ping()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "store.sqlite"
    path.write_text("these are my notes, please keep them\n" * 50)
    with pytest.raises(StoreError, match="file is not a database: the file is something else"):
        Store(f"sqlite:///{path}")
    assert path.read_text().startswith("these are my notes")


def test_a_damaged_file_is_a_store_error(tmp_path):
    path = tmp_path / "store.sqlite"
    with Store(f"sqlite:///{path}") as store:
        for number in range(300):
            store.record("a", action="x", subject="y", detail="z" * 500, now_milliseconds=number)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="malformed"):
        Store(f"sqlite:///{path}").audit_entries()


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="must be creatable and writable: "):
        Store(f"sqlite:///{tmp_path}/file/store.sqlite")


def test_a_postgresql_that_is_down_is_a_store_error_without_the_password(tmp_path):
    with pytest.raises(StoreError) as caught:
        Store(f"postgresql://ann:hunter2-secret@/postgres?host={tmp_path}")
    assert str(caught.value).startswith("the store postgresql+psycopg://ann:***@/postgres?host=")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "store_url must be sqlite:///path or postgresql://"),
        ("mysql://a:geheim@b/c", r"must begin with sqlite:/// or postgresql://, got mysql://"),
        ("postgresql://a:geheim@b:port/c", "store_url must be sqlite:///path or postgresql://"),
    ],
)
def test_another_url_is_refused_without_repeating_its_password(url, said):
    with pytest.raises(StoreError, match=said) as caught:
        Store(url)
    assert "geheim" not in str(caught.value)


def test_a_missing_driver_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'forewarn\[postgresql\]'"):
        Store("postgresql://a@b/c")


def _use_after_closing(store):
    with store.transaction() as connection:
        connection.close()
        connection.exec_driver_sql("SELECT 1")


def test_an_error_from_outside_the_driver_is_a_store_error_too(tmp_path):
    with (
        Store(f"sqlite:///{tmp_path}/store.sqlite") as store,
        pytest.raises(StoreError, match="failed: ResourceClosedError"),
    ):
        _use_after_closing(store)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_connection_that_the_server_ended_is_made_anew(postgresql_url, url):
    import psycopg

    with Store(url) as store:
        assert _hold(store, "a", now=0)
        with psycopg.connect(postgresql_url) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = 'postgres'"
            )
        assert _hold(store, "a", now=1)


def test_a_store_in_memory_needs_no_file(clean_directory):
    with Store("sqlite://") as store:
        assert _hold(store, "a", now=0)
    assert list(clean_directory.iterdir()) == []
