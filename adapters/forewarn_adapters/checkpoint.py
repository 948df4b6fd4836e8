"""Checkpoints of the scoring loop: one file a signal, replaced whole or not at all.

A checkpoint is an aid, never the truth: the loop refolds from the source whatever it lacks. So a
file that is missing, damaged or of another model is no error, only a reason that is logged.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forewarn_adapters.replacing import keeping, replacing

_FORMAT = b"forewarn checkpoint 1\n"
_DIGEST_BYTES = 32
MAX_BYTES = 2 * 2**30


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a signal's loop needs to go on where it stopped.

    Args:
        facts: numbers by name: the champion's version, high-water marks, running tallies.
        fold_state: the stored form of the fold (arrays and a manifest, see `artefact`).
    """

    facts: Mapping[str, float]
    fold_state: bytes


@dataclass(frozen=True, eq=False)
class NoCheckpoint:
    """Why there is none that can be used; `reason` is a slug, `detail` a sentence for the log."""

    reason: str
    detail: str


class CheckpointFolder:
    """The folder that holds the checkpoints of all signals.

    Raises StoreError when the folder cannot be created or a file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with keeping(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def write(self, signal: str, checkpoint: Checkpoint) -> None:
        """Replace the signal's checkpoint; it is on disk when this returns."""
        path = self._path(signal)
        with keeping(path), replacing(path) as file:
            for part in _parts(checkpoint):
                file.write(part)

    def read(self, signal: str) -> Checkpoint | NoCheckpoint:
        """Return the signal's checkpoint, or why there is none."""
        path = self._path(signal)
        try:
            if path.stat().st_size > MAX_BYTES:
                return NoCheckpoint("too_large", f"{path} must have at most {MAX_BYTES} bytes")
            data = path.read_bytes()
        except FileNotFoundError:
            return NoCheckpoint("missing", f"{path} does not exist")
        except OSError as refused:
            return NoCheckpoint("unreadable", f"{path} cannot be read: {refused.strerror}")
        return _checkpoint_of(data, path)

    def _path(self, signal: str) -> Path:
        return self._folder / f"{signal}.checkpoint"


def _parts(checkpoint: Checkpoint) -> tuple[bytes, ...]:
    facts = json.dumps(dict(checkpoint.facts), sort_keys=True).encode() + b"\n"
    digest = hashlib.sha256(facts)
    digest.update(checkpoint.fold_state)
    return (_FORMAT, digest.digest(), facts, checkpoint.fold_state)


def _checkpoint_of(data: bytes, path: Path) -> Checkpoint | NoCheckpoint:
    if not data.startswith(_FORMAT):
        return NoCheckpoint("unknown_format", f"{path} is not a checkpoint that this version reads")
    start = len(_FORMAT) + _DIGEST_BYTES
    digest, body = data[len(_FORMAT) : start], memoryview(data)[start:]
    if hashlib.sha256(body).digest() != digest:
        return NoCheckpoint("damaged", f"{path} is damaged: its digest does not match")
    end = data.index(b"\n", start) + 1
    facts = json.loads(data[start:end])
    return Checkpoint(facts, data[end:])
