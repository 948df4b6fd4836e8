"""Memory of this process that is free but still counts as its own."""

import ctypes


def give_back_memory() -> None:
    """Return to the system what is free; where the C library cannot, do nothing.

    The GNU C library keeps what was freed below anything that is still in use: after a long read
    that is twice what the service needs.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
