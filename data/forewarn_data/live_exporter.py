"""A small exporter on loopback that serves the simulated series as they are now.

It agrees sample for sample with a history that `generator.simulate` made with the same seed and
origin, and faults can be planted while it runs.
"""

import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Self

import numpy as np

from forewarn_data.faults import Fault
from forewarn_data.generator import ORIGIN_MILLISECONDS, demo_series, simulate
from forewarn_data.writers import open_metrics_lines
from forewarn_models.errors import DataError

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def clock_milliseconds() -> int:
    """Return now, milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class SimulatedExporter:
    """A thread that serves the demo's series at `url` until it is closed.

    Args:
        port: to listen on at 127.0.0.1; 0 takes a free one.
        seed: of the noise of the series.
        origin_milliseconds: where trends begin, as in the history.
        clock: returns now, milliseconds since the epoch.
    """

    def __init__(
        self,
        port: int = 0,
        seed: int = 1,
        *,
        origin_milliseconds: int = ORIGIN_MILLISECONDS,
        clock: Callable[[], int] = clock_milliseconds,
    ) -> None:
        self._series = demo_series(seed)
        self._origin_milliseconds = origin_milliseconds
        self._clock = clock
        self._lock = Lock()
        self._faults: tuple[Fault, ...] = ()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler_of(self))
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def target(self) -> str:
        """Host and port, as a scrape configuration names it."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.target}/metrics"

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What was planted so far, in that order."""
        return self._faults

    def plant(self, fault: Fault) -> None:
        """Add a fault; it shows from its own start to its end.

        Raises DataError when no series has the name that the fault gives.
        """
        if fault.series not in {one.text for one in self._series}:
            known = ", ".join(one.text for one in self._series)
            raise DataError(f"a fault must be on one of {known}, got {fault.series!r}")
        with self._lock:
            self._faults = (*self._faults, fault)

    def exposition(self) -> str:
        """Return the series as they are now, in the text format of Prometheus."""
        now = self._clock()
        # A panel needs two columns: the second is not shown.
        panel = simulate(
            self._series,
            np.array([now, now + 1]),
            faults=self._faults,
            origin_milliseconds=self._origin_milliseconds,
        )
        lines = "".join(open_metrics_lines(panel.columns(0, 1))).splitlines()
        return "\n".join(line if line[0] == "#" else line.rpartition(" ")[0] for line in lines[:-1])

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _handler_of(exporter: SimulatedExporter) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/metrics":
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            body = (exporter.exposition() + "\n").encode()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", _CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
            """Say nothing: the exporter shares its terminal with the demo."""

    return Handler
