"""Outputs written as files, whole or not at all: columns as CSV, and pictures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from forewarn_models.arrays import AnyArray
from forewarn_models.errors import DataError, WriteError

if TYPE_CHECKING:
    import pyarrow as pa


def output_path(directory: Path, source: Path) -> Path:
    """Return where the output for an input goes; DataError when that is the input itself."""
    target = directory / f"{source.stem}.csv"
    if target.resolve() == source.resolve():
        raise DataError(f"--out must not be the folder of the inputs, got {directory}")
    return target


def make_directory(directory: Path) -> None:
    """Make a folder and its parents; WriteError when that cannot be done."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as failed:
        raise WriteError(f"--out must be a folder, got {directory}: {failed.strerror}") from failed


def write_columns(path: Path, columns: Mapping[str, AnyArray | Sequence[str]]) -> None:
    """Write columns of equal length as a CSV file; NaN is an empty cell, numbers read back exactly.

    A file appears only when it is whole. Raises WriteError.
    """
    import pyarrow as pa

    table = pa.table({name: pa.array(column, from_pandas=True) for name, column in columns.items()})
    with _whole(path) as part:
        try:
            _write(table, part, quoting="none")
        except pa.ArrowInvalid:  # some text holds a comma or a quote
            _write(table, part, quoting="needed")


def write_text(path: Path, blocks: Iterable[str]) -> None:
    """Write a file of blocks of text, of which memory holds one. Raises WriteError.

    It appears only when it is whole.
    """
    with _whole(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        file.writelines(blocks)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, which appears only when it is whole. Raises WriteError."""
    with _whole(path) as part:
        part.write_bytes(content)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Lend a path to write to, and give it its name when that is done."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    except OSError as failed:
        part.unlink(missing_ok=True)
        raise WriteError(f"{path}: the output cannot be written: {failed}") from failed


def _write(table: "pa.Table", path: Path, *, quoting: str) -> None:
    import pyarrow.csv as pc

    with path.open("wb") as file:
        file.write((",".join(table.column_names) + "\n").encode())
        options = pc.WriteOptions(include_header=False, quoting_style=quoting)
        pc.write_csv(table, file, options)
