"""The recent samples of one signal, each known by its series and timestamp, and kept once."""

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.errors import DataError
from forewarn_models.labels import Labels
from forewarn_models.samples import Samples

_ROW_BITS = 20
MAX_ROWS = 1 << _ROW_BITS
MAX_SAMPLES = 20_000_000
END_OF_TIME = 1 << 42  # milliseconds, in the year 2109; its key still fits 63 bits


class SampleBuffer:
    """Samples in order of time, and for each whether its score has been handed out.

    The key of a sample is its timestamp and row in one integer, so that order, search and the
    test for a repeat are each one call on one array.
    """

    def __init__(self, series: tuple[Labels, ...]) -> None:
        if len(series) > MAX_ROWS:
            raise DataError(f"a signal must have at most {MAX_ROWS} series, got {len(series)}")
        self.series = series
        self._key: IntegerArray = np.empty(0, np.int64)
        self._value: FloatArray = np.empty(0, np.float64)
        self._is_emitted: BooleanArray = np.empty(0, np.bool_)

    def __len__(self) -> int:
        return len(self._key)

    def merge(self, samples: Samples, *, is_emitted: BooleanArray) -> int | None:
        """Add the samples that are not known yet; of two at one time the first one stays.

        Returns the time of the earliest new one, None when all were known. `samples.row` counts
        in the buffer's own series; `is_emitted` says of which the score is handed out already.
        """
        key = keys_of(samples.row, samples.timestamp_milliseconds)
        key, first = np.unique(key, return_index=True)
        place = np.searchsorted(self._key, key)
        known = np.zeros(len(key), dtype=np.bool_)
        inside = place < len(self._key)
        known[inside] = self._key[place[inside]] == key[inside]
        new, place = key[~known], place[~known]
        self._refuse_overflow(len(new))
        self._key = np.insert(self._key, place, new)
        self._value = np.insert(self._value, place, samples.value[first[~known]])
        self._is_emitted = np.insert(self._is_emitted, place, is_emitted[first[~known]])
        return int(new[0] >> _ROW_BITS) if len(new) else None

    def between(self, start_milliseconds: int, stop_milliseconds: int) -> Samples:
        """Return the samples from `start` up to but without `stop`, in order of time."""
        first, last = np.searchsorted(
            self._key, (start_milliseconds << _ROW_BITS, stop_milliseconds << _ROW_BITS)
        )
        key = self._key[first:last]
        return Samples(self.series, key & (MAX_ROWS - 1), key >> _ROW_BITS, self._value[first:last])

    def take_unemitted(self, row: IntegerArray, timestamp: IntegerArray) -> BooleanArray:
        """Return which of these samples have not been handed out, and note that they are now."""
        place = np.searchsorted(self._key, keys_of(row, timestamp))
        fresh = ~self._is_emitted[place]
        self._is_emitted[place] = True
        return fresh

    def follow(self, previous: "SampleBuffer", *, since_milliseconds: int) -> int | None:
        """Take over another buffer's samples; emitted is what it had, or what it could not have.

        Samples since `since_milliseconds` of series that the other buffer knows too, but which it
        did not hold, are still to be handed out: returns the time of the earliest, or None.
        """
        row_of = {labels: row for row, labels in enumerate(self.series)}
        rows = np.array([row_of.get(labels, -1) for labels in previous.series], np.int64)
        held = previous.between(0, END_OF_TIME)
        row = rows[held.row]
        shared = Samples(
            self.series,
            row[row >= 0],
            held.timestamp_milliseconds[row >= 0],
            held.value[row >= 0],
        )
        earliest = self.merge(shared, is_emitted=np.ones(len(shared), np.bool_))
        self._is_emitted = np.isin(self._key, keys_of(shared.row, shared.timestamp_milliseconds))
        self._is_emitted |= self._key < since_milliseconds << _ROW_BITS
        self._is_emitted |= ~np.isin(self._key & (MAX_ROWS - 1), rows)
        waiting = self._key[~self._is_emitted]
        times = [int(waiting[0] >> _ROW_BITS)] if len(waiting) else []
        return min([*times, *([] if earliest is None else [earliest])], default=None)

    def drop_before(self, milliseconds: int) -> None:
        """Forget the samples before this time."""
        first = int(np.searchsorted(self._key, milliseconds << _ROW_BITS))
        if first:
            self._key = self._key[first:].copy()
            self._value = self._value[first:].copy()
            self._is_emitted = self._is_emitted[first:].copy()

    @property
    def newest_milliseconds(self) -> int | None:
        """The time of the newest sample; None when there is none."""
        return int(self._key[-1] >> _ROW_BITS) if len(self._key) else None

    @property
    def kept_bytes(self) -> int:
        """How much memory the samples take."""
        return self._key.nbytes + self._value.nbytes + self._is_emitted.nbytes

    def _refuse_overflow(self, n_new: int) -> None:
        if len(self._key) + n_new > MAX_SAMPLES:
            raise DataError(
                f"a signal must have at most {MAX_SAMPLES} samples in its window, got "
                f"{len(self._key) + n_new}: lengthen `step` or split the signal"
            )


def keys_of(row: IntegerArray, timestamp_milliseconds: IntegerArray) -> IntegerArray:
    """Return one integer for each sample that orders by time, then by row."""
    keys: IntegerArray = (timestamp_milliseconds.astype(np.int64) << _ROW_BITS) | row
    return keys
