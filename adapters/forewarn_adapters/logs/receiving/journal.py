"""What was received and not yet counted, in files that outlive the process.

A journal is a folder of segments, named by a number that only grows. A segment is a row of records,
each a length, a checksum and the record's bytes. `append` returns when the system has the record:
it survives the end of the process, however that comes; a thread hands it to the disk every second,
which is what the end of the machine may cost.
"""

import contextlib
import fcntl
import logging
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forewarn_adapters.clock import Clock, now_milliseconds
from forewarn_models.errors import JournalFull, StoreError

_HEADER = struct.Struct("<II")
_SUFFIX = ".journal"
_MOST_BYTES_OF_SEGMENT = 8 << 20
_SEGMENTS_OF_A_BUFFER = 4  # one is written to, and one may be read while others are full
_SYNC_SECONDS = 1.0
_BLOCK_BYTES = 1 << 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record begins: the number of its segment, and a place in its bytes."""

    segment: int
    offset: int

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None) -> "Place":
        """Return the place that a cursor names, the start where it names none."""
        found = [(cursor or {}).get(key) for key in ("segment", "offset")]
        segment, offset = (value if isinstance(value, int) else 0 for value in found)
        return cls(segment, max(offset, 0))

    @property
    def cursor(self) -> dict[str, int]:
        """The cursor that names this place."""
        return {"segment": self.segment, "offset": self.offset}


@dataclass(frozen=True, eq=False)
class Portion:
    """Records that lie one behind the other.

    Args:
        data: bytes of a segment.
        bounds: where each record begins and ends in `data`.
        places: where each record begins in the journal.
        end: where the next record begins.
    """

    data: bytes
    bounds: Sequence[tuple[int, int]]
    places: Sequence[Place]
    end: Place


class Journal:
    """A queue of records on disk. One thread appends, another reads and releases.

    Args:
        directory: its folder, made where it is not there; one process at a time has it.
        buffer_bytes: how large all segments together may be.
        clock: names the segments.

    `n_damaged` counts the places where a record had been damaged and the rest of its segment was
    passed over. Raises StoreError when the folder cannot be used.
    """

    def __init__(
        self, directory: Path, *, buffer_bytes: int, clock: Clock = now_milliseconds
    ) -> None:
        self._directory = directory
        self._buffer_bytes = buffer_bytes
        self._segment_bytes = min(buffer_bytes // _SEGMENTS_OF_A_BUFFER, _MOST_BYTES_OF_SEGMENT)
        self._clock = clock
        self._lock = threading.Lock()
        self._sealed: list[int] = []
        self._unsynced = False
        self._ended = threading.Event()
        self._file = -1
        self.n_damaged = 0
        with _converted(directory):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._held = _held(directory)
            self._sizes = _segments(directory)
            self._cut_torn_end()
        self._syncing = threading.Thread(target=self._sync, name="journal", daemon=True)
        self._syncing.start()

    @property
    def most_bytes_of_record(self) -> int:
        """How large a record may be so that it always finds room once others were read."""
        return self._buffer_bytes // _SEGMENTS_OF_A_BUFFER

    @property
    def limit_bytes(self) -> int:
        """How large it may be."""
        return self._buffer_bytes

    def free_bytes(self) -> int:
        """Return how much may be appended before the journal is full; below 0 it is."""
        with self._lock:
            return self._buffer_bytes - sum(self._sizes.values())

    def append(self, *parts: bytes) -> None:
        """Append one record, given in parts; the system has it whole when this returns.

        Raises JournalFull where it has no room now, and StoreError where the disk did not take it:
        then nothing of the record is there.
        """
        n_bytes = sum(map(len, parts))
        checksum = 0
        for part in parts:
            checksum = zlib.crc32(part, checksum)
        with self._lock, _converted(self._directory):
            self._make_room(_HEADER.size + n_bytes)
            last = max(self._sizes)
            _write(self._file, b"".join((_HEADER.pack(n_bytes, checksum), *parts)))
            self._sizes[last] += _HEADER.size + n_bytes
            self._unsynced = True

    def read(self, begin: Place, *, most_bytes: int) -> Portion:
        """Return records from a place on, of one segment, at least one where there is one.

        Raises StoreError when a segment cannot be read.
        """
        with self._lock:
            begin = self._existing(begin)
            size = self._sizes.get(begin.segment, 0)
        if begin.offset >= size:
            return Portion(b"", (), (), begin)
        return self._records(begin, size, most_bytes)

    def release(self, place: Place) -> None:
        """Delete the segments that lie before a place whole. Raises StoreError."""
        with self._lock:
            begin = self._existing(place)
            # The newest stays: its number says how the next one must be called.
            for segment in [one for one in self._sizes if one < begin.segment]:
                with _converted(self._directory):
                    self._path(segment).unlink(missing_ok=True)
                del self._sizes[segment]

    def last_records(self) -> Iterator[bytes]:
        """Yield the records of the newest segment that has any: the last append is among them."""
        if not self._sizes:
            return
        last = max(self._sizes)
        begin, size = Place(last, 0), self._sizes[last]
        while begin.segment == last and begin.offset < size:
            portion = self._records(begin, size, _BLOCK_BYTES)
            for first, end in portion.bounds:
                yield portion.data[first:end]
            begin = portion.end

    def close(self) -> None:
        """Hand everything to the disk and let go of the folder."""
        self._ended.set()
        self._syncing.join()
        self._sync_now()
        with self._lock:
            for descriptor in (self._file, self._held):
                if descriptor >= 0:
                    os.close(descriptor)
            self._file = self._held = -1

    def _path(self, segment: int) -> Path:
        return self._directory / f"{segment:020}{_SUFFIX}"

    def _cut_torn_end(self) -> None:
        """Cut off a record that was being written when the last process ended."""
        if not self._sizes:
            return
        last = max(self._sizes)
        size = self._sizes[last]
        data = self._path(last).read_bytes()
        _, end = _bounds(data, 0, size)
        if end < size:
            os.truncate(self._path(last), end)
            self._sizes[last] = end
            _log.warning("%s: cut off %d bytes of a torn record", self._path(last), size - end)

    def _make_room(self, n_bytes: int) -> None:
        """Have a segment open that takes as many bytes. Raises JournalFull."""
        if self._ended.is_set():
            raise StoreError(f"the journal {self._directory} must be open, got one that was closed")
        total = sum(self._sizes.values())
        if total + n_bytes > self._buffer_bytes:
            raise JournalFull(
                f"the journal {self._directory} must have room for {n_bytes} bytes more, got "
                f"{total} of {self._buffer_bytes}: wait until it was read, or raise `buffer_bytes`"
            )
        if self._file >= 0 and self._sizes[max(self._sizes)] + n_bytes <= self._segment_bytes:
            return
        newest = max(self._sizes, default=0)
        segment = max(self._clock(), newest + 1)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        opened = os.open(self._path(segment), flags, 0o600)
        if self._file >= 0:
            self._sealed.append(self._file)
        self._file = opened
        self._sizes[segment] = 0

    def _existing(self, place: Place) -> Place:
        """Return where reading goes on: places in segments that are gone lie at the next one."""
        if not self._sizes:
            return place
        newest = max(self._sizes)
        if place.segment > newest:  # of a journal that is no more
            return Place(min(self._sizes), 0)
        if place.segment not in self._sizes:
            return Place(min(one for one in self._sizes if one > place.segment), 0)
        if place.segment < newest and place.offset >= self._sizes[place.segment]:
            return self._existing(Place(place.segment + 1, 0))
        return place

    def _records(self, begin: Place, size: int, most_bytes: int) -> Portion:
        with _converted(self._directory), self._path(begin.segment).open("rb", 0) as file:
            data = os.pread(file.fileno(), min(most_bytes, size - begin.offset), begin.offset)
            bounds, end = _bounds(data, 0, len(data))
            if not bounds and len(data) >= _HEADER.size:
                n_bytes = min(_HEADER.size + _HEADER.unpack_from(data)[0], size - begin.offset)
                data = os.pread(file.fileno(), n_bytes, begin.offset)
                bounds, end = _bounds(data, 0, len(data))
        if not bounds:
            self.n_damaged += 1
            _log.error("%s: damaged at byte %d", self._path(begin.segment), begin.offset)
            return Portion(b"", (), (), Place(begin.segment, size))
        places = [Place(begin.segment, begin.offset + first - _HEADER.size) for first, _ in bounds]
        return Portion(data, bounds, places, Place(begin.segment, begin.offset + end))

    def _sync(self) -> None:
        while not self._ended.wait(_SYNC_SECONDS):
            self._sync_now()

    def _sync_now(self) -> None:
        with self._lock:
            sealed, self._sealed = self._sealed, []
            newest = os.dup(self._file) if self._unsynced and self._file >= 0 else -1
            self._unsynced = False
        for descriptor in (*sealed, *([newest] if newest >= 0 else [])):
            try:
                os.fdatasync(descriptor)
            except OSError as failed:
                _log.error("%s: the disk failed: %s", self._directory, failed.strerror)
            os.close(descriptor)


def _held(directory: Path) -> int:
    """Return an open file that no other process can hold at the same time."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as refused:
        os.close(descriptor)
        raise StoreError(
            f"the journal {directory} must be used by one process, got another that has it: "
            "end it, or give each a `state_directory`"
        ) from refused
    return descriptor


