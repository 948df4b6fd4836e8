"""What was forecast and how it turned out, in the SQL store: restarts and replicas lose nothing.

A record leaves the ledger in the transaction that counts its outcome, so that each counts once,
whoever counts it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Delete, Row, Select, Update, delete, select, update

from forewarn_adapters.store import Store, upsert
from forewarn_adapters.store_tables import FORECAST_ISSUED, FORECAST_SIGNAL, FORECAST_TALLY
from forewarn_models.arrays import FloatArray
from forewarn_models.artefact import from_bytes, to_bytes
from forewarn_models.forecast_score import ForecastTally, IssuedForecast, issued_of, tally_of

_BY_SIGNAL = (FORECAST_ISSUED, FORECAST_TALLY)


@dataclass(frozen=True, eq=False)
class Record:
    """One forecast that waits for its outcome.

    Args:
        horizon_milliseconds: how far ahead of the instant at which it was issued.
        due_milliseconds: the instant that it speaks of.
        version: of the champion that made it.
        issued: what it says.
    """

    horizon_milliseconds: int
    due_milliseconds: int
    version: int
    issued: IssuedForecast


class Asked(NamedTuple):
    """When a training out of schedule was asked for, and the champion that had lost its skill.

    Both are 0 when there was none; the version also once its successor serves.
    """

    milliseconds: int
    version: int


@dataclass(frozen=True, slots=True)
class ForecastLedger:
    """The ledger of one signal.

    Every method raises StoreError when the database cannot be used, and ModelError when it holds
    what a newer version wrote.

    Args:
        store: an open one.
        signal: whose forecasts these are.
    """

    store: Store
    signal: str

    def begin(self, mark: str, horizons_milliseconds: Collection[int]) -> None:
        """Forget what fits no more; to be called once before anything is issued.

        Args:
            mark: of what is forecast: another query's forecasts and outcomes are not these.
            horizons_milliseconds: that are issued now; those of others are forgotten.
        """
        with self.store.transaction() as connection:
            found = connection.execute(self._own().with_for_update()).first()
            if found is None or found.mark != mark:
                self._start_anew(connection, mark)
            for table in _BY_SIGNAL:
                other = table.c.horizon_milliseconds.not_in(sorted(horizons_milliseconds))
                connection.execute(delete(table).where(table.c.signal == self.signal, other))

    def issue(self, record: Record) -> None:
        """Keep a record until it is due; one of the same instant that is there already stays."""
        with self.store.transaction() as connection:
            new = upsert(connection, FORECAST_ISSUED).values(
                signal=self.signal,
                horizon_milliseconds=record.horizon_milliseconds,
                due_milliseconds=record.due_milliseconds,
                version=record.version,
                issued=to_bytes(record.issued.state()),
            )
            connection.execute(new.on_conflict_do_nothing())

    def due(self, *, until_milliseconds: int, limit: int) -> tuple[Record, ...]:
        """Return at most `limit` records that are due by then, the oldest first."""
        query = (
            select(FORECAST_ISSUED)
            .where(
                FORECAST_ISSUED.c.signal == self.signal,
                FORECAST_ISSUED.c.due_milliseconds <= until_milliseconds,
            )
            .order_by(FORECAST_ISSUED.c.due_milliseconds)
            .limit(limit)
        )
        with self.store.transaction() as connection:
            return tuple(map(_record, connection.execute(query).all()))

    def settle(self, record: Record, came: FloatArray) -> None:
        """Count what came, (n_series,) of the record; once, however often it is called."""
        with self.store.transaction() as connection:
            connection.execute(self._own().with_for_update())  # one replica at a time
            if not connection.execute(self._delete(record)).rowcount:
                return
            tally = self._tallies(connection).get(record.horizon_milliseconds, ForecastTally())
            packed = to_bytes(tally.with_outcome(record.issued, came).state())
            new = upsert(connection, FORECAST_TALLY).values(
                signal=self.signal,
                horizon_milliseconds=record.horizon_milliseconds,
                tally=packed,
            )
            key = ["signal", "horizon_milliseconds"]
            connection.execute(
                new.on_conflict_do_update(index_elements=key, set_={"tally": packed})
            )

    def drop(self, *, before_milliseconds: int) -> None:
        """Forget records that have been due since before then, those of other signals too."""
        late = FORECAST_ISSUED.c.due_milliseconds < before_milliseconds
        with self.store.transaction() as connection:
            connection.execute(delete(FORECAST_ISSUED).where(late))

    def tallies(self) -> Mapping[int, ForecastTally]:
        """Return how forecasts turned out, by horizon in milliseconds: what reports show."""
        with self.store.transaction() as connection:
            return self._tallies(connection)

    def asked(self) -> Asked:
        """Return when a training out of schedule was last asked for."""
        with self.store.transaction() as connection:
            found = connection.execute(self._own()).first()
        return Asked(found.asked_milliseconds, found.asked_version) if found else Asked(0, 0)

    def ask(self, asked: Asked) -> None:
        """Remember that a training was asked for."""
        values = {"asked_milliseconds": asked.milliseconds, "asked_version": asked.version}
        with self.store.transaction() as connection:
            connection.execute(self._update(values))

    def replaced(self, *, version: int) -> bool:
        """Judge the successor of a champion that lost its skill by itself: forget the older ones'.

        Returns whether there was anything to forget; it is done once.
        """
        lost = (FORECAST_SIGNAL.c.asked_version > 0) & (FORECAST_SIGNAL.c.asked_version < version)
        with self.store.transaction() as connection:
            if not connection.execute(self._update({"asked_version": 0}).where(lost)).rowcount:
                return False
            older = (FORECAST_ISSUED.c.signal == self.signal) & (
                FORECAST_ISSUED.c.version < version
            )
            connection.execute(delete(FORECAST_ISSUED).where(older))
            connection.execute(delete(FORECAST_TALLY).where(FORECAST_TALLY.c.signal == self.signal))
            return True

    def _own(self) -> Select[Any]:
        return select(FORECAST_SIGNAL).where(FORECAST_SIGNAL.c.signal == self.signal)

    def _update(self, values: Mapping[str, int]) -> Update:
        table = FORECAST_SIGNAL
        return update(table).where(table.c.signal == self.signal).values(values)

    def _delete(self, record: Record) -> Delete:
        table = FORECAST_ISSUED
        return delete(table).where(
            table.c.signal == self.signal,
            table.c.horizon_milliseconds == record.horizon_milliseconds,
            table.c.due_milliseconds == record.due_milliseconds,
        )

    def _start_anew(self, connection: Connection, mark: str) -> None:
        for table in _BY_SIGNAL:
            connection.execute(delete(table).where(table.c.signal == self.signal))
        facts = {"mark": mark, "asked_milliseconds": 0, "asked_version": 0}
        new = upsert(connection, FORECAST_SIGNAL).values(signal=self.signal, **facts)
        connection.execute(new.on_conflict_do_update(index_elements=["signal"], set_=facts))

    def _tallies(self, connection: Connection) -> Mapping[int, ForecastTally]:
        rows = connection.execute(
            select(FORECAST_TALLY)
            .where(FORECAST_TALLY.c.signal == self.signal)
            .order_by(FORECAST_TALLY.c.horizon_milliseconds)
        )
        return {row.horizon_milliseconds: tally_of(from_bytes(row.tally)) for row in rows}


def _record(row: Row[Any]) -> Record:
    said = issued_of(from_bytes(row.issued))
    return Record(row.horizon_milliseconds, row.due_milliseconds, row.version, said)
