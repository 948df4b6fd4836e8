"""Addresses that a server of ours listens on."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Return whether a server on this host can be reached from this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("")
    (True, True, False, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def host_of(listen: str) -> str:
    """Return the host of an address without brackets; empty means every interface.

    >>> host_of("[::1]:9464"), host_of(":9464")
    ('::1', '')
    """
    return listen.rpartition(":")[0].strip("[]")


def port_of(listen: str) -> int:
    """Return the port of an address; 0 means a free one."""
    return int(listen.rpartition(":")[2])
