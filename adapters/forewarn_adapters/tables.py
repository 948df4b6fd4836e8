"""CSV and Parquet files as columns: timestamps, numbers, text, and where each row stood."""

import csv
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray, IntegerArray
from forewarn_models.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

TIME = "timestamp"
VALUE = "value"
SERIES = "series"

MAX_FILE_BYTES = 2 * 2**30
MAX_CELLS = 100_000_000
MAX_COLUMNS = 10_000

# The last second of the year 9999; larger numbers are milliseconds by mistake.
_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True, eq=False)
class Table:
    """A file as columns of equal length.

    Args:
        path: the file.
        timestamp_text: (n,) as the file wrote it, for writing it back.
        timestamp_milliseconds: (n,) since the epoch, UTC.
        numbers: value columns by name, in the order of the file; NaN is an empty cell.
        texts: label columns by name; empty in a wide file.
    """

    path: Path
    timestamp_text: AnyArray
    timestamp_milliseconds: IntegerArray
    numbers: Mapping[str, FloatArray]
    texts: Mapping[str, AnyArray]

    @property
    def is_long(self) -> bool:
        return bool(self.texts)


def read_table(path: Path) -> Table:
    """Return a file's columns.

    A file is in long form when it has a column `value` and either a column `series` or any column
    of text: then all columns but `timestamp` and `value` are labels. Else it is wide: every column
    but `timestamp` is a series.

    Raises DataError, which names the file and the line, when it cannot be read as such.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
    except OSError as missing:
        raise DataError(f"{path}: a file that can be read is needed: {missing.strerror}") from None
    if size > MAX_FILE_BYTES:
        raise DataError(f"{path}: a file must be at most {MAX_FILE_BYTES} bytes, got {size}")
    if path.suffix == ".parquet":
        return _table_of_frame(path, lambda _: _parquet_frame(path))
    return _table_of_frame(path, lambda texts: _csv_frame(path, texts))


def _table_of_frame(path: Path, read: "Callable[[Sequence[str]], pd.DataFrame]") -> Table:
    frame = read([TIME, SERIES])
    _check_columns(path, [str(name) for name in frame.columns])
    others = [str(name) for name in frame.columns if name not in {TIME, VALUE}]
    labels: list[str] = []
    if VALUE in frame.columns and (SERIES in others or any(_is_text(frame[o]) for o in others)):
        labels = others
        # Labels must come back as they were written: `007` is not 7.
        frame = read([TIME, *labels])
    frame = frame[frame.notna().any(axis=1)]
    if not len(frame):
        raise DataError(f"{path}: a file must hold at least one row below its header, got none")
    place = frame.index.to_numpy(dtype=np.int64)
    text, milliseconds = times_of(path, frame[TIME], place)
    values = [str(name) for name in frame.columns if name not in {TIME, *labels}]
    return Table(
        path,
        text,
        milliseconds,
        {name: _numbers(path, name, frame[name], place) for name in values},
        {name: frame[name].fillna("").astype(str).to_numpy(dtype=object) for name in labels},
    )


def _csv_frame(path: Path, texts: Sequence[str]) -> "pd.DataFrame":
    """Return the rows of a CSV file, indexed by their line."""
    import pandas as pd

    header = _header(path)
    _check_size(path, _n_lines(path), len(header))
    try:
        with warnings.catch_warnings():
            # A line that is longer than the header is only a warning to pandas.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                header=0,
                names=header,
                index_col=False,
                dtype={name: str for name in texts if name in header},
                encoding="utf-8-sig",
                skip_blank_lines=False,
                low_memory=False,
            )
    except (ValueError, OverflowError, pd.errors.ParserWarning) as broken:
        reason = str(broken).strip().replace("Error tokenizing data. C error: ", "")
        raise DataError(f"{path}: a CSV file must be a table in UTF-8: {reason}") from broken
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    return frame


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except (UnicodeDecodeError, csv.Error) as broken:
        raise DataError(f"{path}: a CSV file must be a table in UTF-8: {broken}") from broken
    if not header:
        raise DataError(f"{path}: a CSV file must begin with a header line, got an empty file")
    names = [name.strip() for name in header]
    _check_columns(path, names)
    return names


def _n_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _parquet_frame(path: Path) -> "pd.DataFrame":
    """Return the rows of a Parquet file, indexed by their number from 1."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        _check_size(path, file.metadata.num_rows, file.metadata.num_columns)
        frame: pd.DataFrame = file.read().to_pandas()
    except (pa.ArrowException, OSError) as broken:
        raise DataError(f"{path}: a whole Parquet file is needed: {broken}") from broken
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame


