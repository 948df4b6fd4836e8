"""forewarn_adapters.files"""

from pathlib import Path

import numpy as np
import pytest

from forewarn_adapters.files import FilesSource, check_stems, read_series_file
from forewarn_adapters.source import Source
from forewarn_models.errors import DataError, SourceRejected


def written(folder: Path, text: str, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


WIDE = "timestamp,a,b\n0,1,2\n60,,4\n60,5,6\n30,7,8\n"
LONG = """timestamp,series,value
0,"up{job=""x""}",1
0,load 1,2
60,"up{job=""x""}",3
"""


def test_a_wide_file_is_read_row_by_row(tmp_path: Path) -> None:
    file = read_series_file(written(tmp_path, WIDE))
    assert file.names == ("a", "b")
    assert file.samples.series == ((("__name__", "a"),), (("__name__", "b"),))
    assert file.samples.row.tolist() == [0, 1] * 4
    np.testing.assert_array_equal(file.samples.value, [1, 2, np.nan, 4, 5, 6, 7, 8])
    assert file.samples.timestamp_milliseconds.tolist() == [
        t for t in (0, 60_000, 60_000, 30_000) for _ in range(2)
    ]
    assert file.timestamp_text.tolist() == ["0", "0", "60", "60", "60", "60", "30", "30"]
    assert file.step_milliseconds == 30_000


def test_a_long_file_is_read_in_its_order(tmp_path: Path) -> None:
    file = read_series_file(written(tmp_path, LONG))
    assert file.names == ('up{job="x"}', "load 1")
    assert file.samples.series == (
        (("__name__", "up"), ("job", "x")),
        (("series", "load 1"),),
    )
    assert file.samples.row.tolist() == [0, 1, 0]


def test_label_columns_name_a_series(tmp_path: Path) -> None:
    text = "timestamp,__name__,host,value\n0,up,a,1\n0,up,,2\n0,,b,3\n"
    file = read_series_file(written(tmp_path, text))
    assert file.names == ('up{host="a"}', "up", '{host="b"}')


def test_labels_beside_a_series_column_are_kept(tmp_path: Path) -> None:
    text = "timestamp,series,host,value\n0,up,a,1\n0,,b,2\n"
    file = read_series_file(written(tmp_path, text))
    assert file.names == ('up{host="a"}', '{host="b"}')


def test_two_series_with_the_same_labels_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "timestamp,up,up{}\n0,1,2\n")
    with pytest.raises(DataError, match="series must differ in their labels"):
        read_series_file(path)


def test_a_file_with_one_timestamp_has_no_step(tmp_path: Path) -> None:
    assert read_series_file(written(tmp_path, "timestamp,a\n5,1\n")).step_milliseconds == 0


def test_equal_stems_are_refused() -> None:
    with pytest.raises(DataError, match=r"got a/x\.csv and b/x\.parquet"):
        check_stems([Path("a/x.csv"), Path("c/y.csv"), Path("b/x.parquet")])


METRICS = """timestamp,series,value
0,"up{job=""x""}",1
0,"up{job=""y""}",2
0,"load{job=""x""}",9
60,"up{job=""y""}",4
60,"up{job=""x""}",
120,"up{job=""x""}",5
"""


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return FilesSource([written(tmp_path, METRICS)])


def test_a_selector_reads_new_samples_of_its_series(source: Source) -> None:
    samples = source.read_newest(
        "up", after_milliseconds=0, until_milliseconds=60_000, step_milliseconds=60_000
    )
    assert samples.series == ((("job", "x"),), (("job", "y"),))
    assert samples.row.tolist() == [0, 1]
    assert samples.timestamp_milliseconds.tolist() == [60_000, 60_000]
    np.testing.assert_array_equal(samples.value, [np.nan, 4])


def test_a_range_holds_the_newest_value_at_each_instant(source: Source) -> None:
    samples = source.read_range(
        'up{job="x"}', start_milliseconds=0, end_milliseconds=600_000, step_milliseconds=100_000
    )
    assert samples.timestamp_milliseconds.tolist() == [0, 100_000, 200_000, 300_000, 400_000]
    assert samples.value.tolist() == [1, 1, 5, 5, 5]


def test_a_read_over_the_limit_is_refused(source: Source) -> None:
    limited = source.limited(4)
    span = {"start_milliseconds": 0, "step_milliseconds": 100_000}
    held = limited.read_range('up{job="x"}', end_milliseconds=300_000, **span)
    assert len(held) == 4
    with pytest.raises(SourceRejected, match="must give at most 4 samples"):
        limited.read_range('up{job="x"}', end_milliseconds=400_000, **span)
    assert len(source.read_range('up{job="x"}', end_milliseconds=400_000, **span)) == 5


def test_several_metrics_keep_their_names(source: Source) -> None:
    samples = source.read_newest(
        '{job="x"}', after_milliseconds=-1, until_milliseconds=0, step_milliseconds=1
    )
    assert samples.series == (
        (("job", "x"), ("series", "up")),
        (("job", "x"), ("series", "load")),
    )
    assert samples.value.tolist() == [1, 9]


def test_a_selector_of_nothing_reads_nothing(source: Source) -> None:
    for samples in (
        source.read_newest("gone", after_milliseconds=0, until_milliseconds=9, step_milliseconds=1),
        source.read_range("gone", start_milliseconds=0, end_milliseconds=9, step_milliseconds=3),
    ):
        assert len(samples) == 0
    source.close()


def test_the_same_series_in_two_files_is_refused(tmp_path: Path) -> None:
    paths = [written(tmp_path, "timestamp,a\n0,1\n", name) for name in ("x.csv", "y.csv")]
    with pytest.raises(SourceRejected, match="got the same ones twice"):
        FilesSource(paths).read_newest(
            "*", after_milliseconds=-1, until_milliseconds=9, step_milliseconds=1
        )
