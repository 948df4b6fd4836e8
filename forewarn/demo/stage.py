"""The servers of the demo: all on loopback, on free ports, with files in one temporary folder."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from forewarn.demo.receiver import PageReceiver
from forewarn.demo.scenario import (
    DISK_FULL_AFTER_DAYS,
    HISTORY_DAYS,
    HISTORY_STEP_SECONDS,
    SIMULATED_SIGNALS,
    Places,
    config_text,
)
from forewarn_adapters.local_servers import (
    LocalServer,
    PrometheusSettings,
    ScrapeJob,
    create_blocks,
    free_port,
    start_alertmanager,
    start_node_exporter,
    start_prometheus,
)
from forewarn_data.generator import DAY_MILLISECONDS, demo_series, simulate
from forewarn_data.live_exporter import SimulatedExporter, clock_milliseconds
from forewarn_data.writers import write_open_metrics
from forewarn_models.labels import labels_of
from forewarn_models.samples import floor_to_step

_SHOP = "shop"
_SEED = 1


@dataclass(frozen=True, eq=False)
class Stage:
    """Everything that runs while the demo plays.

    Args:
        places: where things listen.
        config_path: the `forewarn.yaml`.
        rules_path: the rule file that Prometheus evaluates; it starts empty.
        prometheus: holds the history and scrapes the live series.
        alertmanager: delivers to `receiver`.
        simulated: the exporter that continues the simulated history.
        receiver: where pages arrive.
    """

    places: Places
    config_path: Path
    rules_path: Path
    prometheus: LocalServer
    alertmanager: LocalServer
    simulated: SimulatedExporter
    receiver: PageReceiver


@contextmanager
def running_stage(directory: Path) -> Iterator[Stage]:
    """Start the servers with two weeks of simulated history; stop them all on leaving."""
    with ExitStack() as stack:
        now = clock_milliseconds()
        # The disk is cleaned at midnight, so its trend must begin at one.
        today = floor_to_step(now, DAY_MILLISECONDS)
        origin = today - (HISTORY_DAYS + DISK_FULL_AFTER_DAYS) * DAY_MILLISECONDS
        simulated = stack.enter_context(SimulatedExporter(seed=_SEED, origin_milliseconds=origin))
        write_history(directory, target=simulated.target, now=now, origin=origin)
        receiver = PageReceiver()
        stack.callback(receiver.close)
        alertmanager = start_alertmanager(directory, webhook_url=receiver.url)
        stack.callback(alertmanager.stop)
        node = start_node_exporter(directory)
        stack.callback(node.stop)
        listen = f"127.0.0.1:{free_port()}"
        rules = directory / "forewarn-rules.yml"
        rules.write_text("groups: []\n")
        prometheus = start_prometheus(
            directory,
            PrometheusSettings(
                jobs=(
                    ScrapeJob(_SHOP, simulated.target),
                    ScrapeJob("node", node.url.removeprefix("http://")),
                    ScrapeJob("forewarn", listen, honor_labels=True),
                ),
                rule_files=(rules,),
                alertmanager=alertmanager.url.removeprefix("http://"),
            ),
        )
        stack.callback(prometheus.stop)
        places = Places(prometheus.url, listen, str(directory))
        config = directory / "forewarn.yaml"
        config.write_text(config_text(places))
        yield Stage(places, config, rules, prometheus, alertmanager, simulated, receiver)


def write_history(directory: Path, *, target: str, now: int, origin: int) -> None:
    """Write the simulated history as blocks, under the labels that scraping `target` will give."""
    step = HISTORY_STEP_SECONDS * 1000
    times = np.arange(now - HISTORY_DAYS * DAY_MILLISECONDS, now, step, dtype=np.int64)
    queries = {signal["query"] for signal in SIMULATED_SIGNALS}
    series = [one for one in demo_series(_SEED) if dict(one.labels)["__name__"] in queries]
    scraped = {"job": _SHOP, "instance": target}
    named = [replace(one, labels=labels_of({**dict(one.labels), **scraped})) for one in series]
    panel = simulate(named, times, origin_milliseconds=origin)
    history = directory / "history.om"
    write_open_metrics(panel, history)
    create_blocks(history, directory / "tsdb")
    history.unlink()
