"""Where a log went that has lost its name, and what was written between it and its successor."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from forewarn_adapters.logs.files.places import FilePlace, identity_of, is_continued_by

# More are not looked through for what was rotated away.
_MOST_ENTRIES = 10_000
# What rotation adds to a name: a number, a date, a time, or a word. `app-worker.log` is another's.
_ADDED = re.compile(r"[-._0-9T:Z]*[0-9][-._0-9T:Z]*|[-._](?:old|bak|prev|save|orig)")
_NUMBER = re.compile(r"\.([0-9]{1,4})$")

Found = tuple[str, os.stat_result]
IsKnown = Callable[[str, os.stat_result], bool]


def rotated_path(place: FilePlace) -> str | None:
    """Return the name that a file has by now among those that rotation gives; None where none."""
    for path, status in _rotated(place.path):
        if identity_of(status) == place.identity and _is_continued(place, path):
            return path
    return None


def written_since(place: FilePlace, is_known: IsKnown) -> list[Found]:
    """Return files that were rotated away after a file and before its present successor, in order.

    `is_known` says of a file by its name and status whether it is followed already.
    """
    found = [
        (path, status)
        for path, status in _rotated(place.path)
        if status.st_mtime_ns >= place.modified_nanoseconds and not is_known(path, status)
    ]
    return sorted(found, key=lambda each: (each[1].st_mtime_ns, -_number_of(each[0]), each[0]))


def copy_of(place: FilePlace, is_known: IsKnown) -> Found | None:
    """Return the copy that was made of a file before it was truncated; None where there is none."""
    for path, status in written_since(place, is_known):
        if place.head_bytes and _is_continued(place, path):
            return path, status
    return None


def _is_continued(place: FilePlace, path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return is_continued_by(place, descriptor, os.fstat(descriptor))
    finally:
        os.close(descriptor)


def _rotated(path: str) -> Iterator[Found]:
    """Yield the files beside a log that have its name with a number, a date or the like."""
    log = Path(path).resolve()
    try:
        with os.scandir(log.parent) as entries:
            names = [entry.name for entry in islice(entries, _MOST_ENTRIES)]
    except OSError:
        return
    for each in names:
        if each == log.name or not _is_rotated_name(each, log):
            continue
        found = log.parent / each
        try:
            status = found.stat()
        except OSError:
            continue  # it went on to its next name, or was compressed
        if stat.S_ISREG(status.st_mode):
            yield str(found), status


def _number_of(path: str) -> int:
    """Return the N of `app.log.N`: where the clock does not tell, the higher is the older."""
    number = _NUMBER.search(path)
    return int(number[1]) if number else 0


def _is_rotated_name(name: str, log: Path) -> bool:
    if name.startswith(log.name):
        return _ADDED.fullmatch(name, len(log.name)) is not None
    if name.startswith(log.stem) and name.endswith(log.suffix) and len(name) > len(log.name):
        return _ADDED.fullmatch(name, len(log.stem), len(name) - len(log.suffix)) is not None
    return False
