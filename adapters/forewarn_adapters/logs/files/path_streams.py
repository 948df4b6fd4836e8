"""Who wrote a file, as far as its path says it."""

import re
from pathlib import PurePath

from forewarn_adapters.logs.batch import LogStream
from forewarn_models.labels import labels_of

# Kubernetes: /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log
_CONTAINER = re.compile(r"([^_/]+)_([^_/]+)_([^/]+)-[0-9a-f]{64}\.log")
# Kubernetes: /var/log/pods/NAMESPACE_POD_UID/CONTAINER/0.log
_POD = re.compile(r"([^_/]+)_([^_/]+)_[^_/]+")
_ROTATED = re.compile(r"(?:[-._][-._0-9T:Z]*[0-9][-._0-9T:Z]*)$")


def stream_of_path(path: str, host: str) -> LogStream:
    """Return who wrote a file on a host: its container in Kubernetes, else the file's stem.

    >>> stream_of_path("/var/log/nginx/error.log.1", "web1").service
    'error'
    >>> dict(stream_of_path("/var/log/pods/prod_a-1_77/api/0.log", "node1").labels)["container"]
    'api'
    """
    labels = {"filename": path}
    pure = PurePath(path)
    container = _CONTAINER.fullmatch(pure.name)
    if container:
        labels |= zip(("pod", "namespace", "container"), container.groups(), strict=True)
    elif len(pure.parts) > 3 and (pod := _POD.fullmatch(pure.parts[-3])) and "pods" in pure.parts:
        labels |= {"namespace": pod[1], "pod": pod[2], "container": pure.parts[-2]}
    service = labels.get("container") or _stem(pure.name)
    return LogStream(service, host, labels_of(labels))


def _stem(name: str) -> str:
    plain = _ROTATED.sub("", name) or name
    return PurePath(plain).stem
