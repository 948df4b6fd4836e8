"""What `forewarn logs` writes: which pattern each line is of, and the patterns."""

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Literal

import numpy as np

from forewarn_adapters.outputs import write_text
from forewarn_models.arrays import IntegerArray
from forewarn_models.errors import DataError, WriteError
from forewarn_models.patterns.miner import Miner, Pattern

LINES, PATTERNS = "lines.csv", "patterns.csv"

_BLOCK_LINES = 1 << 16


class RowsOfLines:
    """The row of each line, or another number, on disk in a file without a name until it is wanted.

    Raises WriteError when the disk does not take it.
    """

    def __init__(self, directory: Path, *, n_bytes: Literal[4, 8] = 4) -> None:
        self._kind = np.dtype(f"i{n_bytes}")
        self._directory = directory
        try:
            self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115  lives as long as this
        except OSError as failed:
            raise WriteError(f"{directory}: cannot be written to: {failed.strerror}") from failed

    def append(self, rows: IntegerArray) -> None:
        """Keep the rows of the next lines."""
        try:
            self._file.write(rows.astype(self._kind).tobytes())
        except OSError as failed:
            raise WriteError(f"{self._directory}: cannot be written to: {failed}") from failed

    def blocks(self) -> Iterator[IntegerArray]:
        """Yield all rows from the first line on."""
        self._file.seek(0)
        while block := self._file.read(self._kind.itemsize * _BLOCK_LINES):
            yield np.frombuffer(block, dtype=self._kind).astype(np.int64)

    def close(self) -> None:
        """Remove them."""
        self._file.close()


def check_log_outputs(directory: Path, inputs: list[Path]) -> None:
    """Raise DataError when an output would take the place of an input."""
    for name in (LINES, PATTERNS):
        for path in inputs:
            if (directory / name).resolve() == path.resolve():
                raise DataError(f"--out must not be where an input lies, got {path}: it would go")


def write_lines(
    directory: Path, miner: Miner, rows: RowsOfLines, numbers: RowsOfLines | None = None
) -> None:
    """Write `lines.csv`: of each line, from 1, the name of its pattern. Raises WriteError.

    `numbers` are those of the lines where not all of them were mined.
    """

    def text() -> Iterator[str]:
        yield "line_number,pattern_id\n"
        lines = count(1) if numbers is None else _each(numbers)
        for ids in miner.ids_of(rows.blocks()):
            yield "".join([f"{line},{name}\n" for name, line in zip(ids, lines, strict=False)])

    write_text(directory / LINES, text())


def _each(numbers: RowsOfLines) -> Iterator[int]:
    for block in numbers.blocks():
        yield from block.tolist()


def write_patterns(directory: Path, patterns: tuple[Pattern, ...]) -> None:
    """Write `patterns.csv`: name, template and count of each pattern. Raises WriteError."""

    def text() -> Iterator[str]:
        yield "pattern_id,template,count\n"
        for pattern in patterns:
            template = pattern.template.replace('"', '""')
            yield f'{pattern.pattern_id},"{template}",{pattern.count}\n'

    write_text(directory / PATTERNS, text())
