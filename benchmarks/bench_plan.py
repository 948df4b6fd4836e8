"""What `forewarn plan` says of a configuration, beside what its `forewarn run` takes.

    python benchmarks/bench_plan.py [--series 2000] [--step 5s] [--seconds 60] [--remote] [--quick]

A real Prometheus is filled with the minutes that the service keeps, and scrapes a small exporter.
`forewarn run` catches up, then its processor time and resident memory are taken over some seconds;
once with few series and once with many, so that what the program needs of its own falls away.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
from bench_soak import processor_seconds, resident_megabytes, ticks

from flow_parts import Site, build_site
from forewarn.planning import SignalPlan, plan_of
from forewarn_adapters.clock import now_milliseconds
from forewarn_adapters.config.reading import read_config
from forewarn_adapters.config.servers import RemoteWrite
from forewarn_adapters.local_servers import LocalServer, ScrapeJob, free_port
from forewarn_adapters.registry import Registry, TrainingRecord
from forewarn_adapters.remote_write import RemoteWriter
from forewarn_models.durations import milliseconds_of, parse_duration
from forewarn_models.warming import warm
from forewarn_service.timing import timing_of
from service_parts import fitted, history, scraped
from webhook import wait_until

FEW = 50
LEARNED_SLOTS = 3_600
TICKS_FIRST = 5  # before anything is taken


@dataclass(frozen=True)
class Taken:
    """What a signal of so many series takes."""

    series: int
    kilobytes: float
    seconds_per_hour: float


def fill(site: Site, *, since_milliseconds: int, step_milliseconds: int) -> None:
    """Write what the exporter would have said since then."""
    series = [
        (("__name__", "load_ratio"), *labels)
        for labels in scraped(site.machines, site.exporter.target)
    ]
    writer = RemoteWriter(RemoteWrite(url=f"{site.prometheus.url}/api/v1/write"))
    random = np.random.default_rng(1)
    for at in range(since_milliseconds, now_milliseconds(), step_milliseconds):
        values = 1.0 + 0.05 * random.standard_normal(len(series))
        writer.send(series, np.arange(len(series)), np.full(len(series), at), values)
    writer.close()


def promote_older(site: Site, *, step_milliseconds: int) -> int:
    """Promote a champion whose history ends before what the service keeps; return that end."""
    window = timing_of(step_milliseconds).window
    end = now_milliseconds() - 3 * window // 2
    panel = history(
        scraped(site.machines, site.exporter.target),
        end_milliseconds=end,
        step_milliseconds=step_milliseconds,
        n_times=LEARNED_SLOTS,
    )
    registry = Registry(site.registry_url)
    record = TrainingRecord("load", "detector", fitted(panel).state(), end)
    registry.promote("load", "detector", registry.log_training(record))
    return panel.end_milliseconds


def watched(service: LocalServer, *, seconds: float) -> tuple[float, float]:
    """Return the resident kilobytes and the processor seconds an hour of a process."""
    assert service.process is not None
    pid = service.process.pid
    began, spent = time.monotonic(), processor_seconds(pid)
    kilobytes = []
    while time.monotonic() - began < seconds:
        time.sleep(1.0)
        kilobytes.append(1_000 * resident_megabytes(pid))
    share = (processor_seconds(pid) - spent) / (time.monotonic() - began)
    return float(np.median(kilobytes)), 3_600 * share


def run(n_series: int, chosen: argparse.Namespace) -> tuple[Taken, SignalPlan]:
    """Return what a run takes, and what the plan of its configuration says."""
    port, step = free_port(), milliseconds_of(parse_duration(chosen.step))
    jobs = [ScrapeJob("forewarn", f"127.0.0.1:{port}", interval=chosen.step, honor_labels=True)]
    with tempfile.TemporaryDirectory() as directory:
        site = build_site(
            Path(directory),
            machines=tuple(f"m{n}" for n in range(n_series)),
            interval=chosen.step,
            jobs=() if chosen.remote else jobs,
        )
        try:
            since = promote_older(site, step_milliseconds=step)
            fill(site, since_milliseconds=since, step_milliseconds=step)
            service = site.service(port=port, remote=chosen.remote).start()
            scored = f"count(forewarn_anomaly_score) == {n_series}"
            wait_until(lambda: site.answers(scored), seconds=300, every=1.0)
            wait_until(lambda: ticks(service)[1] >= TICKS_FIRST, seconds=600, every=1.0)
            kilobytes, seconds = watched(service, seconds=chosen.seconds)
            site.stop_services()
            settings = read_config(Path(directory) / "one" / "forewarn.yaml", environment={})
            plan = plan_of(settings, progress=lambda _: None).signals["load"]
        finally:
            site.close()
    assert plan is not None
    return Taken(n_series, kilobytes, seconds), plan


def show(what: str, taken: float, planned: float) -> None:
    print(f"{what:34} {taken:10.1f} {planned:10.1f} {planned / taken:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=2_000)
    parser.add_argument("--step", default="5s")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--remote", action="store_true", help="remote write in place of a scrape")
    parser.add_argument("--quick", action="store_true", help="200 series for ten seconds")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.series, chosen.step, chosen.seconds = 200, "1s", 10.0
    warm()  # a service that compiles keeps the compiler in memory
    (few, _), (many, plan) = run(FEW, chosen), run(chosen.series, chosen)
    more = many.series - few.series
    print(f"{'':34} {'taken':>10} {'planned':>10} {'ratio':>8}")
    kilobytes = (many.kilobytes - few.kilobytes) / more
    show("kB resident, a series", kilobytes, plan.memory_bytes / plan.series / 1_000)
    show(f"CPU s/h, {many.series} series", many.seconds_per_hour, plan.scoring_seconds_per_hour)
    apart = (many.seconds_per_hour - few.seconds_per_hour) * plan.series / more
    show("the same, without the program", apart, plan.scoring_seconds_per_hour)
    print(f"with {FEW} series: {few.kilobytes / 1_000:.0f} MB, {few.seconds_per_hour:.0f} s/h")


if __name__ == "__main__":
    main()
