"""What `forewarn status` says of the sources of log lines: as far as a scrape shows it."""

from collections.abc import Mapping, Sequence
from typing import Any

_SHOWN = {
    "forewarn_log_source_up": "up",
    "forewarn_log_lines_read_total": "lines",
    "forewarn_log_read_lag_seconds": "lag_seconds",
}


def log_sources(exposition: str) -> list[dict[str, Any]]:
    """Return name, `up`, `lines` and `lag_seconds` of each source that an exposition shows."""
    from prometheus_client.parser import text_string_to_metric_families

    # Of what may be tens of thousands of series a few are read.
    wanted = [line for line in exposition.splitlines() if line.split("{")[0] in _SHOWN]
    found: dict[str, dict[str, Any]] = {}
    for family in text_string_to_metric_families("\n".join([*wanted, ""])):
        for sample in family.samples:
            entry = found.setdefault(sample.labels["source"], {"name": sample.labels["source"]})
            entry[_SHOWN[sample.name]] = sample.value
    return [
        {
            "name": entry["name"],
            "up": entry.get("up") == 1.0,
            "lines": int(entry.get("lines", 0)),
            "lag_seconds": entry.get("lag_seconds", 0.0),
        }
        for entry in found.values()
    ]


def show_log_sources(sources: Sequence[Mapping[str, Any]]) -> None:
    """Print a table of them, nothing where there are none."""
    from rich.console import Console
    from rich.table import Table

    if not sources:
        return
    console = Console(highlight=False, markup=False, emoji=False)
    table = Table(box=None, pad_edge=False)
    for column in ("log source", "is read", "lines", "lag"):
        table.add_column(column, justify="left" if column == "log source" else "right")
    for source in sources:
        lag = f"{source['lag_seconds']:.0f} s"
        table.add_row(source["name"], "yes" if source["up"] else "no", f"{source['lines']:,}", lag)
    console.print(table)
