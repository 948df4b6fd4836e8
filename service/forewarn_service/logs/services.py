"""Who says what is counted: a source and a service of it, as a number."""

from collections.abc import Sequence

import numpy as np

from forewarn_adapters.logs.batch import LogStream
from forewarn_models.arrays import IntegerArray
from forewarn_models.patterns.text import readable

MOST_SERVICES = 10_000
MOST_SERVICE_BYTES = 200
OTHER_SERVICE, UNKNOWN = "other", "unknown"

_MOST_STREAMS = 100_000

Service = tuple[str, str]  # source, service


def label_value(text: str, most_bytes: int) -> str:
    r"""Return a text as the value of a label: valid, in one line, of at most so many bytes.

    >>> label_value("\x1b[31mshop\x1b[0m\n", 200), label_value("äöü", 3)
    ('shop', 'ä')
    """
    clean = readable(text[: 4 * most_bytes].encode("utf-8", "replace")).encode()
    return clean[:most_bytes].decode("utf-8", "ignore")


class Services:
    """All services so far, at most 10,000; lines of more are counted under `other`."""

    def __init__(self, *, most: int = MOST_SERVICES) -> None:
        self._most = most
        self.known: list[Service] = []
        self._number: dict[Service, int] = {}
        self._streams: dict[Service, int] = {}

    @property
    def is_full(self) -> bool:
        """Whether lines of a service that comes now are counted under `other`."""
        return len(self.known) >= self._most

    def __len__(self) -> int:
        return len(self.known)

    def numbers(self, source: str, streams: Sequence[LogStream]) -> IntegerArray:
        """Return the number of the service of each stream of a source."""
        if len(self._streams) > _MOST_STREAMS:
            self._streams.clear()
        numbers = [self._of_stream(source, stream.service) for stream in streams]
        return np.array(numbers, dtype=np.int64)

    def number(self, source: str, service: str) -> int:
        """Return the number of a service, a new one if need be."""
        held = self._number.get((source, service))
        if held is not None:
            return held
        if self.is_full and service != OTHER_SERVICE:
            return self.number(source, OTHER_SERVICE)
        self.known.append((source, service))
        return self._number.setdefault((source, service), len(self.known) - 1)

    def _of_stream(self, source: str, service: str) -> int:
        held = self._streams.get((source, service))
        if held is None:
            shown = label_value(service, MOST_SERVICE_BYTES) or UNKNOWN
            held = self._streams[source, service] = self.number(source, shown)
        return held
