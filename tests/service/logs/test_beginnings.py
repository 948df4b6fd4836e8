"""forewarn_service.logs.beginnings: counters that begin are 0 until all who scrape have seen it."""

from collections.abc import Mapping

from forewarn_service.logs.beginnings import Beginnings, Scrapers
from forewarn_service.logs.families import LINES, UP, LogFamily, Rows


class Shown:
    """What a text of one family shows, as time goes by."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.scrapers = Scrapers(lambda: self.seconds)
        self.beginnings = Beginnings(lambda: self.seconds)
        self.text = 0

    def __call__(self, counts: Mapping[str, float], family: LogFamily = LINES) -> dict[str, float]:
        self.text += 1
        names = list(counts)
        columns = tuple([f"{name}" for name in names] for _ in family.labels)
        rows = Rows(family, columns, list(counts.values()))
        values = self.beginnings.values(rows, text=self.text, seen=self.scrapers.all_saw())
        return dict(zip(names, values, strict=True))

    def scrape(self, *scrapers: str) -> None:
        for scraper in scrapers:
            self.scrapers.note(scraper, self.text)


def test_a_counter_that_begins_is_zero_until_it_was_scraped() -> None:
    shown = Shown()
    assert shown({"a": 3.0}) == {"a": 3.0}  # counted before this process began
    shown.scrape("")
    assert shown({"a": 4.0, "b": 50.0}) == {"a": 4.0, "b": 0.0}
    assert shown({"a": 4.0, "b": 51.0}) == {"a": 4.0, "b": 0.0}
    shown.scrape("")
    assert shown({"a": 4.0, "b": 52.0, "c": 1.0}) == {"a": 4.0, "b": 52.0, "c": 0.0}


def test_all_scrapers_are_waited_for_and_others_who_look_are_not() -> None:
    shown = Shown()
    shown({})
    shown.scrape("10.0.0.1", "10.0.0.2")
    assert shown({"a": 1.0}) == {"a": 0.0}
    shown.scrape("10.0.0.1", "")
    assert shown({"a": 1.0}) == {"a": 0.0}
    shown.scrape("10.0.0.2")
    assert shown({"a": 1.0}) == {"a": 1.0}


def test_a_scraper_that_is_gone_is_not_waited_for() -> None:
    shown = Shown()
    shown({})
    shown.scrape("10.0.0.1", "10.0.0.2")
    shown.seconds = 100.0
    shown({"a": 1.0})
    shown.scrape("10.0.0.1")
    shown.seconds = 131.0
    assert shown({"a": 1.0}) == {"a": 1.0}


def test_it_is_not_kept_at_zero_for_long_where_nobody_looks() -> None:
    shown = Shown()
    shown({})
    assert shown({"a": 1.0}) == {"a": 0.0}
    shown.seconds = 129.0
    assert shown({"a": 1.0}) == {"a": 0.0}
    shown.seconds = 130.0
    assert shown({"a": 1.0}) == {"a": 1.0}


def test_a_counter_that_ended_begins_at_zero_again() -> None:
    shown = Shown()
    shown({"a": 3.0})
    shown.scrape("x")
    assert shown({}) == {}
    assert shown({"a": 1.0}) == {"a": 0.0}
    assert shown({}) == {}
    shown.scrape("x")
    assert shown({"a": 1.0}) == {"a": 0.0}


def test_what_was_counted_elsewhere_is_shown_as_it_is() -> None:
    shown = Shown()
    shown({"a": 3.0})
    shown.beginnings.begin_anew()
    assert shown({"a": 3.0, "b": 70.0}) == {"a": 3.0, "b": 70.0}


def test_gauges_are_as_they_are() -> None:
    shown = Shown()
    shown({}, UP)
    assert shown({"a": 1.0}, UP) == {"a": 1.0}


def test_only_so_many_scrapers_are_remembered() -> None:
    shown = Shown()
    shown({})
    for number in range(100):
        shown.scrape(f"10.0.0.{number}")
    assert len(shown.scrapers._seen) == 16
