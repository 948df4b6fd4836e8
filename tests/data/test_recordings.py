import hashlib
import itertools
from datetime import datetime
from pathlib import Path

import pyarrow.parquet
import pytest

from forewarn_adapters.files import FilesSource
from forewarn_data.recordings import LOGS, RECORDINGS, labels, log_path, recording_path
from forewarn_models.errors import DataError

README = Path(__file__).parents[2] / "data" / "README.md"
LARGEST_BYTES = 400_000
ALL_TIME = 2**53


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_is_small_and_has_labels(name: str) -> None:
    assert recording_path(name).stat().st_size <= LARGEST_BYTES
    assert len(labels(name)) >= 4


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_is_in_long_form_ordered_by_series_and_time_without_gaps(name: str) -> None:
    table = pyarrow.parquet.read_table(recording_path(name))
    assert table.column_names == ["timestamp", "series", "value"]
    assert [column.null_count for column in table.columns] == [0, 0, 0]
    series, times = table["series"].to_pylist(), table["timestamp"].to_pylist()
    changes = sum(one != other for one, other in itertools.pairwise(series))
    assert changes + 1 == len(set(series))
    places = list(zip(series, times, strict=True))
    assert all(one[0] != other[0] or one[1] < other[1] for one, other in itertools.pairwise(places))


@pytest.mark.parametrize("name", RECORDINGS)
def test_each_fault_lies_in_the_recording_and_names_series_that_it_holds(name: str) -> None:
    table = pyarrow.parquet.read_table(recording_path(name))
    texts = set(table["series"].to_pylist())
    times = table["timestamp"].to_numpy().astype("datetime64[ms]").astype(int)
    faults = labels(name)
    assert [f.fault for f in faults if not any(t.startswith(f.series) for t in texts)] == []
    assert faults[0].start_milliseconds > times.min()
    assert faults[-1].end_milliseconds < times.max()
    assert all(fault.start_milliseconds < fault.end_milliseconds for fault in faults)
    starts = [fault.start_milliseconds for fault in faults]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("name", "query", "n_series"),
    [
        ("demo", "demo_latency_seconds", 3),
        ("demo", 'demo_requests_per_second{service="login"}', 1),
        ("node", "node_load1", 1),
        ("web", "route:http_requests:rate10s", 3),
        ("postgres", "datname:pg_xact_commit:rate10s", 1),
    ],
)
def test_a_files_source_finds_series_by_name_and_labels(
    name: str, query: str, n_series: int
) -> None:
    source = FilesSource([recording_path(name)])
    samples = source.read_newest(
        query, after_milliseconds=0, until_milliseconds=ALL_TIME, step_milliseconds=1_000
    )
    assert len(samples.series) == n_series
    assert len(samples) >= 900 * n_series


@pytest.mark.parametrize("read", [recording_path, labels])
def test_an_unknown_recording_is_named_with_those_there_are(read: object) -> None:
    assert callable(read)
    with pytest.raises(DataError, match=r"must be one of demo, node, postgres, web.*, got 'mars'"):
        read("mars")


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_readme_says_size_and_hash_of_each_recording(name: str) -> None:
    content = recording_path(name).read_bytes()
    line = next(line for line in README.read_text().splitlines() if f"| `{name}` |" in line)
    n_series, n_samples, n_bytes, digest = [cell.strip() for cell in line.split("|")[3:7]]
    table = pyarrow.parquet.read_table(recording_path(name))
    assert f"{len(set(table['series'].to_pylist()))}" == n_series
    assert f"{len(table):,}" == n_samples
    assert f"{len(content):,}" == n_bytes
    assert f"`{hashlib.sha256(content).hexdigest()[:16]}`" == digest


@pytest.mark.parametrize("name", LOGS)
def test_the_words_of_each_fault_of_a_log_come_only_while_it_lasts(name: str) -> None:
    lines = log_path(name).read_text().splitlines()
    faults = labels(name)
    assert len(faults) == 5
    for fault in faults:
        said = [line for line in lines if fault.series in line]
        times = [datetime.fromisoformat(f"{line[:23]}+00:00").timestamp() * 1000 for line in said]
        assert fault.start_milliseconds <= min(times)
        assert max(times) <= fault.end_milliseconds + 1_000
