"""Files of state that are replaced whole or not at all, whatever stops the process."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from forewarn_models.errors import StoreError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a file that takes the place of `path` when the block ends, on disk by then.

    Where the block or the disk fails, the old file stays, and nothing else is left.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    _sync_folder(path.parent)


@contextlib.contextmanager
def keeping(path: Path) -> Iterator[None]:
    """Raise StoreError where the system refuses what is done with a checkpoint."""
    try:
        yield
    except OSError as refused:
        raise StoreError(
            f"the checkpoint {path} must be readable and writable, got: {refused.strerror}; "
            "free some space or name another `state_directory`"
        ) from refused


def _sync_folder(folder: Path) -> None:
    """Make the new name durable too: a rename lives in the folder, not in the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
