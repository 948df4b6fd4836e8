"""Which files are followed at the moment: found, rotated away, truncated, removed."""

import glob
import logging
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from forewarn_adapters.logs.files.open_files import MOST_OPEN_FILES, OpenFiles
from forewarn_adapters.logs.files.places import (
    MOST_FILES,
    FilePlace,
    Identity,
    identity_of,
    is_continued_by,
)
from forewarn_adapters.logs.files.rotation import IsKnown, copy_of, rotated_path, written_since

_LOG = logging.getLogger(__name__)
# So many files that were rotated away and read are remembered of each name.
_MOST_FINISHED = 8
_REMOVED: Identity = (0, 0)


@dataclass(slots=True)
class Look:
    """What one look at the file system found.

    Args:
        chains: of each name, the files to be read one after another: those that were rotated away,
            then the one that has the name.
        size_bytes: of each file that can be read.
        unnamed: files that have lost the name that they were followed by.
    """

    chains: dict[str, list[FilePlace]] = field(default_factory=dict)
    size_bytes: dict[Identity, int] = field(default_factory=dict)
    unnamed: set[Identity] = field(default_factory=set)

    @property
    def places(self) -> list[FilePlace]:
        return [place for chain in self.chains.values() for place in chain]

    def is_unread(self, place: FilePlace) -> bool:
        """Say whether a file has bytes that were not read."""
        return self.size_bytes.get(place.identity, 0) > place.offset_bytes


def look_around(names: Sequence[str], places: Sequence[FilePlace], opened: OpenFiles) -> Look:
    """Return what is to be read after some places, also from files with other names."""
    look = Look()
    for place in places:
        look.chains.setdefault(place.path, []).append(place)
    found = {name: _status(name) for name in dict.fromkeys((*look.chains, *names))}
    known = {place.identity: place for place in places}
    for name, status in found.items():
        chain = look.chains.setdefault(name, [])
        if status is not None:
            _follow(name, status, chain, known, opened)
    seen = {identity_of(status) for status in found.values() if status is not None}
    for name, status in found.items():
        chain = _kept(look.chains.pop(name), seen, has_name=status is not None)
        if chain:
            look.chains[name] = chain
            _measure(look, chain, status, opened)
    return look


def selected(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return the names that are followed: those that are given, and those that globs select now."""
    names: dict[str, None] = {}
    for path in paths:
        if glob.has_magic(str(path)):
            names |= dict.fromkeys(islice(_matches(str(path)), MOST_FILES))
        else:
            names[str(path)] = None
    return tuple(islice(names, MOST_FILES))


def _matches(pattern: str) -> Iterator[str]:
    # `Path.glob` wants a folder to begin in, and does not follow links to folders in `**`.
    return glob.iglob(pattern, recursive=True)  # noqa: PTH207  as above


def _status(name: str) -> os.stat_result | None:
    try:
        status = Path(name).stat()
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _follow(
    name: str,
    status: os.stat_result,
    chain: list[FilePlace],
    known: dict[Identity, FilePlace],
    opened: OpenFiles,
) -> None:
    """Add to a chain what came to its name since it was last looked at."""
    identity = identity_of(status)
    last = chain[-1] if chain else None
    if last is not None and last.identity == identity:
        if _is_continued(name, last, status, opened):
            last.is_finished = False
        else:
            _begin_anew(chain, known, opened)
        return
    if _is_known(name, status, known, opened):
        return
    known[identity] = newest = FilePlace(name, identity)
    is_known = _asked_of(known, opened)
    for _, found in [] if last is None else written_since(last, is_known):
        known[identity_of(found)] = FilePlace(name, identity_of(found))
        chain.append(known[identity_of(found)])
    chain.append(newest)


def _begin_anew(
    chain: list[FilePlace], known: dict[Identity, FilePlace], opened: OpenFiles
) -> None:
    """Read a file from its start that was truncated, after the rest of the copy made before."""
    old = chain[-1]
    anew = FilePlace(old.path, old.identity)
    chain[-1] = known[anew.identity] = anew
    copy = copy_of(old, _asked_of(known, opened))
    if copy is not None:
        path, status = copy
        old.identity = identity_of(status)
        known[old.identity] = old
        chain.insert(-1, old)
        try:
            opened.open(path, old.identity)
        except OSError as failed:
            _LOG.warning("%s: cannot be read: %s", path, failed.strerror)


def _asked_of(known: dict[Identity, FilePlace], opened: OpenFiles) -> IsKnown:
    return lambda name, status: _is_known(name, status, known, opened)


def _is_known(
    name: str, status: os.stat_result, known: dict[Identity, FilePlace], opened: OpenFiles
) -> bool:
    """Say whether a file under a new name is one that is followed already by another."""
    place = known.get(identity_of(status))
    if place is None:
        return False
    if place.is_finished:
        is_same = place.modified_nanoseconds == status.st_mtime_ns
    else:
        is_same = opened.held(place.identity) is not None
    if not is_same and place.offset_bytes > 0:  # else it is as good as new, and has its place anew
        is_same = _is_continued(name, place, status, opened)
        place.is_finished = False  # it was written to after its end
    if not is_same:
        place.is_finished, place.identity = True, _REMOVED  # its inode is another file's
    return is_same


def _is_continued(name: str, place: FilePlace, status: os.stat_result, opened: OpenFiles) -> bool:
    if status.st_size < place.offset_bytes:
        return False
    is_as_it_was = status.st_size == place.offset_bytes
    is_as_it_was = is_as_it_was and status.st_mtime_ns == place.modified_nanoseconds
    if place.offset_bytes == 0 or is_as_it_was:
        return True
    try:
        descriptor = opened.open(name, place.identity)
    except OSError:
        return True  # said when it is to be read
    return descriptor is None or is_continued_by(place, descriptor, status)


def _kept(chain: list[FilePlace], seen: set[Identity], *, has_name: bool) -> list[FilePlace]:
    """Return a chain without files that were read and are gone."""
    finished = [place for place in chain if place.is_finished and place.identity not in seen]
    is_over = not has_name and len(finished) == len(chain)
    dropped = finished if is_over else finished[:-_MOST_FINISHED]
    return [place for place in chain if place not in dropped]


def _measure(
    look: Look, chain: list[FilePlace], status: os.stat_result | None, opened: OpenFiles
) -> None:
    named = None if status is None else identity_of(status)
    for place in chain:
        if place.is_finished:
            continue
        if status is not None and place.identity == named:
            look.size_bytes[named] = status.st_size
            _hold(place, opened)
            continue
        look.unnamed.add(place.identity)
        descriptor = _found_again(place, opened)
        if descriptor is None:
            place.is_finished = True
            _LOG.warning(
                "%s: was removed or compressed while nobody read it; lines after byte %d, "
                "if there were any, are lost",
                place.path,
                place.offset_bytes,
            )
        else:
            look.size_bytes[place.identity] = os.fstat(descriptor).st_size


def _hold(place: FilePlace, opened: OpenFiles) -> None:
    """Open a file where there is room, so that no other is given its inode when it is removed."""
    if len(opened) < MOST_OPEN_FILES and opened.held(place.identity) is None:
        with suppress(OSError):  # said when it is to be read
            opened.open(place.path, place.identity)


def _found_again(place: FilePlace, opened: OpenFiles) -> int | None:
    """Return the descriptor of a file that lost its name; None where it is gone."""
    held = opened.held(place.identity)
    if held is not None:
        return held
    path = rotated_path(place)
    try:
        return None if path is None else opened.open(path, place.identity)
    except OSError:
        return None
