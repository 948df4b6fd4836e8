"""Syslog received by ourselves as a source of lines."""

from collections.abc import Mapping
from pathlib import Path

from forewarn_adapters.clock import Clock, now_milliseconds
from forewarn_adapters.config.log_sources import Syslog
from forewarn_adapters.listening import address_of, server_tls, tcp_listener, udp_listener
from forewarn_adapters.logs.batch import Cursor, LogBatch
from forewarn_adapters.logs.receiving.figures import ReceiverFigures
from forewarn_adapters.logs.receiving.intake import Intake
from forewarn_adapters.logs.receiving.journal import Journal, Place
from forewarn_adapters.logs.receiving.syslog_blocks import received_of
from forewarn_adapters.logs.receiving.syslog_framing import FrameCutter
from forewarn_adapters.logs.receiving.syslog_parsing import batch_of
from forewarn_adapters.logs.receiving.syslog_tcp import TcpReceiver
from forewarn_adapters.logs.receiving.syslog_udp import UdpReceiver
from forewarn_models.errors import SourceUnavailable, StoreError

_BATCH_BYTES = 2 << 20
# Labels of what is counted as refused, where they are not the words of the log.
_REASONS = {"sender_not_allowed": "network", "line_cut": "too_large"}
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
        is_udp = settings.transport == "udp"
        listener = (udp_listener if is_udp else tcp_listener)(settings.listen, key=f"{key}.listen")
        try:
            self._journal = Journal(directory, buffer_bytes=buffer_bytes, clock=clock)
        except BaseException:
            listener.close()
            raise
        self.address = address_of(listener)
        _compile_cutting()  # the system holds connections and datagrams meanwhile
        intake = self._intake = Intake(name, self._journal, settings.allow, clock)
        self._receiver = (
            UdpReceiver(listener, intake) if is_udp else TcpReceiver(listener, intake, tls)
        )

    @property
    def counts(self) -> Mapping[str, int]:
        """How often something happened that should not, by what it was."""
        return dict(self._intake.counts)

    def figures(self) -> ReceiverFigures:
        """Return what was counted since it was made."""
        limit = self._journal.limit_bytes
        return ReceiverFigures(
            lines=self._intake.n_lines,
            requests=0,
            repeated_requests=0,
            refused={_REASONS.get(what, what): times for what, times in self.counts.items()},
            damaged_records=self._journal.n_damaged,
            journal_bytes=limit - self._journal.free_bytes(),
            journal_limit_bytes=limit,
        )

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


def _compile_cutting() -> None:
    """Have compiled what puts lines into the journal; what reads them may follow later."""
    for sample in _SAMPLES:
        FrameCutter().cut(sample)
