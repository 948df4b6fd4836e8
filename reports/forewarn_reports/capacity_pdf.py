"""A capacity report as pages of A4, drawn without a browser."""

import io
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from forewarn_reports.capacity import CapacityReport, CapacityRow
from forewarn_reports.capacity_changes import Changes
from forewarn_reports.capacity_page import made_text, row_cells, signal_texts, summary_of
from forewarn_reports.capacity_words import outlook_text
from forewarn_reports.plots import ForecastPicture, draw_forecast

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK, _SOFT = "#1f2933", "#52606d"
_WIDTH_INCHES, _HEIGHT_INCHES = 8.27, 11.69
_LEFT, _RIGHT, _TOP = 0.06, 0.94, 0.955
_LINE = 0.0155  # of the height of a page
_MOST_LINES = 56
_LETTERS_OF_A_LINE = 104
_PICTURES_OF_A_PAGE = 3
_ROWS_OF_A_PAGE = 30
_COLUMNS = (  # heading of `row_cells`, its left edge as a share of the page's width, letters
    ("now", 0.40, 9),
    ("limit", 0.475, 9),
    ("growth a day", 0.55, 9),
    ("likely", 0.66, 26),
    ("earliest plausible", 0.845, 12),
)
_NAME_LETTERS = 41
_RANK = 0.025  # of the width of a page


def capacity_pdf(
    report: CapacityReport,
    rows: Sequence[CapacityRow],
    *,
    changes: Changes | None,
    pictures: Sequence[tuple[CapacityRow, ForecastPicture]],
) -> bytes:
    """Return a PDF with what the page says: the same report gives the same bytes.

    Its table holds the first 30 series: one page is what a meeting reads.
    """
    from matplotlib.backends.backend_pdf import PdfPages

    target = io.BytesIO()
    with PdfPages(target, metadata={"Title": "Capacity report", "CreationDate": None}) as pages:
        pages.savefig(_first_page(report, rows))
        for start in range(0, len(pictures), _PICTURES_OF_A_PAGE):
            part = pictures[start : start + _PICTURES_OF_A_PAGE]
            pages.savefig(_picture_page(part, report.made_milliseconds))
        for lines in _in_pages(_closing_lines(report, changes)):
            pages.savefig(_text_page(lines))
    return target.getvalue()


def _page() -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_INCHES, _HEIGHT_INCHES))
    FigureCanvasAgg(figure)
    return figure


def _first_page(report: CapacityReport, rows: Sequence[CapacityRow]) -> "Figure":
    figure = _page()
    _write(figure, _LEFT, _TOP, "Capacity report", size=18, weight="bold")
    seen = f"As seen on {made_text(report)}. All times are UTC."
    _write(figure, _LEFT, _TOP - 0.022, seen, size=9, colour=_SOFT)
    place = _TOP - 0.055
    for sentence in summary_of(report, rows):
        for line in textwrap.wrap(sentence, _LETTERS_OF_A_LINE):
            _write(figure, _LEFT, place, line, size=9.5)
            place -= _LINE
    place -= _LINE
    _write(figure, _LEFT, place, "#", size=7.5, colour=_SOFT, weight="bold")
    _write(figure, _LEFT + _RANK, place, "series", size=7.5, colour=_SOFT, weight="bold")
    for heading, left, _ in _COLUMNS:
        _write(figure, left, place, heading, size=7.5, colour=_SOFT, weight="bold")
    for row in rows[:_ROWS_OF_A_PAGE]:
        place -= 1.7 * _LINE
        _table_row(figure, place, row, report.made_milliseconds)
    if len(rows) > _ROWS_OF_A_PAGE:
        more = f"{len(rows) - _ROWS_OF_A_PAGE} more series, with less risk, are in the other files."
        _write(figure, _LEFT, place - 2 * _LINE, more, size=8, colour=_SOFT)
    return figure


def _table_row(figure: "Figure", place: float, row: CapacityRow, made: int) -> None:
    cells = row_cells(row, made_milliseconds=made)
    _write(figure, _LEFT, place, str(row.rank), size=7.5)
    name = textwrap.wrap(row.name, _NAME_LETTERS, break_on_hyphens=False)[:2]
    for number, line in enumerate(name):
        _write(figure, _LEFT + _RANK, place - 0.7 * number * _LINE, line, size=7.5)
    for heading, left, letters in _COLUMNS:
        for number, line in enumerate(textwrap.wrap(cells[heading], letters)[:2]):
            _write(figure, left, place - 0.7 * number * _LINE, line, size=7.5)


def _picture_page(pictures: Sequence[tuple[CapacityRow, ForecastPicture]], made: int) -> "Figure":
    figure = _page()
    grid = figure.subplots(_PICTURES_OF_A_PAGE, 1)
    figure.subplots_adjust(left=0.09, right=_RIGHT, top=0.93, bottom=0.05, hspace=0.45)
    for number, axes in enumerate(grid):
        if number >= len(pictures):
            axes.set_axis_off()
            continue
        row, picture = pictures[number]
        draw_forecast(axes, picture)
        says = outlook_text(row, made_milliseconds=made)
        axes.set_title(
            f"{row.rank}. {textwrap.shorten(row.name, 100)}\n{says}",
            loc="left",
            fontsize=8,
            color=_INK,
            parse_math=False,
        )
        axes.legend(
            loc="upper right", bbox_to_anchor=(1, -0.12), fontsize=6.5, frameon=False, ncols=5
        )
    return figure


def _closing_lines(report: CapacityReport, changes: Changes | None) -> Iterator[tuple[str, bool]]:
    """Yield lines and whether they are headings."""
    if report.problems:
        yield "What is missing from this report", True
        yield from ((problem, False) for problem in report.problems)
    yield "What changed since the last report", True
    if changes is None:
        yield "There is no earlier report to compare with.", False
    elif not changes.all:
        yield "Nothing that matters.", False
    else:
        yield from ((text, False) for text in changes.all)
    yield "How right these forecasts were so far", True
    for signal in report.signals:
        model, accuracy = signal_texts(signal)
        yield f"{signal.name}: {accuracy} It {model}.", False


def _in_pages(lines: Iterator[tuple[str, bool]]) -> Iterator[list[tuple[str, bool]]]:
    """Yield the lines of each page, wrapped."""
    wrapped = [
        (part, is_heading)
        for text, is_heading in lines
        for part in (*([""] if is_heading else []), *textwrap.wrap(text, _LETTERS_OF_A_LINE))
    ]
    for start in range(0, len(wrapped), _MOST_LINES):
        yield wrapped[start : start + _MOST_LINES]


def _text_page(lines: Sequence[tuple[str, bool]]) -> "Figure":
    figure = _page()
    for number, (text, is_heading) in enumerate(lines):
        weight = "bold" if is_heading else "normal"
        size = 11 if is_heading else 9
        _write(figure, _LEFT, _TOP - number * _LINE, text, size=size, weight=weight)
    return figure


def _write(  # noqa: PLR0913  where, what and how
    figure: "Figure",
    left: float,
    place: float,
    text: str,
    *,
    size: float,
    colour: str = _INK,
    weight: str = "normal",
) -> None:
    figure.text(
        left,
        place,
        text,
        fontsize=size,
        color=colour,
        fontweight=weight,
        va="top",
        parse_math=False,
    )
