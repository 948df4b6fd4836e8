"""How a detector did on samples that it had not seen: the fold that pages, counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from forewarn_models.arrays import AnyArray, BooleanArray, FloatArray, IntegerArray
from forewarn_models.budget import Budget
from forewarn_models.contract import FittedDetector
from forewarn_models.episodes import distinct_alarms
from forewarn_models.fold import FoldPolicy, fold, start_fold
from forewarn_models.labels import Labels
from forewarn_models.panel import Panel
from forewarn_models.rules import cluster_gap
from forewarn_models.samples import samples_of
from forewarn_models.verdicts import Verdicts

_HOUR_SECONDS = 3_600.0
# Return periods at which promises are compared with what was seen; the design names 1 d and 3 d.
RETURN_LEVELS_SECONDS = tuple(_HOUR_SECONDS * hours for hours in (1, 3, 12, 24, 72, 240, 720))
_ONE_DAY, _THREE_DAYS = 3, 4

_CELLS_IN_A_PART = 1_000_000
_CELLS_FOR_PICTURES = 2_000_000
BAND_MISSES = 0.01  # the band is the central 99 %

PICTURED = ("value", "expected", "lower", "upper", "score")


@dataclass(frozen=True, eq=False)
class Quality:
    """What was counted, one row an output row of the model (series, then groups).

    Args:
        series: the labels of the rows.
        step_seconds: of the signal.
        judged: (n_rows,) slots with a score.
        alarms: (n_rows,) episodes, and again each four hours that one stays on.
        exceedances: (n_rows, n_levels) episodes that reached each of RETURN_LEVELS_SECONDS.
        banded: (n_rows,) slots with a value and a band.
        inside: (n_rows,) of those, inside the band.
        error: (n_rows,) sum of |value - expected|.
        naive_error: (n_rows,) sum of |value - the value before|, over the same slots.
        interval_score: (n_rows,) sum of the band's interval score (Gneiting and Raftery 2007):
            its width, and 2 / 0.01 times how far outside a value lies. Lower is better.
        peak_score: (n_rows,) the largest score; NaN where nothing was judged.
        pictures: some rows' columns by name of PICTURED, each (n_kept, n_times) in float32.
        pictures_start_milliseconds: the time of their first column.
    """

    series: tuple[Labels, ...]
    step_seconds: float
    judged: FloatArray
    alarms: IntegerArray
    exceedances: IntegerArray
    banded: FloatArray
    inside: FloatArray
    error: FloatArray
    naive_error: FloatArray
    interval_score: FloatArray
    peak_score: FloatArray
    pictures: Mapping[str, AnyArray] = field(default_factory=dict)
    pictures_start_milliseconds: int = 0

    @property
    def judged_seconds(self) -> FloatArray:
        return self.judged * self.step_seconds

    def metrics(self, budget: Budget) -> dict[str, float]:
        """Return the figures of the whole signal; NaN where nothing was judged."""
        seconds = float(self.judged_seconds.sum())
        levels = self.exceedances.sum(axis=0)
        return {
            "judged_series_days": seconds / 86_400.0,
            "alarms": float(self.alarms.sum()),
            "alarm_budget_ratio": _ratio(
                float(self.alarms.sum()), seconds / budget.return_period_seconds
            ),
            "exceedance_ratio_1d": _ratio(
                float(levels[_ONE_DAY]), seconds / RETURN_LEVELS_SECONDS[_ONE_DAY]
            ),
            "exceedance_ratio_3d": _ratio(
                float(levels[_THREE_DAYS]), seconds / RETURN_LEVELS_SECONDS[_THREE_DAYS]
            ),
            "band_coverage_ratio": _ratio(float(self.inside.sum()), float(self.banded.sum())),
            "one_step_error_ratio": _median(_ratios(self.error, self.naive_error)),
        }


def judge(
    model: FittedDetector, policy: FoldPolicy, history: Panel, *, from_milliseconds: int
) -> Quality:
    """Return how `model` does on `history` after its own end, counted from `from_milliseconds`.

    What lies between the model's end and `from_milliseconds` is folded and not counted. The fold
    runs in parts, so that its memory does not grow with the history.
    """
    state = start_fold(model, policy)
    counts = _Counts(len(model.output_series), model.step_milliseconds / 1000.0)
    first = (state.carry.next_milliseconds - history.start_milliseconds) // model.step_milliseconds
    n_kept = min(_CELLS_FOR_PICTURES // max(history.n_times, 1), len(model.series))
    width = max(1, _CELLS_IN_A_PART // max(len(model.output_series), 1))
    for start in range(first, history.n_times, width):
        part = history.columns(start, start + width)
        verdicts, state = fold(
            model, policy, samples_of(part), state, until_milliseconds=part.end_milliseconds
        )
        counted = _Matrices(verdicts, part).after(from_milliseconds)
        counts.add(counted, n_kept=n_kept)
    return counts.quality(model.output_series)


class _Matrices:
    """Verdicts of a panel as matrices (n_rows, n_times); NaN where there is none."""

    def __init__(self, verdicts: Verdicts, part: Panel) -> None:
        column = (verdicts.timestamp_milliseconds - part.start_milliseconds) // (
            part.step_milliseconds
        )
        shape = (len(verdicts.series), part.n_times)
        self.times = part.times_milliseconds

        def matrix(values: AnyArray) -> AnyArray:
            out = np.full(shape, np.nan if values.dtype.kind == "f" else 0, dtype=values.dtype)
            out[verdicts.row, column] = values
            return out

        self.columns = {name: matrix(getattr(verdicts, name)) for name in PICTURED}
        self.columns["period"] = matrix(verdicts.return_period_seconds)
        self.columns["severity"] = matrix(verdicts.severity)
        self.columns["began"] = matrix(verdicts.episode_start_milliseconds)

    def after(self, milliseconds: int) -> "_Matrices":
        """Drop the columns before that time."""
        chosen = self.times >= milliseconds
        self.times = self.times[chosen]
        self.columns = {name: matrix[:, chosen] for name, matrix in self.columns.items()}
        return self


class _Counts:
    """Running sums over the parts of one judgement."""

    def __init__(self, n_rows: int, step_seconds: float) -> None:
        self._step_seconds = step_seconds
        self._gap = cluster_gap(step_seconds)
        self._sums = {name: np.zeros(n_rows) for name in _SUMS}
        self._exceedances = np.zeros((n_rows, len(RETURN_LEVELS_SECONDS)), np.int64)
        self._last = np.full((n_rows, len(RETURN_LEVELS_SECONDS)), -(2**40), np.int64)
        self._peak = np.full(n_rows, np.nan)
        self._before = np.full((n_rows, 1), np.nan)
        self._alarms = np.empty((0, 3), np.int64)
        self._n_times = 0
        self._pictures: dict[str, list[AnyArray]] = {name: [] for name in PICTURED}
        self._first_time: int | None = None

    def add(self, part: _Matrices, *, n_kept: int) -> None:
        if not len(part.times):
            return
        if self._first_time is None:
            self._first_time = int(part.times[0])
        for name, sums in _sums(part.columns, self._before).items():
            self._sums[name] += sums
        self._before = part.columns["value"][:, -1:]
        self._peak = np.fmax(self._peak, _largest(part.columns["score"]))
        self._alarms = np.unique(np.concatenate([self._alarms, _alarms(part)]), axis=0)
        for place, level in enumerate(RETURN_LEVELS_SECONDS):
            self._count_clusters(part.columns["period"] >= level, place)
        self._n_times += len(part.times)
        for name in PICTURED:
            self._pictures[name].append(part.columns[name][:n_kept].astype(np.float32))

    def _count_clusters(self, exceeds: BooleanArray, place: int) -> None:
        """Count runs of exceedances that lie more than the cluster gap apart."""
        row, column = np.nonzero(exceeds)
        if not len(row):
            return
        column = column + self._n_times
        is_first = np.append(True, row[1:] != row[:-1])
        before = np.where(is_first, self._last[row, place], np.append(0, column[:-1]))
        starts = column - before > self._gap
        self._exceedances[:, place] += np.bincount(row[starts], minlength=len(self._last))
        self._last[row, place] = column  # the last of each row wins: they rise

    def quality(self, series: tuple[Labels, ...]) -> Quality:
        n_times = self._n_times
        return Quality(
            series=series,
            step_seconds=self._step_seconds,
            alarms=np.bincount(self._alarms[:, 0], minlength=len(series)).astype(np.int64),
            exceedances=self._exceedances,
            peak_score=self._peak,
            pictures={
                name: np.concatenate(parts, axis=1) if n_times else np.empty((0, 0), np.float32)
                for name, parts in self._pictures.items()
            },
            pictures_start_milliseconds=self._first_time or 0,
            **self._sums,
        )


_SUMS = ("judged", "banded", "inside", "error", "naive_error", "interval_score")


def _sums(columns: Mapping[str, FloatArray], before: FloatArray) -> dict[str, FloatArray]:
    value, lower, upper = columns["value"], columns["lower"], columns["upper"]
    previous = np.concatenate([before, value[:, :-1]], axis=1)
    error = np.abs(value - columns["expected"])
    naive = np.abs(value - previous)
    both = np.isfinite(error) & np.isfinite(naive)
    outside = np.maximum(lower - value, 0.0) + np.maximum(value - upper, 0.0)
    score = (upper - lower) + 2.0 / BAND_MISSES * outside
    is_banded = np.isfinite(score)
    return {
        "judged": np.isfinite(columns["score"]).sum(axis=1).astype(np.float64),
        "banded": is_banded.sum(axis=1).astype(np.float64),
        "inside": (is_banded & (outside == 0)).sum(axis=1).astype(np.float64),
        "error": np.sum(error, axis=1, where=both),
        "naive_error": np.sum(naive, axis=1, where=both),
        "interval_score": np.sum(score, axis=1, where=is_banded),
    }


def _largest(score: FloatArray) -> FloatArray:
    largest = np.max(score, axis=1, initial=-1.0, where=np.isfinite(score))
    out: FloatArray = np.where(largest < 0, np.nan, largest)
    return out


def _alarms(part: _Matrices) -> IntegerArray:
    """Return the alarms of a part as `distinct_alarms` tells them apart."""
    row, column = np.nonzero(part.columns["severity"] > 0)
    began = part.columns["began"][row, column].astype(np.int64)
    return distinct_alarms(row, began, part.times[column])


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


def _ratios(part: FloatArray, whole: FloatArray) -> FloatArray:
    out: FloatArray = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return out


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
