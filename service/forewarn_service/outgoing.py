"""Verdicts as samples for remote write: the same series that a scrape would have stored.

What a scrape says by leaving a series out is said here by Prometheus's stale marker: a row that
cannot say any more has its score, return period, expected value and band ended one millisecond
after its newest sample, so that every later sample is still newer. Where the direction, severity or
view of a row's episode changes, the series under the old labels is ended at that sample. While a
row cannot say, its episode is left as it is: Prometheus holds it for its own five minutes of
looking back, so that a lost source resolves no page.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from forewarn_models.arrays import BooleanArray, FloatArray, IntegerArray
from forewarn_models.labels import Labels
from forewarn_models.verdicts import Verdicts
from forewarn_service.exporter import (
    NO_EPISODE,
    absence_columns,
    episode_labels,
    forecast_columns,
    view_labels,
)
from forewarn_service.families import (
    ABSENCE,
    ABSENT_SINCE,
    CANNOT_SAY_FAMILY,
    EPISODE,
    JUDGED,
    SCORE,
    VALUE,
    VIEW,
    Family,
    output_labels,
)
from forewarn_service.live import CANNOT_SAY, SOURCE, STALE, SignalSnapshot

STALE_MARKER: float = struct.unpack("<d", (0x7FF0000000000002).to_bytes(8, "little"))[0]

# What is said at a tick, not of a sample, is said again this often while it stays true.
REPEAT_MILLISECONDS = 30_000

_COLUMNS = (VALUE, *(family for family in JUDGED if family is not SCORE))


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples to write, as flat arrays.

    Args:
        signal: whose they are.
        series: the full labels, `__name__` included; a row counts in these.
        row: (n,) which of them.
        timestamp_milliseconds: (n,).
        value: (n,) may hold stale markers.
        verdict_row: (n,) the output row whose sample it describes; -1 = it is of the tick.
        rows: the labels of the output rows, as `forewarn_anomaly_score` carries them.
    """

    signal: str
    series: tuple[Labels, ...]
    row: IntegerArray
    timestamp_milliseconds: IntegerArray
    value: FloatArray
    verdict_row: IntegerArray
    rows: tuple[Labels, ...]

    def __len__(self) -> int:
        return len(self.row)

    def select(self, chosen: BooleanArray) -> "Batch":
        return Batch(
            self.signal,
            self.series,
            self.row[chosen],
            self.timestamp_milliseconds[chosen],
            self.value[chosen],
            self.verdict_row[chosen],
            self.rows,
        )


