"""A bounded number of threads for work that takes a processor, with a deadline for each."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from forewarn_service.api.faults import Refusal
from forewarn_service.api.limits import Limits

Result = TypeVar("Result")

_RETRY_SECONDS = "2"


class WorkPool:
    """Places for requests that read a body and compute; all methods belong to one event loop.

    A place is taken before a body is read, so that the bodies held in memory are bounded too. A
    thread cannot be stopped: work past its deadline is answered with 503 and keeps its place
    until it ends.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._taken = 0
        self._executor = ThreadPoolExecutor(limits.workers, thread_name_prefix="on-demand")

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place while the block runs; Refusal with 503 when none is free."""
        if self._taken >= self._limits.workers + self._limits.waiting:
            raise Refusal(
                503,
                "busy",
                f"at most {self._limits.workers + self._limits.waiting} requests for scores and "
                "forecasts are served at once: try again later",
                headers={"retry-after": _RETRY_SECONDS},
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns, computed in a thread; Refusal with 503 past the deadline."""
        future = self._executor.submit(work)
        waited = asyncio.wrap_future(future)
        await asyncio.wait([waited], timeout=self._limits.deadline_seconds)
        if waited.done():
            return waited.result()
        if not future.cancel():  # it has begun
            self._keep_place_until_done(future)
        waited.cancel()  # what comes of it is nobody's any more
        raise Refusal(
            503,
            "deadline",
            f"an answer must be ready in {self._limits.deadline_seconds:g} s: send fewer series, "
            "fewer samples or a shorter horizon",
            headers={"retry-after": _RETRY_SECONDS},
        )

    def close(self) -> None:
        """Start nothing new; what runs may end."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _keep_place_until_done(self, future: "Future[Result]") -> None:
        loop = asyncio.get_running_loop()
        self._taken += 1

        def free(_: "Future[Result]") -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._free)

        future.add_done_callback(free)

    def _free(self) -> None:
        self._taken -= 1
