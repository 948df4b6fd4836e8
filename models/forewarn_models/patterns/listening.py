"""Which services were heard, and how long: a silence is no time in which nothing new came."""

from collections.abc import Mapping, Sequence

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray, IntegerArray

_HOUR = 3_600.0
# A silence counts as heard as far as it is at most so much longer than the one before it; so a
# nightly job is heard all day, and a service that was down is not.
_LONGER = 1.5
_LONGEST_SECONDS = 8 * 86_400.0
_DROPPED_SHARE = 16  # one of so many is dropped when there are too many

_COLUMNS = ("heard_until", "silence")


class Listening:
    """Services by name, at most `n_rows`; those that were not named for longest are dropped."""

    def __init__(self, n_rows: int) -> None:
        self._rows: dict[str, int] = {}
        self._free = list(range(n_rows - 1, -1, -1))
        self._named = np.zeros(n_rows, dtype=np.int64)
        self._n_calls = 0
        self._heard_until = np.full(n_rows, np.nan)
        self._silence = np.zeros(n_rows)

    def rows_of(self, services: Sequence[str]) -> tuple[IntegerArray, IntegerArray]:
        """Return a row for each service, and the rows of those that were not known.

        At most half as many different services as there are rows may be asked for in a call.
        """
        self._n_calls += 1
        known = [self._rows[name] for name in services if name in self._rows]
        self._named[known] = self._n_calls
        unknown = [name for name in dict.fromkeys(services) if name not in self._rows]
        if len(unknown) > len(self._free):
            self._drop(len(unknown) - len(self._free))
        begun = np.array([self._free.pop() for _ in unknown], dtype=np.int64)
        self._rows.update(zip(unknown, begun.tolist(), strict=True))
        self._named[begun] = self._n_calls
        self._heard_until[begun], self._silence[begun] = np.nan, 0.0
        return np.array([self._rows[name] for name in services], dtype=np.int64), begun

    def hear(self, rows: IntegerArray, newest_seconds: FloatArray) -> FloatArray:
        """Return how many seconds longer services were heard by now; rows differ."""
        until = self._heard_until[rows]
        gap = np.where(np.isnan(until), 0.0, np.maximum(newest_seconds - until, 0.0))
        added = np.minimum(gap, np.maximum(_HOUR, _LONGER * self._silence[rows]))
        is_silence = gap > _HOUR
        self._silence[rows[is_silence]] = np.minimum(gap[is_silence], _LONGEST_SECONDS)
        self._heard_until[rows] = np.fmax(until, newest_seconds)
        return added

    def names_in_order(self) -> tuple[list[str], IntegerArray]:
        """Return all services, those that were named last at the end, and their rows."""
        names = sorted(self._rows, key=lambda name: int(self._named[self._rows[name]]))
        return names, np.array([self._rows[name] for name in names], dtype=np.int64)

    def arrays(self, rows: IntegerArray) -> Mapping[str, AnyArray]:
        """Return what is to be stored of these rows."""
        return {name: getattr(self, f"_{name}")[rows] for name in _COLUMNS}

    def restore(self, rows: IntegerArray, arrays: Mapping[str, AnyArray]) -> None:
        """Take over what `arrays` gave."""
        for name in _COLUMNS:
            getattr(self, f"_{name}")[rows] = arrays[name]

    def _drop(self, n_missing: int) -> None:
        names, rows = self.names_in_order()
        n = max(n_missing, len(names) // _DROPPED_SHARE)
        is_old = self._named[rows[:n]] < self._n_calls
        for name in np.array(names[:n], dtype=object)[is_old]:
            self._free.append(self._rows.pop(name))
