"""Under which keys JSON records of well-known loggers say what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

# logrus, zap, pino, bunyan, structlog, slog, Serilog, ECS, GELF, python-json-logger, journald,
# MongoDB.
MESSAGE_KEYS = (
    *("message", "msg", "log", "event", "body", "@m", "@mt", "short_message"),
    *("textPayload", "text", "MESSAGE", "Message"),
)
LEVEL_KEYS = (
    *("level", "log.level", "severity", "levelname", "lvl", "loglevel", "log_level"),
    *("level_name", "severity_text", "severityText", "@l", "levelno", "PRIORITY", "Level", "s"),
)
TIME_KEYS = (
    *("@timestamp", "timestamp", "time", "ts", "datetime", "asctime", "@t", "timeMillis"),
    *("date", "eventTime", "__REALTIME_TIMESTAMP", "Timestamp", "t", "t.$date"),
)
HOST_KEYS = (
    *("hostname", "host", "host.name", "host.hostname", "kubernetes.pod_name"),
    *("kubernetes.pod.name", "_HOSTNAME", "HOSTNAME"),
)
# Beside those that are configured.
SERVICE_KEYS = ("kubernetes.container_name", "kubernetes.container.name", "SYSLOG_IDENTIFIER")
TRACE_KEYS = ("trace_id", "traceId", "traceID", "trace.id", "otelTraceID", "dd.trace_id")

Path: TypeAlias = tuple[str, ...]
Record: TypeAlias = Mapping[str, Any]
_MOST_PARTS = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """Where records with the same keys have what, the first candidate of each role first.

    Args:
        message: the key, where the first candidate is one of the record itself; else empty.
        level: likewise.
        time: likewise.
        host: likewise.
        deep: by role, all candidates as paths, for when the first one does not do.
        service: candidates: a key that is there, the path under it, and the rank.
        is_container: the keys are those of Docker's json-file.
    """

    message: str
    level: str
    time: str
    host: str
    deep: tuple[tuple[Path, ...], ...]
    service: tuple[tuple[str, Path, int], ...]
    is_container: bool


def paths_of(name: str) -> tuple[Path, ...]:
    """Return where a name with dots may be: a key, or a key in a record in a record."""
    parts = tuple(name.split(".", _MOST_PARTS - 1))
    return ((name,), parts) if len(parts) > 1 else ((name,),)


def value_at(record: Record, path: Path) -> Any:
    """Return what is at a path, None where nothing is."""
    value: Any = record
    for key in path:
        if type(value) is not dict:
            return None
        value = value.get(key)
    return value


def plan_of(keys: Sequence[str], service_labels: tuple[str, ...]) -> Plan:
    """Return the plan for records with such keys."""
    held = frozenset(keys)
    roles = (MESSAGE_KEYS, LEVEL_KEYS, TIME_KEYS, HOST_KEYS)
    deep = tuple(tuple(path for path in _candidates(names) if path[0] in held) for names in roles)
    message, level, time, host = (
        paths[0][0] if paths and len(paths[0]) == 1 else "" for paths in deep
    )
    service = [
        (path[0], path[1:], rank)
        for rank, name in enumerate((*service_labels, *SERVICE_KEYS))
        for path in paths_of(name)
        if path[0] in held
    ]
    is_container = held >= {"log", "stream", "time"}
    return Plan(message, level, time, host, deep, tuple(service), is_container)


@lru_cache(maxsize=16)
def _candidates(names: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(path for name in names for path in paths_of(name))
