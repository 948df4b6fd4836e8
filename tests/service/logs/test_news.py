"""forewarn_service.logs.news: what a service says for the first time, and how rare that is."""

import json

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


def known_for_weeks(*, weeks: int = 8) -> LineCounting:
    """A service that said the same thing for so long, up to now."""
    counting = counting_of()
    for hour in range(weeks * 7 * 24, 0, -1):
        at = NOW - hour * 3_600_000
        counting.take("app", batch_of(numbered(0, 3), milliseconds=at), now_milliseconds=at)
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
    counting = counting_of()
    for hour in range(8 * 7 * 24, 0, -1):
        at = NOW - hour * 3_600_000
        lines = [f"size 3 kind={letter * 3}" for letter in "abc"]
        counting.take("app", batch_of(lines, milliseconds=at), now_milliseconds=at)
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


def test_only_the_rarest_are_shown() -> None:
    news = News(Newness(parse_budget("1/7d")))
    known = [("app", "shop")]
    for day in range(60, 0, -1):
        news.hear(np.array([0]), np.array([(NOW - day * DAY_MILLISECONDS) * 10**6]), known)
    news.hear(np.array([0]), np.array([NOW * 10**6]), known)
    for first in (0, 40):
        n = 40
        found = FirstSightings(
            service=np.zeros(n, dtype=np.int64),
            row=np.arange(first, first + n),
            level=np.where(np.arange(n) % 2 == 0, 5, 3),
            nanoseconds=np.full(n, NOW * 10**6),
        )
        news.judge(found, known, now_seconds=NOW / 1000)
    assert len(news.shown) == MOST_SHOWN
    scores = [each.score for each in news.shown]
    assert scores == sorted(scores, reverse=True)


def test_a_batch_of_weeks_is_heard_as_what_came_in_as_many_batches() -> None:
    services, known = np.zeros(2_000, dtype=np.int64), [("app", "shop")]
    times = (NOW - 10**9 + np.arange(2_000) * 500_000) * 10**6
    at_once, slowly = News(Newness(parse_budget("1/7d"))), News(Newness(parse_budget("1/7d")))
    at_once.hear(services, times, known)
    for first in range(0, 2_000, 4):
        slowly.hear(services[:4], times[first : first + 4], known)
    found = FirstSightings(services[:1], services[:1] + 3, services[:1] + 5, times[-1:])
    for news in (at_once, slowly):
        news.advance(known)
        news.judge(found, known, now_seconds=NOW / 1000)
    assert at_once.shown[0].score == pytest.approx(slowly.shown[0].score, rel=0.02)
