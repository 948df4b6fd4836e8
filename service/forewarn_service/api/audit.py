"""The audit: who changed what, who asked the source for what, and who was denied."""

import logging
from collections.abc import Callable

import orjson
from starlette.concurrency import run_in_threadpool

from forewarn_adapters.store import Store
from forewarn_models.errors import StoreError

_LOG = logging.getLogger(__name__)
_MINUTE_MILLISECONDS = 60_000


class AuditTrail:
    """Writes entries; a flood of denied attempts is counted, not written one by one."""

    def __init__(
        self, store: Store, *, now_milliseconds: Callable[[], int], denied_per_minute: int
    ) -> None:
        self._store = store
        self._now_milliseconds = now_milliseconds
        self._denied_per_minute = denied_per_minute
        self._minute = 0
        self._denied = 0
        self._unrecorded = 0

    async def record(self, actor: str, action: str, subject: str, **detail: object) -> None:
        """Write one entry; StoreError when it could not be, and then the action must not happen."""
        await run_in_threadpool(
            self._store.record,
            actor,
            action=action,
            subject=subject,
            detail=orjson.dumps(detail).decode(),
            now_milliseconds=self._now_milliseconds(),
        )

    async def record_denied(self, actor: str, subject: str, **detail: object) -> None:
        """Write that an attempt was denied; a store that fails does not change the denial."""
        minute = self._now_milliseconds() // _MINUTE_MILLISECONDS
        if minute != self._minute:
            self._minute, self._denied = minute, 0
        self._denied += 1
        if self._denied > self._denied_per_minute:
            self._unrecorded += 1
            return
        if self._unrecorded:
            detail["unrecorded_before"], self._unrecorded = self._unrecorded, 0
        try:
            await self.record(actor, "denied", subject, **detail)
        except StoreError as failed:
            _LOG.warning("a denied attempt could not be audited: %s", failed)
