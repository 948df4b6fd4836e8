"""A process that receives for a source until it is told to end, or is killed."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import json, signal, sys, threading
from pathlib import Path
from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.receiving.otlp import OtlpSource
from forewarn_adapters.logs.receiving.syslog import SyslogSource

settings = LogSourceConfig.model_validate(json.loads(sys.argv[1]))
kind = OtlpSource if settings.otlp else SyslogSource
ending = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ending.set())
source = kind("s", settings.otlp or settings.syslog, directory=Path(sys.argv[2]),
              buffer_bytes=settings.buffer_bytes)
print(source.url if settings.otlp else source.address, flush=True)
ending.wait()
source.close()
"""
_END_BYTES = 1 << 16


class ReceiverProcess:
    """Started when it is made; `start` again keeps the address."""

    def __init__(self, kind: str, directory: Path, **settings: object) -> None:
        self._kind, self._directory, self._settings = kind, directory, settings
        self.address = "127.0.0.1:0"
        self.start()

    def start(self) -> None:
        listen = self.address.removeprefix("http://").removesuffix("/v1/logs")
        own = {**self._settings, "listen": listen}
        settings = {"name": "s", self._kind: own, "buffer_bytes": 1 << 30}
        command = [sys.executable, "-c", _PROGRAM, json.dumps(settings), str(self._directory)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        assert self.address

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def received_bytes(self) -> int:
        return sum(path.stat().st_size for path in self._directory.glob("*.journal"))

    def has(self, text: bytes) -> bool:
        """Whether the newest of what was received ends with a text, or nearly so."""
        return any(text in end_of(path) for path in self._segments()[-1:])

    def _segments(self) -> list[Path]:
        return sorted(self._directory.glob("*.journal"))


def end_of(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _END_BYTES, 0))
        return file.read()


@contextmanager
def receiving_in_a_process(
    kind: str, directory: Path, **settings: object
) -> Iterator[ReceiverProcess]:
    receiver = ReceiverProcess(kind, directory, **settings)
    try:
        yield receiver
    finally:
        if receiver.process.poll() is None:
            receiver.end()
