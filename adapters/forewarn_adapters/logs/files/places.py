"""How far each followed file was read, and how a file is known again under another name."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

from forewarn_adapters.logs.batch import Cursor
from forewarn_adapters.logs.cursors import reading_cursor

# A file's first bytes tell it from another that was given its inode after it was removed.
HEAD_BYTES = 1024
MOST_FILES = 10_000
_DIGEST_BYTES = 8

Identity: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class FilePlace:
    """How far one file was read.

    Args:
        path: the name that it was followed by; it may have another by now.
        identity: its device and inode.
        offset_bytes: where reading goes on.
        head_bytes: how many of its first bytes are in `head`, never more than were read.
        head: a digest of them.
        modified_nanoseconds: when it had last been written to, as of the last read.
        is_passing_over: the rest of a line that is too long comes next.
        is_finished: it was rotated away and read to its end.
    """

    path: str
    identity: Identity
    offset_bytes: int = 0
    head_bytes: int = 0
    head: str = ""
    modified_nanoseconds: int = 0
    is_passing_over: bool = False
    is_finished: bool = False


def cursor_of(places: Sequence[FilePlace]) -> Cursor:
    """Return places as what JSON can hold."""
    return {
        "files": [
            [
                place.path,
                *place.identity,
                place.offset_bytes,
                place.head_bytes,
                place.head,
                place.modified_nanoseconds,
                place.is_passing_over,
                place.is_finished,
            ]
            for place in places
        ]
    }


def places_of(cursor: Cursor | None) -> list[FilePlace]:
    """Return the places of a cursor, none of None. Raises SourceRejected when it is another's."""
    if cursor is None:
        return []
    with reading_cursor():
        return [
            FilePlace(path, (device, inode), *rest)
            for path, device, inode, *rest in cursor["files"]
        ]


def head_of(descriptor: int, n_bytes: int) -> str:
    """Return the digest of a file's first bytes, empty where it has not so many."""
    head = os.pread(descriptor, n_bytes, 0)
    return _digest(head) if len(head) == n_bytes else ""


def is_same_file(place: FilePlace, descriptor: int, status: os.stat_result) -> bool:
    """Say whether an open file is the one of a place, grown at most since it was read."""
    if identity_of(status) != place.identity:
        return False
    return is_continued_by(place, descriptor, status)


def is_continued_by(place: FilePlace, descriptor: int, status: os.stat_result) -> bool:
    """Say whether an open file begins with what was read at a place: it, or a copy of it."""
    if status.st_size < place.offset_bytes:
        return False
    return place.head_bytes == 0 or head_of(descriptor, place.head_bytes) == place.head


def remember_head(place: FilePlace, descriptor: int) -> None:
    """Take more of the file's first bytes into its digest where more were read by now."""
    n_bytes = min(place.offset_bytes, HEAD_BYTES)
    if n_bytes > place.head_bytes:
        place.head_bytes, place.head = n_bytes, head_of(descriptor, n_bytes)


def identity_of(status: os.stat_result) -> Identity:
    """Return the device and inode of a file."""
    return status.st_dev, status.st_ino


def _digest(head: bytes) -> str:
    return blake2b(head, digest_size=_DIGEST_BYTES).hexdigest()
