"""Batches of lines in, counters out: the memory of the role that reads logs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forewarn_adapters.logs.batch import Cursor, LogBatch
from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.budget import Budget
from forewarn_models.contract import State
from forewarn_models.patterns.miner import Miner
from forewarn_models.patterns.newness import Newness
from forewarn_service.logs.counters import N_LEVELS, Counters
from forewarn_service.logs.names import OTHER_IDENTIFIER, PatternNames
from forewarn_service.logs.news import News
from forewarn_service.logs.security import SecurityCounting
from forewarn_service.logs.services import MOST_SERVICES, Services
from forewarn_service.logs.snapshot import Snapshot, SourceTally
from forewarn_service.logs.stored import Stored, is_silent, packed
from forewarn_service.logs.tables import Table

_NEWNESS_MILLISECONDS = 60_000


@dataclass(frozen=True, eq=False)
class Cut:
    """All that was counted up to one moment, for the disk and for who asks.

    Args:
        state: to be stored: everything, or what changed; None = nothing did.
        is_whole: whether it is everything.
        cursors: of each source: its lines up to there are in the state.
        snapshot: what is shown.
    """

    state: State | None
    is_whole: bool
    cursors: Mapping[str, Cursor]
    snapshot: Snapshot


class LineCounting:
    """Counts lines by source, service, level and pattern. One thread uses it.

    Args:
        sources: the kind of each, by name.
        most_patterns: of the miner.
        patterns_per_service: how many have series.
        budget: of patterns that were never seen before.
        security: rules that every line is held against.
    """

    def __init__(
        self,
        sources: Mapping[str, str],
        *,
        most_patterns: int,
        patterns_per_service: int,
        budget: Budget,
        security: SecurityCounting | None = None,
    ) -> None:
        self.security = security
        self.tallies = {name: SourceTally(kind) for name, kind in sources.items()}
        self.miner = Miner(most_patterns=most_patterns)
        self.services = Services(most=MOST_SERVICES)
        self.counters = Counters(
            n_rows=self.miner.n_rows, patterns_per_service=patterns_per_service
        )
        self.newness = Newness(budget)
        self.news = News(self.newness)
        self.names = PatternNames(self.miner.n_rows)
        self._must_be_whole = True
        self._is_changed = True
        self._is_newness_due = True
        self._newness_stored = 0

    def take(self, source: str, batch: LogBatch, *, now_milliseconds: int) -> None:
        """Count a batch."""
        tally = self.tallies[source]
        self._is_changed |= batch.n_lines > 0 or batch.cursor != tally.cursor
        tally.cursor = batch.cursor
        tally.lag_seconds = 0.0
        if batch.n_lines:
            times = _times(batch, now_milliseconds)
            tally.lines += batch.n_lines
            tally.size_bytes += int(np.diff(batch.lines[1], axis=1).sum())
            tally.lag_seconds = now_milliseconds / 1e3 - float(times.max()) / 1e9
            self._count(source, batch, times, now_seconds=now_milliseconds / 1e3)
            if self.security is not None:
                self.security.take(source, batch, now_milliseconds=now_milliseconds)

    def cut(self, *, now_milliseconds: int) -> Cut:
        """Return what was counted so far; what comes later does not change it."""
        counters, now_seconds = self.counters, now_milliseconds / 1e3
        self._end(counters.make_room())
        self.news.advance(self.services.known)
        is_renamed = self.names.refresh(self.miner)
        if self.names.has_twins:
            self._move(self.names.firsts)
        is_whole = self._must_be_whole or counters.is_rewritten or is_renamed
        shown = self.news.tell(self.names, self.miner.example, now_seconds=now_seconds)
        state = self._state(now_milliseconds, is_whole) if self._is_changed else None
        snapshot = self._snapshot(now_milliseconds)
        cursors = {name: each.cursor for name, each in self.tallies.items() if each.cursor}
        if state is not None:
            counters.settle()
            self._must_be_whole = self._is_changed = False
        return Cut(state, is_whole, cursors, replace(snapshot, shown=shown))

    def store_whole(self) -> None:
        """Let the next cut hold everything: one before it was not stored, or much is."""
        self._must_be_whole = self._is_changed = True

    def restore(self, stored: Stored) -> None:
        """Go on from what was stored; for a new object, before anything else.

        Sources that are not configured any more are left out, and where there are too many services
        those that were silent for a week. A source that is of another kind now is read from where
        it begins.
        """
        for state in stored.miners:
            self.miner.absorb(state)
        if stored.newness is not None:
            self.newness.absorb(stored.newness)
        if self.security is not None and stored.security:
            self.security.absorb(stored.security)
        self.names.refresh(self.miner)
        for name, facts in stored.facts["sources"].items():
            if name in self.tallies:
                kind = self.tallies[name].kind
                tally = self.tallies[name] = SourceTally(**facts)
                if tally.kind != kind:
                    tally.kind, tally.cursor = kind, None
        self._restore_tables(stored, self._restored_services(stored))
        self.news.restore(stored.facts["shown"], self.names)
        self._must_be_whole = True

    def _restored_services(self, stored: Stored) -> IntegerArray:
        """Return the numbers that services have now, -1 for those that are left out."""
        known = [tuple(each) for each in stored.facts["services"]]
        stays = np.array([source in self.tallies for source, _ in known], dtype=np.bool_)
        if len(known) >= MOST_SERVICES:
            silent = stays & is_silent(stored)
            stays &= ~silent
            series = stored.tables["series"]
            for place in np.flatnonzero(silent[series["service"]]).tolist():
                source = known[series["service"][place]][0]
                self.tallies[source].ended += int(series["count"][place])
        numbers = np.full(len(known), -1, dtype=np.int64)
        for place in np.flatnonzero(stays).tolist():
            numbers[place] = self.services.number(*known[place])
        return numbers

    def _restore_tables(self, stored: Stored, stays: IntegerArray) -> None:
        """Fill the tables; `stays` has the numbers that services have now, -1 for those gone."""
        counters, n_rows = self.counters, self.miner.n_rows
        for name, table in (("series", counters.series), ("places", counters.places)):
            columns = dict(stored.tables[name])
            service, pattern = stays[columns.pop("service")], columns.pop("pattern")
            row = self.names.rows(pattern)
            is_lost = (row == 0) & (pattern != OTHER_IDENTIFIER)
            keys = service * n_rows + row
            if name == "series":
                self._end_lost(service[is_lost], columns["count"][is_lost])
                keys = keys * N_LEVELS + columns.pop("level")
            kept = (service >= 0) & ~is_lost
            table.merge(keys[kept], {each: column[kept] for each, column in columns.items()})
        columns = dict(stored.tables["news"])
        service = stays[columns["service"]]
        keys, kept = service * N_LEVELS + columns["level"], service >= 0
        counters.news.merge(keys[kept], {"count": columns["count"][kept]})
        counters.take_stored()

    def _end_lost(self, service: IntegerArray, counts: IntegerArray) -> None:
        ended = np.zeros(len(self.services), dtype=np.int64)
        np.add.at(ended, service[service >= 0], counts[service >= 0])
        self._end(ended)

    def _count(
        self, source: str, batch: LogBatch, times: IntegerArray, *, now_seconds: float
    ) -> None:
        miner, line = self.miner, self.miner.n_lines
        moved = miner.n_moved
        rows = miner.mine(*batch.messages)
        if miner.n_moved != moved:
            self._move(lambda held: miner.leaders(held, np.full(len(held), line - 1)))
        rows = miner.leaders(rows, np.arange(line, line + len(rows)))
        services = self.services.numbers(source, batch.streams)[batch.stream]
        found = self.counters.count(services, rows, batch.level, times)
        self._is_newness_due |= len(found.row) > 0
        lines = (services, times)
        self.news.meet(lines, found, self.services.known, now_seconds=now_seconds)

    def _move(self, leaders: Callable[[IntegerArray], IntegerArray]) -> None:
        self._end(self.counters.move(leaders))
        self.news.move(leaders)

    def _end(self, ended: IntegerArray) -> None:
        for number in np.flatnonzero(ended).tolist():
            self.tallies[self.services.known[number][0]].ended += int(ended[number])

    def _state(self, now_milliseconds: int, is_whole: bool) -> State:
        is_due = now_milliseconds - self._newness_stored >= _NEWNESS_MILLISECONDS
        newness = None
        if is_whole or self._is_newness_due or is_due:
            newness = self.newness.state()
            self._newness_stored, self._is_newness_due = now_milliseconds, False
        facts = {
            "sources": {name: _facts(tally) for name, tally in self.tallies.items()},
            "services": list(self.services.known),
            "shown": self.news.stored(self.names),
        }
        tables = self._tables(None if is_whole else _changed)
        miner = self.miner.state(changed_only=not is_whole)
        security = self.security.state(changed_only=not is_whole) if self.security else {}
        return packed(Stored(facts, tables, (miner,), newness, security))

    def _tables(self, chosen: Callable[[Table], AnyArray] | None) -> dict[str, dict[str, AnyArray]]:
        """Return the rows of the tables with services and names in place of keys."""
        counters = self.counters
        series, places = counters.series.copied(chosen), counters.places.copied(chosen)
        news = counters.news.copied(chosen)
        series["level"] = series["key"] % N_LEVELS
        series["key"] //= N_LEVELS
        news["level"] = news["key"] % N_LEVELS
        news["service"] = news.pop("key") // N_LEVELS
        for columns in (series, places):
            keys = columns.pop("key")
            columns["service"] = keys // self.miner.n_rows
            columns["pattern"] = self.names.identifiers[keys % self.miner.n_rows]
        tables = {"series": series, "places": places, "news": news}
        for columns in tables.values():
            del columns["changed"]
        return tables

    def _snapshot(self, now_milliseconds: int) -> Snapshot:
        tables = self._tables(None)
        shown = tables["places"]["has_series"]
        return Snapshot(
            milliseconds=now_milliseconds,
            sources={name: replace(tally) for name, tally in self.tallies.items()},
            services=tuple(self.services.known),
            n_patterns=self.counters.n_series_patterns(),
            series=tables["series"],
            places={name: column[shown] for name, column in tables["places"].items()},
            news=tables["news"],
            templates=self.names.templates,
            examples=self.names.examples,
            shown=(),
            security=self.security.series() if self.security else (),
            events=self.security.events() if self.security else (),
        )


def _changed(table: Table) -> AnyArray:
    return np.flatnonzero(table["changed"])


def _facts(tally: SourceTally) -> dict[str, Any]:
    return {
        "kind": tally.kind,
        "lines": tally.lines,
        "size_bytes": tally.size_bytes,
        "ended": tally.ended,
        "cursor": tally.cursor,
    }


def _times(batch: LogBatch, now_milliseconds: int) -> IntegerArray:
    """Return when lines were written: now where nobody says it, and never later than that."""
    now = now_milliseconds * 1_000_000
    times = batch.timestamp_nanoseconds
    return np.where(times <= 0, now, np.minimum(times, now))
