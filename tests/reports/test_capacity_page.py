"""The page and the PDF of a report; what a browser makes of the page is in tests/command."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np

from capacity_parts import MADE, capacity, history, outlook, report
from forewarn_reports.capacity import rows_of
from forewarn_reports.capacity_changes import Changes
from forewarn_reports.capacity_page import capacity_page
from forewarn_reports.capacity_pdf import capacity_pdf
from forewarn_reports.capacity_pictures import capacity_picture
from forewarn_reports.plots import forecast_plot

PNG = b"\x89PNG\r\n\x1a\n"


class Text(HTMLParser):
    """The words of a page, and the tags that it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.split("</style>")[1])

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def page(made=None, *, changes=None, pictures=None):
    made = made or report()
    return capacity_page(made, rows_of(made), changes=changes, pictures=pictures or {})


def test_the_page_says_first_what_matters():
    text = Text(page()).text
    assert (
        "Of 6 series, 1 is at the limit now, 2 are likely to reach it within the time looked at, "
        'and for 1 it is possible. First: disk{mount="/at-limit"}, at its limit now. '
        "Nothing can be said of 1." in text
    )
    assert "As seen on 1 January 2026, 00:00 UTC" in text
    assert "There is no earlier report to compare with." in text


def test_the_table_has_the_rank_value_limit_dates_and_chance():
    text = Text(page()).text
    row = (
        "2 disk mount=/likely 75 100 75% 0.9 likely in 3 to 5 weeks (about 28 Jan 2026) 22 Jan 2026"
    )
    assert f"{row} 97 in 100 within 40 days" in text
    assert (
        "4 disk mount=/possible 60 100 60% 0.5 possible not within 40 days 31 Jan 2026 3 in 10"
        in text
    )
    assert "6 disk mount=/unknown - 100 - cannot say cannot say" in text
    assert "1 disk mount=/at-limit 101 100 101% 0 at its limit at its limit now" in text


def test_changes_are_listed_by_kind():
    text = Text(page(changes=Changes(("a came",), ("b moved",), ()))).text
    assert "Newly at risk a came Moved b moved" in text
    assert "No longer at risk" not in text
    assert "Nothing that matters" in Text(page(changes=Changes((), (), ()))).text


def test_accuracy_and_what_is_missing_are_said():
    text = Text(page(report(capacity(), problems=("Signal tape: gone.",)))).text
    assert "What is missing from this report Signal tape: gone." in text
    assert "disk Tested at 4 earlier dates: its error is 40% smaller" in text
    assert "It looks 40 days ahead; model 7, trained on 31 Dec 2025." in text


def test_labels_are_text_whatever_stands_in_them():
    evil = '"><script>alert(1)</script><img src=http://evil.example/x>'
    series = ((("mount", evil),), *outlook().series[1:])
    tags = Text(page(report(capacity(series=series)), pictures={4: PNG})).tags
    assert not [tag for tag, _ in tags if tag == "script"]
    assert [each["src"] for tag, each in tags if tag == "img"] == [
        "data:image/png;base64,iVBORw0KGgo="
    ]


def test_a_fleet_shows_its_first_series_and_says_how_many_are_left_out():
    n_series = 250
    many = capacity(
        series=tuple((("n", str(number)),) for number in range(n_series)),
        value=np.full(n_series, 50.0),
        limit=np.full(n_series, 100.0),
        growth_per_day=np.zeros(n_series),
        time_to_limit_seconds=np.full((n_series, 3), np.inf),
        breach_probability=np.zeros((n_series, 3)),
    )
    made = report(many)
    text = Text(page(made)).text
    assert "50 more series, with less risk" in text
    assert "n=199 " in text
    assert "n=200 " not in text
    assert "none is at the limit now, none is likely" in text
    assert "for none it is possible" in text
    pages = capacity_pdf(made, rows_of(made), changes=None, pictures=[])
    assert pages.count(b"/Type /Page ") == 2


def test_a_report_of_no_series_says_so():
    nothing = capacity(
        series=(),
        value=np.empty(0),
        limit=np.empty(0),
        growth_per_day=np.empty(0),
        time_to_limit_seconds=np.empty((0, 3)),
        breach_probability=np.empty((0, 3)),
    )
    text = Text(page(report(nothing))).text
    assert "There are no series with a limit to report." in text
    assert "What runs out first" not in text


def test_of_a_limit_from_below_no_share_is_used():
    below = capacity(side="below", limit=np.full(6, 1.0))
    assert "75%" not in Text(page(report(below))).text


def pictures(made, n=4):
    return [(row, capacity_picture(made, row, history())) for row in rows_of(made)[:n]]


def test_a_picture_has_the_history_the_limit_and_the_dates():
    made = report()
    _, (row, picture), *_ = pictures(made)
    assert (row.labels[0][1], picture.limit, picture.title) == ("/likely", 100.0, row.name)
    assert picture.marks == (
        (MADE + 21 * 86_400_000, "earliest plausible 22 Jan 2026"),
        (MADE + 27 * 86_400_000, "as likely as not by 28 Jan 2026"),
    )
    assert picture.value[-1] == 50 + 319 / 16
    assert forecast_plot(picture).startswith(PNG)
    assert forecast_plot(picture) != forecast_plot(replace(picture, marks=()))


def test_a_series_that_the_history_lacks_or_without_a_limit_is_drawn_too():
    made = report(capacity(limit=np.full(6, np.nan)))
    row = rows_of(made)[1]
    short = replace(history(), values=history().values[:1], series=history().series[:1])
    picture = capacity_picture(made, row, short)
    assert picture.limit is None
    assert np.isnan(picture.value).all()
    assert forecast_plot(picture).startswith(PNG)


def test_the_pdf_has_a_table_pictures_and_an_end_and_is_the_same_each_time():
    made = report(capacity(), problems=("Signal tape: gone.",))
    first = capacity_pdf(
        made, rows_of(made), changes=Changes(("a",), (), ()), pictures=pictures(made)
    )
    again = capacity_pdf(
        made, rows_of(made), changes=Changes(("a",), (), ()), pictures=pictures(made)
    )
    assert first.startswith(b"%PDF-")
    assert first.count(b"/Type /Page ") == 1 + 2 + 1
    assert first == again


def test_a_pdf_says_when_nothing_changed():
    made = report()
    pages = [
        capacity_pdf(made, rows_of(made), changes=changes, pictures=[])
        for changes in (None, Changes((), (), ()))
    ]
    assert pages[0] != pages[1]
