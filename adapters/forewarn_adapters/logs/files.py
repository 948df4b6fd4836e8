"""Lines of log files and of standard input, in blocks, however long the lines are."""

import io
import os
import select
import stat
from pathlib import Path

import numpy as np

from forewarn_adapters.logs.batch import Lines
from forewarn_models.errors import DataError
from forewarn_models.patterns.scanning import line_places

STANDARD_INPUT = Path("-")
BLOCK_BYTES = 1 << 20
_MOST_BYTES_OF_LINE = 1 << 16  # more are passed over: a line is told by far fewer
_COMPRESSED = {
    b"\x1f\x8b": "zcat",
    b"BZh": "bzcat",
    b"\xfd7zXZ": "xzcat",
    b"\x28\xb5\x2f\xfd": "zstdcat",
}


class LineCutter:
    """Bytes as they come, cut into whole lines. Only the unfinished line is kept between calls."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_passing_over = False

    def cut(self, block: bytes) -> Lines:
        """Return the lines that are whole by now."""
        if self._is_passing_over:
            newline = block.find(b"\n")
            if newline < 0:
                return b"", np.empty((0, 2), dtype=np.int64)
            block = block[newline:]
        data = self._rest + block
        lines = np.empty((data.count(b"\n"), 2), dtype=np.int64)
        _, begin = line_places(np.frombuffer(data, dtype=np.uint8), 0, lines)
        self._is_passing_over = len(data) - begin > _MOST_BYTES_OF_LINE
        self._rest = data[begin : begin + _MOST_BYTES_OF_LINE]
        return data, lines

    def end(self) -> Lines:
        """Return the last line, if it ended without a newline."""
        return self.cut(b"\n" if self._rest else b"")


class LogFile:
    """A log that is read from its start, and further when it grows, is truncated or rotated away.

    `is_ended` says whether nothing can come any more: only standard input ends.

    Raises DataError when it is no file that can be read, or is compressed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _opened(path)
        self._is_line_open = False
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
            _refuse_compressed(self.path, block)
        if block:
            self._is_line_open = not block.endswith(b"\n")
        return block

    def read_on(self) -> bytes:
        """Return the next block also where another file took the name, or this one was truncated.

        What was written to the old file before is read first. Where its last line had no newline,
        one is added.
        """
        if self.path == STANDARD_INPUT:
            return self._read_when_ready()
        block = self.read()
        if block or not self._begins_anew():
            return block
        if self._is_line_open:
            self._is_line_open = False
            return b"\n"
        return self.read()

    def size_bytes(self) -> int | None:
        """Return how large it is, None for what is no plain file."""
        status = os.fstat(self._file.fileno())
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def close(self) -> None:
        """Close it, unless it is standard input."""
        if self.path != STANDARD_INPUT:
            self._file.close()

    def _read_when_ready(self) -> bytes:
        if self.is_ended or not select.select([self._file], [], [], 0)[0]:
            return b""
        block = self.read()
        self.is_ended = not block
        return block

    def _begins_anew(self) -> bool:
        held = os.fstat(self._file.fileno())
        try:
            named = self.path.stat()
        except OSError:
            return False  # rotated away, and not there again yet
        if not os.path.samestat(held, named):
            rest = self._file.read(1)
            if rest:  # written after the last read and before the rotation
                self._file.seek(-1, os.SEEK_CUR)
                return False
            self._file.close()
            self._file = _opened(self.path)
            return True
        if stat.S_ISREG(named.st_mode) and named.st_size < self._file.tell():
            self._file.seek(0)
            return True
        return False


def _opened(path: Path) -> io.FileIO:
    try:
        if path == STANDARD_INPUT:
            return io.FileIO(0, closefd=False)
        if path.is_dir():
            raise DataError(f"an input must be a file, or - for standard input, got folder {path}")
        return path.open("rb", buffering=0)
    except OSError as failed:
        raise DataError(f"{path}: cannot be read: {failed.strerror}") from failed


def _refuse_compressed(path: Path, block: bytes) -> None:
    for magic, program in _COMPRESSED.items():
        if block.startswith(magic):
            raise DataError(
                f"{path}: a log must be text, got a compressed file: "
                f"{program} {path} | forewarn logs - --out DIR"
            )
