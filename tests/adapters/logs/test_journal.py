import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forewarn_adapters.clock import ManualClock
from forewarn_adapters.logs.receiving import journal as journal_module
from forewarn_adapters.logs.receiving.journal import Journal, Place
from forewarn_models.errors import JournalFull, StoreError

MEGABYTE = 1 << 20
START = Place(0, 0)


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "journal", buffer_bytes=MEGABYTE)
    yield made
    made.close()


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.journal"))


def records(portion) -> list[bytes]:
    return [portion.data[begin:end] for begin, end in portion.bounds]


def read_all(journal: Journal, begin: Place = START, most_bytes: int = 1 << 16):
    """All records from a place on, and where they end."""
    found: list[bytes] = []
    while True:
        portion = journal.read(begin, most_bytes=most_bytes)
        found += records(portion)
        if portion.end == begin:
            journal.release(begin)
            return found, begin
        begin = portion.end


def test_what_was_appended_is_read_in_order(journal):
    journal.append(b"one")
    journal.append(b"t", b"w", b"o")
    found, end = read_all(journal)
    assert found == [b"one", b"two"]
    journal.append(b"three")
    assert read_all(journal, end)[0] == [b"three"]


def test_an_empty_journal_has_nothing_and_takes_any_place(journal):
    place = Place(7, 9)
    assert journal.read(place, most_bytes=10).end == place
    assert list(journal.last_records()) == []


def test_reading_may_begin_at_any_record(journal):
    for number in range(5):
        journal.append(b"%d" % number)
    portion = journal.read(START, most_bytes=MEGABYTE)
    for number, place in enumerate(portion.places):
        assert records(journal.read(place, most_bytes=MEGABYTE))[0] == b"%d" % number


def test_a_record_larger_than_what_is_asked_for_is_given_whole(journal):
    journal.append(b"x" * 1000)
    assert records(journal.read(START, most_bytes=10)) == [b"x" * 1000]


def test_it_goes_on_where_a_process_stopped(tmp_path):
    first = Journal(tmp_path, buffer_bytes=MEGABYTE)
    first.append(b"one")
    _, end = read_all(first)
    first.append(b"two")
    first.close()
    second = Journal(tmp_path, buffer_bytes=MEGABYTE)
    second.append(b"three")
    assert read_all(second, end)[0] == [b"two", b"three"]
    second.close()


def test_segments_are_deleted_once_they_were_released(tmp_path, journal):
    for _ in range(3):
        journal.append(b"x" * (200 << 10))
    directory = tmp_path / "journal"
    assert len(segments(directory)) == 3
    portion = journal.read(START, most_bytes=MEGABYTE)
    journal.read(portion.end, most_bytes=MEGABYTE)
    assert len(segments(directory)) == 3  # whoever reads may still crash before the lines are safe
    journal.release(portion.end)
    assert len(segments(directory)) == 2
    _, end = read_all(journal, portion.end)
    journal.release(end)
    assert len(segments(directory)) == 1


def test_a_full_journal_refuses_until_it_was_read(journal):
    record = b"x" * (200 << 10)
    for _ in range(5):
        journal.append(record)
    assert journal.free_bytes() < len(record)
    with pytest.raises(JournalFull, match=r"must have room for 204808 bytes more.*buffer_bytes"):
        journal.append(record)
    assert len(read_all(journal)[0]) == 5
    journal.append(record)
    assert journal.free_bytes() > 0


def test_the_largest_record_finds_room_whenever_all_was_read(journal):
    largest = b"x" * (journal.most_bytes_of_record - 8)
    end = START
    for _ in range(20):
        journal.append(largest)
        found, end = read_all(journal, end)
        assert found == [largest]


@pytest.mark.parametrize("torn_bytes", [1, 7, 8, 20])
def test_a_torn_last_record_is_cut_off(tmp_path, torn_bytes, caplog):
    first = Journal(tmp_path, buffer_bytes=MEGABYTE)
    first.append(b"whole")
    whole_bytes = segments(tmp_path)[0].stat().st_size
    first.append(b"torn" * 10)
    first.close()
    os.truncate(segments(tmp_path)[0], whole_bytes + torn_bytes)
    second = Journal(tmp_path, buffer_bytes=MEGABYTE)
    second.append(b"next")
    assert read_all(second)[0] == [b"whole", b"next"]
    assert second.n_damaged == 0
    assert "torn record" in caplog.text
    second.close()


def test_a_place_beyond_what_a_crash_of_the_machine_left_goes_on_after_it(tmp_path):
    first = Journal(tmp_path, buffer_bytes=MEGABYTE)
    first.append(b"kept")
    first.append(b"lost with the machine, but read before")
    _, end = read_all(first)
    first.close()
    os.truncate(segments(tmp_path)[0], 20)
    second = Journal(tmp_path, buffer_bytes=MEGABYTE)
    second.append(b"next")
    assert read_all(second, end)[0] == [b"next"]
    second.close()


def test_damage_in_the_middle_costs_the_rest_of_its_segment(tmp_path, caplog):
    first = Journal(tmp_path, buffer_bytes=MEGABYTE)
    for number in range(3):
        first.append(b"%d" % number * (100 << 10))
    first.append(b"in the next segment")
    first.close()
    path = segments(tmp_path)[0]
    data = bytearray(path.read_bytes())
    data[(100 << 10) + 50] ^= 1
    path.write_bytes(data)
    second = Journal(tmp_path, buffer_bytes=MEGABYTE)
    found, _ = read_all(second)
    assert [record[:1] for record in found] == [b"0", b"2", b"i"]
    assert second.n_damaged == 1
    assert "damaged at byte" in caplog.text
    second.close()