def _check_size(path: Path, n_rows: int, n_columns: int) -> None:
    if n_columns > MAX_COLUMNS:
        raise DataError(f"{path}: a file must have at most {MAX_COLUMNS} columns, got {n_columns}")
    if n_rows * n_columns > MAX_CELLS:
        raise DataError(
            f"{path}: a file must have at most {MAX_CELLS} cells, got {n_rows} x {n_columns}: "
            "split it"
        )


def _check_columns(path: Path, names: Sequence[str]) -> None:
    if TIME not in names:
        raise DataError(f"{path}: a column {TIME!r} is needed, got {', '.join(map(repr, names))}")
    if len(names) < 2:
        raise DataError(f"{path}: at least one column beside {TIME!r} is needed, got none")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"{path}: columns must have different names, got {repeated[0]!r} twice")
    if "" in names or "*" in names:
        raise DataError(f"{path}: a column needs a name other than '*', got {', '.join(names)}")


def _is_text(column: "pd.Series[Any]") -> bool:
    return column.dtype.kind not in "iuf" and column.notna().any().item()


def _numbers(path: Path, name: str, column: "pd.Series[Any]", place: IntegerArray) -> FloatArray:
    import pandas as pd

    if column.dtype.kind in "iuf":
        return column.to_numpy(dtype=np.float64)
    # A column of True and False is text too: nobody said what they count.
    numbers = pd.to_numeric(column.astype(str).where(column.notna()), errors="coerce")
    is_wrong = (numbers.isna() & column.notna()).to_numpy()
    if is_wrong.any():
        row = int(is_wrong.argmax())
        raise DataError(
            f"{_where(path, int(place[row]))}: a value must be a number or an empty cell, "
            f"got {str(column.iloc[row])[:100]!r} in column {name!r}"
        )
    return numbers.to_numpy(dtype=np.float64)


def times_of(
    path: Path, column: "pd.Series[Any]", place: IntegerArray
) -> tuple[AnyArray, IntegerArray]:
    """Return timestamps as text and in milliseconds.

    Raises DataError, which names the file and the line out of `place`, where one is none.
    """
    import pandas as pd

    if isinstance(column.dtype, pd.DatetimeTZDtype) or column.dtype.kind == "M":
        parsed = pd.to_datetime(column, utc=True)
        text = parsed.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ").str.replace(".000000Z", "Z")
        _refuse_first(path, parsed.isna().to_numpy(), column, place)
        return text.to_numpy(dtype=object), _milliseconds(parsed)
    seconds = pd.to_numeric(column, errors="coerce")
    if seconds.notna().any():
        is_wrong = ~(seconds.abs() <= _LAST_SECOND).to_numpy()
        _refuse_first(path, is_wrong, column, place)
        milliseconds = np.rint(seconds.to_numpy(dtype=np.float64) * 1000).astype(np.int64)
        return column.astype(str).to_numpy(dtype=object), milliseconds
    parsed = pd.to_datetime(column, utc=True, format="ISO8601", errors="coerce")
    _refuse_first(path, parsed.isna().to_numpy(), column, place)
    return column.astype(str).to_numpy(dtype=object), _milliseconds(parsed)


def _milliseconds(parsed: "pd.Series[Any]") -> IntegerArray:
    # The unit is named, because that of a parsed column differs between versions of pandas.
    milliseconds: IntegerArray = parsed.dt.as_unit("ms").astype(np.int64).to_numpy()
    return milliseconds


def _refuse_first(
    path: Path, is_wrong: AnyArray, column: "pd.Series[Any]", place: IntegerArray
) -> None:
    if not is_wrong.any():
        return
    row = int(is_wrong.argmax())
    got = column.iloc[row]
    text = "an empty cell" if column.isna().iloc[row] else repr(str(got)[:100])
    raise DataError(
        f"{_where(path, int(place[row]))}: a timestamp must be ISO-8601 in UTC or seconds since "
        f"the epoch (not milliseconds), one form in a file, got {text}"
    )


def _where(path: Path, place: int) -> str:
    return f"{path}: {'row' if path.suffix == '.parquet' else 'line'} {place}"
