"""Pictures of series, forecasts and rarity as PNG: for training runs, notebooks and reports.

They are drawn with matplotlib's objects alone: no window, no global state, any thread.
"""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.contract import Forecast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _SOFT, _GRID = "#1f2933", "#7b8794", "#e4e7eb"
_VALUE, _EXPECTED, _BAND, _ALARM = "#334e68", "#2186eb", "#bae3ff", "#d64545"
_LIMIT = "#cb6e17"
_EVENT = "#f7c948"
_LONGEST_TITLE = 110
_DOTS_PER_INCH = 110
_COLOURS = 128
_YEAR_SECONDS = 31_536_000.0


@dataclass(frozen=True, eq=False)
class SeriesPicture:
    """One series with what was expected of it; arrays of equal length, NaN where not known.

    Args:
        title: what it is.
        times_milliseconds: since the epoch, UTC.
        value: what was seen.
        expected: by the model.
        lower: bottom of the band.
        upper: its top.
        score: against the budget; anomalous from 1 on.
    """

    title: str
    times_milliseconds: IntegerArray
    value: FloatArray
    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    score: FloatArray


@dataclass(frozen=True, eq=False)
class ForecastPicture:
    """The newest history of one series and its forecast.

    Args:
        title: what it is.
        times_milliseconds: of the history, since the epoch, UTC.
        value: the history; NaN is a gap.
        forecast: of all series.
        row: which of them.
        limit: a value that must not be crossed.
        marks: instants in milliseconds that are named in the picture.
    """

    title: str
    times_milliseconds: IntegerArray
    value: FloatArray
    forecast: Forecast
    row: int
    limit: float | None = None
    marks: tuple[tuple[int, str], ...] = ()


_NO_SPANS: IntegerArray = np.empty((0, 2), np.int64)


def series_plot(
    picture: SeriesPicture, *, alarms: IntegerArray = _NO_SPANS, events: IntegerArray = _NO_SPANS
) -> bytes:
    """Return a PNG: value, expected and band above, the score below; anomalies stand out.

    Behind them what is known of whole stretches of time is shaded: when alarms were on, and when
    somebody says that something was wrong; each (n, 2), from start to end in milliseconds.
    """
    figure = _figure(height=5.2)
    top, bottom = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 1), "hspace": 0.08}
    )
    times = picture.times_milliseconds.astype("datetime64[ms]")
    _shade(top, events, colour=_EVENT, label="labelled")
    _shade(top, alarms, colour=_ALARM, label="alarm on")
    _band_and_value(top, picture, times)
    _keep_in_view(top, picture)
    _score_strip(bottom, picture, times)
    _dress(top, title=picture.title)
    _dress(bottom)
    _date_axis(bottom)
    _legend(figure)
    top.tick_params(labelbottom=False)
    return _png(figure)


def forecast_plot(picture: ForecastPicture) -> bytes:
    """Return a PNG: the history, then the median forecast with its bands, limit and marks."""
    figure = _figure(height=4.2)
    axes = figure.subplots()
    draw_forecast(axes, picture)
    _legend(figure)
    return _png(figure)


def draw_forecast(axes: "Axes", picture: ForecastPicture) -> None:
    """Draw what `forecast_plot` shows on axes that are there."""
    from matplotlib.ticker import EngFormatter

    forecast = picture.forecast
    history = picture.times_milliseconds.astype("datetime64[ms]")
    axes.plot(history, picture.value, color=_VALUE, linewidth=0.9, label="seen")
    ahead = forecast.start_milliseconds + forecast.step_milliseconds * np.arange(
        forecast.quantiles.shape[1], dtype=np.int64
    )
    _fan(axes, ahead.astype("datetime64[ms]"), forecast, picture.row)
    if picture.limit is not None:
        axes.axhline(picture.limit, color=_LIMIT, linewidth=1.2, linestyle="--", label="limit")
    for place, (at, name) in enumerate(picture.marks):
        _mark(axes, at, name, place=place)
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    _dress(axes, title=picture.title)
    _date_axis(axes)


def return_levels_plot(
    title: str, *, levels_seconds: FloatArray, seen: FloatArray, expected: FloatArray
) -> bytes:
    """Return a PNG that compares how often episodes should have reached return levels and did.

    Args:
        title: what it is.
        levels_seconds: (n,) return periods.
        seen: (n,) episodes that reached each.
        expected: (n,) how many a right tail gives: the judged time over the level.
    """
    figure = _figure(height=4.2)
    axes = figure.subplots()
    low = np.maximum(expected - 2.0 * np.sqrt(expected), 0.05)
    high = expected + 2.0 * np.sqrt(expected) + 1.0
    axes.fill_between(levels_seconds, low, high, color=_BAND, label="chance (two deviations)")
    axes.plot(levels_seconds, expected, color=_EXPECTED, linewidth=1.5, label="promised")
    shown = np.where(seen > 0, seen, np.nan)
    axes.plot(levels_seconds, shown, "o", color=_VALUE, markersize=6, label="seen")
    none = levels_seconds[seen == 0]
    axes.plot(none, np.full(len(none), 0.07), "v", color=_SOFT, markersize=6, label="none seen")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.05)
    axes.set_xticks(levels_seconds, [_period_text(level) for level in levels_seconds])
    axes.minorticks_off()
    axes.set_xlabel("return period", color=_SOFT)
    axes.set_ylabel("episodes", color=_SOFT)
    _dress(axes, title=title)
    _legend(figure)
    return _png(figure)


