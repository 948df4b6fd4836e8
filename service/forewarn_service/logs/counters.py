"""Lines counted by service, level and pattern, in arrays; which patterns have series.

A pattern has series as long as its service has a place for it, `patterns_per_service` of them. A
place is taken by who comes first, and becomes free when its pattern was silent for a week and
another needs it. Lines of patterns without a place are counted as `other`. What was counted of a
pattern that loses its place, or that the miner folds, ends with its series and is not added to
`other`: its lines were seen when they came, and would be seen twice.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forewarn_models.arrays import AnyArray, BooleanArray, IntegerArray
from forewarn_models.patterns.rows import OTHER_ROW
from forewarn_service.logs.tables import Rule, Table, grouped

MOST_PLACES = 50_000  # of all services together
MOST_KNOWN = 500_000  # patterns of services that are remembered, with a place or without
SILENCE_NANOSECONDS = 7 * 86_400 * 10**9

N_LEVELS = 8  # room for the seven of `LEVELS`
_LEVEL_BITS = 3

_TOTAL = {"count": Rule(np.int64, np.add)}
_PLACE = {
    "first": Rule(np.int64, np.minimum),
    "last": Rule(np.int64, np.maximum),
    "has_series": Rule(np.bool_, np.logical_or),
}
_LINES = {"count": _TOTAL["count"], "first": _PLACE["first"], "last": _PLACE["last"]}


@dataclass(frozen=True, eq=False)
class FirstSightings:
    """Patterns that services had not had before, in order of time.

    Args:
        service: (n,) numbers of services.
        row: (n,) of the miner.
        level: (n,) the most severe of the first lines, places in `LEVELS`.
        nanoseconds: (n,) of the first line.
    """

    service: IntegerArray
    row: IntegerArray
    level: IntegerArray
    nanoseconds: IntegerArray

    def select(self, chosen: BooleanArray) -> "FirstSightings":
        """Return the chosen ones."""
        columns = (self.service, self.row, self.level, self.nanoseconds)
        return FirstSightings(*(column[chosen] for column in columns))


class Counters:
    """What is counted. Keys are (service, row) and (service, row, level) in one number."""

    def __init__(
        self,
        *,
        n_rows: int,
        patterns_per_service: int,
        most_places: int = MOST_PLACES,
        most_known: int = MOST_KNOWN,
    ) -> None:
        self._n_rows = n_rows
        self._budget = patterns_per_service
        self._most_places = most_places
        self._most_known = most_known
        self.series = Table(_TOTAL)
        self.places = Table(_PLACE)
        self.news = Table(_TOTAL)  # key: service and level
        self.is_rewritten = False  # since `settle`: something was taken away
        self._n_held: IntegerArray = np.zeros(0, dtype=np.int64)
        self._newest: IntegerArray = np.zeros(0, dtype=np.int64)
        self._wants: BooleanArray = np.zeros(0, dtype=np.bool_)

    def count(
        self,
        service: IntegerArray,
        row: IntegerArray,
        level: AnyArray,
        nanoseconds: IntegerArray,
    ) -> FirstSightings:
        """Count lines, (n,) each, and return which patterns their services had not had before."""
        keys = ((service * self._n_rows + row) << _LEVEL_BITS) + level
        ones = np.ones(len(keys), dtype=np.int64)
        lines = {"count": ones, "first": nanoseconds, "last": nanoseconds}
        keys, found = grouped(keys, lines, _LINES)
        patterns, begins = np.unique(keys >> _LEVEL_BITS, return_index=True)
        first = np.minimum.reduceat(found["first"], begins)
        last = np.maximum.reduceat(found["last"], begins)
        self._widen(int(patterns[-1]) // self._n_rows + 1)
        is_new, has_series = self._settled_places(patterns)
        self.places.merge(patterns, {"first": first, "last": last, "has_series": has_series})
        np.maximum.at(self._newest, patterns // self._n_rows, last)
        self._add(keys, found["count"], np.repeat(has_series, np.diff([*begins, len(keys)])))
        # Keys are in order of levels: the last of a pattern is its most severe.
        ends = np.append(begins[1:], len(keys)) - 1
        return self._sightings(patterns[is_new], keys[ends][is_new], first[is_new])

    def move(self, leaders: Callable[[IntegerArray], IntegerArray]) -> IntegerArray:
        """Count under the rows that patterns have by now, and forget those that were folded.

        Returns how many lines were counted of those, (n_services,).
        """
        rows = self.places.keys % self._n_rows
        changed = leaders(rows) != rows
        if not changed.any():
            return np.zeros(len(self._n_held), dtype=np.int64)
        self.is_rewritten = True
        now = self.places.keys - rows + leaders(rows)
        of_series = self.places.find(self.series.keys >> _LEVEL_BITS)
        is_moved = (of_series >= 0) & changed[of_series]
        is_folded = is_moved & (now[of_series] % self._n_rows == OTHER_ROW)
        ended = self._ended(is_folded)
        levels = self.series.keys[is_moved & ~is_folded] & (N_LEVELS - 1)
        places = of_series[is_moved & ~is_folded]
        kept = (is_moved & ~is_folded)[~is_folded]
        self.series.keep(~is_folded)
        self.series.rename((now[places] << _LEVEL_BITS) + levels, kept)
        kept_places = ~changed | (now % self._n_rows != OTHER_ROW)
        self.places.keep(kept_places)
        chosen = changed[kept_places]
        self.places.rename(now[kept_places][chosen], chosen)
        self._count_held()
        return ended

    def make_room(self) -> IntegerArray:
        """Free places where patterns want one and others were silent for a week.

        Returns how many lines were counted of those that lose it, (n_services,).
        """
        service = self.places.keys // self._n_rows
        silence = self._newest[service] - self.places["last"]
        wanted = self._wants[service] | (int(self._n_held.sum()) >= self._most_places)
        lost = self.places["has_series"] & wanted & (silence > SILENCE_NANOSECONDS)
        self._wants[:] = False
        ended = np.zeros(len(self._n_held), dtype=np.int64)
        if lost.any():
            self.is_rewritten = True
            self.places["has_series"][lost] = False
            is_lost = np.isin(self.series.keys >> _LEVEL_BITS, self.places.keys[lost])
            ended = self._ended(is_lost)
            self.series.keep(~is_lost)
            self._count_held()
        self._forget()
        return ended

    def n_series_patterns(self) -> IntegerArray:
        """Return how many patterns of each service have series, (n_services,)."""
        return self._n_held.copy()

    def take_stored(self) -> None:
        """Note what was put into the tables from outside."""
        highest = int(self.places.keys[-1]) // self._n_rows + 1 if len(self.places) else 0
        self._widen(highest)
        np.maximum.at(self._newest, self.places.keys // self._n_rows, self.places["last"])
        self._count_held()

    def settle(self) -> None:
        """Note that all of it is stored."""
        self.is_rewritten = False
        for table in (self.series, self.places, self.news):
            table.settle()

    def _widen(self, n_services: int) -> None:
        more = n_services - len(self._n_held)
        if more > 0:
            self._n_held = np.append(self._n_held, np.zeros(more, dtype=np.int64))
            self._newest = np.append(self._newest, np.zeros(more, dtype=np.int64))
            self._wants = np.append(self._wants, np.zeros(more, dtype=np.bool_))

    def _settled_places(self, patterns: IntegerArray) -> tuple[BooleanArray, BooleanArray]:
        """Return which patterns are new to their services, and which have series from now on."""
        is_other = patterns % self._n_rows == OTHER_ROW
        places = self.places.find(patterns)
        has_series = np.zeros(len(patterns), dtype=np.bool_)
        known = places >= 0
        has_series[known] = self.places["has_series"][places[known]]
        wants = np.flatnonzero(~has_series & ~is_other)
        service = patterns[wants] // self._n_rows
        rank = np.arange(len(wants)) - np.searchsorted(service, service)
        room = self._most_places - int(self._n_held.sum())
        gets = rank < self._budget - self._n_held[service]
        gets &= np.cumsum(gets) <= room
        has_series[wants[gets]] = True
        np.add.at(self._n_held, service[gets], 1)
        self._wants[service[~gets]] = True
        return ~known & ~is_other, has_series

    def _add(self, keys: IntegerArray, counts: IntegerArray, has_series: BooleanArray) -> None:
        """Count, as `other` where there is no place."""
        pattern, level = keys >> _LEVEL_BITS, keys & (N_LEVELS - 1)
        other = pattern - pattern % self._n_rows + OTHER_ROW
        counted = np.where(has_series, pattern, other)
        self.series.merge((counted << _LEVEL_BITS) + level, {"count": counts})

    def _sightings(
        self, patterns: IntegerArray, keys: IntegerArray, first: IntegerArray
    ) -> FirstSightings:
        service, level = patterns // self._n_rows, keys & (N_LEVELS - 1)
        ones = np.ones(len(patterns), dtype=np.int64)
        if len(patterns):
            self.news.merge((service << _LEVEL_BITS) + level, {"count": ones})
        order = np.argsort(first, kind="stable")
        row = patterns % self._n_rows
        return FirstSightings(service[order], row[order], level[order], first[order])

    def _ended(self, chosen: BooleanArray) -> IntegerArray:
        service = (self.series.keys[chosen] >> _LEVEL_BITS) // self._n_rows
        ended = np.zeros(len(self._n_held), dtype=np.int64)
        np.add.at(ended, service, self.series["count"][chosen])
        return ended

    def _count_held(self) -> None:
        held = self.places.keys[self.places["has_series"]] // self._n_rows
        self._n_held = np.bincount(held, minlength=len(self._n_held))

    def _forget(self) -> None:
        """Forget patterns without a place, the longest silent first, where there are too many."""
        over = len(self.places) - self._most_known
        if over > 0:
            self.is_rewritten = True
            without = np.flatnonzero(~self.places["has_series"])
            n = min(over + self._most_known // 8, len(without))
            oldest = without[np.argsort(self.places["last"][without], kind="stable")[:n]]
            kept = np.ones(len(self.places), dtype=np.bool_)
            kept[oldest] = False
            self.places.keep(kept)
