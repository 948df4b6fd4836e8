"""forewarn_adapters.logs.files.followed, file_chains, file_places, open_files, rotation"""

import json
import logging
import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_reading import keep_cursor, kept_in, kept_lines, n_kept, start_reading

from forewarn_adapters.logs.batch import Cursor, LogBatch
from forewarn_adapters.logs.files import followed as followed_files
from forewarn_adapters.logs.files.followed import FollowedFiles
from forewarn_adapters.logs.files.open_files import MOST_OPEN_FILES, OpenFiles
from forewarn_adapters.logs.files.places import identity_of
from forewarn_models.errors import SourceRejected, SourceUnavailable

Open = Callable[..., FollowedFiles]


@pytest.fixture
def follow() -> Iterator[Open]:
    opened: list[FollowedFiles] = []

    def open_(*paths: Path, linger_seconds: float = 60.0) -> FollowedFiles:
        opened.append(FollowedFiles("files", paths, linger_seconds=linger_seconds))
        return opened[-1]

    yield open_
    for source in opened:
        source.close()


def texts(batch: LogBatch) -> list[str]:
    data, places = batch.lines
    return [data[begin:end].decode() for begin, end in places.tolist()]


class Reader:
    """Reads a source, each cursor through JSON, and remembers all lines."""

    def __init__(self, source: FollowedFiles, cursor: Cursor | None = None) -> None:
        self.source, self.cursor = source, cursor
        self.lines: list[str] = []
        self.batches: list[LogBatch] = []

    def read(self) -> list[str]:
        """Read until nothing comes."""
        new: list[str] = []
        while True:
            batch = self.source.read(self.cursor)
            self.cursor = json.loads(json.dumps(batch.cursor))
            self.batches.append(batch)
            new += texts(batch)
            if not batch.n_lines:
                self.lines += new
                return new

    def wait(self, *expected: str) -> None:
        """Read until some lines have come, in any order."""
        deadline = time.monotonic() + 20
        found: list[str] = []
        while sorted(found) != sorted(expected):
            assert time.monotonic() < deadline, found
            found += self.read()


def append(path: Path, *lines: str, end: str = "\n") -> None:
    with path.open("a") as file:
        file.write("".join(f"{line}{end}" for line in lines))


def rotate(log: Path, *, keep: int = 9) -> None:
    """Rename as logrotate does: app.log.1 becomes app.log.2, app.log becomes app.log.1."""
    for number in range(keep, 0, -1):
        old = log.with_name(f"{log.name}.{number}")
        if old.exists():
            old.rename(log.with_name(f"{log.name}.{number + 1}"))
    log.rename(log.with_name(f"{log.name}.1"))


def test_lines_that_are_whole_come_once_and_those_that_are_not_wait(
    follow: Open, tmp_path: Path
) -> None:
    log = tmp_path / "app.log"
    append(log, "one", "two")
    append(log, "thr", end="")
    reader = Reader(follow(log))
    assert reader.read() == ["one", "two"]
    assert reader.read() == []
    append(log, "ee", "four")
    assert reader.read() == ["three", "four"]
    stream = reader.batches[0].streams[0]
    assert (stream.service, stream.host) == ("app", os.uname().nodename)
    assert dict(stream.labels)["filename"] == str(log)


def test_equal_lines_are_lines(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, *["same"] * 5)
    reader = Reader(follow(log))
    reader.read()
    append(log, *["same"] * 3)
    reader.read()
    rotate(log)
    append(log, *["same"] * 4)
    reader.read()
    assert reader.lines == ["same"] * 12


def test_a_cursor_that_is_given_again_gives_the_same_lines(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, "one")
    source = follow(log)
    first = source.read(None)
    append(log, "two")
    assert texts(source.read(first.cursor)) == ["two"]
    assert texts(source.read(first.cursor)) == ["two"]
    assert texts(source.read(None)) == ["one", "two"]


