"""How fast lines of logs are counted by pattern, from bytes to counters, and what that takes.

    python benchmarks/bench_logs.py [--quick]

Lines are simulated: text, `key=value` and JSON, about 130 bytes. Cold: a miner that knows nothing.
Warm: lines that it has not met, of statements that it has. Drain3, with six masks, mines a part
of the same lines where it is installed. Seconds are of
processor time; what is compiled or read from what is kept comes before, and is told apart.
"""

import importlib.util
import resource
import sys
import time
from collections.abc import Callable

import numpy as np

from forewarn_data.log_lines import log_lines
from forewarn_models.patterns.miner import Miner
from forewarn_models.patterns.scanning import line_places
from forewarn_models.patterns.warming import warm_patterns

TARGETS = "150,000 lines/s cold, 400,000 warm, ten times drain3, 200 MB"
BLOCK_BYTES = 1 << 20
N_STATEMENTS = 1000
DRAIN_LINES = 20_000
MASKS = [
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z?", "TIME"),
    (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r"(?<![A-Za-z0-9])(?:/[\w.-]+){2,}", "PATH"),
    (r"(?<![A-Za-z0-9.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![A-Za-z0-9])", "IP"),
    (r"(?<![A-Za-z0-9])0x[a-fA-F0-9]+(?![A-Za-z0-9])", "HEX"),
    (r"(?<![A-Za-z0-9])[-+]?\d+(?![A-Za-z0-9])", "NUM"),
]


def seconds_of(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def count(miner: Miner, data: bytes) -> None:
    """Do what the command does with a file, block by block."""
    begin = 0
    while begin < len(data):
        end = data.rfind(b"\n", begin, begin + BLOCK_BYTES) + 1
        block = data[begin:end]
        lines = np.empty((block.count(b"\n"), 2), dtype=np.int64)
        line_places(np.frombuffer(block, dtype=np.uint8), 0, lines)
        miner.mine(block, lines)
        begin = end


def name_of(number: int) -> str:
    """Return letters for a number, which are a word: no two services have a pattern in common."""
    return "".join(chr(ord("a") + number // 26**place % 26) for place in range(4))


def show_memory(n_services: int) -> None:
    """Offer patterns of many services, far more than are kept, and print what is resident."""
    miner = Miner()

    def offer() -> None:
        for first in range(0, n_services, 500):
            lines = log_lines(5_000, n_statements=50, seed=first)
            named = (f"{name_of(first + n % 500)} {line}\n" for n, line in enumerate(lines))
            count(miner, "".join(named).encode())

    speed = 10 * n_services / seconds_of(offer)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{n_services:,} services, each with patterns of its own, made on the way")
    print(f"  resident               {resident:12,.0f} MB")
    print(f"  made and counted       {speed:12,.0f} lines/s")
    print(f"  patterns kept          {len(miner.patterns()):12,}")


def show_ours(parts: list[bytes], n_lines: int) -> float:
    miner, speed = Miner(), 0.0
    for name, data in zip(("cold", "warm"), parts, strict=True):
        speed = n_lines / seconds_of(lambda d=data: count(miner, d))  # type: ignore[misc]  # bound now
        print(f"  {name:22} {speed:12,.0f} lines/s {speed * len(data) / n_lines / 1e6:8.0f} MB/s")
    print(f"  patterns               {len(miner.patterns()):12,}")
    return speed


def show_drain(lines: list[str], ours: float) -> None:
    if importlib.util.find_spec("drain3") is None:
        print("  drain3                 is not installed")
        return
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(*mask) for mask in MASKS]
    miner = TemplateMiner(config=config)

    def mine() -> None:
        for line in lines:
            miner.add_log_message(line)

    mine()
    speed = len(lines) / seconds_of(mine)
    print(f"  drain3, warm           {speed:12,.0f} lines/s   ratio {ours / speed:8.1f}")


def main() -> None:
    n_lines = 50_000 if "--quick" in sys.argv else 1_000_000
    print(f"targets: {TARGETS}")
    print(f"start: compiled, or read   {seconds_of(warm_patterns):8.2f} s")
    show_memory(n_lines // 20)
    lines = log_lines(2 * n_lines, n_statements=N_STATEMENTS)
    parts = [
        "".join(f"{line}\n" for line in part).encode()
        for part in (lines[:n_lines], lines[n_lines:])
    ]
    drained = lines[:DRAIN_LINES]
    del lines
    print(f"{n_lines:,} lines of {len(parts[0]) / n_lines:.0f} bytes, {N_STATEMENTS:,} statements")
    show_drain(drained, show_ours(parts, n_lines))


if __name__ == "__main__":
    main()