def _figure(*, height: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, height), dpi=_DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    # margins of fixed width: a layout that is searched for takes twice the time
    figure.subplots_adjust(left=0.07, right=0.99, top=1 - 0.3 / height, bottom=0.75 / height)
    return figure


def _png(figure: "Figure") -> bytes:
    from PIL import Image

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    # a palette takes a third of the bytes, and the same picture gives the same ones
    few = (
        Image.open(drawn)
        .convert("RGB")
        .quantize(_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    )
    target = io.BytesIO()
    few.save(target, format="png", dpi=(_DOTS_PER_INCH, _DOTS_PER_INCH))
    return target.getvalue()


def _band_and_value(axes: "Axes", picture: SeriesPicture, times: np.ndarray) -> None:
    axes.fill_between(
        times, picture.lower, picture.upper, color=_BAND, linewidth=0, label="ordinary (99 %)"
    )
    axes.plot(times, picture.value, color=_VALUE, linewidth=0.8, label="seen")
    axes.plot(times, picture.expected, color=_EXPECTED, linewidth=1.1, label="expected")
    hot = _is_anomalous(picture)
    axes.plot(times[hot], picture.value[hot], "o", color=_ALARM, markersize=3.5, label="anomalous")


def _shade(axes: "Axes", spans: IntegerArray, *, colour: str, label: str) -> None:
    """Shade stretches of time; an edge keeps a short one visible in a long picture."""
    for number, (start, end) in enumerate(spans.astype("datetime64[ms]")):
        axes.axvspan(
            start,
            end,
            facecolor=colour,
            edgecolor=colour,
            linewidth=0.8,
            alpha=0.3,
            label=label if number == 0 else None,
        )


def _keep_in_view(axes: "Axes", picture: SeriesPicture) -> None:
    """Let single far values be cut off where they would flatten all the rest."""
    every = np.concatenate([picture.value, picture.lower, picture.upper])
    known = every[np.isfinite(every)]
    if not len(known):
        return
    low, high = np.quantile(known, [0.001, 0.999])
    hot = picture.value[_is_anomalous(picture)]
    low, high = float(min(low, hot.min(initial=low))), float(max(high, hot.max(initial=high)))
    if high > low:
        margin = 0.08 * (high - low)
        axes.set_ylim(low - margin, high + margin)


def _score_strip(axes: "Axes", picture: SeriesPicture, times: np.ndarray) -> None:
    axes.fill_between(times, 0.0, picture.score, color=_SOFT, alpha=0.35, linewidth=0)
    hot = np.where(_is_anomalous(picture), picture.score, np.nan)
    axes.vlines(times, 0.0, hot, color=_ALARM, linewidth=1.2)
    axes.axhline(1.0, color=_ALARM, linewidth=0.9, linestyle="--")
    known = picture.score[np.isfinite(picture.score)]
    axes.set_ylim(0.0, max(1.3, 1.1 * float(known.max(initial=0.0))))
    axes.set_ylabel("score\n(1 = budget)", color=_SOFT, fontsize=8)


def _is_anomalous(picture: SeriesPicture) -> BooleanArray:
    return np.nan_to_num(picture.score) >= 1.0


def _fan(axes: "Axes", times: np.ndarray, forecast: Forecast, row: int) -> None:
    """Draw the bands from the widest to the narrowest, then the median."""
    levels = forecast.quantile_levels
    quantiles = forecast.quantiles[row]
    for place in range(len(levels) // 2):
        share = levels[-1 - place] - levels[place]
        axes.fill_between(
            times,
            quantiles[:, place],
            quantiles[:, -1 - place],
            color=_EXPECTED,
            alpha=0.16 + 0.12 * place,
            linewidth=0,
            label=f"{share:.0%}",
        )
    middle = quantiles[:, levels.index(0.5)]
    axes.plot(times, middle, color=_EXPECTED, linewidth=1.3, label=forecast.model[row])


def _mark(axes: "Axes", at_milliseconds: int, name: str, *, place: int) -> None:
    """Draw an instant as a line that is named beside it, each a line of text lower."""
    from matplotlib.dates import date2num

    at = float(date2num(np.datetime64(at_milliseconds, "ms")))  # type: ignore[no-untyped-call]  # matplotlib's own
    axes.axvline(at, color=_LIMIT, linewidth=0.9, linestyle=":")
    axes.annotate(
        name,
        (at, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-4, -10 - 12 * place),
        textcoords="offset points",
        ha="right",
        fontsize=8,
        color=_LIMIT,
        parse_math=False,
    )


def _dress(axes: "Axes", *, title: str = "") -> None:
    if title:
        text = title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"
        # labels are data: a dollar sign in one is no formula
        axes.set_title(text, loc="left", fontsize=10, color=_INK, parse_math=False)
    axes.grid(visible=True, color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)
    axes.tick_params(colors=_SOFT, labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_GRID)


def _legend(figure: "Figure") -> None:
    figure.legend(loc="lower right", bbox_to_anchor=(0.99, 0.0), ncols=6, fontsize=8, frameon=False)


def _date_axis(axes: "Axes") -> None:
    from datetime import UTC

    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(tz=UTC)  # type: ignore[no-untyped-call]  # matplotlib leaves it untyped
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, tz=UTC)  # type: ignore[no-untyped-call]  # the same
    axes.xaxis.set_major_formatter(formatter)
    axes.set_xlabel("UTC", color=_SOFT, fontsize=8, loc="left")


def _period_text(seconds: float) -> str:
    for unit, size in (("y", _YEAR_SECONDS), ("d", 86_400.0), ("h", 3_600.0), ("m", 60.0)):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
