"""Compiling with numba, once for each version of the code.

Numba keeps what it compiled and looks at one file's time stamp to see whether it is still good,
which misses a change in another file that was compiled into it. So what is kept lies in a folder
that is named after the contents of all files of this package.
"""

import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import config, njit
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from forewarn_models.arrays import AnyArray

_Function = TypeVar("_Function", bound=Callable[..., object])
_Array = TypeVar("_Array", bound=AnyArray)


def compiled(function: _Function) -> _Function:
    """Return `function` compiled; it is compiled at its first call, or read from what is kept."""
    return cast(_Function, njit(cache=True, nogil=True, error_model="numpy")(function))


def folder_of_compiled(sources: Path) -> Path:
    """Return the folder in the user's cache for the code that the files under `sources` hold."""
    digest = blake2b(digest_size=8)
    for path in sorted(sources.rglob("*.py")):
        digest.update(path.read_bytes())
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "forewarn" / "compiled" / digest.hexdigest()


if not os.environ.get("NUMBA_CACHE_DIR"):
    folder = folder_of_compiled(Path(__file__).parent)
    config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]  # numba makes them at run time


if config.DISABLE_JIT:  # type: ignore[attr-defined]  # numba makes them at run time

    def lent(array: _Array) -> _Array:
        """Return the array."""
        return array

else:

    @intrinsic
    def lent(_context: object, array: Any) -> Any:
        """Return a view that counts no references: whoever holds the array must outlive it.

        Passing arrays from function to function otherwise counts them at every call, which is
        a third of a walk's time.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            make = make_array(signature.return_type)  # type: ignore[no-untyped-call]  # numba has none
            view = make(context, builder, arguments[0])
            null: Any = cgutils.get_null_value
            view.meminfo, view.parent = null(view.meminfo.type), null(view.parent.type)
            return view._getvalue()  # noqa: SLF001  numba's way to make a value of a structure

        return array(array), generate
