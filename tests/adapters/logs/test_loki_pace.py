"""How much a Loki is asked for."""

import json
from pathlib import Path

import pytest

from forewarn_adapters.http import Answer, AnswerTooLarge
from forewarn_adapters.logs.loki.pace import Pace, RangeTooLong, refusal_of
from forewarn_adapters.logs.loki.position import Region
from forewarn_models.errors import SourceRejected, SourceTimeout, SourceUnavailable

RECORDINGS = Path(__file__).parent / "recordings" / "loki"
HOUR = 3_600 * 10**9


def recorded(name: str) -> Answer:
    response = json.loads((RECORDINGS / f"{name}.json").read_text())["response"]
    return Answer(response["status"], response["body"].encode())


def test_the_recorded_refusal_of_lines_says_how_many_there_may_be():
    pace = Pace(100_000)
    refusal = refusal_of(recorded("error_limit_too_high"))
    assert isinstance(refusal, AnswerTooLarge)
    assert pace.shrink(refusal, Region(0, HOUR))
    assert pace.lines == 5_000
    pace.grow()
    assert pace.lines == 5_000


def test_the_recorded_refusal_of_a_range_halves_it_for_good():
    pace = Pace(10)
    refusal = refusal_of(recorded("error_range_too_long"))
    assert isinstance(refusal, RangeTooLong)
    assert pace.shrink(refusal, Region(0, 10 * HOUR))
    pace.grow()
    assert pace.parts(Region(0, 12 * HOUR, "x")) == (
        Region(0, 5 * HOUR, "x"),
        (Region(5 * HOUR, 12 * HOUR, "x"),),
    )


@pytest.mark.parametrize("name", ["error_parse", "error_empty_matcher"])
def test_other_recorded_refusals_are_final(name):
    refusal = refusal_of(recorded(name))
    assert type(refusal) is SourceRejected
    assert "parse error" in str(refusal)


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (504, "", SourceTimeout),
        (500, "context deadline exceeded", SourceTimeout),
        (500, "rpc error: received message larger than max (9 vs. 4)", AnswerTooLarge),
        (400, "the query would read too many bytes (query: 9GB, limit: 1GB)", RangeTooLong),
        (503, "", SourceUnavailable),
        (429, "too many outstanding requests", SourceUnavailable),
        (403, "", SourceRejected),
    ],
)
def test_each_refusal_has_its_kind(status, said, kind):
    assert type(refusal_of(Answer(status, said.encode()))) is kind


def test_after_a_timeout_less_time_is_asked_for_and_more_after_answers():
    pace = Pace(10)
    assert pace.shrink(SourceTimeout("slow"), Region(0, 8 * HOUR))
    assert pace.parts(Region(0, 100 * HOUR))[0].end == 4 * HOUR
    for _ in range(5):
        pace.grow()
    assert pace.parts(Region(0, 100 * HOUR))[0].end == 24 * HOUR


def test_no_less_than_a_millisecond_and_two_lines_is_asked_for():
    pace = Pace(12)
    assert not pace.shrink(RangeTooLong("no"), Region(0, 1_000_000))
    for lines in (6, 3, 2):
        assert pace.shrink(AnswerTooLarge("large"), Region(0, 1))
        assert pace.lines == lines
    assert not pace.shrink(AnswerTooLarge("large"), Region(0, 1))
    pace.grow()
    assert pace.lines == 3
