"""Real monitoring servers on loopback and free ports: for the demo and for tests.

The programs are those of the system or of `debian_programs`. Every server keeps its files in a
directory of the caller's and dies with this process, however that ends.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3
import yaml

from forewarn_adapters.debian_programs import TEMPLATE_DIRECTORY, programs_directory
from forewarn_models.errors import SourceUnavailable

PROMETHEUS = ("prometheus",)
PROMTOOL = ("promtool",)
ALERTMANAGER = ("prometheus-alertmanager", "alertmanager")
NODE_EXPORTER = ("prometheus-node-exporter", "node_exporter")
RSYSLOG = ("rsyslogd",)  # sends logs in tests
SERVERS = (PROMETHEUS, PROMTOOL, ALERTMANAGER, NODE_EXPORTER)

_READY_SECONDS = 20.0
_STOP_SECONDS = 5.0
_SYSTEM_FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def find_program(names: Sequence[str]) -> str | None:
    """Return the path of the first of these programs that is installed, else None."""
    unpacked = programs_directory() / "usr"
    folders = f"{os.environ.get('PATH', '')}:{_SYSTEM_FOLDERS}:{unpacked}/bin:{unpacked}/sbin"
    found = (shutil.which(name, path=folders) for name in names)
    return next((path for path in found if path), None)


def missing_programs(wanted: Sequence[Sequence[str]] = SERVERS) -> tuple[str, ...]:
    """Return the names of the programs that are not installed here."""
    return tuple(names[0] for names in wanted if find_program(names) is None)


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class LocalServer:
    """A server process; `start` may be called again after `stop` or `kill`, on the same port."""

    name: str
    command: Sequence[str]
    url: str
    log_path: Path
    ready_path: str = "/-/ready"
    working_directory: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> "LocalServer":
        """Start the process and return when it is ready; SourceUnavailable if it never is."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603  the command is built in this module
                _dying_with_parent(self.command),
                cwd=self.working_directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_ready()
        return self

    def stop(self) -> None:
        """Ask the process to end, and make it end if it does not."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self.process and self.process.poll() is None:
            if _answers(self.url + self.ready_path):
                return
            time.sleep(0.02)
        self.kill()
        log = self.log_path.read_text(errors="replace").strip().splitlines()
        raise SourceUnavailable(
            f"{self.name} must be ready within {_READY_SECONDS:.0f} s, got none; "
            f"its last words: {log[-1] if log else 'nothing'}"
        )


@dataclass(frozen=True)
class ScrapeJob:
    """A target that Prometheus scrapes, as `host:port`."""

    name: str
    target: str
    interval: str = "1s"
    honor_labels: bool = False


@dataclass(frozen=True)
class PrometheusSettings:
    """What the configuration file of a local Prometheus holds.

    Args:
        jobs: what it scrapes.
        rule_files: the rules that it evaluates.
        alertmanager: its Alertmanager as `host:port`.
        interval: of scrapes and rules where a job names none.
        out_of_order: how old a remote-written sample may be.
    """

    jobs: Sequence[ScrapeJob] = ()
    rule_files: Sequence[Path] = ()
    alertmanager: str | None = None
    interval: str = "1s"
    out_of_order: str = "1h"
    external_labels: Mapping[str, str] = field(default_factory=dict)


def start_prometheus(directory: Path, settings: PrometheusSettings) -> LocalServer:
    """Return a running Prometheus that keeps its data in `directory`/tsdb."""
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "prometheus.yml"
    config.write_text(yaml.safe_dump(_prometheus_config(settings), sort_keys=False))
    command = (
        _program(PROMETHEUS),
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'tsdb'}",
        "--storage.tsdb.retention.time=1y",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--web.external-url=http://127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--web.enable-lifecycle",
        "--web.enable-admin-api",
        # An alert that fires before the Alertmanager is discovered waits for its resend.
        "--rules.alert.resend-delay=1s",
    )
    url = f"http://127.0.0.1:{port}"
    return LocalServer("prometheus", command, url, directory / "prometheus.log").start()


def start_alertmanager(
    directory: Path, *, webhook_url: str, group_interval: str = "1s"
) -> LocalServer:
    """Return a running Alertmanager that sends every alert to `webhook_url` at once."""
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "alertmanager.yml"
    route = {
        "receiver": "webhook",
        "group_by": ["..."],
        "group_wait": "0s",
        "group_interval": group_interval,
        "repeat_interval": "4h",
    }
    webhook = {"url": webhook_url, "send_resolved": True}
    receivers = [{"name": "webhook", "webhook_configs": [webhook]}]
    config.write_text(yaml.safe_dump({"route": route, "receivers": receivers}, sort_keys=False))
    return start_configured_alertmanager(directory, config)


def start_configured_alertmanager(directory: Path, config: Path) -> LocalServer:
    """Return a running Alertmanager with a configuration file of its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = (
        _program(ALERTMANAGER),
        f"--config.file={config}",
        f"--storage.path={directory / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--web.external-url={url}",
        "--cluster.listen-address=",
    )
    log = directory / "alertmanager.log"
    template = programs_directory() / TEMPLATE_DIRECTORY
    folder = template if template.exists() else None
    return LocalServer("alertmanager", command, url, log, working_directory=folder).start()


