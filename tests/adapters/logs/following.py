"""A program that reads followed files from the cursor in a folder until it is killed.

`python following.py FOLDER GLOB...`: lines are appended to a file; what counts of it is kept
together with the cursor, as a checkpoint would.
"""

import sys
import time
from pathlib import Path

import orjson

from forewarn_adapters.logs.files.followed import FollowedFiles

CHECKPOINT, LINES = "checkpoint.json", "lines.txt"


def kept(folder: Path) -> tuple[object, int]:
    if not (folder / CHECKPOINT).exists():
        return None, 0
    stored = orjson.loads((folder / CHECKPOINT).read_bytes())
    return stored["cursor"], stored["size"]


def kept_lines(folder: Path) -> list[bytes]:
    _, size = kept(folder)
    path = folder / LINES
    return path.read_bytes()[:size].split(b"\n")[:-1] if path.exists() else []


def main() -> None:
    folder, paths = Path(sys.argv[1]), [Path(path) for path in sys.argv[2:]]
    source = FollowedFiles("killed", paths)
    cursor, size = kept(folder)
    with (folder / LINES).open("ab") as lines:
        lines.truncate(size)
        while True:
            batch = source.read(cursor)  # type: ignore[arg-type]  # as JSON gave it
            data, places = batch.lines
            lines.write(b"".join(data[begin:end] + b"\n" for begin, end in places.tolist()))
            lines.flush()
            cursor, size = batch.cursor, lines.tell()
            (folder / "new").write_bytes(orjson.dumps({"cursor": cursor, "size": size}))
            (folder / "new").rename(folder / CHECKPOINT)
            if not batch.n_lines:
                time.sleep(0.01)


if __name__ == "__main__":
    main()
