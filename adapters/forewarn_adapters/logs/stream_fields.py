"""Which fields of structured logs say who wrote a line and how severe it is, bounded."""

from collections.abc import Iterator, Mapping
from typing import Any

from forewarn_adapters.logs.batch import LogStream
from forewarn_adapters.logs.levels import level_of
from forewarn_models.labels import Labels, labels_of

_LEVEL_FIELDS = (
    *("log.level", "level", "severity", "severity_text", "detected_level", "log_level"),
    *("loglevel", "levelname", "lvl"),
)
# The machine before the pod, as Elastic's schema, OpenTelemetry and log shippers name them.
_HOST_FIELDS = (
    *("host.name", "host.hostname", "hostname", "host", "node_name", "_HOSTNAME"),
    *("kubernetes.pod.name", "kubernetes.pod_name", "k8s.pod.name", "pod", "pod_name"),
    *("agent.hostname", "instance"),
)
_OTHER_FIELDS = (
    *("service.name", "service.namespace", "service.environment", "service", "service_name"),
    *("app", "application", "app_name", "appname", "job", "component", "program", "unit"),
    *("environment", "deployment.environment", "namespace", "cluster", "container"),
    *("container.name", "container_name", "process.name", "event.dataset"),
    *("data_stream.dataset", "SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT"),
    *("kubernetes.namespace", "kubernetes.namespace_name", "kubernetes.namespace.name"),
    *("kubernetes.container.name", "kubernetes.container_name", "kubernetes.deployment.name"),
    *("k8s.namespace.name", "k8s.container.name", "k8s.deployment.name"),
)
_LABELS_OF_PODS = "kubernetes.labels."
_FIELDS = frozenset((*_LEVEL_FIELDS, *_HOST_FIELDS, *_OTHER_FIELDS))
# Mappings that such fields may lie in: nothing else is looked into.
_FOLDERS = frozenset(
    name[:place]
    for name in (*_FIELDS, _LABELS_OF_PODS)
    for place in range(len(name))
    if name[place] == "."
)
_MOST_LABELS = 50
_MOST_CHARACTERS = 256

# Fields and their values as they stand in a line, in its order.
Found = tuple[tuple[str, str], ...]


def found_in(line: Mapping[str, Any]) -> Found:
    """Return the fields of one line, nested or dotted, that say who wrote it and how severe it is.

    >>> found_in({"message": "hi", "log": {"level": "info"}, "host.name": "a", "user": {"id": 7}})
    (('log.level', 'info'), ('host.name', 'a'))
    """
    found: list[tuple[str, str]] = []
    for name, value in line.items():
        if type(value) is str:
            if _is_field(name):
                found.append((name, value))
        elif _is_field(name) or name in _FOLDERS:
            found += _below(name, value)
    return tuple(found)


def _is_field(name: str) -> bool:
    return name in _FIELDS or name.startswith(_LABELS_OF_PODS)


def _below(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the fields at and below a name."""
    if isinstance(value, dict):
        if name in _FOLDERS:
            for inner, deeper in value.items():
                yield from _below(f"{name}.{inner}", deeper)
    elif isinstance(value, str | int) and _is_field(name):
        yield name, str(value)


class Streams:
    """The streams of one answer, each once, in the order in which they came."""

    def __init__(self) -> None:
        self._places: dict[Labels, int] = {}
        self._streams: list[LogStream] = []

    def place_and_level(self, found: Found, more: Labels = ()) -> tuple[int, int]:
        """Return which stream has these fields, and the level that they say."""
        fields = {**dict(more), **dict(found)}
        names = [name for name in _LEVEL_FIELDS if name in fields]
        level = next((level for name in names if (level := level_of(fields[name]))), 0)
        host = next((fields[name] for name in _HOST_FIELDS if name in fields), "")
        kept = [(name, value) for name, value in fields.items() if name not in _LEVEL_FIELDS]
        labels = labels_of({cut(name): cut(value) for name, value in kept[:_MOST_LABELS]})
        place = self._places.setdefault(labels, len(self._streams))
        if place == len(self._streams):
            self._streams.append(LogStream("", cut(host), labels))
        return place, level

    def all(self) -> tuple[LogStream, ...]:
        """Return them."""
        return tuple(self._streams)


def cut(text: str) -> str:
    """Return a text without what is beyond the longest name or value of a label."""
    return text[:_MOST_CHARACTERS]
