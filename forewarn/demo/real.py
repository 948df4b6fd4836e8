"""The demo on real servers: history, live series, a fault, and the page that Alertmanager sent."""

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3
from rich.console import Console
from rich.live import Live
from rich.table import Table

from forewarn.demo.scenario import (
    FAULT_FACTOR,
    FAULTY,
    FAULTY_SERIES,
    HEALTHY_SECONDS,
    HISTORY_DAYS,
    NODE_HISTORY_SAMPLES,
    NODE_SIGNALS,
    PAGE_SECONDS,
    SIMULATED_SIGNALS,
)
from forewarn.demo.stage import Stage, running_stage
from forewarn.demo.watch import ask, series_views
from forewarn_adapters.local_servers import LocalServer
from forewarn_data.faults import Fault
from forewarn_data.live_exporter import clock_milliseconds
from forewarn_models.errors import ForewarnError, SourceUnavailable
from forewarn_reports.terminal import SeriesView, alert_frame, series_table
from forewarn_reports.wording import duration_text

_COURSE_SECONDS = 120.0
_HOUR_MILLISECONDS = 3_600_000
_FOREWARN = (sys.executable, "-m", "forewarn")


def play_on_real_servers(console: Console, *, stay: bool) -> None:
    """Play the demo from the first server to the page; with `stay`, go on until Ctrl-C.

    Raises ForewarnError when a part does not work.
    """
    with tempfile.TemporaryDirectory(prefix="forewarn-demo-") as folder:
        started = time.monotonic()
        servers = "Prometheus, Alertmanager and node_exporter"
        console.print(f"Starting {servers}; {HISTORY_DAYS} days of simulated history.")
        with running_stage(Path(folder)) as stage:
            _play(console, stage, started=started, stay=stay)


def _play(console: Console, stage: Stage, *, started: float, stay: bool) -> None:
    _tell(console, "Prometheus, Alertmanager and node_exporter run on loopback.", started)
    _command(stage, "train", *(signal["name"] for signal in SIMULATED_SIGNALS))
    _command(stage, "rules", "--out", str(stage.rules_path))
    _reload_rules(stage)
    _tell(console, "Trained on the simulated history; Prometheus has the alerting rules.", started)
    service = _start_service(stage)
    try:
        _watch(console, stage, until=lambda: False, seconds=HEALTHY_SECONDS)
        _break_something(console, stage, started)
        _learn_the_node(console, stage, started)
        _say_when_the_disk_is_full(console, stage, started)
        _say_what_next(console, stage)
        if stay:
            _watch(console, stage, until=lambda: False, seconds=float("inf"))
    finally:
        service.stop()


def _reload_rules(stage: Stage) -> None:
    answer = urllib3.request("POST", f"{stage.prometheus.url}/-/reload", timeout=30.0)
    if answer.status != 200:
        said = answer.data.decode(errors="replace").strip()
        raise SourceUnavailable(f"Prometheus must take the alerting rules, got: {said}")


def _start_service(stage: Stage) -> LocalServer:
    command = (*_FOREWARN, "run", "--config", str(stage.config_path), "--role", "score")
    url = f"http://{stage.places.listen}"
    log = stage.config_path.parent / "forewarn.log"
    return LocalServer(
        "forewarn", (*command, "--role", "api"), url, log, ready_path="/healthz"
    ).start()


def _break_something(console: Console, stage: Stage, started: float) -> None:
    now = clock_milliseconds()
    fault = Fault("level_shift", FAULTY_SERIES, now, now + _HOUR_MILLISECONDS, FAULT_FACTOR)
    stage.simulated.plant(fault)
    broken = time.monotonic()
    _tell(console, f"Now {FAULTY_SERIES} becomes {FAULT_FACTOR:g} times slower.", started)
    _watch(console, stage, until=lambda: bool(_pages_of_the_fault(stage)), seconds=PAGE_SECONDS)
    pages = _pages_of_the_fault(stage)
    if not pages:
        raise SourceUnavailable(
            f"Alertmanager must deliver a page within {PAGE_SECONDS} s of the fault, got none"
        )
    delay = time.monotonic() - broken
    _tell(console, f"Alertmanager delivered this page {delay:.1f} s after the fault:", started)
    console.print(alert_frame(pages[0]))


def _pages_of_the_fault(stage: Stage) -> list[dict[str, Any]]:
    return [
        alert
        for alert in stage.receiver.firing()
        if (alert["labels"].get("signal"), alert["labels"].get("service")) == FAULTY
    ]