class Encoder:
    """Makes the batches of one signal; it remembers what must be ended later."""

    def __init__(self, signal: str) -> None:
        self._signal = signal
        self._rows: tuple[Labels, ...] = ()
        self._source_rows: tuple[Labels, ...] = ()
        self._fixed: tuple[Labels, ...] = ()
        self._scores: tuple[Labels, ...] = ()
        self._episodes: dict[Labels, _Episode] = {}
        self._cannot_say: dict[Labels, tuple[int, int]] = {}
        self._missed: dict[Labels, int] = {}
        self._forecast_written = 0

    def encode(self, snapshot: SignalSnapshot, emitted: Verdicts) -> Batch:
        """Return what one tick adds. The rows of `emitted` begin those of the snapshot."""
        if snapshot.series is not self._source_rows:
            self._take_rows(snapshot.series)
        samples = _Samples(list(self._fixed))
        self._add_columns(samples, emitted)
        self._add_episodes(samples, emitted)
        self._add_cannot_say(samples, snapshot)
        self._add_missed(samples, snapshot)
        self._add_forecast(samples, snapshot)
        # The score comes last: who reads one back knows that the rest of its sample is there.
        first = samples.extend(self._scores)
        times, says = emitted.timestamp_milliseconds, np.isfinite(emitted.score)
        samples.add(first + emitted.row, times, emitted.score, emitted.row, says)
        return samples.batch(self._signal, self._rows)

    def _take_rows(self, series: tuple[Labels, ...]) -> None:
        self._source_rows = series
        self._rows = tuple(output_labels(self._signal, labels) for labels in series)
        columns = [tuple(_named(family, labels) for labels in self._rows) for family in _COLUMNS]
        idle = tuple(_named(EPISODE, labels, NO_EPISODE) for labels in self._rows)
        self._fixed = tuple(labels for column in (*columns, idle) for labels in column)
        self._scores = tuple(_named(SCORE, labels) for labels in self._rows)

    def _add_columns(self, samples: "_Samples", emitted: Verdicts) -> None:
        says = np.isfinite(emitted.score)
        idle = says & (emitted.severity == 0)
        zeros = np.zeros(len(emitted))
        first = len(_COLUMNS) * len(self._rows)
        samples.add(first + emitted.row, emitted.timestamp_milliseconds, zeros, emitted.row, idle)
        for place, family in enumerate(_COLUMNS):
            values: FloatArray = getattr(emitted, family.column)
            chosen = ~np.isnan(values) & (says if family is not VALUE else True)
            row = place * len(self._rows) + emitted.row
            samples.add(row, emitted.timestamp_milliseconds, values, emitted.row, chosen)

    def _add_episodes(self, samples: "_Samples", emitted: Verdicts) -> None:
        """Write the active episodes, and end the series of those whose labels have changed."""
        rows = set(emitted.row[emitted.severity > 0].tolist())
        rows |= {row for row, labels in enumerate(self._rows) if labels in self._episodes}
        touched = np.isin(emitted.row, list(rows))
        chosen = np.flatnonzero(touched & np.isfinite(emitted.score))
        order = chosen[np.argsort(emitted.timestamp_milliseconds[chosen], kind="stable")]
        for entry in order.tolist():
            episode = _Episode(
                int(emitted.episode_direction[entry]),
                int(emitted.severity[entry]),
                int(emitted.episode_view[entry]),
                int(emitted.timestamp_milliseconds[entry]),
            )
            self._add_episode(samples, int(emitted.row[entry]), episode)

    def _add_episode(self, samples: "_Samples", row: int, episode: "_Episode") -> None:
        labels, timestamp = self._rows[row], episode.timestamp_milliseconds
        held = self._episodes.get(labels, _NO_EPISODE)
        if timestamp < held.timestamp_milliseconds:
            return  # a late sample says nothing of an episode that went on after it
        now = episode.named(labels)
        for ended in (series for series in held.named(labels) if series not in now):
            samples.add_one(ended, timestamp, STALE_MARKER, row)
        if episode.severity:
            for series in now:
                samples.add_one(series, timestamp, 1.0, row)
            self._episodes[labels] = episode
        else:
            self._episodes.pop(labels, None)

    def _add_cannot_say(self, samples: "_Samples", snapshot: SignalSnapshot) -> None:
        now = snapshot.published_milliseconds
        newest = snapshot.newest.timestamp_milliseconds
        reasons = snapshot.cannot_say
        silent = [self._rows[row] for row in np.flatnonzero(reasons).tolist()]
        for labels in self._cannot_say.keys() - set(silent):
            reason, _ = self._cannot_say.pop(labels)
            samples.add_one(_cannot_say(labels, reason), now, STALE_MARKER, -1)
        for row in np.flatnonzero(reasons).tolist():
            labels, reason = self._rows[row], int(reasons[row])
            held, said = self._cannot_say.get(labels, (0, 0))
            if held != reason:
                self._change_reason(samples, row, (held, reason), (int(newest[row]), now))
            elif now - said < REPEAT_MILLISECONDS:
                continue
            samples.add_one(_cannot_say(labels, reason), now, 1.0, -1)
            self._cannot_say[labels] = (reason, now)

    def _change_reason(
        self, samples: "_Samples", row: int, reasons: tuple[int, int], times: tuple[int, int]
    ) -> None:
        held, reason = reasons
        newest, now = times
        labels = self._rows[row]
        if held:
            samples.add_one(_cannot_say(labels, held), now, STALE_MARKER, -1)
        if newest and (not held or reason in (STALE, SOURCE)):
            ended = (VALUE, *JUDGED) if reason in (STALE, SOURCE) else JUDGED
            for family in ended:
                samples.add_one(_named(family, labels), newest + 1, STALE_MARKER, -1)
            samples.add_one(_named(EPISODE, labels, NO_EPISODE), newest + 1, STALE_MARKER, -1)

    def _add_missed(self, samples: "_Samples", snapshot: SignalSnapshot) -> None:
        """Write at each tick what a scrape would show of rows that are missed, and end it after.

        One tick may publish more than once: at one time only the first is written.
        """
        now, missed = snapshot.published_milliseconds, snapshot.missed
        rows = [self._rows[row] for row in missed]
        over = self._missed.keys() - set(rows)
        for labels in [labels for labels in over if self._missed[labels] < now]:
            del self._missed[labels]
            for family in (ABSENCE, ABSENT_SINCE):
                samples.add_one(_named(family, labels), now, STALE_MARKER, -1)
        for family, values in absence_columns(missed):
            for labels, value in zip(rows, values, strict=True):
                if self._missed.get(labels, 0) < now:
                    samples.add_one(_named(family, labels), now, value, -1)
        self._missed |= dict.fromkeys(rows, now)

    def _add_forecast(self, samples: "_Samples", snapshot: SignalSnapshot) -> None:
        made, now = snapshot.forecast, snapshot.published_milliseconds
        if made is None or now - self._forecast_written < REPEAT_MILLISECONDS:
            return
        self._forecast_written = now
        rows = [output_labels(self._signal, labels) for labels in made.forecast.series]
        for family, extra, values in forecast_columns(made):
            for row in np.flatnonzero(~np.isnan(values)).tolist():
                samples.add_one(_named(family, rows[row], extra), now, float(values[row]), -1)


