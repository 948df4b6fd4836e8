"""forewarn.commands.logs"""

import csv
import os
import random
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forewarn_data.log_lines import log_lines
from forewarn_models.patterns.warming import warm_patterns

Run = Callable[..., tuple[object, str, str]]
LOG = "user ana came from 10.0.0.1\nuser bo came from 10.0.0.2\nstopped\n"


@pytest.fixture(scope="module", autouse=True)
def _patterns_compiled() -> None:
    warm_patterns()


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def mined(run: Run, tmp_path: Path, content: bytes) -> tuple[list[str], dict[str, str]]:
    """The template of each line, and the count of each template."""
    (tmp_path / "app.log").write_bytes(content)
    code, said, _ = run("logs", str(tmp_path / "app.log"), "--out", str(tmp_path / "out"))
    assert (code, said) == (0, "")
    patterns = rows(tmp_path / "out" / "patterns.csv")
    templates = {row["pattern_id"]: row["template"] for row in patterns}
    lines = rows(tmp_path / "out" / "lines.csv")
    assert [row["line_number"] for row in lines] == [str(n + 1) for n in range(len(lines))]
    counts = {row["template"]: row["count"] for row in patterns}
    return [templates[row["pattern_id"]] for row in lines], counts


def test_both_files_have_what_is_promised(run_forewarn: Run, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text(LOG)
    out = tmp_path / "new" / "out"
    code, _, said = run_forewarn("logs", str(tmp_path / "app.log"), "--out", str(out))
    assert (code, said) == (0, f"files written to {out}: 3 lines, 3 patterns\n")
    assert (out / "lines.csv").read_text().splitlines()[0] == "line_number,pattern_id"
    text = (out / "patterns.csv").read_text().splitlines()
    assert text[0] == "pattern_id,template,count"
    assert {line.partition(",")[2] for line in text[1:]} == {
        '"user ana came from <*>",1',
        '"user bo came from <*>",1',
        '"stopped",1',
    }
    assert sorted(path.name for path in out.iterdir()) == ["lines.csv", "patterns.csv"]


def test_several_inputs_are_one_after_another(run_forewarn: Run, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("took 1 ms\nnot finished")
    (tmp_path / "b.log").write_text("took 2 ms\n")
    paths = [str(tmp_path / name) for name in ("a.log", "b.log")]
    assert run_forewarn("logs", *paths, "--out", str(tmp_path))[0] == 0
    lines = [row["pattern_id"] for row in rows(tmp_path / "lines.csv")]
    assert len(lines) == 3
    assert lines[0] == lines[2] != lines[1]


@pytest.mark.parametrize(
    ("content", "templates"),
    [
        (b"", []),
        (b"\n\r\n", ["", ""]),
        (b"size 1\r\nsize 2\r\n", ["size <*>", "size <*>"]),
        (b"size 1\nlast", ["size <*>", "last"]),
        (b"\x1b[1;31mred\x1b[0m text\n", ["red text"]),
        (b"\x00\xff\xfe a\x00b\n", ["\ufffd\ufffd a b"]),
        (b'say "a, b", then <c>\n', ['say "a, b", then <c>']),
        (b"<*>\x01\x02 x\n", ["<*> x"]),
        ("gr\u00fc\u00dfe 3 \u65e5\u672c\n".encode(), ["gr\u00fc\u00dfe <*> \u65e5\u672c"]),
    ],
)
def test_odd_contents(
    run_forewarn: Run, tmp_path: Path, content: bytes, templates: list[str]
) -> None:
    assert mined(run_forewarn, tmp_path, content)[0] == templates


def test_lines_of_ten_megabytes_are_lines(run_forewarn: Run, tmp_path: Path) -> None:
    long = b"word " * 2_000_000
    templates, _ = mined(run_forewarn, tmp_path, long + b"\nshort 1\n" + long + b"end\n" + long)
    assert len(templates) == 4
    assert templates[0] == templates[2] == templates[3]
    assert templates[1] == "short <*>"


def test_hostile_bytes_take_bounded_memory_and_every_line_is_counted(tmp_path: Path) -> None:
    generator = random.Random(0)
    random_bytes = generator.randbytes(2_000_000)
    letters = "".join(generator.choices("abcdefghijklmnopqrstuvwxyz     \n", k=2_000_000))
    nested = b"{[(<" * 30_000 + b"\n" + b"a=b:" * 100_000 + b"\n" + b"/" * 100_000 + b"\n"
    content = random_bytes + b"\n" + letters.encode() + b"\n" + nested
    (tmp_path / "app.log").write_bytes(content)
    command = [sys.executable, "-m", "forewarn", "logs", "app.log", "--out", "out"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30)),
    )
    assert done.returncode == 0
    n_lines = content.count(b"\n")
    assert sum(int(row["count"]) for row in rows(tmp_path / "out" / "patterns.csv")) == n_lines
    assert len(rows(tmp_path / "out" / "lines.csv")) == n_lines


