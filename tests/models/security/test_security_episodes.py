"""forewarn_models.security.episodes"""

import pytest

from forewarn_models.contract import State
from forewarn_models.errors import UnknownFormat
from forewarn_models.security.episodes import MOST_EVIDENCE, Episode, Episodes

KEY = ("rule", "source", "10.0.0.1")


def episode(*, at: int = 100, quiet: int = 10, key: tuple[str, ...] = KEY) -> Episode:
    return Episode(key, at, at, quiet, 0, 1, {"account": "ana"}, ("first",))


def ended(episodes: Episodes, newest: int) -> list[Episode]:
    return episodes.end(lambda each: each.is_quiet(newest, None))


def test_what_comes_before_the_quiet_is_over_belongs_to_it() -> None:
    episodes = Episodes()
    episodes.begin(episode())
    assert episodes.get(KEY, 110) is not None
    assert episodes.get(KEY, 111) is None
    assert episodes.get(("other",), 100) is None


def test_it_grows_and_its_quiet_begins_anew() -> None:
    episodes = Episodes()
    grown = episodes.grow(episodes.begin(episode()), 108, times=3, evidence=("second",))
    assert (grown.began_nanoseconds, grown.newest_nanoseconds, grown.count) == (100, 108, 4)
    assert grown.evidence == ("first", "second")
    assert episodes.get(KEY, 118) == grown


def test_a_late_line_is_where_it_began() -> None:
    episodes = Episodes()
    grown = episodes.grow(episodes.begin(episode()), 90, times=1)
    assert (grown.began_nanoseconds, grown.newest_nanoseconds) == (90, 100)


def test_evidence_is_bounded() -> None:
    episodes = Episodes()
    grown = episodes.begin(episode())
    for number in range(20):
        grown = episodes.grow(grown, 100, times=1, evidence=(str(number),))
    assert grown.evidence == ("first", "0", "1", "2", "3")
    assert len(grown.evidence) == MOST_EVIDENCE


def test_it_ends_once_when_it_is_quiet() -> None:
    episodes = Episodes()
    episodes.begin(episode())
    assert ended(episodes, 110) == []
    (over,) = ended(episodes, 111)
    assert over.is_ended
    assert ended(episodes, 200) == []
    assert len(episodes) == 0


def test_it_is_over_too_when_its_log_is_silent() -> None:
    grown = Episodes().grow(episode(), 105, times=1, arrived_nanoseconds=1_000)
    assert not grown.is_quiet(newest_nanoseconds=105, now_nanoseconds=1_010)
    assert grown.is_quiet(newest_nanoseconds=105, now_nanoseconds=1_011)
    assert not episode().is_quiet(newest_nanoseconds=105, now_nanoseconds=1_011)


def test_a_new_one_of_the_same_key_ends_the_one_before() -> None:
    episodes = Episodes()
    episodes.begin(episode())
    new = episodes.begin(episode(at=200))
    assert [each.began_nanoseconds for each in ended(episodes, 200)] == [100]
    assert episodes.open() == [new]


def test_of_too_many_those_seen_longest_ago_end() -> None:
    episodes = Episodes(most=2)
    first = episodes.begin(episode(key=("a",)))
    episodes.begin(episode(key=("b",)))
    episodes.grow(first, 100, times=1)
    episodes.begin(episode(key=("c",)))
    assert [each.key for each in ended(episodes, 0)] == [("b",)]
    assert [each.key for each in episodes.of([("a",), ("b",), ("c",)])] == [("a",), ("c",)]


def test_of_too_many_that_have_ended_the_first_are_told() -> None:
    episodes = Episodes(most=2)
    for number in range(7):
        episodes.begin(episode(key=(str(number),)))
    assert [each.key for each in ended(episodes, 0)] == [("0",), ("1",)]
    assert episodes.n_let_go == 3


def test_what_was_stored_goes_on() -> None:
    episodes, again = Episodes(), Episodes()
    episodes.begin(episode())
    episodes.begin(episode(key=("gone", "source")))
    again.absorb(episodes.state(), of={"rule"})
    assert again.open() == [episode()]


@pytest.mark.parametrize(("kind", "version"), [("other", 1), ("security_episodes", 2)])
def test_a_state_of_something_else_is_refused(kind: str, version: int) -> None:
    with pytest.raises(UnknownFormat, match="stored episodes must be security_episodes 1"):
        Episodes().absorb(State(kind, version, {"episodes": []}), of=())
