"""The far end of Alertmanager's webhook: it keeps what was delivered."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_LARGEST_BODY = 2**20


class PageReceiver:
    """Listens on loopback for pages.

    `pages` holds the bodies that came, oldest first, `received_seconds` when each did, since the
    epoch.
    """

    def __init__(self) -> None:
        self.pages: list[dict[str, Any]] = []
        self.received_seconds: list[float] = []
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        self._server = server
        self.url = f"http://127.0.0.1:{server.server_port}/"
        self._thread = threading.Thread(target=server.serve_forever, daemon=True)
        self._thread.start()

    def firing(self) -> list[dict[str, Any]]:
        """Return the alerts that were delivered as firing, oldest first."""
        return [
            alert
            for page in list(self.pages)
            for alert in page["alerts"]
            if alert["status"] == "firing"
        ]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(receiver: PageReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            if 0 < length <= _LARGEST_BODY:
                page = json.loads(self.rfile.read(length))
                receiver.received_seconds.append(time.time())
                receiver.pages.append(page)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the terminal for the demo."""

    return Handler
