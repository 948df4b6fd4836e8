"""What several keys of `logs` must be together."""

from collections.abc import Iterator

from forewarn_adapters.config.addresses import host_of, is_loopback, port_of
from forewarn_adapters.config.endpoints import Endpoint
from forewarn_adapters.config.faults import shown
from forewarn_adapters.config.log_sources import Elasticsearch, LogSourceConfig, Otlp, Syslog
from forewarn_adapters.config.logs import Logs
from forewarn_adapters.config.nodes import Node
from forewarn_adapters.config.problems import Path, Problem
from forewarn_adapters.config.shared_checks import (
    endpoint_problems,
    server_tls_problems,
    unique_problems,
)

_KINDS = ("files", "loki", "victorialogs", "elasticsearch", "otlp", "syslog")


def log_problems(logs: Logs, root: Node) -> Iterator[Problem]:
    """Yield what is wrong among the keys of `logs`."""
    path: Path = ("logs", "sources")
    yield from unique_problems([source.name for source in logs.sources], path, root)
    yield from _shared_addresses(logs, path, root)
    for index, source in enumerate(logs.sources):
        yield from _source(source, (*path, index), root)


def _source(source: LogSourceConfig, path: Path, root: Node) -> Iterator[Problem]:
    given = [key for key in _KINDS if getattr(source, key)]
    if len(given) != 1:
        got = " and ".join(f"`{key}`" for key in given) or "none"
        yield Problem(
            path,
            f"exactly one of {', '.join(f'`{key}`' for key in _KINDS)} must be given, got {got}",
            reads=tuple((*path, key) for key in _KINDS),
        )
    for key in given:
        kind = getattr(source, key)
        place = (*path, key)
        if isinstance(kind, Endpoint):
            yield from endpoint_problems(kind, place, root)
        if isinstance(kind, Elasticsearch):
            yield from _elasticsearch(kind, place)
        if isinstance(kind, Otlp):
            yield from _otlp(kind, place, root)
        if isinstance(kind, Syslog):
            yield from _syslog(kind, place, root)


def _elasticsearch(settings: Elasticsearch, path: Path) -> Iterator[Problem]:
    others = [key for key in ("basic_auth", "bearer_token") if getattr(settings, key)]
    if settings.api_key and others:
        yield Problem(
            (*path, "api_key"),
            f"must not stand beside `{others[0]}`: a request carries one of them",
            reads=((*path, others[0]),),
        )


def _otlp(settings: Otlp, path: Path, root: Node) -> Iterator[Problem]:
    listen = (*path, "listen")
    if settings.bearer_token is None and not is_loopback(host_of(settings.listen)):
        yield Problem(
            listen,
            f"listening beyond loopback needs `bearer_token`, got {shown(listen, root)} and none: "
            "anyone on the network could send what they like",
            reads=((*path, "bearer_token"),),
        )
    if settings.tls is not None:
        yield from server_tls_problems(settings.tls, (*path, "tls"))


def _syslog(settings: Syslog, path: Path, root: Node) -> Iterator[Problem]:
    listen, allow, tls = ((*path, key) for key in ("listen", "allow", "tls"))
    knows_senders = settings.allow or (settings.tls and settings.tls.ca_file)
    if not knows_senders and not is_loopback(host_of(settings.listen)):
        yield Problem(
            listen,
            "listening beyond loopback needs `allow`, or `tls` with `ca_file`, got "
            f"{shown(listen, root)} and neither: anyone on the network could send what they like",
            reads=(allow, tls),
        )
    if settings.tls is not None:
        yield from server_tls_problems(settings.tls, tls)
        if settings.transport == "udp":
            transport = (*path, "transport")
            yield Problem(
                tls,
                f"needs `transport: tcp`, got {shown(transport, root)}",
                reads=(transport,),
            )


def _shared_addresses(logs: Logs, path: Path, root: Node) -> Iterator[Problem]:
    first: dict[tuple[str, str], Path] = {}
    for index, source in enumerate(logs.sources):
        for key in ("otlp", "syslog"):
            receiver = getattr(source, key)
            if receiver is None or port_of(receiver.listen) == 0:
                continue
            place = (*path, index, key, "listen")
            protocol = "udp" if getattr(receiver, "transport", "tcp") == "udp" else "tcp"
            before = first.setdefault((protocol, receiver.listen), place)
            if before != place:
                yield Problem(
                    place,
                    f"must be an address of its own, got {shown(place, root)} twice",
                    reads=(before,),
                )
