"""A whole deployment on loopback: exporter, Prometheus, Alertmanager, and services as processes."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from forewarn_adapters.clock import now_milliseconds
from forewarn_adapters.local_servers import (
    LocalServer,
    PrometheusSettings,
    ScrapeJob,
    free_port,
    start_prometheus,
)
from forewarn_adapters.registry import Registry, TrainingRecord
from forewarn_models.durations import milliseconds_of, parse_duration
from service_parts import Exporter, fitted, history, scraped
from webhook import wait_until

MACHINES = ("m0", "m1", "m2")
RULE = """
groups:
  - name: forewarn
    interval: 1s
    rules:
      - alert: Anomaly
        expr: forewarn_episode_active == 1
        labels: {team: x}
"""


@dataclass
class Site:
    """What stands around the services."""

    directory: Path
    exporter: Exporter
    prometheus: LocalServer
    registry_url: str
    store_url: str
    machines: tuple[str, ...] = MACHINES
    step: str = "1s"
    services: list[LocalServer] = field(default_factory=list)

    def query(self, expression: str, *, at: float | None = None) -> list[dict[str, Any]]:
        fields = {"query": expression} | ({"time": f"{at:.3f}"} if at else {})
        url = f"{self.prometheus.url}/api/v1/query"
        answer = urllib3.request("GET", url, fields=fields, timeout=5.0, retries=False).json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def times(self, selector: str, *, start: float, end: float) -> dict[str, list[int]]:
        """The timestamps of the stored samples of each machine, in milliseconds."""
        window = f"{selector}[{int((end - start) * 1000)}ms]"
        return {
            series["metric"]["machine"]: [round(float(time) * 1000) for time, _ in series["values"]]
            for series in self.query(window, at=end)
        }

    def unscored(self, *, start: float, end: float) -> dict[str, set[int]]:
        """The times that have a sample but no score, or a score but no sample, by machine."""
        samples = self.times("load_ratio", start=start, end=end)
        scores = self.times("forewarn_anomaly_score", start=start, end=end)
        assert set(samples) == set(self.machines)
        differences = {each: set(samples[each]) ^ set(scores.get(each, ())) for each in samples}
        return {each: times for each, times in differences.items() if times}

    def wait_for_scores(self, *, seconds: float = 30.0) -> float:
        """Wait until every machine has a score that is younger than 3 s; return the time."""
        fresh = f"count(time() - timestamp(forewarn_anomaly_score) < 3) == {len(self.machines)}"
        wait_until(lambda: self.answers(fresh), seconds=seconds, every=0.2)
        return time.time()

    def answers(self, expression: str) -> bool:
        """Whether Prometheus answers, and with a value."""
        try:
            return bool(self.query(expression))
        except urllib3.exceptions.HTTPError:
            return False

    def service(
        self,
        name: str = "one",
        *,
        port: int | None = None,
        remote: bool = True,
        roles: Sequence[str] = (),
    ) -> LocalServer:
        """Return a `forewarn run` that is not started yet."""
        port = port or free_port()
        folder = self.directory / name
        folder.mkdir(exist_ok=True)
        config = folder / "forewarn.yaml"
        write = f"remote_write: {{url: '{self.prometheus.url}/api/v1/write'}}" if remote else ""
        config.write_text(
            f"prometheus: {{url: '{self.prometheus.url}', timeout: 2s}}\n{write}\n"
            f"api: {{listen: '127.0.0.1:{port}'}}\n"
            f"training: {{tracking_url: '{self.registry_url}'}}\n"
            f"store_url: '{self.store_url}'\n"
            f"state_directory: '{folder / 'state'}'\n"
            f"signals:\n  - {{name: load, query: load_ratio, step: {self.step}, history: 1h}}\n"
        )
        command = [sys.executable, "-m", "forewarn", "run", "--config", str(config)]
        command += [word for role in roles or ("score", "api") for word in ("--role", role)]
        log = folder / "service.log"
        server = LocalServer(name, command, f"http://127.0.0.1:{port}", log, ready_path="/healthz")
        self.services.append(server)
        return server

    def stop_services(self) -> None:
        for service in self.services:
            service.stop()
        self.services.clear()

    def close(self) -> None:
        self.stop_services()
        self.prometheus.stop()
        self.exporter.close()


def build_site(
    directory: Path,
    *,
    machines: Sequence[str] = MACHINES,
    interval: str = "1s",
    rules: str = RULE,
    jobs: Sequence[ScrapeJob] = (),
    alertmanager: LocalServer | None = None,
) -> Site:
    """Start exporter and Prometheus, and train a champion for the signal `load`."""
    exporter = Exporter(machines)
    rule_file = directory / "rules.yml"
    rule_file.write_text(rules)
    prometheus = start_prometheus(
        directory / "prometheus",
        PrometheusSettings(
            jobs=(ScrapeJob("fleet", exporter.target, interval=interval), *jobs),
            rule_files=(rule_file,),
            interval=interval,
            alertmanager=alertmanager.url.removeprefix("http://") if alertmanager else None,
        ),
    )
    site = Site(
        directory,
        exporter,
        prometheus,
        f"sqlite:///{directory}/mlflow.db",
        f"sqlite:///{directory}/store.db",
        tuple(machines),
        interval,
    )
    promote(site)
    return site


def promote(site: Site, *, seed: int = 3) -> int:
    """Register a champion that was fitted on healthy history; return its version."""
    now = now_milliseconds()
    step = milliseconds_of(parse_duration(site.step))
    panel = history(
        scraped(site.machines, site.exporter.target),
        end_milliseconds=now,
        step_milliseconds=step,
        n_times=max(3_600, 3_600_000 // step),
        seed=seed,
    )
    model = fitted(panel)
    registry = Registry(site.registry_url)
    version = registry.log_training(TrainingRecord("load", "detector", model.state(), now))
    registry.promote("load", "detector", version)
    return version
