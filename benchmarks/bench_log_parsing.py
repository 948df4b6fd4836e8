"""How fast what lines of logs say of themselves is read: message, level, time, service, host.

    python benchmarks/bench_log_parsing.py [--quick]

From bytes that a file gave to a batch with all of these, in the format `auto`. Beside it, a part of
the same lines in Python: `json` and one regular expression for each format, told beforehand, its
time parsed by `datetime.fromisoformat` or `strptime`. Seconds are of processor time.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.batch import LogBatch, LogStream
from forewarn_adapters.logs.enrichment import enrich
from forewarn_adapters.logs.files.cutting import BLOCK_BYTES, cut_lines
from forewarn_models.lines.warming import warm_lines

SETTINGS = LogSourceConfig(name="files", files=(Path("/var/log/app.log"),))
STREAM = LogStream("app", "node-1", (("filename", "/var/log/app.log"),))
N_PEER_LINES = 20_000
CRI = "2026-11-27T15:00:00.123456789Z stdout F "
TARGETS = {"text": 600, "java": 600, "json": 700, "cri, json": 500, "logfmt": 150, "combined": 200}

Fields = tuple[str, str, float]


def words(number: int) -> str:
    return f"request {number} from 10.0.{number % 250}.7 took {number % 977} ms"


def record(number: int) -> str:
    return (
        f'{{"timestamp":"2026-11-27T15:00:00.{number % 10**6:06d}Z","level":"info",'
        f'"service":"checkout","host":"node-{number % 5}","trace_id":"{number:032x}",'
        f'"message":"{words(number)}","status":200}}'
    )


MAKERS: dict[str, Callable[[int], str]] = {
    "text": lambda number: (
        f"{words(number)} and all was as usual, here and there and everywhere else"
    ),
    "java": lambda number: (
        f"2026-11-27 15:00:00,123 INFO [worker-{number % 9}] com.example.Service - {words(number)}"
    ),
    "syslog": lambda number: f"Nov 27 14:00:01 web{number % 5} sshd[{number}]: {words(number)}",
    "logfmt": lambda number: (
        f"ts=2026-11-27T15:00:00.{number % 10**6:06d}Z level=info service=checkout "
        f'host=node-{number % 5} trace_id={number:032x} msg="{words(number)}" status=200'
    ),
    "combined": lambda number: (
        f'10.0.0.{number % 250} - - [27/Nov/2026:15:00:00 +0000] "GET /api/users/{number}?x=1 H/1"'
        f' 200 {number} "https://example.com/a" "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"'
    ),
    "json": record,
    "cri, json": lambda number: CRI + record(number),
    "docker, text": lambda number: json.dumps(
        {"log": words(number) + "\n", "stream": "stdout", "time": CRI[:30]}
    ),
}

JAVA = re.compile(r"(\S+ \S+) (\w+) \[([^\]]*)\] (\S+) - (.*)")
SYSLOG = re.compile(r"(\w{3} [ \d]\d \d\d:\d\d:\d\d) (\S+) ([^\[:]+)(?:\[(\d+)\])?: (.*)")
PAIR = re.compile(r'(\w+)=(?:"([^"]*)"|(\S*))')
COMBINED = re.compile(
    r'(\S+) \S+ (\S+) \[([^\]]+)\] "(\S+) (\S+) [^"]*" (\d+) (\S+) "([^"]*)" "([^"]*)"'
)


def of_json(line: str) -> Fields:
    found = json.loads(line)
    moment = datetime.fromisoformat(found["timestamp"]).timestamp()
    return found["message"], found["level"], moment


def of_java(line: str) -> Fields:
    found = JAVA.match(line)
    assert found is not None
    moment = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S,%f")  # noqa: DTZ007  local time
    return found[5], found[2], moment.timestamp()


def of_syslog(line: str) -> Fields:
    found = SYSLOG.match(line)
    assert found is not None
    moment = datetime.strptime(f"2026 {found[1]}", "%Y %b %d %H:%M:%S")  # noqa: DTZ007  local time
    return found[5], "", moment.timestamp()


def of_logfmt(line: str) -> Fields:
    found = {key: quoted or bare for key, quoted, bare in PAIR.findall(line)}
    return found["msg"], found["level"], datetime.fromisoformat(found["ts"]).timestamp()


def of_combined(line: str) -> Fields:
    found = COMBINED.match(line)
    assert found is not None
    moment = datetime.strptime(found[3], "%d/%b/%Y:%H:%M:%S %z").timestamp()
    return f"{found[4]} {found[5]} {found[6]}", "error" if found[6] >= "500" else "info", moment


def of_docker(line: str) -> Fields:
    found = json.loads(line)
    return found["log"].rstrip(), "", datetime.fromisoformat(found["time"][:26]).timestamp()


LEVEL = re.compile(r"\b(DEBUG|INFO|WARN|ERROR|FATAL)\b")


def of_text(line: str) -> Fields:
    found = LEVEL.search(line)
    return line, found[1] if found else "", 0.0


PEERS: dict[str, Callable[[str], Fields]] = {
    "text": of_text,
    "java": of_java,
    "syslog": of_syslog,
    "logfmt": of_logfmt,
    "combined": of_combined,
    "json": of_json,
    "cri, json": lambda line: of_json(line.split(" ", 3)[3]),
    "docker, text": of_docker,
}


def blocks_of(data: bytes) -> list[bytes]:
    blocks, begin = [], 0
    while begin < len(data):
        end = data.rfind(b"\n", begin, begin + BLOCK_BYTES) + 1
        blocks.append(data[begin:end])
        begin = end
    return blocks


def read(block: bytes) -> LogBatch:
    lines, _, _ = cut_lines(block)
    zeros = np.zeros(len(lines), dtype=np.int64)
    both = block, lines
    levels = zeros.astype(np.int8)
    return enrich(LogBatch(both, both, zeros, levels, zeros, (STREAM,), {}), SETTINGS)


def seconds_of(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    n_lines = 50_000 if "--quick" in sys.argv else 500_000
    print(f"start: compiled, or read   {seconds_of(warm_lines):8.2f} s")
    for name, maker in MAKERS.items():
        lines = [maker(number) for number in range(n_lines)]
        blocks = blocks_of("".join(f"{line}\n" for line in lines).encode())
        n_bytes = sum(map(len, blocks)) / n_lines
        read(blocks[0])
        speed = n_lines / seconds_of(lambda b=blocks: [read(block) for block in b])  # type: ignore[misc]  # bound now
        part, peer = lines[:N_PEER_LINES], PEERS[name]
        peer_speed = len(part) / seconds_of(lambda p=part, f=peer: [f(line) for line in p])  # type: ignore[misc]  # bound now
        target = f"target {TARGETS[name]:4},000" if name in TARGETS else ""
        print(
            f"{name:14}{n_bytes:5.0f} bytes {speed:12,.0f} lines/s  {target:16}"
            f" Python {peer_speed:10,.0f} lines/s   ratio {speed / peer_speed:6.1f}"
        )


if __name__ == "__main__":
    main()
