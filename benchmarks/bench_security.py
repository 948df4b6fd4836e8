"""How fast lines are held against all shipped security rules, and what a flood of attacks takes.

    python benchmarks/bench_security.py [--quick]

Healthy lines are simulated: access logs, JSON and syslog. Beside them the same rules as one regular
expression of all their words over each line, as a script would do it, which finds candidates only.
Seconds are of processor time.
"""

import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.batch import LogBatch, LogStream
from forewarn_adapters.security.rules import SecurityRules
from forewarn_adapters.security.watch import SecurityWatch

TARGET = "300,000 healthy lines/s"
BATCH_LINES = 10_000
SETTINGS = LogSourceConfig(name="bench", files=(Path("/var/log/bench.log"),))
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"


def access(generator: random.Random) -> str:
    path = generator.choice(["/", "/static/app.js", "/login", f"/items/{generator.random()}"])
    status = generator.choice([200] * 40 + [304] * 5 + [404])
    address = f"10.0.{generator.randrange(4)}.{generator.randrange(256)}"
    size = generator.randrange(100_000)
    head = f"{address} - - [27/Nov/2026:10:00:00 +0000]"
    return f'{head} "GET {path} HTTP/1.1" {status} {size} "-" "{AGENT}"'


def record(generator: random.Random) -> str:
    order, trace = generator.randrange(10**6), f"{generator.getrandbits(128):032x}"
    return (
        '{"time":"2026-11-27T10:00:00Z","level":"info","service":"checkout","msg":"order placed",'
        f'"order_id":{order},"duration_ms":{generator.randrange(500)},"trace_id":"{trace}"}}'
    )


def syslog(generator: random.Random) -> str:
    said = generator.choice(
        [
            "systemd[1]: Started Session 5 of user ana.",
            "kernel: [12.1] eth0: link becomes ready",
            "CRON[77]: (root) CMD (/usr/lib/sa/sa1 1 1)",
            "dhclient[9]: DHCPACK of 10.0.0.7 from 10.0.0.1",
            "nginx[8]: upstream timed out while reading response header from upstream",
        ]
    )
    return f"Nov 27 10:00:{generator.randrange(60):02} web{generator.randrange(9)} {said}"


def brute_force(generator: random.Random) -> str:
    address = f"203.0.{generator.randrange(256)}.{generator.randrange(256)}"
    return (
        f"Nov 27 10:00:00 web1 sshd[{generator.randrange(30_000)}]: Failed password for invalid "
        f"user u{generator.randrange(1_000)} from {address} port 50122 ssh2"
    )


def batches(lines: list[str]) -> Iterator[LogBatch]:
    for first in range(0, len(lines), BATCH_LINES):
        part = [line.encode() for line in lines[first : first + BATCH_LINES]]
        ends = np.cumsum([len(line) + 1 for line in part], dtype=np.int64) - 1
        places = np.stack([np.concatenate([[0], ends[:-1] + 1]), ends], axis=1)
        n, data = len(part), (b"\n".join(part), places)
        times = np.full(n, 1_764_237_600 * 10**9 + first * 10**6, dtype=np.int64)
        zeros = np.zeros(n, dtype=np.int64)
        yield LogBatch(data, data, times, zeros.astype(np.int8), zeros, (LogStream(),), {})


def seconds_of(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def resident_megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def main() -> None:
    n_lines = 20_000 if "--quick" in sys.argv else 400_000
    began = time.process_time()
    rules = SecurityRules.load(shipped=True)
    print(f"target: {TARGET}")
    print(f"{len(rules.facts())} rules read in {time.process_time() - began:.2f} s")
    words = sorted({word for rule in rules.lines for word in rule.literals or ()})
    plain = re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
    for name, kind in (("access log", access), ("JSON", record), ("syslog", syslog)):
        generator = random.Random(0)
        lines = [kind(generator) for _ in range(n_lines)]
        ready = list(batches(lines))
        watch = SecurityWatch(rules)
        taken = seconds_of(lambda: [watch.take(batch, SETTINGS) for batch in ready])  # noqa: B023
        few = lines[: n_lines // 20]
        beside = seconds_of(lambda: [plain.search(line) for line in few]) * len(lines) / len(few)  # noqa: B023
        megabytes = sum(map(len, lines)) / 1e6
        print(
            f"{name:<12}{n_lines / taken:12,.0f} lines/s {megabytes / taken:6.0f} MB/s, "
            f"{beside / taken:6.1f} times one expression of all words"
        )
    generator = random.Random(0)
    flood = [brute_force(generator) for _ in range(n_lines // 4)]
    ready, watch, before = list(batches(flood)), SecurityWatch(rules), resident_megabytes()
    taken = seconds_of(lambda: [watch.take(batch, SETTINGS) for batch in ready])
    print(
        f"attacks only {len(flood) / taken:11,.0f} lines/s from as many addresses, "
        f"{resident_megabytes() - before:.0f} MB more"
    )
    print(f"state        {seconds_of(watch.state) * 1_000:11,.0f} ms")


if __name__ == "__main__":
    main()
