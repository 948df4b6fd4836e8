"""Which fields of structured logs say who wrote a line and how severe it is, bounded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
_LABELS_OF_PODS = "kubernetes.labels"
_MOST_LABELS = 50
_MOST_CHARACTERS = 256

# Fields and their values as they stand in a line, in its order.
Found = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Node:
    """What a key of a mapping means: a field by this name, a mapping with keys of its own, both.

    An open one is a mapping whose keys are all fields.
    """

    name: str = ""
    below: dict[str, "_Node"] = field(default_factory=dict)
    is_open: bool = False


def _tree() -> _Node:
    root = _Node()
    for name in (*_LEVEL_FIELDS, *_HOST_FIELDS, *_OTHER_FIELDS):
        for node in _nodes_of(root, name.split(".")):
            node.name = name
    for node in _nodes_of(root, _LABELS_OF_PODS.split(".")):
        node.name, node.is_open = _LABELS_OF_PODS, True
    return root


def _nodes_of(root: _Node, parts: list[str]) -> Iterator[_Node]:
    """Yield the nodes of a field, whose name may be joined by dots or nested in every way."""
    for n_joined in range(1, len(parts) + 1):
        node = root.below.setdefault(".".join(parts[:n_joined]), _Node())
        if n_joined == len(parts):
            yield node
        else:
            yield from _nodes_of(node, parts[n_joined:])


_TOP = _tree().below


def found_in(line: Mapping[str, Any]) -> Found:
    """Return the fields of one line, nested or dotted, that say who wrote it and how severe it is.

    >>> found_in({"message": "hi", "log": {"level": "info"}, "host.name": "a", "user": {"id": 7}})
    (('log.level', 'info'), ('host.name', 'a'))
    """
    found: list[tuple[str, str]] = []
    for name, value in line.items():
        if name in _TOP:
            _find(_TOP[name], value, found)
        elif name.startswith(_LABELS_OF_PODS) and type(value) is str:
            found.append((name, value))
    return tuple(found)


def _find(node: _Node, value: Any, found: list[tuple[str, str]]) -> None:
    if type(value) is dict:
        if node.is_open:
            labels = [(f"{node.name}.{name}", inner) for name, inner in value.items()]
            found += [(name, str(inner)) for name, inner in labels if isinstance(inner, str | int)]
            return
        below = node.below
        for name, inner in value.items():
            if name in below:
                _find(below[name], inner, found)
    elif node.name and isinstance(value, str | int):
        found.append((node.name, str(value)))


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
