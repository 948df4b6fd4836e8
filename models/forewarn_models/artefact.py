"""The stored form of models and carries: a zip of arrays and one JSON manifest, never a pickle."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from forewarn_models.arrays import AnyArray
from forewarn_models.contract import State
from forewarn_models.errors import ModelError, UnknownFormat

_MANIFEST = "manifest.json"

# A stored model larger than this is refused before it is read: 10,000 forests of 100 trees fit.
MAX_BYTES = 4 * 2**30

# What reading says of bytes that are not whole, of another packing, or that announce more than
# memory holds.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    ValueError,
    OSError,
    EOFError,
    RuntimeError,
    MemoryError,
)


def to_bytes(state: State) -> bytes:
    """Return the stored form of a state; the same state gives the same bytes."""
    manifest = {
        "kind": state.kind,
        "format_version": state.format_version,
        "manifest": dict(state.manifest),
    }
    return _pack(manifest, state.arrays)


def from_bytes(data: bytes) -> State:
    """Return the state that `data` stores.

    Raises ModelError when the bytes are not whole, UnknownFormat when they are not a state.
    """
    manifest, arrays = _unpack(data)
    try:
        return State(manifest["kind"], manifest["format_version"], manifest["manifest"], arrays)
    except KeyError as missing:
        raise UnknownFormat(f"a stored model must have {missing} in its {_MANIFEST}") from missing


def _pack(manifest: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
        archive.writestr(zipfile.ZipInfo(_MANIFEST), text)
        for name in sorted(arrays):
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue())
    return target.getvalue()


def _unpack(data: bytes) -> tuple[dict[str, Any], dict[str, AnyArray]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise ModelError(f"a stored model must be at most {MAX_BYTES} bytes when unpacked")
            manifest = json.loads(archive.read(_MANIFEST))
            arrays = {
                name.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
                if name != _MANIFEST
            }
    except _BROKEN as broken:
        raise ModelError(f"a stored model must be a whole archive of arrays: {broken}") from broken
    if not isinstance(manifest, dict):
        raise UnknownFormat(f"{_MANIFEST} must be a mapping, got {type(manifest).__name__}")
    return manifest, arrays