def test_a_place_of_another_journal_begins_at_the_first_record(tmp_path):
    first = Journal(tmp_path, buffer_bytes=MEGABYTE, clock=ManualClock(1000))
    first.append(b"one")
    assert read_all(first, Place(5000, 3))[0] == [b"one"]
    first.close()


def test_segments_are_numbered_upwards_also_when_the_clock_was_set_back(tmp_path):
    clock = ManualClock(5000)
    first = Journal(tmp_path, buffer_bytes=MEGABYTE, clock=clock)
    first.append(b"one")
    _, end = read_all(first)
    first.close()
    second = Journal(tmp_path, buffer_bytes=MEGABYTE, clock=ManualClock(10))
    second.append(b"two")
    assert read_all(second, end)[0] == [b"two"]
    second.close()


def test_a_cursor_of_another_kind_means_the_start():
    assert Place.of(None) == START
    assert Place.of({"segment": "a", "line": 3}) == START
    assert Place.of({"segment": 3, "offset": -3}) == Place(3, 0)


def test_the_newest_records_are_told_apart(journal):
    for number in range(4):
        journal.append(b"%d" % number * (100 << 10))
    assert [record[:1] for record in journal.last_records()] == [b"2", b"3"]


def test_two_processes_cannot_have_one_journal(tmp_path, journal):
    with pytest.raises(StoreError, match="used by one process"):
        Journal(tmp_path / "journal", buffer_bytes=MEGABYTE)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="must be readable and writable"):
        Journal(tmp_path / "file", buffer_bytes=MEGABYTE)


def test_a_closed_journal_takes_nothing(tmp_path):
    closed = Journal(tmp_path, buffer_bytes=MEGABYTE)
    closed.close()
    with pytest.raises(StoreError, match="must be open"):
        closed.append(b"late")


def test_a_full_disk_loses_nothing_that_was_taken(tmp_path, monkeypatch):
    journal = Journal(tmp_path, buffer_bytes=MEGABYTE)
    journal.append(b"taken")
    real = os.write

    def write(descriptor, data):
        if len(data) > 100:
            return real(descriptor, data[:50])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(journal_module.os, "write", write)
    with pytest.raises(StoreError, match="No space left on device; free some space"):
        journal.append(b"x" * 140)
    monkeypatch.undo()
    journal.append(b"after")
    assert read_all(journal)[0] == [b"taken", b"after"]
    journal.close()


def test_what_was_appended_is_handed_to_the_disk_by_itself(tmp_path, monkeypatch):
    synced = []
    real = os.fdatasync
    monkeypatch.setattr(journal_module, "_SYNC_SECONDS", 0.01)
    monkeypatch.setattr(
        journal_module.os, "fdatasync", lambda file: (synced.append(file), real(file))
    )
    journal = Journal(tmp_path, buffer_bytes=MEGABYTE)
    journal.append(b"one")
    deadline = time.monotonic() + 10
    while not synced and time.monotonic() < deadline:
        time.sleep(0.005)
    journal.close()
    assert len(synced) == 1  # and not again while nothing was appended


def test_a_disk_that_fails_is_logged(tmp_path, monkeypatch, caplog):
    def failing(_file):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(journal_module.os, "fdatasync", failing)
    journal = Journal(tmp_path, buffer_bytes=MEGABYTE)
    journal.append(b"one")
    journal.close()
    assert "the disk failed: Input/output error" in caplog.text


_WRITER = """
import sys
from pathlib import Path
from forewarn_adapters.logs.receiving.journal import Journal
journal = Journal(Path(sys.argv[1]), buffer_bytes=1 << 28)
for number in range(1_000_000):
    journal.append(b"%d" % number * 20)
    if number % 100 == 0:
        print(number, flush=True)
"""


def test_a_kill_loses_nothing_that_append_returned_for(tmp_path):
    command = [sys.executable, "-c", _WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        for line in writer.stdout:
            said = int(line)
            if said >= 20_000:
                break
        writer.send_signal(signal.SIGKILL)
        said = max([said, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    journal = Journal(tmp_path, buffer_bytes=1 << 28)
    found, _ = read_all(journal, most_bytes=MEGABYTE)
    journal.close()
    assert len(found) > said
    assert found == [b"%d" % number * 20 for number in range(len(found))]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.lists(
        st.one_of(
            st.integers(1, 90_000),  # append so many bytes
            st.sampled_from(["read", "release", "crash of the reader", "reopen"]),
        ),
        max_size=40,
    )
)
def test_each_record_is_read_once_after_the_place_that_was_safe(tmp_path_factory, steps):
    directory = tmp_path_factory.mktemp("journal")
    journal = Journal(directory, buffer_bytes=MEGABYTE)
    appended: list[bytes] = []
    safe, safe_place, n_read, place = 0, START, 0, START
    for step in steps:
        if isinstance(step, int):
            record = b"%06d" % len(appended) + b"x" * step
            try:
                journal.append(record)
            except JournalFull:
                continue
            appended.append(record)
        elif step == "release":
            journal.release(place)
            safe, safe_place = n_read, place
        elif step == "read":
            portion = journal.read(place, most_bytes=100_000)
            assert records(portion) == appended[n_read : n_read + len(portion.bounds)]
            n_read, place = n_read + len(portion.bounds), portion.end
        elif step == "reopen":
            journal.close()
            journal = Journal(directory, buffer_bytes=MEGABYTE)
        else:
            n_read, place = safe, safe_place
    assert read_all(journal, place)[0] == appended[n_read:]
    journal.close()
