"""forewarn_adapters.tables"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forewarn_adapters import tables
from forewarn_adapters.tables import read_table
from forewarn_models.errors import DataError


def written(folder: Path, text: str | bytes, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


BAD = {
    "empty": ("", "a CSV file must begin with a header line, got an empty file"),
    "header_only": (
        "timestamp,a\n",
        "at least one row below its header, got none",
    ),
    "no_timestamp": ("time,a\n1,2\n", "a column 'timestamp' is needed, got 'time', 'a'"),
    "only_timestamp": ("timestamp\n1\n", "at least one column beside 'timestamp' is needed"),
    "column_twice": ("timestamp,a,a\n1,2,3\n", "columns must have different names, got 'a' twice"),
    "star": ("timestamp,*\n1,2\n", "a column needs a name other than '*'"),
    "nameless": ("timestamp,\n1,2\n", "a column needs a name other than '*'"),
    "no_time": ("timestamp,a\n1,1\nsoon,2\n", "line 3: a timestamp must be ISO-8601"),
    "no_date": ("timestamp,a\n2024-13-01,1\n", "line 2: a timestamp must be ISO-8601"),
    "mixed_times": ("timestamp,a\n2024-01-01,1\n7,2\n", "line 2: a timestamp must be"),
    "milliseconds": ("timestamp,a\n1700000000000,1\n", "(not milliseconds)"),
    "infinite_time": ("timestamp,a\n1,1\ninf,1\n", "line 3: a timestamp must be"),
    "empty_time": ("timestamp,a\n1,1\n,1\n", "line 3: a timestamp must be"),
    "text": (
        "timestamp,a\n1,1\n\n3,x\n",
        "line 4: a value must be a number or an empty cell",
    ),
    "truth": ("timestamp,a\n1,True\n", "line 2: a value must be a number"),
    "long_line": ("timestamp,a\n1,2\n2,3,4\n", "a CSV file must be a table in UTF-8: Expected 2"),
    "long_lines": ("timestamp,a\n1,2,3\n", "a CSV file must be a table in UTF-8"),
    "open_quote": ('timestamp,a\n1,"2\n', "a CSV file must be a table in UTF-8: EOF inside string"),
    "nul": ("timestamp,a\n1,\0\n", "line 2: a value must be a number"),
    "not_utf8": (b"timestamp,a\n1,\xff\n", "a CSV file must be a table in UTF-8"),
    "header_not_utf8": (b"timestamp,\xff\n1,1\n", "a CSV file must be a table in UTF-8"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_with_its_name_and_what_to_do(tmp_path: Path, case: str) -> None:
    text, message = BAD[case]
    path = written(tmp_path, text)
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(DataError, match="a file that can be read is needed"):
            read_table(path)


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a whole Parquet file is needed"):
        read_table(written(tmp_path, "nope", "x.parquet"))


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MAX_CELLS", 5, "at most 5 cells, got 3 x 3"),
        ("MAX_COLUMNS", 2, "at most 2 columns, got 3"),
        ("MAX_FILE_BYTES", 3, "at most 3 bytes"),
    ],
)
def test_every_size_has_a_limit(tmp_path, monkeypatch, limit, value, message) -> None:
    path = written(tmp_path, "timestamp,a,b\n1,2,3\n2,3,4\n")
    monkeypatch.setattr(tables, limit, value)
    with pytest.raises(DataError, match=message):
        read_table(path)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1700000000", 1_700_000_000_000),
        ("1700000000.25", 1_700_000_000_250),
        ("1.7e9", 1_700_000_000_000),
        ("-5", -5_000),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-14 22:13:20", 1_700_000_000_000),
        ("2023-11-14T23:13:20.250+01:00", 1_700_000_000_250),
        ("2023-11-14", 1_699_920_000_000),
    ],
)
def test_timestamps_are_seconds_or_iso_8601_and_their_text_is_kept(
    tmp_path: Path, text: str, milliseconds: int
) -> None:
    table = read_table(written(tmp_path, f"timestamp,a\n{text},1\n"))
    assert table.timestamp_milliseconds.tolist() == [milliseconds]
    assert table.timestamp_text.tolist() == [text]


def test_values_read_back_exactly_and_empty_cells_are_gaps(tmp_path: Path) -> None:
    text = (
        "timestamp,a,b\n1,0.1,7\n2,,NaN\n3,1e-7,inf\n4,-0.30000000000000004,18446744073709551615\n"
    )
    table = read_table(written(tmp_path, text))
    expected_a = [0.1, np.nan, 1e-7, -0.30000000000000004]
    np.testing.assert_array_equal(table.numbers["a"], expected_a)
    np.testing.assert_array_equal(table.numbers["b"], [7, np.nan, np.inf, 2.0**64])
    assert not table.is_long


def test_a_mark_of_byte_order_blanks_and_windows_lines_do_no_harm(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbftimestamp, a\r\n1,2\r\n\r\n2,3\r\n\r\n"
    table = read_table(written(tmp_path, text))
    assert table.numbers["a"].tolist() == [2.0, 3.0]


def test_a_file_with_labels_is_long_and_labels_stay_as_written(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "timestamp,host,port,value\n1,a,007,5\n1,,08,6\n"))
    assert table.is_long
    assert table.texts["port"].tolist() == ["007", "08"]
    assert table.texts["host"].tolist() == ["a", ""]
    assert table.numbers["value"].tolist() == [5.0, 6.0]


def test_a_column_of_empty_cells_is_a_series_of_gaps(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "timestamp,a,value\n1,,5\n"))
    assert not table.is_long
    assert np.isnan(table.numbers["a"]).all()


def parquet(folder: Path, **columns: object) -> Path:
    path = folder / "x.parquet"
    pd.DataFrame(columns).to_parquet(path, index=False)
    return path


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_timestamps_mean_the_same_in_every_unit(tmp_path: Path, unit: str) -> None:
    times = pd.to_datetime([1_700_000_000_250], unit="ms", utc=True).as_unit(unit)
    table = read_table(parquet(tmp_path, timestamp=times, value=[1.0]))
    whole = unit == "s"
    assert table.timestamp_milliseconds.tolist() == [1_700_000_000_000 + 250 * (not whole)]
    expected = "2023-11-14T22:13:20Z" if whole else "2023-11-14T22:13:20.250000Z"
    assert table.timestamp_text.tolist() == [expected]


def test_parquet_of_seconds_and_texts(tmp_path: Path) -> None:
    table = read_table(parquet(tmp_path, timestamp=[1, 2], series=["a", "b"], value=[1, None]))
    assert table.timestamp_milliseconds.tolist() == [1000, 2000]
    assert table.texts["series"].tolist() == ["a", "b"]
    np.testing.assert_array_equal(table.numbers["value"], [1, np.nan])


def test_a_bad_parquet_row_is_named(tmp_path: Path) -> None:
    times = pd.to_datetime([1, None], unit="s", utc=True)
    with pytest.raises(DataError, match=r"x\.parquet: row 2: a timestamp .* got an empty cell"):
        read_table(parquet(tmp_path, timestamp=times, value=[1.0, 2.0]))
    with pytest.raises(DataError, match=r"row 2: a value must be a number"):
        read_table(parquet(tmp_path, timestamp=[1, 2], value=["3", "x"]))


def test_parquet_numbers_written_as_text_are_numbers(tmp_path: Path) -> None:
    table = read_table(parquet(tmp_path, timestamp=[1, 2], a=["3.5", None]))
    np.testing.assert_array_equal(table.numbers["a"], [3.5, np.nan])