def _segments(directory: Path) -> dict[int, int]:
    """Return the sizes of the segments by their numbers."""
    found = sorted(path for path in directory.glob(f"*{_SUFFIX}") if path.stem.isdecimal())
    return {int(path.stem): path.stat().st_size for path in found}


def _bounds(data: bytes, begin: int, end: int) -> tuple[list[tuple[int, int]], int]:
    """Return where the whole, undamaged records lie in `data`, and where the last of them ends."""
    bounds = []
    view = memoryview(data)
    while begin + _HEADER.size <= end:
        n_bytes, checksum = _HEADER.unpack_from(data, begin)
        first = begin + _HEADER.size
        if n_bytes == 0 or first + n_bytes > end:
            break
        if zlib.crc32(view[first : first + n_bytes]) != checksum:
            break
        begin = first + n_bytes
        bounds.append((first, begin))
    return bounds, begin


def _write(descriptor: int, record: bytes) -> None:
    """Write all of a record or nothing."""
    before = os.lseek(descriptor, 0, os.SEEK_END)
    written = 0
    try:
        while written < len(record):
            written += os.write(descriptor, record[written:] if written else record)
    except OSError:
        os.ftruncate(descriptor, before)
        raise


@contextlib.contextmanager
def _converted(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as refused:
        raise StoreError(
            f"the journal {directory} must be readable and writable, got: {refused.strerror}; "
            "free some space or name another `state_directory`"
        ) from refused
