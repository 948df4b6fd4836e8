"""Syslog over UDP (RFC 5426): a datagram is a line."""

import select
import socket
import threading
from functools import lru_cache

from forewarn_adapters.logs.batch import joined
from forewarn_adapters.logs.receiving.intake import Intake
from forewarn_adapters.logs.receiving.syslog_blocks import BYTES_OF_PLACE
from forewarn_adapters.logs.receiving.syslog_framing import MOST_BYTES_OF_LINE, usable_lines

_TICK_SECONDS = 0.1
_KNOWN_SENDERS = 4_096


class UdpReceiver:
    """Receives at a socket that is bound, from when it is made until `close`.

    What arrives while the journal has no room waits in the system's buffer, then is lost.
    """

    def __init__(self, listener: socket.socket, intake: Intake) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._intake = intake
        # Counted once a sender, not once a datagram: nobody can fill a log by sending.
        self._may_send = lru_cache(_KNOWN_SENDERS)(intake.may_send)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="syslog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read what has come, and let go of the socket."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            if not self._intake.has_room():
                self._ending.wait(_TICK_SECONDS)
            elif select.select([self._listener], [], [], _TICK_SECONDS)[0]:
                self._read()
        while self._intake.has_room() and self._read():
            pass
        self._listener.close()

    def _read(self) -> bool:
        """Put what has come into the journal, and return whether anything had."""
        datagrams: dict[str, list[bytes]] = {}
        n_bytes = 0
        while n_bytes < self._intake.read_bytes:
            try:
                datagram, address = self._listener.recvfrom(MOST_BYTES_OF_LINE)
            except OSError:  # nothing more; or an answer that an earlier one could not be delivered
                break
            datagrams.setdefault(address[0], []).append(datagram)
            n_bytes += len(datagram) + BYTES_OF_PLACE
        for sender, received in datagrams.items():
            if self._may_send(sender):
                data, places = joined(received)
                lines, _ = usable_lines(data, places)
                self._intake.put((data, lines), sender)
        return bool(datagrams)
