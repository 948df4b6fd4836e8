"""From the sample that crosses to the page: real Prometheus, Forewarn, Alertmanager, webhook.

    python benchmarks/bench_end_to_end.py [--step 1s|100ms] [--faults 20] [--minutes 10] [--quick]

Scrape, tick and rule interval are the step. Each fault is a jump of one series of its own at a
random phase; the clock runs from the timestamp of the first stored sample beyond the jump to the
receipt of the webhook. Beside them healthy series are watched for the whole time: their alerts
are counted.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from flow_parts import Site, build_site
from forewarn.demo.receiver import PageReceiver
from forewarn_adapters.local_servers import ScrapeJob, free_port, start_alertmanager
from forewarn_models.durations import parse_duration
from forewarn_rules import SignalRules, rules_for
from webhook import wait_until

JUMP = 5.0


def crossing(site: Site, machine: str) -> float:
    """Return the timestamp of the machine's first stored sample beyond the jump, in seconds."""
    found = site.query(f'load_ratio{{machine="{machine}"}}[30s]')
    return min(float(time_) for time_, value in found[0]["values"] if float(value) == JUMP)


def received(webhook: PageReceiver, machine: str) -> float | None:
    for at, body in zip(webhook.received_seconds, webhook.pages, strict=False):
        for alert in body["alerts"]:
            if alert["labels"].get("machine") == machine and alert["status"] == "firing":
                return at
    return None


def is_received(webhook: PageReceiver, machine: str) -> bool:
    return received(webhook, machine) is not None


def latencies(site: Site, webhook: PageReceiver, machines: list[str], pause: float) -> list[float]:
    found = []
    for machine in machines:
        time.sleep(pause + random.random() * pause)
        site.exporter.fixed[machine] = JUMP
        wait_until(partial(is_received, webhook, machine), seconds=60, every=0.005)
        at = received(webhook, machine)
        assert at is not None
        found.append(at - crossing(site, machine))
        print(f"  {machine}: {found[-1]:.2f} s", file=sys.stderr)
    return found


def run(directory: Path, chosen: argparse.Namespace) -> None:
    step = parse_duration(chosen.step)
    machines = [f"fault{n}" for n in range(chosen.faults)]
    healthy = [f"healthy{n}" for n in range(20)]
    webhook = PageReceiver()
    alertmanager = start_alertmanager(directory / "alertmanager", webhook_url=webhook.url)
    port = free_port()
    site = build_site(
        directory,
        machines=(*machines, *healthy),
        interval=chosen.step,
        rules=rules_for([SignalRules("load", step, train_every=parse_duration("1d"))]),
        jobs=[ScrapeJob("forewarn", f"127.0.0.1:{port}", interval=chosen.step, honor_labels=True)],
        alertmanager=alertmanager,
    )
    try:
        site.service(port=port, remote=chosen.remote).start()
        site.wait_for_scores(seconds=120)
        wait_until(lambda: site.answers('up{job="forewarn"} == 1'))
        began = time.monotonic()
        seconds = latencies(site, webhook, machines, pause=max(0.5, step.total_seconds()))
        time.sleep(max(0.0, chosen.minutes * 60 - (time.monotonic() - began)))
        false = {
            alert["labels"]["machine"]
            for alert in webhook.firing()
            if alert["labels"].get("machine", "").startswith("healthy")
        }
        way = "remote write" if chosen.remote else "scrape"
        minutes = (time.monotonic() - began) / 60
        print(
            f"step {chosen.step}, {way}, {len(seconds)} faults: "
            f"p50 {statistics.median(seconds):.2f} s, max {max(seconds):.2f} s; "
            f"alerts from {len(healthy)} healthy series in {minutes:.1f} minutes: {len(false)}"
        )
    finally:
        site.close()
        alertmanager.stop()
        webhook.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", default="1s")
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--remote", action="store_true", help="remote write in place of a scrape")
    parser.add_argument("--quick", action="store_true", help="5 faults, no waiting")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.faults, chosen.minutes = 5, 0.0
    with tempfile.TemporaryDirectory() as directory:
        run(Path(directory), chosen)


if __name__ == "__main__":
    main()
