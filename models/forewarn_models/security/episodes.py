"""Sightings of the same thing close together as one episode: what a person would call one event."""

from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from forewarn_models.contract import State
from forewarn_models.errors import UnknownFormat
from forewarn_models.security.windows import Key

KIND, FORMAT_VERSION = "security_episodes", 1
MOST_EVIDENCE = 5


@dataclass(frozen=True, slots=True)
class Episode:
    """What was seen of one key without a long pause.

    Args:
        key: whose it is.
        began_nanoseconds: the time of the first sighting.
        newest_nanoseconds: the time of the newest one.
        quiet_nanoseconds: it is over when nothing was seen for longer.
        arrived_nanoseconds: when the last sighting was told, by the clock of whoever watches; 0
            where there is none.
        count: how many sightings it rests on.
        facts: what the first one said, such as the account.
        evidence: the first lines, with secrets masked.
        is_ended: nothing more will be added to it.
    """

    key: Key
    began_nanoseconds: int
    newest_nanoseconds: int
    quiet_nanoseconds: int
    arrived_nanoseconds: int
    count: int
    facts: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    is_ended: bool = False

    @property
    def quiet_at_nanoseconds(self) -> int:
        """Until when something may still be added to it."""
        return self.newest_nanoseconds + self.quiet_nanoseconds

    def is_quiet(self, newest_nanoseconds: int, now_nanoseconds: int | None) -> bool:
        """Return whether nothing will be added to it.

        Args:
            newest_nanoseconds: how far its log has come, by the times in it.
            now_nanoseconds: what time it is, for a log that has gone silent.
        """
        is_silent = (
            now_nanoseconds is not None
            and self.arrived_nanoseconds > 0
            and now_nanoseconds - self.arrived_nanoseconds > self.quiet_nanoseconds
        )
        return is_silent or newest_nanoseconds > self.quiet_at_nanoseconds


class Episodes:
    """The episodes that go on, at most `most`: of more, those seen longest ago are ended.

    Of those that have ended as many are kept until somebody asks; `n_let_go` more were not.
    """

    def __init__(self, *, most: int = 10_000) -> None:
        self.n_let_go = 0
        self._most = most
        self._open: OrderedDict[Key, Episode] = OrderedDict()
        self._ended: list[Episode] = []

    def __len__(self) -> int:
        return len(self._open)

    def get(self, key: Key, nanoseconds: int) -> Episode | None:
        """Return the episode of a key that a sighting at this time would belong to, if any."""
        episode = self._open.get(key)
        return episode if episode and nanoseconds <= episode.quiet_at_nanoseconds else None

    def begin(self, episode: Episode) -> Episode:
        """Begin an episode; what was there of its key is over."""
        before = self._open.pop(episode.key, None)
        if before is not None:
            self._end(before)
        self._open[episode.key] = episode
        while len(self._open) > self._most:
            self._end(self._open.popitem(last=False)[1])
        return episode

    def grow(
        self,
        episode: Episode,
        nanoseconds: int,
        *,
        times: int,
        evidence: Sequence[str] = (),
        arrived_nanoseconds: int = 0,
    ) -> Episode:
        """Return the episode with sightings added."""
        grown = replace(
            episode,
            began_nanoseconds=min(nanoseconds, episode.began_nanoseconds),
            newest_nanoseconds=max(nanoseconds, episode.newest_nanoseconds),
            arrived_nanoseconds=arrived_nanoseconds,
            count=episode.count + times,
            evidence=(*episode.evidence, *evidence)[:MOST_EVIDENCE],
        )
        self._open[episode.key] = grown
        self._open.move_to_end(episode.key)
        return grown

    def end(self, is_over: Callable[[Episode], bool]) -> list[Episode]:
        """Return the episodes that have ended since the last call, with those that are over now."""
        quiet = [key for key, episode in self._open.items() if is_over(episode)]
        for key in quiet:
            self._end(self._open.pop(key))
        ended, self._ended = self._ended, []
        return ended

    def of(self, keys: Iterable[Key]) -> list[Episode]:
        """Return those of some keys that go on."""
        return [self._open[key] for key in keys if key in self._open]

    def open(self) -> list[Episode]:
        """Return those that go on."""
        return list(self._open.values())

    def state(self) -> State:
        """Return what is to be stored."""
        return State(KIND, FORMAT_VERSION, {"episodes": [_row(each) for each in self.open()]})

    def absorb(self, state: State, *, of: Container[str]) -> None:
        """Take over what was stored, where the first part of a key is `of` those that there are.

        Raises UnknownFormat.
        """
        if (state.kind, state.format_version) != (KIND, FORMAT_VERSION):
            raise UnknownFormat(
                f"stored episodes must be {KIND} {FORMAT_VERSION}, got {state.kind} "
                f"{state.format_version}"
            )
        for row in state.manifest["episodes"]:
            if row[0][0] in of:
                self.begin(_episode(row))

    def _end(self, episode: Episode) -> None:
        if len(self._ended) < self._most:
            self._ended.append(replace(episode, is_ended=True))
        else:
            self.n_let_go += 1


def _row(episode: Episode) -> list[Any]:
    return [
        list(episode.key),
        episode.began_nanoseconds,
        episode.newest_nanoseconds,
        episode.quiet_nanoseconds,
        episode.arrived_nanoseconds,
        episode.count,
        dict(episode.facts),
        list(episode.evidence),
    ]


def _episode(row: Sequence[Any]) -> Episode:
    key, began, newest, quiet, arrived, count, facts, evidence = row
    times = (began, newest, quiet, arrived)
    return Episode(tuple(key), *times, count, dict(facts), tuple(evidence))
