"""The body of a remote write request (protocol 1.0): protocol buffers, written by hand.

    WriteRequest { repeated TimeSeries timeseries = 1; }
    TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
    Label { string name = 1; string value = 2; }
    Sample { double value = 1; int64 timestamp = 2; }

Source: the Prometheus remote write specification 1.0. The bytes of a series' labels are kept, and
those of all samples are laid out by numpy, so that no object is made for a sample.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.errors import WriteError
from forewarn_models.labels import Labels

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_MOST_CACHED_SERIES = 500_000

# A timestamp between these takes exactly six bytes: February 1971 to May 2109.
EARLIEST_MILLISECONDS = 1 << 35
LATEST_MILLISECONDS = (1 << 42) - 1

# Field 2 of TimeSeries, 16 bytes: field 1 (8 bytes), then field 2 (6 bytes) of Sample.
_SAMPLE_BYTES = 18
_SAMPLE_HEAD = (0x12, 16, 0x09)
_TIMESTAMP_TAG = 0x10


@dataclass(slots=True)
class SeriesCache:
    """The encoded labels of the series that were written before."""

    _encoded: dict[Labels, tuple[bytes, bytes]] = field(default_factory=dict)

    def encoded(self, labels: Labels) -> tuple[bytes, bytes]:
        """Return the labels as bytes, bare and with the head of a TimeSeries of one sample."""
        known = self._encoded.get(labels)
        if known is None:
            text = encode_labels(labels)
            known = (text, _head(text, 1))
            if len(self._encoded) >= _MOST_CACHED_SERIES:
                self._encoded.clear()
            self._encoded[labels] = known
        return known


def encode_request(
    series: Sequence[Labels],
    row: IntegerArray,
    timestamp_milliseconds: IntegerArray,
    value: FloatArray,
    *,
    cache: SeriesCache,
) -> bytes:
    """Return a WriteRequest; samples of a row that follow each other share one TimeSeries.

    Args:
        series: the labels of the rows, `__name__` among them.
        row: (n,) the row of each sample.
        timestamp_milliseconds: (n,) in the years 1972 to 2108.
        value: (n,) any, NaN included.
        cache: of the labels' bytes.

    Raises WriteError when labels or timestamps cannot be written.
    """
    if not len(row):
        return b""
    samples = _encode_samples(timestamp_milliseconds, value)
    edges = np.concatenate(([0], np.flatnonzero(row[1:] != row[:-1]) + 1, [len(row)]))
    starts, ends = edges[:-1], edges[1:]
    parts = []
    for place, start, end in zip(row[starts].tolist(), starts.tolist(), ends.tolist(), strict=True):
        labels, head = cache.encoded(series[place])
        parts.append(head if end - start == 1 else _head(labels, end - start))
        parts.append(samples[start * _SAMPLE_BYTES : end * _SAMPLE_BYTES])
    return b"".join(parts)


def encode_labels(labels: Labels) -> bytes:
    """Return labels, sorted, as fields of a TimeSeries; empty values are labels that are absent.

    Raises WriteError when a name is not valid, is there twice, or `__name__` is missing.
    """
    present = sorted((name, value) for name, value in labels if value)
    names = [name for name, _ in present]
    metric = dict(present).get("__name__", "")
    if not _METRIC_NAME.fullmatch(metric):
        raise WriteError(f"a series to write must have a valid `__name__`, got {metric!r}")
    wrong = next((name for name in names if not _LABEL_NAME.fullmatch(name)), None)
    if wrong is not None or len(set(names)) != len(names):
        got = names if wrong is None else wrong
        raise WriteError(f"the labels of {metric} must have valid names, each once, got {got!r}")
    return b"".join(
        b"\x0a" + _varint(len(pair)) + pair
        for pair in (_text(1, name) + _text(2, value) for name, value in present)
    )


def _encode_samples(timestamp_milliseconds: IntegerArray, value: FloatArray) -> bytes:
    if (
        timestamp_milliseconds.min() < EARLIEST_MILLISECONDS
        or timestamp_milliseconds.max() > LATEST_MILLISECONDS
    ):
        raise WriteError("a timestamp to write must lie in the years 1972 to 2108")
    out = np.empty((len(value), _SAMPLE_BYTES), np.uint8)
    out[:, 0:3] = _SAMPLE_HEAD
    out[:, 3:11] = value.astype("<f8").view(np.uint8).reshape(-1, 8)
    out[:, 11] = _TIMESTAMP_TAG
    for byte in range(6):
        out[:, 12 + byte] = timestamp_milliseconds >> (7 * byte) & 0x7F
    out[:, 12:17] |= 0x80
    return out.tobytes()


def _head(labels: bytes, count: int) -> bytes:
    return b"\x0a" + _varint(len(labels) + count * _SAMPLE_BYTES) + labels


def _text(number: int, text: str) -> bytes:
    content = text.encode("utf-8", "replace")
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
