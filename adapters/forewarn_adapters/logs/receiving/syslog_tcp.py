"""Syslog over TCP and TLS: many connections, one thread.

The protocol has no acknowledgement: a sender takes for delivered what its system took. So lines
are read and put into the journal before anything else is done, nothing is read while the journal
has no room (the senders' systems then wait), and at the end everything is read that has come.
"""

import contextlib
import selectors
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field

from forewarn_adapters.logs.receiving.intake import Intake
from forewarn_adapters.logs.receiving.syslog_framing import FrameCutter

_MOST_CONNECTIONS = 1_000
_BYTES_OF_TURN = 1 << 20  # of one connection, before the others have theirs
_TICK_SECONDS = 0.1
_CHECK_SECONDS = 1.0
_IDLE_SECONDS = 3_600.0
_UNFINISHED_SECONDS = 60.0
_DRAIN_SECONDS = 2.0
_QUIET_SECONDS = 0.3
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


@dataclass(eq=False)
class _Connection:
    socket: socket.socket
    sender: str
    cutter: FrameCutter = field(default_factory=FrameCutter)
    since_seconds: float = field(default_factory=time.monotonic)

    @property
    def is_unfinished(self) -> bool:
        return self.cutter.is_unfinished or (
            isinstance(self.socket, ssl.SSLSocket) and self.socket.version() is None
        )

    @property
    def has_more(self) -> bool:
        """Whether TLS has unpacked bytes that no `select` tells of."""
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0


class TcpReceiver:
    """Receives at a socket that listens, from when it is made until `close`."""

    def __init__(
        self, listener: socket.socket, intake: Intake, tls: ssl.SSLContext | None = None
    ) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._intake = intake
        self._tls = tls
        self._buffer = memoryview(bytearray(intake.read_bytes))
        self._connections: set[_Connection] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="syslog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Accept nothing more, read what has come, and let go of all connections."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        checked = time.monotonic()
        while not self._ending.is_set():
            if not self._intake.has_room():
                self._wait_for_room()
            self._turn(_TICK_SECONDS)
            if time.monotonic() - checked >= _CHECK_SECONDS:
                checked = time.monotonic()
                self._leave_silent()
        self._drain()
        self._selector.close()

    def _turn(self, seconds: float) -> bool:
        """Read from whoever has sent something; return whether anyone had."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            if key.data is None:
                self._accept()
            else:
                self._read(key.data)
        return bool(ready)

    def _wait_for_room(self) -> None:
        while not self._ending.wait(_TICK_SECONDS) and not self._intake.has_room():
            pass
        for connection in self._connections:  # which could say nothing in the meantime
            connection.since_seconds = time.monotonic()

    def _accept(self) -> bool:
        """Take the next connection that waits, and return whether there was one."""
        try:
            accepted, address = self._listener.accept()
        except _WOULD_BLOCK:
            return False
        except OSError as failed:  # no file left, or the sender has gone
            self._intake.note("not_accepted", str(failed.strerror))
            self._ending.wait(_TICK_SECONDS)
            return False
        sender = address[0]
        if len(self._connections) >= _MOST_CONNECTIONS:
            self._intake.note("too_many_connections", sender)
            accepted.close()
        elif not self._intake.may_send(sender):
            accepted.close()
        else:
            self._open(accepted, sender)
        return True

    def _open(self, accepted: socket.socket, sender: str) -> None:
        accepted.setblocking(False)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._tls is not None:
            try:
                accepted = self._tls.wrap_socket(
                    accepted, server_side=True, do_handshake_on_connect=False
                )
            except OSError:  # it has gone
                accepted.close()
                return
        connection = _Connection(accepted, sender)
        self._connections.add(connection)
        self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _read(self, connection: _Connection) -> None:
        n_bytes = 0
        while n_bytes < _BYTES_OF_TURN or connection.has_more:
            if not self._intake.has_room():
                return
            try:
                n_read = connection.socket.recv_into(self._buffer)
            except _WOULD_BLOCK:
                return
            except OSError as failed:
                if isinstance(failed, ssl.SSLError):
                    self._intake.note("tls_failed", f"{connection.sender}: {failed.reason}")
                self._leave(connection)
                return
            if not n_read:
                self._intake.put(connection.cutter.end(), connection.sender)
                self._leave(connection)
                return
            self._take(connection, bytes(self._buffer[:n_read]))
            if connection.cutter.is_broken:
                self._intake.note("broken_frame", connection.sender)
                self._leave(connection)
                return
            n_bytes += n_read

    def _take(self, connection: _Connection, block: bytes) -> None:
        cutter = connection.cutter
        was_unfinished, n_cut = cutter.is_unfinished, cutter.n_cut
        lines = cutter.cut(block)
        self._intake.put(lines, connection.sender)
        if cutter.n_cut > n_cut:
            self._intake.note("line_cut", connection.sender, times=cutter.n_cut - n_cut)
        # A line that trickles in does not become younger with each of its bytes.
        if len(lines[1]) or not was_unfinished:
            connection.since_seconds = time.monotonic()

    def _leave_silent(self) -> None:
        now = time.monotonic()
        for connection in list(self._connections):
            silent_seconds = now - connection.since_seconds
            is_unfinished = connection.is_unfinished
            if silent_seconds >= (_UNFINISHED_SECONDS if is_unfinished else _IDLE_SECONDS):
                if is_unfinished:
                    self._intake.note("line_never_ended", connection.sender)
                self._intake.put(connection.cutter.end(), connection.sender)
                self._leave(connection)

    def _leave(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def _drain(self) -> None:
        """Read what senders had sent by now, and tell them that nobody listens any more."""
        until = time.monotonic() + _DRAIN_SECONDS
        while self._accept():
            pass
        self._selector.unregister(self._listener)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):  # not that of TLS, which would end reading as well
                socket.socket.shutdown(connection.socket, socket.SHUT_WR)
        heard = time.monotonic()
        while self._connections and self._intake.has_room():
            if self._turn(_TICK_SECONDS):
                heard = time.monotonic()
            if time.monotonic() >= min(until, heard + _QUIET_SECONDS):
                break
        for connection in list(self._connections):
            self._leave(connection)
