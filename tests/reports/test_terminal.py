import math

import numpy as np
from rich.console import Console, RenderableType

from forewarn_reports.terminal import SeriesView, alert_frame, series_table, sparkline


def shown(what: RenderableType) -> str:
    console = Console(width=160, record=True, file=None, force_terminal=False, quiet=True)
    with console.capture() as capture:
        console.quiet = False
        console.print(what)
    return capture.get()


def view(**changes: object) -> SeriesView:
    facts: dict[str, object] = {
        "name": "latency",
        "values": np.array([1.0, 2.0, np.nan, 9.0]),
        "lower": np.zeros(4),
        "upper": np.full(4, 3.0),
        "expected": 1.5,
        "return_period_seconds": 214 * 86400.0,
        "verdict": "anomalous",
    }
    return SeriesView(**{**facts, **changes})  # type: ignore[arg-type]  # a table of facts


def test_bars_rise_with_values_leave_gaps_and_turn_red_outside_the_band() -> None:
    line = sparkline(np.array([0.0, 3.0, np.nan, 9.0]), np.zeros(4), np.full(4, 3.0))
    assert line.plain == "▁▃ █"
    assert [str(span.style) for span in line.spans] == ["cyan", "cyan", "cyan", "bold red"]


def test_a_constant_series_is_a_flat_line() -> None:
    assert sparkline(np.ones(3), np.ones(3), np.ones(3)).plain == "▁▁▁"


def test_a_series_of_gaps_is_an_empty_line() -> None:
    assert sparkline(np.full(2, np.nan), np.zeros(2), np.ones(2)).plain == ""


def test_a_row_says_value_band_and_rarity() -> None:
    text = shown(series_table([view()], title="live", width=160))
    assert "1.5 (0 to 3)" in text
    assert "once in" in text
    assert "214 days" in text
    assert "anomalous" in text


def test_names_that_look_like_markup_are_shown_as_they_are() -> None:
    table = series_table([view(name="requests [/s] [ms]")], title="live", width=160)
    assert "requests [/s] [ms]" in shown(table)
    alert = {"labels": {"alertname": "High [/s] [ms]"}, "annotations": {"summary": "[/s]"}}
    assert "page · High [/s] [ms] · none" in shown(alert_frame(alert))


def test_a_row_without_a_verdict_says_why() -> None:
    young = view(
        values=np.empty(0),
        lower=np.empty(0),
        upper=np.empty(0),
        expected=math.nan,
        return_period_seconds=math.nan,
        verdict="cannot say: untrained",
    )
    text = shown(series_table([young], title="live", width=160))
    assert "cannot say: untrained" in text


def test_a_page_shows_its_summary_and_its_annotations() -> None:
    labels = {"alertname": "ForewarnAnomaly", "severity": "critical"}
    annotations = {"summary": "latency is up", "expected": "0.12"}
    text = shown(alert_frame({"labels": labels, "annotations": annotations}))
    assert "page · ForewarnAnomaly · critical" in text
    assert "latency is up" in text
    assert "expected: 0.12" in text


def test_a_narrow_terminal_loses_the_course_then_the_band() -> None:
    wide, narrow, small = (
        shown(series_table([view()], title="live", width=width)) for width in (160, 110, 80)
    )
    assert "course" in wide
    assert "course" not in narrow
    assert "1.5 (0 to 3)" in narrow
    assert "1.5 (0 to 3)" not in small
    assert "214 days" in small