def test_rotation_several_times_between_two_reads(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(tmp_path / "app.log.1", "before we came")
    append(log, "1")
    reader = Reader(follow(log))
    assert reader.read() == ["1"]
    for number in range(2, 8):
        append(log, f"{number}a")
        rotate(log)
        append(log, f"{number}b")
    assert reader.read() == [f"{number}{part}" for number in range(2, 8) for part in "ab"]


def test_rotation_while_nobody_reads(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(tmp_path / "app-worker.log", "another log")
    append(log, "1", "2")
    reader = Reader(follow(log))
    reader.read()
    reader.source.close()
    append(log, "3")
    rotate(log)
    append(log, "4")
    rotate(log)
    append(log, "5")
    again = Reader(follow(log), reader.cursor)
    assert again.read() == ["3", "4", "5"]


def test_dated_names_are_rotation_too(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, "1")
    reader = Reader(follow(log))
    reader.read()
    append(log, "2")
    log.rename(tmp_path / "app-2026-11-26.log")
    append(log, "3")
    log.rename(tmp_path / "app.log-20261127")
    append(log, "4")
    assert reader.read() == ["2", "3", "4"]


def test_a_glob_that_selects_rotated_files_reads_none_twice(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(tmp_path / "app.log.1", "0")
    append(log, "1")
    reader = Reader(follow(tmp_path / "app.log*"))
    assert sorted(reader.read()) == ["0", "1"]
    for number in range(2, 30):
        append(log, f"{number}a")
        rotate(log, keep=40)
        append(log, f"{number}b")
        reader.read()
    expected = [f"{number}{part}" for number in range(2, 30) for part in "ab"]
    assert sorted(reader.lines) == sorted(["0", "1", *expected])
    reader.source.close()
    again = Reader(follow(tmp_path / "app.log*"), reader.cursor)
    assert again.read() == []


def test_what_a_finished_file_is_given_later_is_read(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, "1")
    reader = Reader(follow(tmp_path / "app.log*", linger_seconds=0.0))
    reader.read()
    rotate(log)
    append(log, "2")
    assert reader.read() == ["2"]
    append(tmp_path / "app.log.1", "late")
    reader.wait("late")


def test_truncation(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, "1", "2", "3")
    reader = Reader(follow(log))
    reader.read()
    log.write_text("a\n")
    assert reader.read() == ["a"]
    log.write_text("other, longer than before\n")
    assert reader.read() == ["other, longer than before"]


def test_copy_and_truncate_reads_the_rest_of_the_copy(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, "1", "2")
    reader = Reader(follow(log))
    reader.read()
    append(log, "3")
    shutil.copy(log, tmp_path / "app.log.1")
    os.truncate(log, 0)
    append(log, *(f"after {number}" for number in range(9)))
    assert reader.read() == ["3", *(f"after {number}" for number in range(9))]


def test_removal_while_open_and_a_successor(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, "1")
    reader = Reader(follow(log))
    reader.read()
    append(log, "2")
    log.unlink()
    assert reader.read() == ["2"]
    append(log, "3")
    assert reader.read() == ["3"]


def test_a_removed_file_is_let_go(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, "1")
    reader = Reader(follow(log, linger_seconds=0.0))
    reader.read()
    log.unlink()
    reader.read()
    reader.read()
    assert reader.cursor == {"files": []}
    assert len(reader.source._opened) == 0


def test_a_last_line_without_line_feed_is_whole_when_its_file_lost_its_name(
    follow: Open, tmp_path: Path
) -> None:
    log = tmp_path / "app.log"
    append(log, "1")
    append(log, "cut off", end="")
    reader = Reader(follow(log))
    assert reader.read() == ["1"]
    log.rename(tmp_path / "app.log.1")
    append(log, "next")
    reader.wait("cut off", "next")


def test_unfinished_lines_can_be_had_at_the_end(follow: Open, tmp_path: Path) -> None:
    append(tmp_path / "a.log", "1")
    append(tmp_path / "a.log", "rest", end="")
    append(tmp_path / "b.log", "2")
    reader = Reader(follow(tmp_path / "a.log", tmp_path / "b.log"))
    assert sorted(reader.read()) == ["1", "2"]
    batch = reader.source.unfinished(reader.cursor)
    assert texts(batch) == ["rest"]
    assert texts(reader.source.unfinished(batch.cursor)) == []


def test_files_are_found_as_they_come(follow: Open, tmp_path: Path) -> None:
    reader = Reader(follow(tmp_path / "**" / "*.log"))
    assert reader.read() == []
    (tmp_path / "deep" / "er").mkdir(parents=True)
    append(tmp_path / "deep" / "er" / "x.log", "found")
    reader.wait("found")


def test_a_long_line_is_one_line_and_its_rest_is_passed_over(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"x" * 10_000_000 + b"\nshort\n" + b"y" * 100_000)
    reader = Reader(follow(log))
    lines = reader.read()
    assert [len(line) for line in lines] == [65_536, 5, 65_536]
    append(log, "the rest", "end")
    assert reader.read() == ["end"]


def test_a_rotated_file_that_ends_in_a_long_line(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"x" * 70_000)
    reader = Reader(follow(log))
    assert len(reader.read()) == 1
    append(log, "more of it", end="")
    log.rename(tmp_path / "app.log.1")
    append(log, "next")
    reader.wait("next")
    assert len(reader.lines) == 2


def test_files_have_their_turns(follow: Open, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.log").write_bytes(f"{name * 99}\n".encode() * 100_000)
    source = follow(tmp_path / "*.log")
    batch = source.read(None)
    data, places = batch.lines
    assert {data[begin : begin + 1] for begin, _ in places.tolist()} == {b"a", b"b", b"c"}
    assert 2_000_000 < len(data) < 2_500_000


def test_many_files_with_few_open(follow: Open, tmp_path: Path) -> None:
    names = [tmp_path / f"{number}.log" for number in range(MOST_OPEN_FILES + 50)]
    for path in names:
        append(path, f"{path.stem} first")
    reader = Reader(follow(tmp_path / "*.log"))
    assert len(reader.read()) == len(names)
    for path in names:
        append(path, f"{path.stem} second")
    assert sorted(reader.read()) == sorted(f"{path.stem} second" for path in names)
    assert len(reader.source._opened) <= MOST_OPEN_FILES


def test_a_compressed_file_is_refused_once(
    follow: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "app.log.gz").write_bytes(b"\x1f\x8b\x08\x00 and so on\n")
    append(tmp_path / "app.log", "1")
    reader = Reader(follow(tmp_path / "app.log*"))
    with caplog.at_level(logging.WARNING):
        assert reader.read() == ["1"]
        assert reader.read() == []
    (warning,) = caplog.messages
    assert "got a compressed file; zcat shows it: it is left out" in warning
    with pytest.raises(SourceUnavailable, match="a log must be text"):
        follow(tmp_path / "app.log.gz").read(None)


def test_what_cannot_be_opened_is_said(
    follow: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path / "app.log", "1")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:  # root may read everything
        patch.setattr(OpenFiles, "open", refuse)
        with pytest.raises(SourceUnavailable, match=r"app\.log: cannot be read: Permission denied"):
            follow(tmp_path / "app.log").read(None)
        reader = Reader(follow(tmp_path / "*.log"))
        assert reader.read() == []
    assert caplog.messages == [
        f"{tmp_path / 'app.log'}: cannot be read: Permission denied: it is left out"
    ]
    assert reader.read() == ["1"]


def test_what_is_lost_is_said(
    follow: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "app.log"
    append(log, "1")
    reader = Reader(follow(log))
    reader.read()
    reader.source.close()
    append(log, "never read")
    log.unlink()
    append(log, "2")
    again = Reader(follow(log), reader.cursor)
    assert again.read()[-1:] == ["2"]
    assert not caplog.messages or "lines after byte 2, if there were any, are lost" in caplog.text


def test_what_only_looks_like_a_rotated_file_is_left(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, "1")
    reader = Reader(follow(log))
    reader.read()
    reader.source.close()
    log.unlink()
    append(log, "2")
    (tmp_path / "app.log.1").mkdir()
    (tmp_path / "app.log.2").symlink_to(tmp_path / "gone")
    append(tmp_path / "app.log.x", "another")
    assert Reader(follow(log), reader.cursor).read()[-1:] == ["2"]


def test_a_file_in_a_folder_that_is_gone_is_lost(follow: Open, tmp_path: Path) -> None:
    log = tmp_path / "folder" / "app.log"
    log.parent.mkdir()
    append(log, "1")
    reader = Reader(follow(log))
    reader.read()
    reader.source.close()
    shutil.rmtree(log.parent)
    again = Reader(follow(log), reader.cursor)
    assert again.read() == []
    assert again.cursor == {"files": []} or again.read() == []


def test_an_open_file_is_the_one_that_was_meant(tmp_path: Path) -> None:
    append(tmp_path / "a", "1")
    append(tmp_path / "b", "2")
    opened = OpenFiles()
    identity = identity_of((tmp_path / "a").stat())
    assert opened.open(str(tmp_path / "b"), identity) is None
    opened.close(identity)
    descriptor = opened.open(str(tmp_path / "a"), identity)
    assert descriptor is not None
    assert opened.held(identity) == opened.open("anything", identity) == descriptor
    opened.close_all()
    assert opened.held(identity) is None


@pytest.mark.parametrize("happens", ["truncate", "copy", "rotate"])
def test_what_cannot_be_opened_again_is_no_end(
    follow: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happens: str
) -> None:
    log = tmp_path / "app.log"
    append(log, "1", "2")
    reader = Reader(follow(tmp_path / "*.log"))
    reader.read()
    reader.source.close()
    append(log, "3")
    if happens == "copy":
        shutil.copy(log, tmp_path / "app.log.1")
    if happens == "rotate":
        rotate(log)
    else:
        os.truncate(log, 0)
    append(log, "4", "5", "6")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    again = Reader(follow(tmp_path / "*.log"), reader.cursor)
    with monkeypatch.context() as patch:
        patch.setattr(OpenFiles, "open", refuse)
        assert again.read() == []
    append(log, "7")
    assert again.read()[-1:] == ["7"]


def test_folders_and_missing_files_are_waited_for(follow: Open, tmp_path: Path) -> None:
    (tmp_path / "x.log").mkdir()
    reader = Reader(follow(tmp_path / "x.log", tmp_path / "none.log"))
    assert reader.read() == []
    append(tmp_path / "none.log", "came")
    assert reader.read() == ["came"]


@pytest.mark.parametrize("cursor", [{}, {"files": [1]}, {"files": [["a", 1]]}, {"else": []}])
def test_a_cursor_of_something_else_is_refused(
    follow: Open, tmp_path: Path, cursor: Cursor
) -> None:
    with pytest.raises(SourceRejected, match="a cursor must be one"):
        follow(tmp_path / "app.log").read(cursor)


class Happening:
    """A log to which things happen, its reader, and the lines that must come of it."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "app.log"
        self.log.touch()
        self.reader = Reader(FollowedFiles("files", [self.log]))
        self.reader.read()
        self.written: list[str] = []
        self.unfinished = ""

    def append(self, number: int) -> None:
        append(
            self.log, f"{self.unfinished} end {number}"[len(self.unfinished) :], f"line {number}"
        )
        self.written += [f"{self.unfinished} end {number}", f"line {number}"]
        self.unfinished = ""

    def part(self, number: int) -> None:
        append(self.log, f"part {number} ", end="")
        self.unfinished += f"part {number} "

    def rotate(self, number: int) -> None:
        if self.unfinished:
            self.append(number)
        rotate(self.log, keep=50)
        self.log.touch()

    def truncate(self, number: int) -> None:
        if self.unfinished:
            self.append(number)
        self.reader.read()
        os.truncate(self.log, 0)
        self.reader.read()

    def remove(self, number: int) -> None:
        if self.unfinished:
            self.append(number)
        self.reader.read()
        self.log.unlink()
        self.log.touch()

    def read(self, _number: int) -> None:
        self.reader.read()

    def restart(self, _number: int) -> None:
        self.reader.read()
        self.reader.source.close()
        self.reader.source = FollowedFiles("files", [self.log])


def test_an_inode_that_another_file_got_is_not_taken_for_the_old_one(
    follow: Open, tmp_path: Path
) -> None:
    happening = Happening(tmp_path)
    for number, step in enumerate(["append", "remove", "restart", "rotate", "append", "read"]):
        getattr(happening, step)(number)
    happening.reader.source.close()
    assert happening.reader.lines == happening.written


STEPS = st.sampled_from(["append", "part", "rotate", "truncate", "remove", "read", "restart"])


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, min_size=5, max_size=40))
def test_each_line_comes_once_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Truncation and removal come after a read, as what nobody read before them is lost."""
    folder = tmp_path_factory.mktemp("followed")
    happening = Happening(folder)
    for number, step in enumerate(steps):
        getattr(happening, step)(number)
    happening.reader.read()
    happening.reader.source.close()
    shutil.rmtree(folder)
    assert happening.reader.lines == [
        line for line in happening.written if line != happening.unfinished
    ]


def write_and_rotate(log: Path, state: Path, n_lines: int) -> None:
    """Write numbered lines, in pieces that end anywhere, at most so far ahead of the reader."""
    generator = random.Random(7)
    number = 0
    while number < n_lines:
        with log.open("a") as file:
            for _ in range(generator.randint(1, 8)):
                end = min(n_lines, number + generator.randint(1, 3000))
                text = "".join(f"{n} same text in all\n" for n in range(number, end))
                cut = generator.randrange(len(text) + 1)
                for part in (text[:cut], text[cut:]):
                    file.write(part)
                    file.flush()
                number = end
        deadline = time.monotonic() + 60
        while n_kept(state) < number - 30_000 and time.monotonic() < deadline:
            time.sleep(0.01)
        rotate(log, keep=200)
        log.touch()


def test_numbered_lines_come_once_through_kills_and_rotation(tmp_path: Path) -> None:
    """200,000 lines by one writer, read by processes that are killed."""
    log, state = tmp_path / "app.log", tmp_path / "state"
    state.mkdir()
    log.touch()
    n_lines, n_kills = 200_000, 2

    def start() -> subprocess.Popen[bytes]:
        return start_reading("FollowedFiles", {"paths": [str(log)]}, state)

    keep_cursor(state, None)
    process = start()
    deadline = time.monotonic() + 90
    while kept_in(state)["cursor"] is None and time.monotonic() < deadline:
        time.sleep(0.02)
    writer = threading.Thread(target=write_and_rotate, args=(log, state, n_lines))
    writer.start()
    kills = 0
    while n_kept(state) < n_lines and time.monotonic() < deadline:
        time.sleep(0.02)
        if n_kept(state) > (kills + 1) * n_lines // (n_kills + 2):
            process.kill()
            process.wait()
            kills += 1
            process = start()
    writer.join()
    process.kill()
    process.wait()
    found = [int(line.split()[0]) for line in kept_lines(state)]
    assert kills >= n_kills
    assert len(found) == n_lines
    assert found == list(range(n_lines))


def test_reading_again_costs_no_more_than_looking(follow: Open, tmp_path: Path) -> None:
    append(tmp_path / "app.log", *["line"] * 1000)
    reader = Reader(follow(tmp_path / "app.log"))
    reader.read()
    assert reader.source.read(reader.cursor).lines[0] == b""
    assert followed_files._SHARE_BYTES > 65_536  # a share holds at least one line
