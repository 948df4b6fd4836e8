"""Compiling with numba, once for each version of the code.

Numba keeps what it compiled and looks at one file's time stamp to see whether it is still good,
which misses a change in another file that was compiled into it. So what is kept lies in a folder
that is named after the contents of all files of this package.
"""

import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar, cast

from numba import config, njit

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled(function: _Function) -> _Function:
    """Return `function` compiled; it is compiled at its first call, or read from what is kept."""
    return cast(_Function, njit(cache=True, nogil=True, error_model="numpy")(function))


def folder_of_compiled(sources: Path) -> Path:
    """Return the folder in the user's cache for the code that the files under `sources` hold."""
    digest = blake2b(digest_size=8)
    for path in sorted(sources.glob("*.py")):
        digest.update(path.read_bytes())
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "forewarn" / "compiled" / digest.hexdigest()


if not os.environ.get("NUMBA_CACHE_DIR"):
    folder = folder_of_compiled(Path(__file__).parent)
    config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]  # numba makes them at run time
