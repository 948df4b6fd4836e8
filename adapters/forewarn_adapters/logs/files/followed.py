"""Files as a source of lines: followed through rotation, truncation, removal, and restarts."""

import logging
import os
import socket
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np

from forewarn_adapters.logs.batch import Cursor, LogBatch
from forewarn_adapters.logs.files.chains import Look, look_around, selected
from forewarn_adapters.logs.files.cutting import NO_LINES, compressed_by, cut_lines
from forewarn_adapters.logs.files.open_files import OpenFiles
from forewarn_adapters.logs.files.path_streams import stream_of_path
from forewarn_adapters.logs.files.places import (
    FilePlace,
    Identity,
    cursor_of,
    is_same_file,
    places_of,
    remember_head,
)
from forewarn_models.arrays import IntegerArray
from forewarn_models.errors import SourceUnavailable

_LOG = logging.getLogger(__name__)
_BATCH_BYTES = 1 << 21
_PASSED_BYTES = 1 << 26  # of lines that are too long, beside those
_SHARE_BYTES = 1 << 18  # of one file, before the next has its turn
_SELECT_SECONDS = 0.5  # as globs may walk through many folders
# How long a file without its name must be quiet: until its last line counts as whole, though it has
# no line feed, and until nobody is expected to write to it any more.
_WHOLE_SECONDS = 1.0
_LINGER_SECONDS = 60.0

_Part = tuple[str, bytes, IntegerArray]


