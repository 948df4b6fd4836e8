"""Addresses that a server of ours listens on, opened."""

import contextlib
import socket
import ssl

from forewarn_adapters.config.addresses import host_of, port_of
from forewarn_adapters.config.endpoints import Tls
from forewarn_models.errors import ConfigError

_BACKLOG = 512
_DATAGRAM_BUFFER_BYTES = 16 << 20
_SO_RCVBUFFORCE = 33  # Linux: beyond the system's limit, for those who may


def tcp_listener(listen: str, *, key: str) -> socket.socket:
    """Return a socket that listens at `listen`, which `key` of the configuration says.

    Raises ConfigError when that address cannot be had.
    """
    host, family = _host(listen)
    try:
        return socket.create_server((host, port_of(listen)), family=family, backlog=_BACKLOG)
    except OSError as refused:
        raise _not_free(listen, key, refused) from refused


def udp_listener(listen: str, *, key: str) -> socket.socket:
    """Return a socket that takes datagrams at `listen`, with as much room for them as it may have.

    Raises ConfigError when that address cannot be had.
    """
    host, family = _host(listen)
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.bind((host, port_of(listen)))
    except OSError as refused:
        opened.close()
        raise _not_free(listen, key, refused) from refused
    for option in (socket.SO_RCVBUF, _SO_RCVBUFFORCE):
        with contextlib.suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, option, _DATAGRAM_BUFFER_BYTES)
    return opened


def address_of(listener: socket.socket) -> str:
    """Return `host:port` of a socket, with the port that it really has."""
    host, port = listener.getsockname()[:2]
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def server_tls(tls: Tls, *, key: str) -> ssl.SSLContext:
    """Return how TLS is served; with `ca_file`, callers must show a certificate that it signed.

    Raises ConfigError when the certificates cannot be used.
    """
    if tls.cert_file is None or tls.key_file is None:
        raise ConfigError(f"{key} must have cert_file and key_file")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A sender that never reads leaves tickets lying, and its system then ends the connection by a
    # reset, which may cost what it sent last.
    context.num_tickets = 0
    try:
        context.load_cert_chain(tls.cert_file, tls.key_file)
        if tls.ca_file is not None:
            context.load_verify_locations(tls.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as refused:
        raise ConfigError(
            f"{key} must name readable certificate and key files: {refused}"
        ) from refused
    return context


def _host(listen: str) -> tuple[str, socket.AddressFamily]:
    # Where nothing resolves names, this one still means what it says.
    host = host_of(listen)
    host = "127.0.0.1" if host == "localhost" else host
    return host, socket.AF_INET6 if ":" in host else socket.AF_INET


def _not_free(listen: str, key: str, refused: OSError) -> ConfigError:
    return ConfigError(f"{key} must be an address that is free, got {listen!r}: {refused.strerror}")
