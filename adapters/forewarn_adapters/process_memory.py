"""Memory of this process that is free but still counts as its own."""

import ctypes

# A tick takes nearly as much again as is kept of its series: the service gives it back this often.
GIVE_BACK_SECONDS = 1.0


def give_back_memory() -> None:
    """Return to the system what is free; where the C library cannot, do nothing.

    The GNU C library keeps what was freed below anything that is still in use: after a long read
    that is twice what the service needs.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