class FollowedFiles:
    """Lines of files, also of those that come later.

    A file is known by device, inode and its first bytes. One that was rotated away is read to its
    end before its successor; files that came and went between two looks are found beside it by
    their names. At most 256 are open at a time.

    Args:
        name: of the source.
        paths: files; `*` and `**` select several.
        linger_seconds: how long a file that lost its name stays open when nothing is written to it.
    """

    def __init__(
        self, name: str, paths: Sequence[Path], *, linger_seconds: float = _LINGER_SECONDS
    ) -> None:
        self.name = name
        self._paths = tuple(paths)
        self._named = {str(path) for path in paths}
        self._linger_seconds = linger_seconds
        self._host = socket.gethostname()
        self._opened = OpenFiles()
        self._lock = Lock()
        self._selected: tuple[str, ...] = ()
        self._selected_seconds = -_SELECT_SECONDS
        self._quiet: dict[Identity, tuple[int, float]] = {}
        self._refused: set[str] = set()
        self._unreadable: set[str] = set()
        self._turn = 0

    def read(self, cursor: Cursor | None) -> LogBatch:
        """Return the next lines of all files in turn. Raises SourceError where it cannot."""
        with self._lock:
            look = self._look(cursor)
            parts = self._read_in_turn(look)
            parts += self._end_those_without_name(look)
            return self._batch(parts, look)

    def unfinished(self, cursor: Cursor | None) -> LogBatch:
        """Return what follows the cursor as if it were whole: last lines without a line feed."""
        with self._lock:
            look = self._look(cursor)
            parts = [part for place in look.places if (part := self._end(look, place))]
            return self._batch(parts, look)

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            self._opened.close_all()

    def _look(self, cursor: Cursor | None) -> Look:
        now = time.monotonic()
        if now - self._selected_seconds > _SELECT_SECONDS:
            self._selected, self._selected_seconds = selected(self._paths), now
        return look_around(self._selected, places_of(cursor), self._opened)

    def _read_in_turn(self, look: Look) -> list[_Part]:
        names = [name for name in look.chains if name not in self._refused]
        self._turn = (self._turn + 1) % max(len(names), 1)
        turns = deque(names[self._turn :] + names[: self._turn])
        parts: list[_Part] = []
        n_bytes = n_passed = 0
        while turns and n_bytes < _BATCH_BYTES and n_passed < _PASSED_BYTES:
            name = turns.popleft()
            place = next((each for each in look.chains[name] if look.is_unread(each)), None)
            if place is None:
                continue
            data, lines = self._read_share(place)
            if data:
                turns.append(name)
            if len(lines):
                n_bytes += len(data)
                parts.append((name, data, lines))
            n_passed += len(data)
        return parts

    def _read_share(self, place: FilePlace) -> tuple[bytes, IntegerArray]:
        """Return the next lines of a file, and move its place behind them."""
        descriptor = self._descriptor(place)
        if descriptor is None:
            return b"", NO_LINES
        status = os.fstat(descriptor)
        if not is_same_file(place, descriptor, status):
            place.modified_nanoseconds = 0  # truncated: the next look says so
            return b"", NO_LINES
        data = os.pread(descriptor, _SHARE_BYTES, place.offset_bytes)
        if place.offset_bytes == 0 and self._is_refused(place.path, data):
            return b"", NO_LINES
        lines, n_done, place.is_passing_over = cut_lines(
            data, is_passing_over=place.is_passing_over
        )
        place.offset_bytes += n_done
        place.modified_nanoseconds = status.st_mtime_ns
        remember_head(place, descriptor)
        return data[:n_done], lines

    def _end_those_without_name(self, look: Look) -> list[_Part]:
        """Return last lines of files that lost their name, and close those that are over."""
        parts: list[_Part] = []
        now = time.monotonic()
        quiet: dict[Identity, tuple[int, float]] = {}
        for place in look.places:
            size = look.size_bytes.get(place.identity)
            if size is None or place.identity not in look.unnamed:
                continue
            held = self._quiet.get(place.identity, (-1, now))
            quiet[place.identity] = held if held[0] == size else (size, now)
            quiet_seconds = now - quiet[place.identity][1]
            if quiet_seconds >= _WHOLE_SECONDS and (part := self._end(look, place)):
                parts.append(part)
            if quiet_seconds >= self._linger_seconds and not look.is_unread(place):
                place.is_finished = True
                self._opened.close(place.identity)
        self._quiet = quiet
        return parts

    def _end(self, look: Look, place: FilePlace) -> _Part | None:
        """Return a last line that has no line feed, and move the place behind it."""
        descriptor = self._descriptor(place) if look.is_unread(place) else None
        if descriptor is None or place.path in self._refused:
            return None
        data = os.pread(descriptor, _SHARE_BYTES, place.offset_bytes)
        if not data or b"\n" in data:
            return None  # still to be read
        place.offset_bytes += len(data)
        remember_head(place, descriptor)
        is_line = not place.is_passing_over
        lines = np.array([(0, len(data))] if is_line else [], dtype=np.int64).reshape(-1, 2)
        return place.path, data, lines

    def _descriptor(self, place: FilePlace) -> int | None:
        try:
            return self._opened.open(place.path, place.identity)
        except OSError as failed:
            problem = f"{place.path}: cannot be read: {failed.strerror}"
            self._leave_out(place.path, problem, self._unreadable)
            return None

    def _is_refused(self, path: str, head: bytes) -> bool:
        program = compressed_by(head)
        if program:
            problem = f"{path}: a log must be text, got a compressed file; {program} shows it"
            self._leave_out(path, problem, self._refused)
        return bool(program)

    def _leave_out(self, path: str, problem: str, left_out: set[str]) -> None:
        """Say once that a file that a glob selects is left out; one that is named must be read."""
        if path in self._named:
            raise SourceUnavailable(problem)
        if path not in left_out:
            left_out.add(path)
            _LOG.warning("%s: it is left out", problem)

    def _batch(self, parts: Sequence[_Part], look: Look) -> LogBatch:
        names = list(dict.fromkeys(name for name, _, _ in parts))
        number_of = {name: number for number, name in enumerate(names)}
        begins = np.cumsum([0, *(len(data) for _, data, _ in parts)])
        places = [lines + begin for (_, _, lines), begin in zip(parts, begins, strict=False)]
        lines = np.concatenate([NO_LINES, *places])
        counts = [len(lines) for _, _, lines in parts]
        numbers = np.array([number_of[name] for name, _, _ in parts], dtype=np.int64)
        both = b"".join(data for _, data, _ in parts), lines
        return LogBatch(
            lines=both,
            messages=both,
            timestamp_nanoseconds=np.zeros(len(lines), dtype=np.int64),
            level=np.zeros(len(lines), dtype=np.int8),
            stream=np.repeat(numbers, counts),
            streams=tuple(stream_of_path(name, self._host) for name in names),
            cursor=cursor_of(look.places),
        )