def _learn_the_node(console: Console, stage: Stage, started: float) -> None:
    """Train the live series of this machine as soon as there is something to learn from."""
    _tell(console, "This machine's own series have been read all along; they are young.", started)
    _watch(console, stage, until=lambda: _node_has_history(stage), seconds=120.0)
    _command(stage, "train", *(signal["name"] for signal in NODE_SIGNALS))
    _tell(console, "Trained on the little that Prometheus has of this machine.", started)
    _watch(console, stage, until=lambda: _node_is_scored(stage), seconds=30.0)
    console.print(_table(console, stage, title="all series"))


def _node_has_history(stage: Stage) -> bool:
    samples = f"count_over_time({NODE_SIGNALS[0]['query']}[10m])"
    query = f"{samples} >= {NODE_HISTORY_SAMPLES}"
    return bool(ask(stage.prometheus.url, "/api/v1/query", {"query": query})["result"])


def _node_is_scored(stage: Stage) -> bool:
    names = {signal["name"] for signal in NODE_SIGNALS}
    verdicts = [view.verdict for view in _views(stage) if view.name.split("{")[0] in names]
    return bool(verdicts) and not any(verdict.startswith("cannot") for verdict in verdicts)


def _say_when_the_disk_is_full(console: Console, stage: Stage, started: float) -> None:
    query = {"query": 'forewarn_time_to_limit_seconds{signal="disk_free"}'}
    answer = ask(stage.prometheus.url, "/api/v1/query", query)["result"]
    seconds = {entry["metric"]["quantile"]: float(entry["value"][1]) for entry in answer}
    if {"0.1", "0.5"} <= seconds.keys():
        soon, middle = (_duration_or_beyond(seconds[level]) for level in ("0.1", "0.5"))
        text = f"The simulated disk will be full in {middle}; with a chance of 10 %, in {soon}."
        _tell(console, text, started)


def _duration_or_beyond(seconds: float) -> str:
    return "more than a week" if math.isinf(seconds) else duration_text(seconds)


def _say_what_next(console: Console, stage: Stage) -> None:
    url, prometheus = f"http://{stage.places.listen}", stage.prometheus.url
    console.print("\nWhat to look at next, while this runs:", style="bold")
    addresses = {
        f"{url}/api/v1/signals": "the signals, as a program sees them",
        f"{url}/metrics": "everything that is written back",
        f"{prometheus}/api/v1/query?query=forewarn_time_to_limit_seconds": "when the disk is full",
        f"{stage.alertmanager.url}/#/alerts": "the alert in Alertmanager",
    }
    # Debian's Prometheus draws graphs only where its package is installed with its scripts.
    if _answers(f"{prometheus}/classic/static/js/graph/index.js"):
        graph = f"{prometheus}/classic/graph?g0.expr=forewarn_anomaly_score&g0.tab=0"
        addresses[graph] = "the scores in Prometheus"
    for address, what in addresses.items():
        console.print(f"  {address}  {what}", highlight=False, soft_wrap=True)


def _answers(url: str) -> bool:
    return urllib3.request("GET", url.partition("#")[0], timeout=5.0, retries=False).status == 200


def _watch(console: Console, stage: Stage, *, until: Callable[[], bool], seconds: float) -> None:
    """Show the series once a second until something holds or the time is over."""
    deadline = time.monotonic() + seconds
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while time.monotonic() < deadline and not until():
            if console.is_terminal:
                title = "live, read back from Prometheus (the shop is simulated)"
                live.update(_table(console, stage, title=title), refresh=True)
            time.sleep(min(1.0, max(deadline - time.monotonic(), 0.0)))


def _table(console: Console, stage: Stage, *, title: str) -> Table:
    return series_table(_views(stage), title=title, width=console.width)


def _views(stage: Stage) -> list[SeriesView]:
    return series_views(stage.prometheus.url, seconds=_COURSE_SECONDS)


def _command(stage: Stage, *words: str) -> None:
    command = (*_FOREWARN, *words, "--config", str(stage.config_path))
    done = subprocess.run(command, check=False)  # noqa: S603  our own command, our own words
    if done.returncode:
        raise ForewarnError(f"`forewarn {words[0]}` must succeed, got exit {done.returncode}")


def _tell(console: Console, text: str, started: float) -> None:
    console.print(f"[dim]{time.monotonic() - started:5.1f} s[/dim]  {text}", highlight=False)
