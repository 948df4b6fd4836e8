"""What a person sees in a terminal: series with their band and rarity, and the page itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import JustifyMethod
from rich.panel import Panel as Frame
from rich.table import Table
from rich.text import Text

from forewarn_models.arrays import FloatArray
from forewarn_reports.wording import number_text, rarity_text

_BARS = "▁▂▃▄▅▆▇█"
# Where a terminal is narrow the course gives way first.
_COLUMNS = {
    "series": 12,
    "course": 1,
    "now": 6,
    "expected (99 % band)": 20,
    "rarity": 16,
    "": 10,
}
_STYLES = {"ordinary": "green", "anomalous": "bold red", "cannot say": "yellow"}


@dataclass(frozen=True, eq=False)
class SeriesView:
    """The recent course of one series, oldest first.

    Args:
        name: what to call it.
        values: (n,) what was seen; NaN is a gap.
        lower: (n,) bottom of the band of each value.
        upper: (n,) its top.
        expected: what is expected now.
        return_period_seconds: of the newest value; NaN = cannot say.
        verdict: `ordinary`, `anomalous` or `cannot say`, the last with its reason behind a colon.
    """

    name: str
    values: FloatArray
    lower: FloatArray
    upper: FloatArray
    expected: float
    return_period_seconds: float
    verdict: str


def sparkline(values: FloatArray, lower: FloatArray, upper: FloatArray) -> Text:
    """Return values as bars, red where they leave their band, blank where there is a gap."""
    line = Text()
    finite = np.isfinite(values)
    if not finite.any():
        return line
    everything = np.concatenate([values, lower, upper])
    bottom, top = np.nanmin(everything), np.nanmax(everything)
    height = (values - bottom) / (top - bottom if top > bottom else 1.0)
    outside = (values < lower) | (values > upper)
    for share, is_finite, is_outside in zip(height, finite, outside, strict=True):
        bar = _BARS[min(int(share * len(_BARS)), len(_BARS) - 1)] if is_finite else " "
        line.append(bar, style="bold red" if is_outside else "cyan")
    return line


def series_table(views: Sequence[SeriesView], *, title: str) -> Table:
    """Return a table of series: their course, the newest value, its band, and how rare it is."""
    table = Table(title=title, title_justify="left", expand=False, pad_edge=False)
    for heading, width in _COLUMNS.items():
        side: JustifyMethod = "left" if heading in {"series", "course", ""} else "right"
        table.add_column(heading, justify=side, no_wrap=True, min_width=width)
    for view in views:
        table.add_row(*_cells(view))
    return table


def alert_frame(alert: Mapping[str, Mapping[str, str]]) -> Frame:
    """Return an alert, as Alertmanager delivers it, in a frame."""
    labels, annotations = alert["labels"], alert["annotations"]
    body = Text(annotations.get("summary", labels.get("alertname", "alert")), style="bold")
    for name, text in annotations.items():
        if name != "summary":
            body.append(f"\n{name}: ", style="dim")
            body.append(text, style="not bold")
    severity = labels.get("severity", "none")
    colour = "red" if severity == "critical" else "yellow"
    title = f"page · {labels.get('alertname', '')} · {severity}"
    return Frame(body, title=title, title_align="left", border_style=colour, expand=False)


def _cells(view: SeriesView) -> tuple[Text | str, ...]:
    verdict = view.verdict.split(":")[0]
    newest = view.values[-1] if len(view.values) else np.nan
    band = "-"
    if len(view.lower) and np.isfinite(view.lower[-1]):
        ends = f"{number_text(view.lower[-1])} to {number_text(view.upper[-1])}"
        band = f"{number_text(view.expected)} ({ends})"
    return (
        view.name,
        sparkline(view.values, view.lower, view.upper),
        number_text(float(newest)),
        band,
        rarity_text(view.return_period_seconds),
        Text(view.verdict, style=_STYLES.get(verdict, "")),
    )
