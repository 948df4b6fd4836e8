"""Descriptors of followed files, of which only so many are open at a time."""

import os
from collections import OrderedDict

from forewarn_adapters.logs.files.places import Identity, identity_of

MOST_OPEN_FILES = 256


class OpenFiles:
    """Files that stay open while they are read, so that they can be read when they lost their name.

    Beyond `MOST_OPEN_FILES` the one that was not asked for the longest is closed.
    """

    def __init__(self) -> None:
        self._descriptors: OrderedDict[Identity, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._descriptors)

    def held(self, identity: Identity) -> int | None:
        """Return the descriptor of a file that is open, None where it is not."""
        descriptor = self._descriptors.get(identity)
        if descriptor is not None:
            self._descriptors.move_to_end(identity)
        return descriptor

    def open(self, path: str, identity: Identity) -> int | None:
        """Return the descriptor of a file; None where another has the name by now.

        Raises OSError when it cannot be opened.
        """
        held = self.held(identity)
        if held is not None:
            return held
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if identity_of(os.fstat(descriptor)) != identity:
            os.close(descriptor)
            return None
        while len(self._descriptors) >= MOST_OPEN_FILES:
            os.close(self._descriptors.popitem(last=False)[1])
        self._descriptors[identity] = descriptor
        return descriptor

    def close(self, identity: Identity) -> None:
        """Close a file if it is open."""
        descriptor = self._descriptors.pop(identity, None)
        if descriptor is not None:
            os.close(descriptor)

    def close_all(self) -> None:
        """Close all files."""
        for identity in list(self._descriptors):
            self.close(identity)
