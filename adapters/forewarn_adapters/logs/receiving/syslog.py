"""Syslog received by ourselves as a source of lines."""

from collections.abc import Mapping
from pathlib import Path

from forewarn_adapters.clock import Clock, now_milliseconds
from forewarn_adapters.config.log_sources import Syslog
from forewarn_adapters.listening import address_of, server_tls, tcp_listener, udp_listener
from forewarn_adapters.logs.batch import Cursor, LogBatch
from forewarn_adapters.logs.receiving.intake import Intake
from forewarn_adapters.logs.receiving.journal import Journal, Place
from forewarn_adapters.logs.receiving.syslog_blocks import received_of, record_of
from forewarn_adapters.logs.receiving.syslog_framing import FrameCutter
from forewarn_adapters.logs.receiving.syslog_parsing import batch_of
from forewarn_adapters.logs.receiving.syslog_tcp import TcpReceiver
from forewarn_adapters.logs.receiving.syslog_udp import UdpReceiver
from forewarn_models.errors import SourceUnavailable, StoreError

_BATCH_BYTES = 2 << 20
_SAMPLES = (b"line\n", b"24 <13>Oct 11 22:14:15 h p: m")


class SyslogSource:
    """Receives from when it is made; what was received and not released outlives the process.

    Args:
        name: of the source.
        settings: where and how it receives.
        directory: its own, for the journal.
        buffer_bytes: how much may wait there; then senders over TCP wait, and UDP is lost.

    `address` is where it listens, `counts` how often something happened that should not. Raises
    ConfigError when it cannot listen there, StoreError when the directory cannot be used.
    """

    def __init__(
        self,
        name: str,
        settings: Syslog,
        *,
        directory: Path,
        buffer_bytes: int,
        clock: Clock = now_milliseconds,
    ) -> None:
        self.name = name
        key = f"logs.sources {name}: syslog"
        tls = server_tls(settings.tls, key=f"{key}.tls") if settings.tls else None
        _prepare()
        is_udp = settings.transport == "udp"
        listener = (udp_listener if is_udp else tcp_listener)(settings.listen, key=f"{key}.listen")
        try:
            self._journal = Journal(directory, buffer_bytes=buffer_bytes, clock=clock)
        except BaseException:
            listener.close()
            raise
        self.address = address_of(listener)
        intake = Intake(name, self._journal, settings.allow, clock)
        self._counts = intake.counts
        self._receiver = (
            UdpReceiver(listener, intake) if is_udp else TcpReceiver(listener, intake, tls)
        )

    @property
    def counts(self) -> Mapping[str, int]:
        """How often something happened that should not, by what it was."""
        return dict(self._counts)

    def read(self, cursor: Cursor | None) -> LogBatch:
        """Return the next lines after the cursor.

        Raises SourceUnavailable when the journal cannot be read.
        """
        try:
            portion = self._journal.read(Place.of(cursor), most_bytes=_BATCH_BYTES)
        except StoreError as failed:
            raise SourceUnavailable(str(failed)) from failed
        return batch_of(received_of(portion.data, portion.bounds), portion.end.cursor)

    def release(self, cursor: Cursor) -> None:
        """Delete what lies before the cursor, whole segments at a time. Raises StoreError."""
        self._journal.release(Place.of(cursor))

    def close(self) -> None:
        """Accept nothing more, keep what has come, and end."""
        self._receiver.close()
        self._journal.close()


def _prepare() -> None:
    """Have everything compiled: neither a connection nor what was received must wait for that."""
    for sample in _SAMPLES:
        record = b"".join(record_of(FrameCutter().cut(sample), "", 0))
        batch_of(received_of(record, [(0, len(record))]), {})
