"""The checkpoint of the role that reads logs: one file, a whole state and the changes since.

Each record has its length and digest, so that one that a crash cut off is told from a whole one:
what counts is always the last record that is whole. Records are on disk when a call returns.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from forewarn_adapters.replacing import keeping, replacing
from forewarn_models.errors import ModelError, StoreError, UnknownFormat

_FORMAT = b"forewarn log checkpoint 1\n"
_LENGTH_BYTES, _DIGEST_BYTES = 8, 32
_HEAD_BYTES = _LENGTH_BYTES + _DIGEST_BYTES
_NAME = "lines.checkpoint"
MAX_BYTES = 4 * 2**30


class LogCheckpoints:
    """The folder that the checkpoint lies in.

    `size_bytes` and `whole_bytes` say how large it is, and how large its whole state.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME
        self.size_bytes = self.whole_bytes = 0
        self._file_number = 0

    def read(self) -> tuple[bytes, ...]:
        """Return the records from the whole state on, none where there is no checkpoint.

        Raises StoreError when it cannot be read now, ModelError when its whole state is damaged,
        and UnknownFormat when it is of another version.
        """
        with keeping(self.path):
            try:
                size = self.path.stat().st_size
            except FileNotFoundError:
                return ()
            if size > MAX_BYTES:
                raise ModelError(
                    f"{self.path} must have at most {MAX_BYTES} bytes, got {size}: {_ADVICE}"
                )
            data = self.path.read_bytes()
        if not data.startswith(_FORMAT):
            raise UnknownFormat(f"{self.path} is no checkpoint that this version reads")
        records = tuple(_records(data))
        if not records:
            raise ModelError(f"{self.path} is damaged: its first record is not whole: {_ADVICE}")
        return records

    def write(self, whole: bytes) -> None:
        """Begin anew with a whole state; until it is on disk the old file stays. StoreError."""
        with keeping(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with replacing(self.path) as file:
                file.write(_FORMAT + _head(whole))
                file.write(whole)
                self._file_number = os.fstat(file.fileno()).st_ino
        self.size_bytes = self.whole_bytes = len(_FORMAT) + _HEAD_BYTES + len(whole)

    def append(self, change: bytes) -> None:
        """Add a change to what this object has written. Raises StoreError; then begin anew."""
        with keeping(self.path), self.path.open("r+b") as file:
            if os.fstat(file.fileno()).st_ino != self._file_number:
                raise StoreError(f"{self.path} must be written by one process, got another's file")
            file.seek(self.size_bytes)
            file.write(_head(change) + change)
            file.flush()
            os.fdatasync(file.fileno())
        self.size_bytes += _HEAD_BYTES + len(change)

    def set_aside(self, *, now_milliseconds: int) -> Path:
        """Give the file another name, so that a new one can begin, and return it. StoreError."""
        aside = self.path.with_name(f"{_NAME}.refused-{now_milliseconds}")
        with keeping(self.path):
            self.path.replace(aside)
        return aside


_ADVICE = "put back a copy of it to go on from there"


def _head(record: bytes) -> bytes:
    return len(record).to_bytes(_LENGTH_BYTES, "big") + hashlib.sha256(record).digest()


def _records(data: bytes) -> Iterator[bytes]:
    """Yield the records that are whole, up to the first that is not."""
    view, begin = memoryview(data), len(_FORMAT)
    while begin + _HEAD_BYTES <= len(data):
        start = begin + _HEAD_BYTES
        end = start + int.from_bytes(view[begin : begin + _LENGTH_BYTES], "big")
        if end > len(data):
            return
        if hashlib.sha256(view[start:end]).digest() != view[begin + _LENGTH_BYTES : start]:
            return
        yield bytes(view[start:end])
        begin = end