def test_what_is_too_much_is_folded(run_forewarn: Run, tmp_path: Path) -> None:
    lines = [f"{'x' * n} said {'y' * n} twice" for n in range(1, 60)] * 2
    (tmp_path / "app.log").write_text("\n".join(lines))
    arguments = ["logs", str(tmp_path / "app.log"), "--out", str(tmp_path)]
    assert run_forewarn(*arguments, "--most-patterns", "20")[0] == 0
    patterns = rows(tmp_path / "patterns.csv")
    assert patterns[-1]["pattern_id"] == "other"
    assert sum(int(row["count"]) for row in patterns) == 118
    names = [row["pattern_id"] for row in rows(tmp_path / "lines.csv")]
    assert {row["pattern_id"]: int(row["count"]) for row in patterns} == {
        name: names.count(name) for name in names
    }


def test_names_do_not_depend_on_the_process(tmp_path: Path) -> None:
    lines = log_lines(4000)
    found = []
    for part in (lines, lines[::-1]):
        text = "".join(f"{line}\n" for line in part)
        command = [sys.executable, "-m", "forewarn", "logs", "-", "--out", str(tmp_path)]
        subprocess.run(command, input=text.encode(), check=True, env=os.environ)
        found.append((tmp_path / "patterns.csv").read_text())
    assert found[0] == found[1]


def test_messages_are_mined_where_a_format_is_told(run_forewarn: Run, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text(
        "2026-11-27 12:00:00,123 ERROR x: failed 3\n"
        "Traceback (most recent call last):\n"
        '  File "x.py", line 1\n'
        "KeyError: 'x'\n"
        '{"level":"info","message":"took 5 ms"}\n'
        '2026-11-27T12:00:00.123456789Z stdout F level=info msg="took 6 ms"\n'
    )
    arguments = ["logs", str(tmp_path / "app.log"), "--out", str(tmp_path), "--format", "auto"]
    assert run_forewarn(*arguments)[0] == 0
    patterns = {row["pattern_id"]: row for row in rows(tmp_path / "patterns.csv")}
    assert [
        (row["line_number"], patterns[row["pattern_id"]]["template"])
        for row in rows(tmp_path / "lines.csv")
    ] == [("1", "x: failed <*>"), ("5", "took <*> ms"), ("6", "took <*> ms")]
    assert [row["count"] for row in patterns.values()] == ["2", "1"]


def test_a_format_that_there_is_not_is_refused(run_forewarn: Run, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text(LOG)
    arguments = ["logs", str(tmp_path / "app.log"), "--out", str(tmp_path), "--format", "xml"]
    code, _, said = run_forewarn(*arguments)
    assert code == 2
    assert "--format" in said


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none.log", "none.log: cannot be read: No such file or directory"),
        ("folder", "an input must be a file, or - for standard input, got folder"),
        ("app.log.gz", "a log must be text, got a compressed file: zcat"),
        ("lines.csv", "--out must not be where an input lies"),
    ],
)
def test_what_cannot_be_read_is_said(
    run_forewarn: Run, tmp_path: Path, name: str, problem: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "app.log.gz").write_bytes(b"\x1f\x8b\x08\x00")
    (tmp_path / "lines.csv").write_text("a\n")
    code, _, said = run_forewarn("logs", str(tmp_path / name), "--out", str(tmp_path))
    assert code == 1
    assert problem in said
    assert not (tmp_path / "patterns.csv").exists()


