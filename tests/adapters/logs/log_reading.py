"""Reading a source of lines to its end, whatever goes wrong, also in a process that is killed.

As a program: `python log_reading.py KIND SETTINGS_JSON FOLDER` reads from the cursor in the folder
until it is killed. What was read is appended to a file, and what counts of that file is kept
together with the cursor, as a checkpoint would.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson

from forewarn_adapters.logs.batch import Cursor, LogBatch, LogSource
from forewarn_models.errors import SourceError

MOST_FAILURES = 100
CHECKPOINT, LINES = "checkpoint.json", "lines.txt"

MODULES = {
    "Loki": "loki.source",
    "VictoriaLogs": "windowed.victorialogs",
    "Elasticsearch": "windowed.elasticsearch",
}


def texts_of(batch: LogBatch) -> list[bytes]:
    data, places = batch.lines
    return [data[begin:end] for begin, end in places.tolist()]


def through_json(cursor: Cursor) -> Cursor:
    return dict(orjson.loads(orjson.dumps(cursor)))


def read_to_the_end(source: LogSource, cursor: Cursor) -> tuple[Counter[bytes], Cursor]:
    """Return how often each line came, and the last cursor, which each read got through JSON."""
    counts: Counter[bytes] = Counter()
    failures = 0
    while True:
        try:
            batch = source.read(cursor)
        except SourceError:
            failures += 1
            if failures > MOST_FAILURES:
                raise
            continue
        cursor = through_json(batch.cursor)
        counts.update(texts_of(batch))
        if not batch.n_lines:
            return counts, cursor


def start_reading(kind: str, settings: dict[str, Any], folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, kind, json.dumps(settings), str(folder)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": ""})


def keep_cursor(folder: Path, cursor: Cursor | None, size_bytes: int = 0, n_lines: int = 0) -> None:
    kept = {"cursor": cursor, "size_bytes": size_bytes, "n_lines": n_lines}
    (folder / "new").write_bytes(orjson.dumps(kept))
    (folder / "new").rename(folder / CHECKPOINT)


def kept_in(folder: Path) -> Any:
    return orjson.loads((folder / CHECKPOINT).read_bytes())


def n_kept(folder: Path) -> int:
    """Return how many lines count by the newest checkpoint."""
    return int(kept_in(folder)["n_lines"])


def kept_lines(folder: Path) -> list[bytes]:
    """Return the lines that count by the newest checkpoint."""
    path = folder / LINES
    read = path.read_bytes() if path.exists() else b""
    return read[: kept_in(folder)["size_bytes"]].split(b"\n")[:-1]


def read_with_kills(
    kind: str, settings: dict[str, Any], folder: Path, n_lines: int, *, kills: int
) -> list[bytes]:
    """Return all lines, read by one process after another, each killed once it has its part."""
    for part in range(1, kills + 2):
        process = start_reading(kind, settings, folder)
        deadline = time.monotonic() + 60
        while n_kept(folder) < n_lines * part // (kills + 1):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
        process.wait()
    return kept_lines(folder)


def opened(kind: str, settings: dict[str, Any]) -> Any:
    if kind == "FollowedFiles":
        followed = import_module("forewarn_adapters.logs.files.followed")
        return followed.FollowedFiles("killed", list(map(Path, settings["paths"])))
    configured = getattr(import_module("forewarn_adapters.config.log_sources"), kind)
    module = import_module(f"forewarn_adapters.logs.{MODULES[kind]}")
    return getattr(module, f"{kind}Source")("killed", configured(**settings))


def main() -> None:
    kind, settings, folder = sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3])
    source, kept = opened(kind, settings), kept_in(folder)
    cursor, n_lines = kept["cursor"], kept["n_lines"]
    with (folder / LINES).open("ab") as lines:
        lines.truncate(kept["size_bytes"])
        while True:
            try:
                batch = source.read(cursor)
            except SourceError:
                continue
            lines.write(b"".join(text + b"\n" for text in texts_of(batch)))
            lines.flush()
            cursor, n_lines = batch.cursor, n_lines + batch.n_lines
            keep_cursor(folder, cursor, lines.tell(), n_lines)
            if not batch.n_lines:
                time.sleep(0.01)


if __name__ == "__main__":
    main()
