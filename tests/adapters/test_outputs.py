"""forewarn_adapters.outputs"""

from pathlib import Path

import numpy as np
import pytest

from forewarn_adapters.outputs import make_directory, output_path, write_bytes, write_columns
from forewarn_models.errors import DataError, WriteError


def test_columns_become_a_csv_file_with_empty_cells_for_nan(tmp_path: Path) -> None:
    columns = {
        "timestamp": np.array(["1", "2"], dtype=object),
        "value": np.array([0.1 + 0.2, np.nan]),
        "anomalous": np.array([True, False]),
    }
    write_columns(tmp_path / "x.csv", columns)
    expected = "timestamp,value,anomalous\n1,0.30000000000000004,true\n2,,false\n"
    assert (tmp_path / "x.csv").read_text() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_text_with_commas_and_quotes_is_quoted(tmp_path: Path) -> None:
    write_columns(tmp_path / "x.csv", {"series": np.array(['up{a="x",b="y"}'], dtype=object)})
    assert (tmp_path / "x.csv").read_text() == 'series\n"up{a=""x"",b=""y""}"\n'


def test_bytes_become_a_file_and_nothing_else(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x.png", b"png")
    assert (tmp_path / "x.png").read_bytes() == b"png"
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="the output cannot be written"):
        write_columns(tmp_path / "absent" / "x.csv", {"a": np.array([1.0])})


def test_a_file_in_place_of_the_folder_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(WriteError, match="--out must be a folder"):
        make_directory(tmp_path / "out")


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    make_directory(tmp_path / "new" / "out")
    with pytest.raises(DataError, match="must not be the folder of the inputs"):
        output_path(tmp_path, tmp_path / "x.csv")
    assert output_path(tmp_path / "new", tmp_path / "x.csv") == tmp_path / "new" / "x.csv"
