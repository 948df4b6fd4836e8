"""Half an hour with a thousand series: is memory flat, how long do ticks take.

    python benchmarks/bench_soak.py [--minutes 30] [--series 1000] [--step 5s] [--remote] [--quick]

A real Prometheus scrapes a small exporter; `forewarn run` scores every series at every step.
Printed: its resident memory over time, the ticks' p50, p99 and maximum, and its share of a core.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
import urllib3

from flow_parts import build_site
from forewarn_adapters.local_servers import LocalServer, ScrapeJob, free_port
from forewarn_models.durations import parse_duration

TICKS = "forewarn_tick_duration_seconds"


def ticks(service: LocalServer) -> tuple[float, int]:
    """Return the sum and the number of ticks so far."""
    text = urllib3.request("GET", f"{service.url}/metrics").data.decode()
    lines = [line for line in text.splitlines() if line.startswith((f"{TICKS}_s", f"{TICKS}_c"))]
    values = dict(line.rsplit(" ", 1) for line in lines)
    signal = '{signal="load"}'
    return float(values[f"{TICKS}_sum{signal}"]), int(float(values[f"{TICKS}_count{signal}"]))


def resident_megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(service: LocalServer, *, minutes: float, step_seconds: float) -> None:
    assert service.process is not None
    pid = service.process.pid
    seconds, count = ticks(service)
    began, began_processor = time.monotonic(), processor_seconds(pid)
    durations, memory = [], []
    while time.monotonic() - began < minutes * 60:
        time.sleep(step_seconds / 2)
        now_seconds, now_count = ticks(service)
        if now_count > count:
            durations += [(now_seconds - seconds) / (now_count - count)] * (now_count - count)
            seconds, count = now_seconds, now_count
            memory.append((time.monotonic() - began, resident_megabytes(pid)))
    share = (processor_seconds(pid) - began_processor) / (time.monotonic() - began)
    shown = memory[:: max(1, len(memory) // 12)]
    print("minutes  MB resident")
    for at, megabytes in [*shown, memory[-1]]:
        print(f"{at / 60:7.1f}  {megabytes:7.1f}")
    p50, p99 = np.percentile(durations, [50, 99])
    print(
        f"{len(durations)} ticks: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, "
        f"max {max(durations) * 1000:.0f} ms; {share * 100:.1f} % of a core"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--series", type=int, default=1_000)
    parser.add_argument("--step", default="5s")
    parser.add_argument("--remote", action="store_true", help="remote write in place of a scrape")
    parser.add_argument("--quick", action="store_true", help="100 series at 1 s for half a minute")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.minutes, chosen.series, chosen.step = 0.5, 100, "1s"
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        site = build_site(
            Path(directory),
            machines=tuple(f"m{n}" for n in range(chosen.series)),
            interval=chosen.step,
            jobs=[
                ScrapeJob("forewarn", f"127.0.0.1:{port}", interval=chosen.step, honor_labels=True)
            ],
        )
        try:
            service = site.service(port=port, remote=chosen.remote).start()
            site.wait_for_scores(seconds=120)
            step_seconds = parse_duration(chosen.step).total_seconds()
            watch(service, minutes=chosen.minutes, step_seconds=step_seconds)
        finally:
            site.close()


if __name__ == "__main__":
    main()
