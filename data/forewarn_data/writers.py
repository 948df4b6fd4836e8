"""Panels as files: OpenMetrics for `promtool tsdb create-blocks-from openmetrics`, Parquet, CSV.

The files in long form have the columns `timestamp`, `series` (as PromQL writes it) and `value`.
Gaps (NaN) are left out of all of them.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from forewarn_models.labels import Labels, label_text
from forewarn_models.panel import Panel


def _name(labels: Labels) -> str:
    return dict(labels)["__name__"]


def series_text(labels: Labels) -> str:
    """Return labels with their `__name__` as PromQL writes them.

    >>> series_text((("__name__", "up"), ("job", "node")))
    'up{job="node"}'
    """
    rest = tuple(pair for pair in labels if pair[0] != "__name__")
    return _name(labels) + (label_text(rest) if rest else "")


def _seconds_text(milliseconds: int) -> str:
    whole, part = divmod(milliseconds, 1_000)
    return f"{whole}.{part:03d}" if part else str(whole)


def open_metrics_lines(panel: Panel) -> Iterator[str]:
    """Return the lines of a panel as OpenMetrics: gauges, timestamps in seconds, `# EOF` last."""
    times = [_seconds_text(int(time)) for time in panel.times_milliseconds]
    rows = sorted(range(panel.n_series), key=lambda row: panel.series[row])
    for name, family in groupby(rows, key=lambda row: _name(panel.series[row])):
        yield f"# TYPE {name} gauge\n"
        for row in family:
            text, values = series_text(panel.series[row]), panel.values[row].tolist()
            known = ~np.isnan(panel.values[row])
            yield "".join(
                f"{text} {value!r} {time}\n"
                for value, time, is_known in zip(values, times, known, strict=True)
                if is_known
            )
    yield "# EOF\n"


def write_open_metrics(panel: Panel, path: Path) -> None:
    """Write a panel, whose labels hold `__name__`, for back-filling a Prometheus."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(open_metrics_lines(panel))


def long_table(panel: Panel) -> pa.Table:
    """Return a panel in long form, ordered by series as in the panel and by time."""
    known = ~np.isnan(panel.values)
    row, column = np.nonzero(known)
    texts = np.array([series_text(labels) for labels in panel.series], dtype=object)
    times = pa.array(panel.times_milliseconds[column], pa.timestamp("ms", tz="UTC"))
    return pa.table({"timestamp": times, "series": texts[row], "value": panel.values[known]})


def write_parquet(panel: Panel, path: Path) -> None:
    """Write a panel in long form as Parquet."""
    pyarrow.parquet.write_table(
        long_table(panel),
        path,
        compression="zstd",
        compression_level=19,
        use_byte_stream_split=False,
    )


def write_csv(panel: Panel, path: Path) -> None:
    """Write a panel in long form as CSV, timestamps in seconds since the epoch."""
    table = long_table(panel)
    times = table["timestamp"].cast(pa.int64()).to_numpy() / 1_000
    table = table.set_column(0, "timestamp", pa.array(times))
    pyarrow.csv.write_csv(table, path)
