"""What holds for keys of more than one section: servers, certificates, names."""

from collections.abc import Iterator

from forewarn_adapters.config.endpoints import Endpoint, Tls
from forewarn_adapters.config.faults import shown
from forewarn_adapters.config.nodes import Node
from forewarn_adapters.config.problems import Path, Problem, path_text


def endpoint_problems(endpoint: Endpoint, path: Path, root: Node) -> Iterator[Problem]:
    """Yield what is wrong with how a server is to be reached."""
    if endpoint.basic_auth and endpoint.bearer_token:
        yield Problem(
            (*path, "bearer_token"),
            "must not stand beside `basic_auth`: a request carries one of them",
            reads=((*path, "basic_auth"),),
        )
    if endpoint.tls is not None:
        yield from key_pair_problems(endpoint.tls, (*path, "tls"))
        if endpoint.url.startswith("http://"):
            url = (*path, "url")
            yield Problem(
                (*path, "tls"),
                f"needs a `url` that begins with https://, got {shown(url, root)}",
                reads=(url,),
            )


def key_pair_problems(tls: Tls, path: Path) -> Iterator[Problem]:
    """Yield where a certificate lacks its key, or a key its certificate."""
    pair = {"cert_file": tls.cert_file, "key_file": tls.key_file}
    missing = [key for key, file in pair.items() if file is None]
    if len(missing) == 1:
        present = next(key for key in pair if key not in missing)
        yield Problem(
            (*path, present), f"must stand with `{missing[0]}`", reads=((*path, missing[0]),)
        )


def unique_problems(names: list[str], path: Path, root: Node) -> Iterator[Problem]:
    """Yield each name that stands in an entry before, too."""
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        before = first.setdefault(name, index)
        if before != index:
            other = (*path, before, "name")
            this = (*path, index, "name")
            yield Problem(
                this,
                f"must be unique, got {shown(this, root)}, which is {path_text(other)} on line "
                f"{root.line_of(other)} too",
                reads=(other,),
            )


def server_tls_problems(tls: Tls, path: Path) -> Iterator[Problem]:
    """Yield what is wrong with the certificates that a server of ours shows."""
    yield from key_pair_problems(tls, path)
    if tls.cert_file is None and tls.key_file is None:
        yield Problem(
            path,
            "serving over TLS needs `cert_file` and `key_file`",
            reads=((*path, "cert_file"), (*path, "key_file")),
        )
