"""A `forewarn run` that only reads logs, as a process, and what its `/metrics` says."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import urllib3
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from forewarn_adapters.local_servers import LocalServer, free_port


def log_service(folder: Path, sources: Iterable[str], *, prefix: Sequence[str] = ()) -> LocalServer:
    """Return a service, not started, with these sources, each a mapping of YAML in one line.

    `prefix` is a command that runs the command of the service.
    """
    port = free_port()
    config = folder / "forewarn.yaml"
    config.write_text(
        "prometheus: {url: 'http://127.0.0.1:1'}\n"
        f"api: {{listen: '127.0.0.1:{port}'}}\n"
        f"state_directory: '{folder / 'state'}'\n"
        "signals: [{name: load, query: load_ratio}]\n"
        "logs:\n"
        "  sources:\n" + "".join(f"    - {source}\n" for source in sources)
    )
    run = [sys.executable, "-m", "forewarn", "run", "--role", "logs", "--config", str(config)]
    url, log = f"http://127.0.0.1:{port}", folder / "service.txt"
    return LocalServer("logs", [*prefix, *run], url, log, ready_path="/healthz")


def log_samples(server: LocalServer) -> Iterator[Sample]:
    """Yield the samples of `/metrics` that are about logs."""
    text = urllib3.request("GET", f"{server.url}/metrics", timeout=30.0).data.decode()
    families: Iterable[Metric] = text_string_to_metric_families(text)
    for family in families:
        yield from (each for each in family.samples if each.name.startswith("forewarn_log_"))