def test_too_few_patterns_are_refused(run_forewarn: Run, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text(LOG)
    arguments = ["logs", str(tmp_path / "app.log"), "--out", str(tmp_path / "out")]
    code, _, said = run_forewarn(*arguments, "--most-patterns", "3")
    assert (code, said) == (2, "forewarn: at least 8 patterns must be allowed, got 3\n")


def test_a_folder_that_cannot_be_made_is_said(run_forewarn: Run, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text(LOG)
    path = str(tmp_path / "app.log")
    code, _, said = run_forewarn("logs", path, "--out", f"{path}/out")
    assert code == 1
    assert "--out must be a folder" in said


class Followed:
    """A process that follows, and what it says on standard output."""

    def __init__(self, *arguments: str, stdin: int | None = None) -> None:
        command = [sys.executable, "-m", "forewarn", "logs", *arguments, "--follow"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdout=pipe, stderr=pipe, stdin=stdin, bufsize=0)

    def line(self, stream: str = "stdout") -> str:
        pipe = getattr(self.process, stream)
        ready, _, _ = select.select([pipe], [], [], 60)
        assert ready, f"nothing on {stream}"
        said = pipe.readline().decode()
        return self.line(stream) if said.startswith("forewarn: compil") else said

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture
def follow() -> Iterator[Callable[..., Followed]]:
    followed: list[Followed] = []

    def start(*arguments: str, stdin: int | None = None) -> Followed:
        followed.append(Followed(*arguments, stdin=stdin))
        return followed[-1]

    yield start
    for each in followed:
        each.process.kill()
        each.process.communicate()


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_new_patterns_are_told_through_rotation_and_truncation(
    follow: Callable[..., Followed], tmp_path: Path, number: int
) -> None:
    log = tmp_path / "app.log"
    log.write_text("began at 12:00:01\n")
    process = follow(str(log), "--out", str(tmp_path / "out"))
    assert "1 patterns in 1 lines so far" in process.line("stderr")
    append(log, "began at 12:00:02\nread 5 bytes\nnot fin")
    assert process.line().endswith(" read <*> bytes\n")
    append(log, "ished\n")
    assert process.line().endswith(" not finished\n")
    append(log, "cut off")
    time.sleep(1.5)  # so that it is read before the file goes
    log.rename(tmp_path / "app.log.1")
    log.write_text("after rotation\n")
    told = {process.line().partition(" ")[2] for _ in range(2)}
    assert told == {"cut off\n", "after rotation\n"}
    log.write_text("truncated\n")
    assert process.line().endswith(" truncated\n")
    assert process.end(number) == 0
    assert len(rows(tmp_path / "out" / "lines.csv")) == 7
    counts = {row["template"]: row["count"] for row in rows(tmp_path / "out" / "patterns.csv")}
    assert counts["began at <*>"] == "2"


def test_formats_are_followed_too(follow: Callable[..., Followed], tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text('{"level":"info","msg":"took 5 ms"}\n')
    process = follow(str(log), "--out", str(tmp_path / "out"), "--format", "json")
    assert "1 patterns in 1 lines so far" in process.line("stderr")
    append(log, '{"level":"info","msg":"new one"}\n\tat a.b(C.java:1)\n')
    assert process.line().endswith(" new one\n")
    assert process.end(signal.SIGINT) == 0
    assert [row["line_number"] for row in rows(tmp_path / "out" / "lines.csv")] == ["1", "2"]


def test_following_standard_input_ends_with_it(
    follow: Callable[..., Followed], tmp_path: Path
) -> None:
    process = follow("-", "--out", str(tmp_path), stdin=subprocess.PIPE)
    assert process.process.stdin is not None
    assert "0 patterns in 0 lines so far" in process.line("stderr")
    process.process.stdin.write(b"first 1\n")
    process.process.stdin.flush()
    assert process.line().endswith(" first <*>\n")
    process.process.stdin.write(b"second")
    process.process.communicate(timeout=60)
    assert process.process.returncode == 0
    assert len(rows(tmp_path / "lines.csv")) == 2


def test_a_file_that_is_gone_is_waited_for(follow: Callable[..., Followed], tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("one\n")
    process = follow(str(log), "--out", str(tmp_path / "out"))
    assert "1 patterns" in process.line("stderr")
    log.unlink()
    time.sleep(1)  # in which it is missing
    log.write_text("two words\n")
    assert process.line().endswith(" two words\n")
