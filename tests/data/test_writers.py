import json
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from forewarn_adapters.local_servers import PROMTOOL, find_program
from forewarn_data.writers import open_metrics_lines, write_csv, write_open_metrics, write_parquet
from forewarn_models.labels import labels_of
from forewarn_models.panel import Panel


@pytest.fixture
def panel() -> Panel:
    series = tuple(
        labels_of({"__name__": name, **labels})
        for name, labels in (
            ("up", {"job": "b"}),
            ("depth", {}),
            ("up", {"job": 'a "quoted"\nname'}),
        )
    )
    values = np.array([[1.0, np.nan], [0.1, 1e20], [0.0, 1.0]])
    return Panel(values, series, 1_790_000_000_500, 500)


def test_open_metrics_has_each_family_in_one_piece_and_no_gaps(panel: Panel) -> None:
    expected = (
        "# TYPE depth gauge\n"
        "depth 0.1 1790000000.500\n"
        "depth 1e+20 1790000001\n"
        "# TYPE up gauge\n"
        'up{job="a \\"quoted\\"\\nname"} 0.0 1790000000.500\n'
        'up{job="a \\"quoted\\"\\nname"} 1.0 1790000001\n'
        'up{job="b"} 1.0 1790000000.500\n'
        "# EOF\n"
    )
    assert expected == "".join(open_metrics_lines(panel))


def test_promtool_makes_blocks_of_it(panel: Panel, tmp_path: Path) -> None:
    write_open_metrics(panel, tmp_path / "in.om")
    command = [find_program(PROMTOOL) or "promtool", "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run([*command, tmp_path / "in.om", tmp_path / "out"], check=True)
    metas = [json.loads(path.read_text()) for path in (tmp_path / "out").glob("*/meta.json")]
    assert sum(meta["stats"]["numSamples"] for meta in metas) == 5
    assert {meta["minTime"] for meta in metas} == {1_790_000_000_500}


def test_parquet_is_in_long_form_without_the_gaps(panel: Panel, tmp_path: Path) -> None:
    write_parquet(panel, tmp_path / "panel.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "panel.parquet")
    assert table.column_names == ["timestamp", "series", "value"]
    assert table["series"].to_pylist() == [
        'up{job="b"}',
        "depth",
        "depth",
        'up{job="a \\"quoted\\"\\nname"}',
        'up{job="a \\"quoted\\"\\nname"}',
    ]
    assert table["value"].to_pylist() == [1.0, 0.1, 1e20, 0.0, 1.0]
    assert table["timestamp"][0].as_py().isoformat() == "2026-09-21T14:13:20.500000+00:00"


def test_csv_has_timestamps_in_seconds(panel: Panel, tmp_path: Path) -> None:
    write_csv(panel.rows(panel.series[:2]), tmp_path / "panel.csv")
    assert (tmp_path / "panel.csv").read_text().splitlines() == [
        '"timestamp","series","value"',
        '1790000000.5,"up{job=""b""}",1',
        '1790000000.5,"depth",0.1',
        '1790000001,"depth",1e+20',
    ]
