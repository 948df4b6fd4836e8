"""What a person sees in a terminal: series with their band and rarity, and the page itself."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rich.panel import Panel as Frame
from rich.table import Table
from rich.text import Text

from forewarn_models.arrays import FloatArray
from forewarn_reports.wording import number_text, rarity_text

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH_FOR_COURSE = 130
_WIDTH_FOR_BAND = 95
_ANNOTATIONS = ("summary", "value", "expected", "return_period", "because", "since")
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


def series_table(views: Sequence[SeriesView], *, title: str, width: int) -> Table:
    """Return a table of series: their course, the newest value, its band, and how rare it is.

    Where the terminal is narrower than 130 characters there is no course, below 95 no band.
    """
    table = Table(title=title, title_justify="left", expand=False, pad_edge=False)
    table.add_column("series")
    if width >= _WIDTH_FOR_COURSE:
        table.add_column("course", no_wrap=True)
    for heading in ("now", "expected (99 % band)" if width >= _WIDTH_FOR_BAND else "expected"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("once in", justify="right", no_wrap=True)
    table.add_column("")
    for view in views:
        table.add_row(*_cells(view, width))
    return table


def alert_frame(alert: Mapping[str, Mapping[str, str]]) -> Frame:
    """Return an alert, as Alertmanager delivers it, in a frame."""
    labels, annotations = alert["labels"], alert["annotations"]
    body = Text(annotations.get("summary", labels.get("alertname", "alert")), style="bold")
    order = {name: place for place, name in enumerate(_ANNOTATIONS)}
    for name in sorted(annotations, key=lambda name: order.get(name, len(order))):
        text = annotations[name]
        if name != "summary":
            body.append(f"\n{name.replace('_', ' ')}: ", style="dim")
            body.append(text, style="not bold")
    severity = labels.get("severity", "none")
    colour = "red" if severity == "critical" else "yellow"
    title = f"page · {labels.get('alertname', '')} · {severity}"
    return Frame(body, title=Text(title), title_align="left", border_style=colour, expand=False)


def _cells(view: SeriesView, width: int) -> list[Text | str]:
    points = min(width - _WIDTH_FOR_COURSE + 12, 40) if width >= _WIDTH_FOR_COURSE else 0
    newest = float(view.values[-1]) if len(view.values) else math.nan
    verdict = Text(view.verdict, style=_STYLES.get(view.verdict.partition(":")[0], ""))
    return [
        Text(view.name),
        *([_course(view, points)] if points > 0 else []),
        number_text(newest),
        _expectation(view, has_band=width >= _WIDTH_FOR_BAND),
        _once_in(view.return_period_seconds),
        verdict,
    ]


def _once_in(return_period_seconds: float) -> str:
    text = rarity_text(return_period_seconds).replace("rarer than once in ", "> ")
    return text.removeprefix("once in ").replace("cannot say", "-")


def _course(view: SeriesView, points: int) -> Text:
    return sparkline(view.values[-points:], view.lower[-points:], view.upper[-points:])


def _expectation(view: SeriesView, *, has_band: bool) -> str:
    if not len(view.lower) or math.isnan(view.lower[-1]):
        return "-"
    band = f" ({number_text(view.lower[-1])} to {number_text(view.upper[-1])})"
    return number_text(view.expected) + (band if has_band else "")
