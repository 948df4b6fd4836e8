"""Series in CSV and Parquet files, for the file commands and as a source in place of Prometheus."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from forewarn_adapters.allowance import MOST_SAMPLES, Allowance
from forewarn_adapters.selectors import Matcher, labels_of_text, parse_selector
from forewarn_adapters.tables import SERIES, VALUE, Table, read_table
from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.errors import DataError, SourceRejected
from forewarn_models.labels import Labels, label_text, labels_of
from forewarn_models.rulers import usual_step_milliseconds
from forewarn_models.samples import NO_SAMPLES, Samples

# As in Prometheus: how old a sample may be and still answer for an instant.
_LOOK_BACK_MILLISECONDS = 300_000
_NAME_LABEL = "__name__"


@dataclass(frozen=True, eq=False)
class SeriesFile:
    """The series of one file, in the order of their rows.

    Args:
        path: the file.
        names: what the file calls each series: the column of a wide file, the label `series` or
            all labels of a long one.
        samples: one for each cell with a series, empty cells included, row by row as in the file;
            labels are as `names` spells them, `__name__` included.
        timestamp_text: (n_samples,) as the file wrote it.
    """

    path: Path
    names: tuple[str, ...]
    samples: Samples
    timestamp_text: AnyArray

    @property
    def step_milliseconds(self) -> int:
        """The median distance of neighbouring samples of a series, 0 where there are no two."""
        return usual_step_milliseconds(self.samples)


def read_series_file(path: Path) -> SeriesFile:
    """Return the series of a CSV or Parquet file.

    Repeated, missing, irregular and late timestamps stay as they are, in the order of the file.

    Raises DataError, which names the file and the line, when it cannot be used: see `read_table`;
    also when two series have the same labels.
    """
    table = read_table(path)
    read = _long(table) if table.is_long else _wide(table)
    _check_names(read)
    return read


def read_series_files(paths: Sequence[Path]) -> tuple[SeriesFile, ...]:
    """Return the series of several files, whose names before the suffix must differ."""
    check_stems(paths)
    return tuple(read_series_file(path) for path in paths)


def check_stems(paths: Sequence[Path]) -> None:
    """Raise DataError when two files have the same name before the suffix."""
    seen: dict[str, Path] = {}
    for path in paths:
        if path.stem in seen:
            raise DataError(
                "inputs must differ in their names before the suffix, since outputs are named "
                f"after them, got {seen[path.stem]} and {path}"
            )
        seen[path.stem] = path


class FilesSource:
    """Series files as a `Source`: a selector chooses series, there is no other PromQL.

    The files are read once, when the source is made.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = read_series_files(paths)
        self._most_samples = MOST_SAMPLES

    def read_range(
        self, query: str, *, start_milliseconds: int, end_milliseconds: int, step_milliseconds: int
    ) -> Samples:
        """Return each series' newest value at start, start + step, ... up to and with the end.

        A value answers for five minutes, or for the file's own step where that is longer.
        """
        instants = np.arange(
            start_milliseconds, end_milliseconds + 1, step_milliseconds, dtype=np.int64
        )
        allowance = Allowance(self._most_samples)
        parts = [
            _evaluated(chosen, instants, _look_back(file), allowance)
            for file, chosen in zip(self._files, self._chosen(query), strict=True)
        ]
        return _joined(parts, query)

    def read_newest(
        self,
        query: str,
        *,
        after_milliseconds: int,
        until_milliseconds: int,
        step_milliseconds: int,
    ) -> Samples:
        """Return the samples after one instant, up to and with another, at their own times."""
        del step_milliseconds  # a selector stands for samples as they were taken
        chosen = _joined(self._chosen(query), query)
        times = chosen.timestamp_milliseconds
        return chosen.select((times > after_milliseconds) & (times <= until_milliseconds))

    def metric_types(self, query: str) -> Mapping[str, str]:  # noqa: ARG002  part of the contract
        """Return nothing: files tell no types."""
        return {}

    def limited(self, most_samples: int) -> "FilesSource":
        """Return a source of the same files, not read again, that gives so many at most."""
        other = copy(self)
        other._most_samples = most_samples  # noqa: SLF001  of our own kind
        return other

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _chosen(self, query: str) -> list[Samples]:
        """Return, for each file, the samples of the series that a selector means.

        Their labels are without `__name__`; where several metrics are meant, `series` names it.
        """
        matchers = parse_selector(query)
        chosen = [_matching(file.samples, matchers) for file in self._files]
        metrics = {dict(labels).get(_NAME_LABEL) for part in chosen for labels in part.series}
        return [_renamed(part, has_metric=len(metrics) > 1) for part in chosen]