class _Episode(NamedTuple):
    """What is said of a row's episode at a sample; severity 0 is none."""

    direction: int
    severity: int
    view: int
    timestamp_milliseconds: int

    def named(self, labels: Labels) -> list[Labels]:
        """Return the series that say so."""
        active = _named(EPISODE, labels, episode_labels(self.direction, self.severity))
        spoke = view_labels(self.view)
        return [active, *([_named(VIEW, labels, spoke)] if spoke else [])]


_NO_EPISODE = _Episode(0, 0, -1, 0)


class _Samples:
    """Collects the samples of one batch: most as arrays, the odd one alone."""

    def __init__(self, series: list[Labels]) -> None:
        self._series = series
        self._parts: list[tuple[IntegerArray, IntegerArray, FloatArray, IntegerArray]] = []
        self._single: list[tuple[int, int, float, int]] = []

    def extend(self, series: tuple[Labels, ...]) -> int:
        """Add series and return the row of the first."""
        self._series.extend(series)
        return len(self._series) - len(series)

    def add(
        self,
        row: IntegerArray,
        timestamp: IntegerArray,
        value: FloatArray,
        verdict_row: IntegerArray,
        chosen: BooleanArray,
    ) -> None:
        self._parts.append((row[chosen], timestamp[chosen], value[chosen], verdict_row[chosen]))

    def add_one(self, labels: Labels, timestamp: int, value: float, verdict_row: int) -> None:
        self._single.append((len(self._series), timestamp, value, verdict_row))
        self._series.append(labels)

    def batch(self, signal: str, rows: tuple[Labels, ...]) -> Batch:
        parts = [self._singles(), *self._parts]
        row, timestamp, value, verdict_row = (
            np.concatenate(columns) for columns in zip(*parts, strict=True)
        )
        return Batch(signal, tuple(self._series), row, timestamp, value, verdict_row, rows)

    def _singles(self) -> tuple[IntegerArray, IntegerArray, FloatArray, IntegerArray]:
        row, timestamp, value, verdict_row = (
            zip(*self._single, strict=True) if self._single else ((), (), (), ())
        )
        return (
            np.array(row, np.int64),
            np.array(timestamp, np.int64),
            np.array(value, np.float64),
            np.array(verdict_row, np.int64),
        )


def _named(family: Family, labels: Labels, extra: Iterable[tuple[str, str]] = ()) -> Labels:
    return tuple(sorted((("__name__", family.name), *labels, *extra)))


def _cannot_say(labels: Labels, reason: int) -> Labels:
    return _named(CANNOT_SAY_FAMILY, labels, (("reason", CANNOT_SAY[reason]),))
