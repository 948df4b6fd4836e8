"""A capacity report as one self-contained page of HTML."""

import base64
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from types import MappingProxyType

from forewarn_reports.capacity import CapacityReport, CapacityRow, SignalCapacity, Standing
from forewarn_reports.capacity_changes import Changes
from forewarn_reports.capacity_words import (
    chance_text,
    instant_text,
    likely_text,
    outlook_text,
    record_text,
)
from forewarn_reports.wording import duration_text, number_text

# A longer table is not read, and a page of all series of a fleet is not small.
MOST_ROWS_SHOWN = 200
_TEMPLATE = "capacity.html.j2"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STANDINGS: Mapping[Standing, str] = MappingProxyType(
    {
        "at_limit": "at its limit",
        "likely": "likely",
        "possible": "possible",
        "unlikely": "unlikely",
        "unknown": "cannot say",
    }
)


def capacity_page(
    report: CapacityReport,
    rows: Sequence[CapacityRow],
    *,
    changes: Changes | None,
    pictures: Mapping[int, bytes],
) -> str:
    """Return the page: it asks for nothing from elsewhere, and runs no script.

    Args:
        report: what it says.
        rows: all series, ranked; the first 200 are shown.
        changes: since an earlier report; None = there is none.
        pictures: PNGs by rank.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_template())
    made = report.made_milliseconds
    return template.render(
        made=made_text(report),
        summary=summary_of(report, rows),
        changes=changes,
        rows=[_shown(row, made) for row in rows[:MOST_ROWS_SHOWN]],
        n_left_out=max(0, len(rows) - MOST_ROWS_SHOWN),
        pictures=[
            (row, outlook_text(row, made_milliseconds=made), _data_url(pictures[row.rank]))
            for row in rows
            if row.rank in pictures
        ],
        signals=[(signal.name, *signal_texts(signal)) for signal in report.signals],
        problems=report.problems,
    )


def made_text(report: CapacityReport) -> str:
    """Return the instant of a report as people write it."""
    at = _EPOCH + timedelta(milliseconds=report.made_milliseconds)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def summary_of(report: CapacityReport, rows: Sequence[CapacityRow]) -> tuple[str, ...]:
    """Return what is to be known first, a sentence each."""
    count = {name: sum(row.standing == name for row in rows) for name in _STANDINGS}
    assumed = (report.assumption,) if report.assumption else ()
    if not rows:
        return (*assumed, "There are no series with a limit to report.")
    at_limit, likely = (_are(count[each]) for each in ("at_limit", "likely"))
    risks = (
        f"Of {len(rows)} series, {at_limit} at the limit now, {likely} likely to reach it within "
        f"the time looked at, and for {count['possible'] or 'none'} it is possible."
    )
    sentences = [risks]
    if rows[0].standing in {"at_limit", "likely"}:
        says = outlook_text(rows[0], made_milliseconds=report.made_milliseconds)
        sentences.append(f"First: {rows[0].name}, {says}.")
    if count["unknown"]:
        sentences.append(f"Nothing can be said of {count['unknown']}.")
    return (*assumed, *sentences)


def _are(count: int) -> str:
    return "none is" if count == 0 else f"{count} is" if count == 1 else f"{count} are"


def signal_texts(signal: SignalCapacity) -> tuple[str, str]:
    """Return which model spoke of a signal and how far it looked, and how right it was so far."""
    trained = _EPOCH + timedelta(milliseconds=signal.trained_milliseconds)
    horizon = duration_text(signal.outlook.horizons_seconds[-1])
    model = (
        f"looks {horizon} ahead; model {signal.version}, trained on {trained.day} {trained:%b %Y}"
    )
    return model, record_text(signal.record)


def row_cells(row: CapacityRow, *, made_milliseconds: int) -> dict[str, str]:
    """Return the cells of a row by their headings."""
    return {
        "now": number_text(row.value),
        "limit": number_text(row.limit),
        "of limit": _share_text(row),
        "growth a day": number_text(row.growth_per_day),
        "likely": _likely_cell(row, made_milliseconds),
        "earliest plausible": _early_cell(row, made_milliseconds),
        "chance": _chance_cell(row),
        "within": f"within {duration_text(row.horizon_seconds)}",
    }


def _shown(row: CapacityRow, made: int) -> tuple[CapacityRow, str, dict[str, str]]:
    return row, _STANDINGS[row.standing], row_cells(row, made_milliseconds=made)


def _likely_cell(row: CapacityRow, made: int) -> str:
    if row.standing == "likely":
        return likely_text(row, made_milliseconds=made)
    if row.standing == "at_limit":
        return "at its limit now"
    if row.standing == "unknown":
        return "cannot say"
    return f"not within {duration_text(row.horizon_seconds)}"


def _early_cell(row: CapacityRow, made: int) -> str:
    if row.standing not in {"likely", "possible"}:
        return ""
    return instant_text(row.early_seconds, made_milliseconds=made)


def _chance_cell(row: CapacityRow) -> str:
    if row.standing in {"at_limit", "unknown"}:
        return ""
    return chance_text(row.chances[-1][1])


def _share_text(row: CapacityRow) -> str:
    """Return how much of a limit from above is taken; of one from below no share says anything."""
    if row.side == "below" or not row.limit > 0 or math.isnan(row.value):
        return ""
    return f"{row.value / row.limit:.0%}"


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _template() -> str:
    return resources.files("forewarn_reports").joinpath(_TEMPLATE).read_text(encoding="utf-8")
