"""Limits and newest values, read from a real file."""

from pathlib import Path

import numpy as np
import pytest

from forewarn_adapters.config.signals import Limit, Signal
from forewarn_adapters.files import FilesSource
from forewarn_models.errors import SourceRejected
from forewarn_models.labels import labels_of
from forewarn_service.limits import limits_of, side_of, values_of

NOW = 1_700_000_010_000
MOUNTS = ("/", "/data", "/gone")
SERIES = tuple(labels_of({"kind": "used", "mount": mount}) for mount in MOUNTS)


@pytest.fixture
def source(tmp_path: Path) -> FilesSource:
    rows = [
        (1_699_999_500, "used", "/gone", 5),
        (1_699_999_980, "used", "/", 1),
        (1_699_999_995, "used", "/data", 6),
        (1_700_000_000, "size", "/all", 9),
        (1_700_000_000, "used", "/", 2),
    ]
    lines = [",".join(map(str, row)) for row in rows]
    path = tmp_path / "disk.csv"
    path.write_text("timestamp,kind,mount,value\n" + "\n".join(lines) + "\n")
    return FilesSource((path,))


def test_a_number_is_the_limit_of_all_and_no_limit_is_unknown(source):
    assert limits_of(Limit(above=7.0), SERIES, source, now=NOW).tolist() == [7.0] * 3
    assert limits_of(Limit(below=0.0), SERIES, source, now=NOW).tolist() == [0.0] * 3
    assert np.isnan(limits_of(None, SERIES, source, now=NOW)).all()


def test_a_query_of_one_series_is_the_limit_of_all(source):
    found = limits_of(Limit(above='{kind="size"}'), SERIES, source, now=NOW)
    assert found.tolist() == [9.0] * 3


def test_a_query_of_several_series_is_matched_by_labels(source):
    series = (*SERIES[:2], labels_of({"mount": "/else"}))
    found = limits_of(Limit(below="{}"), series, source, now=NOW)
    assert found[0] == 2.0
    assert np.isnan(found[2])


def test_a_query_that_the_source_refuses_is_an_error(source):
    with pytest.raises(SourceRejected):
        limits_of(Limit(above="rate(x[5m])"), SERIES, source, now=NOW)


def test_the_trouble_is_on_the_side_that_is_given():
    assert (side_of(Limit(above=1.0)), side_of(Limit(below="x"))) == ("above", "below")


def test_values_are_the_newest_that_are_not_stale(source):
    signal = Signal(name="used", query='{kind="used"}', step="5s", history="1d")
    found = values_of(signal, SERIES, source, now=NOW)
    np.testing.assert_array_equal(found, [2.0, 6.0, np.nan])
    before = values_of(signal, SERIES, source, now=NOW - 20_000)
    np.testing.assert_array_equal(before, [1.0, np.nan, np.nan])
