"""Bytes of a syslog connection, cut into lines (RFC 6587): by their lengths or by line feeds."""

import numpy as np

from forewarn_adapters.logs.batch import Lines
from forewarn_models.arrays import IntegerArray
from forewarn_models.lines.octet_frames import frame_length, frame_places
from forewarn_models.lines.trimming import trim
from forewarn_models.patterns.scanning import line_places

MOST_BYTES_OF_LINE = 1 << 16
_FEWEST_BYTES_OF_FRAME = 3
_NO_LINES: Lines = (b"", np.empty((0, 2), dtype=np.int64))


class FrameCutter:
    """Cuts one connection's bytes as they come. Only the unfinished line is kept between calls.

    The first bytes tell which framing the connection has: a number and `<` are a length. Lines that
    are longer than `MOST_BYTES_OF_LINE` are cut, and counted in `n_cut`. `is_broken` says that a
    length was none: nothing that follows can be told apart.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._has_lengths: bool | None = None
        self._skipped_bytes = 0
        self._is_passing_over = False
        self.n_cut = 0
        self.is_broken = False

    @property
    def is_unfinished(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._rest or self._skipped_bytes or self._is_passing_over)

    def cut(self, block: bytes) -> Lines:
        """Return the lines that are whole by now, none of them empty."""
        data = self._rest + block
        if self._has_lengths is None:
            self._has_lengths = _has_lengths(data)
            if self._has_lengths is None:
                self._rest = data
                return _NO_LINES
            self._rest, block = b"", data
        return self._framed(block) if self._has_lengths else self._lines(block)

    def end(self) -> Lines:
        """Return the last line, where it ended with the connection. A frame cut short is none."""
        if self._has_lengths or not self._rest:
            return _NO_LINES
        data, self._rest = self._rest, b""
        return self._usable(data, np.array([[0, len(data)]], dtype=np.int64))

    def _framed(self, block: bytes) -> Lines:
        skipped = min(self._skipped_bytes, len(block))
        self._skipped_bytes -= skipped
        data = self._rest + block[skipped:]
        view = np.frombuffer(data, dtype=np.uint8)
        frames = np.empty((len(data) // _FEWEST_BYTES_OF_FRAME + 2, 2), dtype=np.int64)
        n, begin = frame_places(view, frames[:-1])
        length, content = frame_length(view, begin)
        self.is_broken = length == -2
        if length > 0 and len(data) - content > MOST_BYTES_OF_LINE:
            frames[n] = content, len(data)
            self._skipped_bytes = content + length - len(data)
            n, begin = n + 1, len(data)
        self._rest = data[begin:]
        return self._usable(data, frames[:n])

    def _lines(self, block: bytes) -> Lines:
        if self._is_passing_over:
            line_feed = block.find(b"\n")
            if line_feed < 0:
                return _NO_LINES
            block, self._is_passing_over = block[line_feed + 1 :], False
        data = self._rest + block
        lines = np.empty((data.count(b"\n") + 1, 2), dtype=np.int64)
        n, begin = line_places(np.frombuffer(data, dtype=np.uint8), 0, lines[:-1])
        if len(data) - begin > MOST_BYTES_OF_LINE:
            self._is_passing_over = True
            lines[n] = begin, len(data)
            n, begin = n + 1, len(data)
        self._rest = data[begin:]
        return self._usable(data, lines[:n])

    def _usable(self, data: bytes, lines: IntegerArray) -> Lines:
        lines, n_cut = usable_lines(data, lines)
        self.n_cut += n_cut
        return data, lines


def usable_lines(data: bytes, lines: IntegerArray) -> tuple[IntegerArray, int]:
    """Return (m, 2) the places of lines without what ends them, and how many were too long.

    Those that have nothing else are left out.
    """
    n, n_cut = trim(np.frombuffer(data, dtype=np.uint8), lines, MOST_BYTES_OF_LINE)
    return lines[:n], n_cut


def _has_lengths(data: bytes) -> bool | None:
    """Return whether a connection that begins so has lengths, None where that cannot be told."""
    length, content = frame_length(np.frombuffer(data, dtype=np.uint8), 0)
    if length == -1 or content == len(data):
        return None
    return length > 0 and data[content : content + 1] == b"<"
