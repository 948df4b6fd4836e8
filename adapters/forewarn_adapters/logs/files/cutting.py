"""Lines of log files and of standard input, in blocks, however long the lines are."""

import io
import os
import select
import stat
from pathlib import Path

import numpy as np

from forewarn_adapters.logs.batch import Lines
from forewarn_models.arrays import IntegerArray
from forewarn_models.errors import DataError
from forewarn_models.patterns.scanning import line_places

STANDARD_INPUT = Path("-")
BLOCK_BYTES = 1 << 20
MOST_BYTES_OF_LINE = 1 << 16  # more are passed over: a line is told by far fewer
NO_LINES: IntegerArray = np.empty((0, 2), dtype=np.int64)
_COMPRESSED = {
    b"\x1f\x8b": "zcat",
    b"BZh": "bzcat",
    b"\xfd7zXZ": "xzcat",
    b"\x28\xb5\x2f\xfd": "zstdcat",
}


def cut_lines(data: bytes, *, is_passing_over: bool = False) -> tuple[IntegerArray, int, bool]:
    """Return where whole lines lie in bytes, how many bytes these take, and what comes next.

    Of a line that is longer than 64 KiB only so much is a line, as soon as it is there; the last
    value, and `is_passing_over` at the next call, say that the rest of one comes next.
    """
    begin = 0
    if is_passing_over:
        begin = data.find(b"\n") + 1
        if not begin:
            return NO_LINES, len(data), True
    lines = np.empty((data.count(b"\n", begin) + 1, 2), dtype=np.int64)
    n_lines, rest = line_places(np.frombuffer(data, dtype=np.uint8), begin, lines[:-1])
    is_long = len(data) - rest >= MOST_BYTES_OF_LINE
    if is_long:
        lines[n_lines] = rest, len(data)
        n_lines, rest = n_lines + 1, len(data)
    lines = lines[:n_lines]
    np.minimum(lines[:, 1], lines[:, 0] + MOST_BYTES_OF_LINE, out=lines[:, 1])
    return lines, rest, is_long


class LineCutter:
    """Bytes as they come, cut into whole lines. Only the unfinished line is kept between calls."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_passing_over = False

    def cut(self, block: bytes) -> Lines:
        """Return the lines that are whole by now."""
        data = self._rest + block
        lines, n_done, self._is_passing_over = cut_lines(
            data, is_passing_over=self._is_passing_over
        )
        self._rest = data[n_done:]
        return data, lines

    def end(self) -> Lines:
        """Return the last line, if it ended without a newline."""
        return self.cut(b"\n" if self._rest else b"")


class LogFile:
    """A log that is read from its start to where it ends now, or standard input.

    `is_ended` says whether nothing can come any more: only standard input ends.

    Raises DataError when it is no file that can be read, or is compressed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _opened(path)
        self._is_first = True
        self.is_ended = False

    def read(self) -> bytes:
        """Return the next block, empty where there is none now."""
        try:
            block = self._file.read(BLOCK_BYTES) or b""
        except OSError as failed:
            raise DataError(f"{self.path}: cannot be read: {failed.strerror}") from failed
        if self._is_first and block:
            self._is_first = False
            if program := compressed_by(block):
                raise DataError(
                    f"{self.path}: a log must be text, got a compressed file: "
                    f"{program} {self.path} | forewarn logs - --out DIR"
                )
        return block

    def read_when_ready(self) -> bytes:
        """Return the next block of standard input, empty where none has come yet or it ended."""
        if self.is_ended or not select.select([self._file], [], [], 0)[0]:
            return b""
        block = self.read()
        self.is_ended = not block
        return block

    def size_bytes(self) -> int | None:
        """Return how large it is, None for what is no plain file."""
        status = os.fstat(self._file.fileno())
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def close(self) -> None:
        """Close it, unless it is standard input."""
        if self.path != STANDARD_INPUT:
            self._file.close()


def compressed_by(head: bytes) -> str:
    """Return the program that shows what a file with these first bytes holds; empty for text."""
    return next((program for magic, program in _COMPRESSED.items() if head.startswith(magic)), "")


def _opened(path: Path) -> io.FileIO:
    try:
        if path == STANDARD_INPUT:
            return io.FileIO(0, closefd=False)
        if path.is_dir():
            raise DataError(f"an input must be a file, or - for standard input, got folder {path}")
        return path.open("rb", buffering=0)
    except OSError as failed:
        raise DataError(f"{path}: cannot be read: {failed.strerror}") from failed
