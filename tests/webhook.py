"""Waiting for what other processes do."""

import time
from collections.abc import Callable


def wait_until(fact: Callable[[], bool], *, seconds: float = 30.0, every: float = 0.05) -> None:
    """Return as soon as `fact` holds; fail if it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        time.sleep(every)
