"""Requests that were answered of late, so that a repeat is told from news, also after a restart."""

import os
from pathlib import Path

import numpy as np

from forewarn_adapters.clock import Clock
from forewarn_models.errors import StoreError

DIGEST_BYTES = 16
_MOST = 1 << 15
_KEPT_MILLISECONDS = 3_600_000
_ENTRY = np.dtype([("digest", f"V{DIGEST_BYTES}"), ("milliseconds", "<i8")])


class RecentRequests:
    """The digests of the last 32,768 requests of the last hour.

    A file of fixed size holds them, so that a full disk is no reason to forget. Raises StoreError
    when the file cannot be used.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.posix_fallocate(self._file, 0, _MOST * _ENTRY.itemsize)
            entries = np.frombuffer(os.pread(self._file, _MOST * _ENTRY.itemsize, 0), dtype=_ENTRY)
        except OSError as failed:
            raise StoreError(f"{path} must be writable, got: {failed.strerror}") from failed
        used = np.flatnonzero(entries["milliseconds"])
        # A slot is written after the one before it, so the newest time stands before the next slot.
        order = used[np.argsort(entries["milliseconds"][used], kind="stable")]
        self._next = int(order[-1] + 1) if len(order) else 0
        self._milliseconds = dict(
            zip(
                (digest.tobytes() for digest in entries["digest"][order]),
                entries["milliseconds"][order].tolist(),
                strict=True,
            )
        )

    def __contains__(self, digest: bytes) -> bool:
        known = self._milliseconds.get(digest)
        return known is not None and self._clock() - known < _KEPT_MILLISECONDS

    def add(self, digest: bytes) -> None:
        """Remember a request. Raises StoreError."""
        now = self._clock()
        self._milliseconds.pop(digest, None)
        if len(self._milliseconds) >= _MOST:
            del self._milliseconds[next(iter(self._milliseconds))]
        self._milliseconds[digest] = now
        entry = np.array([(digest, now)], dtype=_ENTRY).tobytes()
        try:
            os.pwrite(self._file, entry, self._next % _MOST * _ENTRY.itemsize)
        except OSError as failed:
            raise StoreError(f"recent requests must be writable: {failed.strerror}") from failed
        self._next += 1

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
        self._file = -1
