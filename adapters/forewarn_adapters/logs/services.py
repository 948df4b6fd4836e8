"""Which service and host lines are of: what the configuration, the source and the lines say."""

from pathlib import PurePath

import numpy as np

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.batch import LogStream
from forewarn_adapters.logs.formats.json_keys import SERVICE_KEYS
from forewarn_models.arrays import IntegerArray
from forewarn_models.lines.grouping import MOST_NAME_BYTES
from forewarn_models.lines.layout import (
    HOST_BEGIN,
    HOST_END,
    PROGRAM_RANK,
    SERVICE_BEGIN,
    SERVICE_END,
    SERVICE_RANK,
)

_CERTAIN, _WEAK = -1, PROGRAM_RANK + 1


def named_streams(
    streams: tuple[LogStream, ...],
    stream: IntegerArray,
    found: tuple[bytes, IntegerArray],
    settings: LogSourceConfig,
) -> tuple[tuple[LogStream, ...], IntegerArray]:
    """Return who wrote n groups of lines, each once, and (n,) which of these each group is of.

    Args:
        streams: what the source says.
        stream: (n,) the place in `streams` of each group.
        found: bytes, and (n, N_COLUMNS) the head of a line of each group, with places in them.
        settings: says the service, or which labels and fields do.
    """
    data, heads = found
    ranked = [_ranked(each, settings) for each in streams]
    is_of_files = bool(settings.files)
    numbers: dict[LogStream, int] = {}
    group = np.empty(len(stream), dtype=np.int64)
    for row, (number, head) in enumerate(zip(stream.tolist(), heads.tolist(), strict=True)):
        source, (service, rank) = streams[number], ranked[number]
        said = _text(data, head[SERVICE_BEGIN], head[SERVICE_END])
        if said and head[SERVICE_RANK] < rank:
            service = said
        host = _text(data, head[HOST_BEGIN], head[HOST_END])
        if source.host and not (is_of_files and host):
            host = source.host
        named = LogStream(service, host, source.labels)
        group[row] = numbers.setdefault(named, len(numbers))
    return tuple(numbers), group


def _ranked(stream: LogStream, settings: LogSourceConfig) -> tuple[str, int]:
    """Return what names the service beside the lines, and its rank: the lower, the surer."""
    if settings.service is not None:
        return settings.service, _CERTAIN
    if stream.service and not settings.files:
        return stream.service, _CERTAIN
    labels = dict(stream.labels)
    for rank, name in enumerate((*settings.service_labels, *SERVICE_KEYS)):
        if labels.get(name):
            return labels[name], rank
    return stream.service or _stem(labels.get("filename", "")), _WEAK


def _stem(path: str) -> str:
    return PurePath(path).stem


def _text(data: bytes, begin: int, end: int) -> str:
    return data[begin : min(end, begin + MOST_NAME_BYTES)].decode("utf-8", "replace")
