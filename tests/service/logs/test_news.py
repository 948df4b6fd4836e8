"""forewarn_service.logs.news: what a service says for the first time, and how rare that is."""

import json
from dataclasses import replace

import numpy as np
import pytest

from forewarn_models.budget import parse_budget
from forewarn_models.patterns.newness import Newness
from forewarn_service.logs.counters import FirstSightings
from forewarn_service.logs.counting import LineCounting
from forewarn_service.logs.names import PatternNames
from forewarn_service.logs.news import MOST_SHOWN, SHOWN_SECONDS, NewPattern, News
from log_parts import NOW, batch_of, counting_of, numbered

DAY_MILLISECONDS = 86_400_000
SECRET = "password=hunter2"


def known_for_weeks(*lines: str) -> LineCounting:
    """A service that said the same things, hour by hour, for eight weeks up to now."""
    counting = counting_of()
    said = lines or numbered(0, 3)
    for week in range(8, 0, -1):
        hours = np.repeat(np.arange(week * 168, (week - 1) * 168, -1), len(said))
        batch = batch_of(list(said) * 168)
        times = (NOW - hours * 3_600_000) * 1_000_000
        counting.take("app", replace(batch, timestamp_nanoseconds=times), now_milliseconds=NOW)
    return counting


def shown(counting: LineCounting, *, at: int = NOW) -> tuple[NewPattern, ...]:
    return counting.cut(now_milliseconds=at).snapshot.shown


def say(counting: LineCounting, *lines: str, level: str = "error", at: int = NOW) -> None:
    batch = batch_of(lines, level=level, milliseconds=at)
    counting.take("app", batch, now_milliseconds=NOW)


def test_a_new_error_is_shown_with_its_score_for_a_quarter_of_an_hour() -> None:
    counting = known_for_weeks()
    assert shown(counting) == ()
    say(counting, f"cannot open vault with {SECRET} at 10.0.0.1")
    (told,) = shown(counting)
    assert told.score >= 1.0
    assert (told.source, told.service, told.level) == ("app", "shop", 5)
    assert told.template == "cannot open vault with password=<*> at <*>"
    assert told.example == "cannot open vault with password=*** at 10.0.0.1"
    assert len(told.pattern) == 16
    end = NOW + int(SHOWN_SECONDS * 1000)
    assert shown(counting, at=end - 1) == (told,)
    assert shown(counting, at=end) == ()


def test_a_service_that_is_just_being_met_is_judged_by_nobody() -> None:
    counting = counting_of()
    say(counting, "cannot open vault")
    assert shown(counting) == ()


def test_old_lines_are_no_news() -> None:
    counting = known_for_weeks()
    say(counting, "cannot open vault", at=NOW - 2 * 3_600_000)
    assert shown(counting) == ()


def test_what_becomes_one_with_a_known_pattern_was_not_new() -> None:
    counting = known_for_weeks(*(f"size 3 kind={letter * 3}" for letter in "ab"))
    say(counting, "size 3 kind=ccc")
    assert [each.template for each in shown(counting)] == ["size <*> kind=ccc"]
    say(counting, "size 3 kind=ddd")
    assert shown(counting) == ()


def test_what_is_shown_is_shown_after_a_restart_too() -> None:
    counting = known_for_weeks()
    say(counting, "cannot open vault")
    before = shown(counting)
    stored = json.loads(json.dumps(counting.news.stored(counting.names)))
    again = News(Newness(parse_budget("1/7d")))
    again.restore(stored, counting.names)
    told = again.tell(counting.names, counting.miner.example, now_seconds=NOW / 1000)
    assert told == before
    again.restore(stored, PatternNames(counting.miner.n_rows))
    assert again.shown == []


def met(news: News, service: np.ndarray, milliseconds: np.ndarray, found: FirstSightings) -> None:
    lines = (service, milliseconds * 10**6)
    news.meet(lines, found, [("app", "shop")], now_seconds=NOW / 1000)


def first_lines(row: np.ndarray, level: np.ndarray, milliseconds: np.ndarray) -> FirstSightings:
    return FirstSightings(np.zeros_like(row), row, level, milliseconds * 10**6)


NOTHING = first_lines(*np.empty((3, 0), dtype=np.int64))
SHOP = np.array([0])


def test_only_the_rarest_are_shown() -> None:
    news = News(Newness(parse_budget("1/7d")))
    for day in range(60, 0, -1):
        met(news, SHOP, np.array([NOW - day * DAY_MILLISECONDS]), NOTHING)
    for first in (0, 40):
        rows = np.arange(first, first + 40)
        levels = np.where(rows % 2 == 0, 5, 3)
        met(news, SHOP, np.array([NOW]), first_lines(rows, levels, np.full(40, NOW)))
    assert len(news.shown) == MOST_SHOWN
    scores = [each.score for each in news.shown]
    assert scores == sorted(scores, reverse=True)


def test_a_backlog_is_judged_as_it_would_have_been_live() -> None:
    n = 2_000
    times = NOW - 1_000_000 * np.arange(n - 1, -1, -1)
    new = np.array([0, 1, 2, 3, 300, n - 1])
    at_once, slowly = News(Newness(parse_budget("1/7d"))), News(Newness(parse_budget("1/7d")))
    met(at_once, np.zeros(n, int), times, first_lines(new, np.full(6, 5), times[new]))
    for place in range(n):
        rows = new[new == place]
        found = first_lines(rows, np.full(len(rows), 5), times[rows])
        met(slowly, SHOP, times[place : place + 1], found)
    assert len(at_once.shown) == len(slowly.shown) == 1
    assert at_once.shown[0].score == pytest.approx(slowly.shown[0].score, rel=0.01)
    assert at_once.shown[0].score > 1
