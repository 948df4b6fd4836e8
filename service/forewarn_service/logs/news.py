"""Patterns that a service has just said for the first time, and how rare that is."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from forewarn_adapters.logs.batch import LEVELS
from forewarn_models.arrays import IntegerArray
from forewarn_models.patterns.newness import Newness
from forewarn_service.logs.counters import FirstSightings
from forewarn_service.logs.names import EMPTY_LINE, PatternNames, name_of
from forewarn_service.logs.services import Service, label_value

SHOWN_SECONDS = 900.0
MOST_SHOWN = 50
MOST_EXAMPLE_BYTES = 256

_MOST_AGE_SECONDS = 3_600.0  # what an old log says is no news
_ERROR = LEVELS.index("error")
_PART_NANOSECONDS = 1_800 * 10**9
_MOST_PARTS = 400  # of a batch


@dataclass(frozen=True, slots=True)
class NewPattern:
    """A pattern that is shown for some minutes, in words that stay as they are.

    Args:
        source: where its first line came from.
        service: who said it.
        level: of the first line, a place in `LEVELS`.
        row: of the miner.
        score: how rare it is that this service says something new.
        until_seconds: when it is shown no longer.
        pattern: its name; empty as long as it has none.
        template: of the pattern.
        example: the first line, with secrets masked.
    """

    source: str
    service: str
    level: int
    row: int
    score: float
    until_seconds: float
    pattern: str = ""
    template: str = ""
    example: str = ""


class News:
    """Judges first sightings, and holds the rarest of the last minutes."""

    def __init__(self, newness: Newness) -> None:
        self._newness = newness
        self.shown: list[NewPattern] = []
        self._heard: dict[int, float] = {}
        self._part = 0

    def meet(
        self,
        lines: tuple[IntegerArray, IntegerArray],
        found: FirstSightings,
        known: Sequence[Service],
        *,
        now_seconds: float,
    ) -> None:
        """Note who said the lines of a batch and when, two arrays, and judge what was new in them.

        Half an hour after another is learned, so that a batch of an old log is no silence with one
        line at its end, and what was new early in it was new to a young service.
        """
        services, nanoseconds = lines
        span = int(nanoseconds.max() - nanoseconds.min())
        length = max(_PART_NANOSECONDS, span // _MOST_PARTS)
        parts, of_found = nanoseconds // length, found.nanoseconds // length
        for part in np.unique(parts).tolist():
            if part != self._part:
                self.advance(known)
                self._part = part
            self._judge(found.select(of_found == part), known, now_seconds=now_seconds)
            chosen = parts == part
            newest = np.zeros(len(known), dtype=np.int64)
            np.maximum.at(newest, services[chosen], nanoseconds[chosen])
            heard = np.flatnonzero(newest)
            seconds = (newest[heard] / 1e9).tolist()
            self._heard.update(zip(heard.tolist(), seconds, strict=True))

    def advance(self, known: Sequence[Service]) -> None:
        """Let what is known of services learn until when they were heard."""
        if self._heard:
            names = [_name(known[number]) for number in self._heard]
            self._newness.advance(names, np.array(list(self._heard.values())))
            self._heard.clear()

    def _judge(
        self, found: FirstSightings, known: Sequence[Service], *, now_seconds: float
    ) -> None:
        """Judge first sightings, and show those that are rare enough."""
        if not len(found.row):
            return
        seconds = found.nanoseconds / 1e9
        names = [_name(known[number]) for number in found.service.tolist()]
        score, _ = self._newness.judge(names, found.level >= _ERROR, seconds)
        recent = np.isfinite(score) & (seconds > now_seconds - _MOST_AGE_SECONDS)
        rarest = np.flatnonzero(recent)
        rarest = rarest[np.argsort(-score[rarest], kind="stable")[:MOST_SHOWN]]
        until = now_seconds + SHOWN_SECONDS
        for place in rarest.tolist():
            source, service = known[found.service[place]]
            level, row = int(found.level[place]), int(found.row[place])
            self.shown.append(NewPattern(source, service, level, row, float(score[place]), until))
        self._drop_common()

    def move(self, leaders: Callable[[IntegerArray], IntegerArray]) -> None:
        """Forget those that turned out to be of a pattern that was there before, or are folded."""
        if self.shown:
            rows = np.array([each.row for each in self.shown], dtype=np.int64)
            stays = (leaders(rows) == rows).tolist()
            self.shown = [each for each, kept in zip(self.shown, stays, strict=True) if kept]

    def tell(
        self, names: PatternNames, example: Callable[[int], str], *, now_seconds: float
    ) -> tuple[NewPattern, ...]:
        """Return what is to be shown now; each keeps the words in which it was first told."""
        current = [each for each in self.shown if each.until_seconds > now_seconds]
        self.shown = [each if each.pattern else _told(each, names, example) for each in current]
        return tuple(self.shown)

    def stored(self, names: PatternNames) -> list[dict[str, object]]:
        """Return what is shown, for a checkpoint: rows as names, which outlive a process."""
        identifiers = names.identifiers
        return [{**asdict(each), "row": int(identifiers[each.row])} for each in self.shown]

    def restore(self, stored: Sequence[dict[str, object]], names: PatternNames) -> None:
        """Show again what was stored."""
        shown = [NewPattern(**each) for each in stored]  # type: ignore[arg-type]  # as `stored` made it
        rows = names.rows(np.array([each.row for each in shown], dtype=np.uint64)).tolist()
        self.shown = [replace(each, row=row) for each, row in zip(shown, rows, strict=True) if row]

    def _drop_common(self) -> None:
        self.shown.sort(key=lambda each: -each.score)
        del self.shown[MOST_SHOWN:]


def _told(each: NewPattern, names: PatternNames, example: Callable[[int], str]) -> NewPattern:
    identifier = int(names.identifiers[each.row])
    return replace(
        each,
        pattern=name_of(identifier),
        template=names.templates[identifier],
        example=label_value(example(each.row), MOST_EXAMPLE_BYTES) or EMPTY_LINE,
    )


def _name(service: Service) -> str:
    return "/".join(service)
