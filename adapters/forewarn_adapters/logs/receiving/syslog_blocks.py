"""Lines of syslog as records of a journal: who sent them, when they came, where each lies."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forewarn_adapters.logs.batch import Lines
from forewarn_models.arrays import IntegerArray

_HEADER = struct.Struct("<qIH")  # nanoseconds, lines, bytes of the sender's address
BYTES_OF_PLACE = 8
# A frame may hold line feeds, and must not become two lines for whoever writes it to a file.
_ONE_LINE = bytes.maketrans(b"\n\r", b"  ")


@dataclass(frozen=True, eq=False)
class Received:
    """Lines that were received, n of them.

    Args:
        lines: each without line feeds.
        received_nanoseconds: (n,) when it came.
        sender: (n,) places in `senders`.
        senders: the addresses that sent them.
    """

    lines: Lines
    received_nanoseconds: IntegerArray
    sender: IntegerArray
    senders: tuple[str, ...]


def record_of(lines: Lines, sender: str, nanoseconds: int) -> tuple[bytes, ...]:
    """Return the parts of a record of lines that one sender sent."""
    data, places = lines
    address = sender.encode("ascii", "replace")
    header = _HEADER.pack(nanoseconds, len(places), len(address))
    return header, address, places.astype("<i4").tobytes(), data


def received_of(data: bytes, bounds: Sequence[tuple[int, int]]) -> Received:
    """Return the lines of records that lie at `bounds` in `data`."""
    senders: dict[bytes, int] = {}
    places, counts, times, who = [], [], [], []
    for begin, _ in bounds:
        nanoseconds, n_lines, n_address = _HEADER.unpack_from(data, begin)
        address_at = begin + _HEADER.size
        places_at = address_at + n_address
        address = data[address_at:places_at]
        within = np.frombuffer(data, dtype="<i4", count=2 * n_lines, offset=places_at)
        places.append(within.astype(np.int64) + (places_at + BYTES_OF_PLACE * n_lines))
        counts.append(n_lines)
        times.append(nanoseconds)
        who.append(senders.setdefault(address, len(senders)))
    return Received(
        (
            data.translate(_ONE_LINE),
            np.concatenate(places or [np.empty(0, dtype=np.int64)]).reshape(-1, 2),
        ),
        np.repeat(np.array(times, dtype=np.int64), counts),
        np.repeat(np.array(who, dtype=np.int64), counts),
        tuple(address.decode() for address in senders),
    )
