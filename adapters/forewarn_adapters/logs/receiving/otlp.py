"""OpenTelemetry's logs received by ourselves as a source of lines."""

import struct
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path

from forewarn_adapters.clock import Clock, now_milliseconds
from forewarn_adapters.config.log_sources import Otlp
from forewarn_adapters.http_serving import ServingThread, serving_config
from forewarn_adapters.listening import address_of, tcp_listener
from forewarn_adapters.logs.batch import Cursor, LogBatch
from forewarn_adapters.logs.receiving.figures import ReceiverFigures
from forewarn_adapters.logs.receiving.journal import Journal, Place
from forewarn_adapters.logs.receiving.otlp_app import OtlpApp
from forewarn_adapters.logs.receiving.otlp_records import LinesOfRecords
from forewarn_adapters.logs.receiving.otlp_request import Request
from forewarn_adapters.logs.receiving.recent_requests import DIGEST_BYTES, RecentRequests
from forewarn_models.errors import SourceUnavailable, StoreError

_HEADER = struct.Struct(f"<{DIGEST_BYTES}s")
_BATCH_LINES, _BATCH_BYTES = 10_000, 4 << 20
_STOP_SECONDS = 5.0
_BYTES_AROUND = 64  # of a record in the journal


class OtlpSource:
    """Receives from when it is made; what was received and not released outlives the process.

    A request is answered with success once the journal has it. One that is sent again, because its
    answer was lost, is told by its content and dropped.

    Args:
        name: of the source.
        settings: where and how it receives.
        directory: its own, for the journal.
        buffer_bytes: how much may wait there; then senders are told to come back later.

    `url` is where it listens. Raises ConfigError when it cannot listen there, StoreError when the
    directory cannot be used.
    """

    def __init__(
        self,
        name: str,
        settings: Otlp,
        *,
        directory: Path,
        buffer_bytes: int,
        clock: Clock = now_milliseconds,
    ) -> None:
        self.name = name
        self._n_lines = self._n_repeated = 0
        key = f"logs.sources {name}: otlp"
        with ExitStack() as opened:
            self._journal = Journal(directory, buffer_bytes=buffer_bytes, clock=clock)
            opened.callback(self._journal.close)
            self._recent = RecentRequests(directory / "recent", clock)
            opened.callback(self._recent.close)
            for record in self._journal.last_records():  # the process may have ended between both
                self._recent.add(record[:DIGEST_BYTES])
            self._app = self._made_app(settings)
            config = serving_config(
                self._app,
                tls=settings.tls,
                tls_key=f"{key}.tls",
                lifespan="off",
                limit_concurrency=None,  # the application has its own, which fills no log
            )
            listener = tcp_listener(settings.listen, key=f"{key}.listen")
            self._opened = opened.pop_all()
        scheme = "https" if settings.tls else "http"
        self.url = f"{scheme}://{address_of(listener)}/v1/logs"
        self._serving = ServingThread(listener, config)
        self._serving.start()

    def read(self, cursor: Cursor | None) -> LogBatch:
        """Return the next lines after the cursor.

        Raises SourceUnavailable when the journal cannot be read.
        """
        begin = Place.of(cursor)
        try:
            portion = self._journal.read(begin, most_bytes=_BATCH_BYTES // 4)
        except StoreError as failed:
            raise SourceUnavailable(str(failed)) from failed
        lines = LinesOfRecords(_BATCH_LINES, _BATCH_BYTES)
        for place, (first, end) in zip(portion.places, portion.bounds, strict=True):
            skipped = _line(cursor) if place == begin else 0
            stopped = lines.take(portion.data[first + _HEADER.size : end], first=skipped)
            if stopped is not None:
                return lines.batch({**place.cursor, "line": stopped})
        return lines.batch({**portion.end.cursor, "line": 0})

    def release(self, cursor: Cursor) -> None:
        """Delete what lies before the cursor, whole segments at a time. Raises StoreError."""
        self._journal.release(Place.of(cursor))

    def close(self) -> None:
        """Answer what is under way, keep it, and end."""
        self._serving.stop(seconds=_STOP_SECONDS)
        self._opened.close()

    def figures(self) -> ReceiverFigures:
        """Return what was counted since it was made."""
        limit = self._journal.limit_bytes
        return ReceiverFigures(
            lines=self._n_lines,
            requests=self._app.n_requests,
            repeated_requests=self._n_repeated,
            refused=dict(self._app.refused),
            damaged_records=self._journal.n_damaged,
            journal_bytes=limit - self._journal.free_bytes(),
            journal_limit_bytes=limit,
        )

    def _made_app(self, settings: Otlp) -> OtlpApp:
        token = settings.bearer_token
        return OtlpApp(
            self._keep,
            bearer_token=token.get_secret_value() if token else None,
            most_bytes=self._journal.most_bytes_of_record - _HEADER.size - _BYTES_AROUND,
        )

    def _keep(self, content: bytes, request: Request) -> None:
        digest = blake2b(content, digest_size=DIGEST_BYTES).digest()
        if not request.n_records:
            return
        if digest in self._recent:
            self._n_repeated += 1
            return
        self._journal.append(_HEADER.pack(digest), request.protobuf)
        self._n_lines += request.n_records
        self._recent.add(digest)


def _line(cursor: Cursor | None) -> int:
    line = (cursor or {}).get("line")
    return line if isinstance(line, int) else 0
