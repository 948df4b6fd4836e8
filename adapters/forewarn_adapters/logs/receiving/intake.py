"""Between the receivers of syslog and the journal: room, and counts of what should not be."""

import logging
from collections import Counter
from ipaddress import IPv4Network, IPv6Network, ip_address

from forewarn_adapters.clock import Clock, now_milliseconds
from forewarn_adapters.logs.batch import Lines
from forewarn_adapters.logs.receiving.journal import Journal
from forewarn_adapters.logs.receiving.syslog_blocks import record_of
from forewarn_adapters.logs.receiving.syslog_framing import MOST_BYTES_OF_LINE
from forewarn_models.errors import StoreError

_MOST_READ_BYTES = 1 << 18
_GROWTH = 6  # a record of the shortest lines beside their bytes: a place of each is kept
_NANOSECONDS = 1_000_000

_log = logging.getLogger(__name__)


class Intake:
    """Where lines go as soon as they are whole. Used by one thread.

    Args:
        name: of the source, for the log.
        journal: keeps them.
        allow: networks that may send; none = all.

    `read_bytes` is how much may be read at a time while there is room; `n_lines` counts lines that
    were kept, `counts` says how often something happened that should not.
    """

    def __init__(
        self,
        name: str,
        journal: Journal,
        allow: tuple[IPv4Network | IPv6Network, ...],
        clock: Clock = now_milliseconds,
    ) -> None:
        self._name = name
        self._journal = journal
        self._allow = allow
        self._clock = clock
        self._unwritten: list[tuple[int, tuple[bytes, ...]]] = []
        self.read_bytes = min(_MOST_READ_BYTES, journal.most_bytes_of_record // _GROWTH)
        self.counts: Counter[str] = Counter()
        self.n_lines = 0
        self._had_room = True

    def has_room(self) -> bool:
        """Return whether more may be read: what does not fit would be lost."""
        self._write()
        needed = _GROWTH * self.read_bytes + MOST_BYTES_OF_LINE
        is_full = self._journal.free_bytes() < needed
        if is_full and self._had_room:
            self.note("full", "senders wait until lines were counted, or raise `buffer_bytes`")
        self._had_room = not is_full
        return not self._unwritten and not is_full

    def put(self, lines: Lines, sender: str) -> None:
        """Keep lines that a sender sent, on disk when this returns unless the disk fails."""
        if len(lines[1]):
            record = record_of(lines, sender, self._clock() * _NANOSECONDS)
            self._unwritten.append((len(lines[1]), record))
            self._write()

    def may_send(self, sender: str) -> bool:
        """Return whether an address is in the networks that may send."""
        if not self._allow:
            return True
        address = ip_address(sender.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if any(address in network for network in self._allow):
            return True
        self.note("sender_not_allowed", sender)
        return False

    def note(self, what: str, detail: str, *, times: int = 1) -> None:
        """Count something that should not be, and log it when it is new or ten times as often."""
        before = self.counts[what]
        self.counts[what] += times
        if len(str(self.counts[what])) > len(str(before)) or not before:
            _log.warning(
                "logs.sources %s: %s, %d times: %s", self._name, what, self.counts[what], detail
            )

    def _write(self) -> None:
        while self._unwritten:
            n_lines, record = self._unwritten[0]
            try:
                self._journal.append(*record)
            except StoreError as failed:
                self.note("not_written", str(failed))
                return
            self.n_lines += n_lines
            del self._unwritten[0]