def start_node_exporter(directory: Path) -> LocalServer:
    """Return a running node_exporter with its default collectors."""
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    command = (_program(NODE_EXPORTER), f"--web.listen-address=127.0.0.1:{port}")
    url = f"http://127.0.0.1:{port}"
    log = directory / "node_exporter.log"
    return LocalServer("node_exporter", command, url, log, ready_path="/").start()


def create_blocks(openmetrics: Path, data_directory: Path) -> None:
    """Write the samples of an OpenMetrics file into a data directory that no server has open."""
    data_directory.mkdir(parents=True, exist_ok=True)
    command = (
        _program(PROMTOOL),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--quiet",
        "--max-block-duration=48h",
        str(openmetrics),
        str(data_directory),
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  built above
    if done.returncode:
        raise SourceUnavailable(f"promtool must accept {openmetrics}: {done.stderr.strip()}")


def _prometheus_config(settings: PrometheusSettings) -> dict[str, Any]:
    times = {"scrape_interval": settings.interval, "evaluation_interval": settings.interval}
    labels = {"external_labels": dict(settings.external_labels)} if settings.external_labels else {}
    config: dict[str, Any] = {
        "global": {**times, "scrape_timeout": settings.interval, **labels},
        "storage": {"tsdb": {"out_of_order_time_window": settings.out_of_order}},
        "rule_files": [str(path) for path in settings.rule_files],
        "scrape_configs": [
            {
                "job_name": job.name,
                "scrape_interval": job.interval,
                "scrape_timeout": job.interval,
                "honor_labels": job.honor_labels,
                "static_configs": [{"targets": [job.target]}],
            }
            for job in settings.jobs
        ],
    }
    if settings.alertmanager:
        targets = [{"static_configs": [{"targets": [settings.alertmanager]}]}]
        config["alerting"] = {"alertmanagers": targets}
    return config


def _program(names: Sequence[str]) -> str:
    path = find_program(names)
    if path is None:
        raise SourceUnavailable(
            f"{names[0]} must be installed, got none on this machine: run `make servers`, "
            "or install the Debian packages prometheus, prometheus-alertmanager and "
            "prometheus-node-exporter"
        )
    return path


def _dying_with_parent(command: Sequence[str]) -> Sequence[str]:
    setpriv = find_program(("setpriv",))
    return (setpriv, "--pdeathsig", "KILL", "--", *command) if setpriv else command


def _answers(url: str) -> bool:
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        answer = urllib3.request("GET", url, timeout=1.0, retries=False)
        return answer.status == 200
    return False