def _wide(table: Table) -> SeriesFile:
    names = tuple(table.numbers)
    n_rows, n_series = len(table.timestamp_text), len(names)
    samples = Samples(
        tuple(labels_of_text(name) for name in names),
        np.tile(np.arange(n_series, dtype=np.int64), n_rows),
        np.repeat(table.timestamp_milliseconds, n_series),
        np.column_stack([table.numbers[name] for name in names]).reshape(-1),
    )
    return SeriesFile(table.path, names, samples, np.repeat(table.timestamp_text, n_series))


def _long(table: Table) -> SeriesFile:
    keys = list(zip(*table.texts.values(), strict=True))
    index = {key: row for row, key in enumerate(dict.fromkeys(keys))}
    row = np.array([index[key] for key in keys], dtype=np.int64)
    labels = tuple(_long_labels(dict(zip(table.texts, key, strict=True))) for key in index)
    names = tuple(_long_name(labels_) for labels_ in labels)
    samples = Samples(labels, row, table.timestamp_milliseconds, table.numbers[VALUE])
    return SeriesFile(table.path, names, samples, table.timestamp_text)


def _long_labels(cells: dict[str, str]) -> Labels:
    others = {name: text for name, text in cells.items() if text and name != SERIES}
    named = dict(labels_of_text(cells[SERIES])) if cells.get(SERIES) else {}
    return tuple(sorted({**others, **named}.items()))


def _long_name(labels: Labels) -> str:
    held = dict(labels)
    if set(held) == {SERIES}:
        return held[SERIES]
    name = held.pop(_NAME_LABEL, "")
    return name + (label_text(tuple(held.items())) if held or not name else "")


def _check_names(read: SeriesFile) -> None:
    if len(set(read.samples.series)) != len(read.samples.series):
        raise DataError(f"{read.path}: series must differ in their labels, got the same ones twice")


def _matching(samples: Samples, matchers: tuple[Matcher, ...]) -> Samples:
    rows = [
        row
        for row, labels in enumerate(samples.series)
        if all(matcher.accepts(dict(labels)) for matcher in matchers)
    ]
    new_row = np.full(len(samples.series), -1, dtype=np.int64)
    new_row[rows] = np.arange(len(rows))
    kept = samples.select(new_row[samples.row] >= 0)
    series = tuple(samples.series[row] for row in rows)
    return Samples(series, new_row[kept.row], kept.timestamp_milliseconds, kept.value)


def _renamed(samples: Samples, *, has_metric: bool) -> Samples:
    series = tuple(_unnamed(labels, has_metric=has_metric) for labels in samples.series)
    return replace(samples, series=series)


def _unnamed(labels: Labels, *, has_metric: bool) -> Labels:
    held = dict(labels)
    name = held.pop(_NAME_LABEL, None)
    if has_metric and name is not None:
        held.setdefault(SERIES, name)
    return labels_of(held)


def _joined(parts: Sequence[Samples], query: str) -> Samples:
    """Return the samples of all files, those of a series together and in order of time."""
    held = [part for part in parts if part.series]
    if not held:
        return NO_SAMPLES
    series = tuple(labels for part in held for labels in part.series)
    if len(set(series)) != len(series):
        raise SourceRejected(
            f"the series that {query!r} names must differ in their labels, got the same ones "
            "twice: choose fewer files or series, or label them"
        )
    offsets = np.cumsum([0, *(len(part.series) for part in held[:-1])])
    row = np.concatenate([part.row + n for part, n in zip(held, offsets, strict=True)])
    times = np.concatenate([part.timestamp_milliseconds for part in held])
    values = np.concatenate([part.value for part in held])
    order = np.lexsort((times, row))
    return Samples(series, row[order], times[order], values[order])


def _look_back(file: SeriesFile) -> int:
    return max(_LOOK_BACK_MILLISECONDS, file.step_milliseconds)


def _evaluated(
    samples: Samples, instants: IntegerArray, look_back: int, allowance: Allowance
) -> Samples:
    known = samples.select(np.isfinite(samples.value))
    order = np.lexsort((known.timestamp_milliseconds, known.row))
    row, times = known.row[order], known.timestamp_milliseconds[order]
    parts = []
    for series in range(len(samples.series)):
        first, last = np.searchsorted(row, [series, series + 1])
        place = first + np.searchsorted(times[first:last], instants, side="right") - 1
        is_held = place >= first
        is_held[is_held] = instants[is_held] - times[place[is_held]] < look_back
        allowance.take(int(is_held.sum()))
        parts.append((np.full(is_held.sum(), series), instants[is_held], order[place[is_held]]))
    if not parts:
        return samples
    rows, at, chosen = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Samples(samples.series, rows, at, known.value[chosen])
