"""Scores and forecasts of samples that came with a request: pure, the live path's own models."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from forewarn_models.arrays import FloatArray, IntegerArray
from forewarn_models.budget import Budget
from forewarn_models.contract import (
    Carry,
    Detector,
    FittedDetector,
    FittedForecaster,
    Forecast,
)
from forewarn_models.errors import DataError, NotEnoughHistory
from forewarn_models.fold import FoldPolicy, FoldState, fold, start_fold, unknown_series
from forewarn_models.labels import Labels, label_text, labels_of
from forewarn_models.offline import Schedule, score_recording
from forewarn_models.panel import Panel
from forewarn_models.rulers import usual_step_milliseconds
from forewarn_models.samples import Samples, grid
from forewarn_models.verdicts import Verdicts
from forewarn_models.views import view_name
from forewarn_service.api.limits import (
    MAX_CELLS,
    MAX_FORECAST_VALUES,
    MAX_HORIZON_STEPS,
    MAX_REPEATS,
    MAX_SAMPLES,
    MAX_SERIES,
)
from forewarn_service.api.wire import SeriesValues

# As the service trains by default, and as `forewarn score` does.
_REFIT_EVERY_MILLISECONDS = 86_400_000
_HISTORY_MILLISECONDS = 28 * 86_400_000
_MOST_REFITS = 30
_COLUMNS = ("value", "expected", "lower", "upper", "score", "return_period_seconds")


def samples_of(series: Sequence[SeriesValues]) -> Samples:
    """Return the samples of a request in the order of time, series by series.

    Raises DataError when lengths disagree, labels repeat, or there are too many samples.
    """
    total = sum(len(one.timestamps) for one in series)
    if total > MAX_SAMPLES:
        raise DataError(f"all series together must have at most {MAX_SAMPLES} samples, got {total}")
    labels = tuple(labels_of(one.labels) for one in series)
    if len(set(labels)) != len(labels):
        raise DataError("each series must have labels of its own, got the same ones twice")
    for place, one in enumerate(series):
        if len(one.timestamps) != len(one.values):
            raise DataError(
                f"series {place} must have a value (or null) for each timestamp, got "
                f"{len(one.timestamps)} timestamps and {len(one.values)} values"
            )
    row = np.repeat(np.arange(len(series)), [len(one.values) for one in series])
    times = np.concatenate([np.array(one.timestamps, np.float64) for one in series])
    values = np.concatenate([np.array(one.values, np.float64) for one in series])
    milliseconds = np.rint(times * 1000).astype(np.int64)
    return Samples(labels, row, milliseconds, values).select(np.lexsort((milliseconds, row)))


def check_size(samples: Samples) -> None:
    """Raise DataError when a source gave nothing, or more than one request may hold."""
    if not len(samples):
        raise DataError("the query must return samples in its history, got none")
    if len(samples) > MAX_SAMPLES or len(samples.series) > MAX_SERIES:
        raise DataError(
            f"a query must return at most {MAX_SERIES} series and {MAX_SAMPLES} samples, got "
            f"{len(samples.series)} and {len(samples)}: aggregate it, shorten `history` or "
            "lengthen `step`"
        )


def score_fresh(
    samples: Samples, detector: Detector, *, budget: Budget, train_fraction: float
) -> tuple[Verdicts, int]:
    """Return the verdicts of the samples after the first part, and the step in milliseconds.

    It is `score_recording`, as `forewarn score` runs it: fitted on the first part, and again once
    a day, but at most thirty times. Raises NotEnoughHistory when there is too little to learn.
    """
    times = np.sort(samples.timestamp_milliseconds)
    until = int(times[min(len(times) - 1, round(train_fraction * len(times)))])
    step = usual_step_milliseconds(samples.select(samples.timestamp_milliseconds < until))
    if not step:
        raise NotEnoughHistory("a score", needed=2, got=min(1, len(times)))
    first = int(times[0]) - step // 2
    check_grid(samples, first, step_milliseconds=step, rows=len(samples.series))
    refit_every = max(_REFIT_EVERY_MILLISECONDS, int(times[-1] - until) // _MOST_REFITS + 1)
    schedule = Schedule(until, refit_every, _HISTORY_MILLISECONDS)
    verdicts = score_recording(detector, FoldPolicy(budget=budget), samples, schedule).verdicts
    return verdicts, step


def score_with(model: FittedDetector, samples: Samples, *, budget: Budget) -> Verdicts:
    """Return the verdicts of the samples as `model` judges them right after its training.

    What lay between its training and the samples is not known here and is left out, so that a
    live score, which has seen it, may differ. Raises DataError for series that the model does
    not know, and when the samples span too much time.
    """
    unknown = unknown_series(model, samples)
    if unknown:
        shown = ", ".join(label_text(labels) for labels in unknown[:3])
        raise DataError(f"all series must be known to the champion, got {shown}: train it again")
    policy = FoldPolicy(budget=budget)
    begin = start_fold(model, policy)
    step = model.step_milliseconds
    times = samples.timestamp_milliseconds
    anchor = begin.carry.next_milliseconds
    first = int(times.min()) - (int(times.min()) - anchor) % step
    check_grid(samples, first, step_milliseconds=step, rows=len(model.series))
    until = first + ((int(times.max()) - first) // step + 1) * step
    verdicts, _ = fold(model, policy, samples, _starting_at(begin, first), until_milliseconds=until)
    return verdicts


def check_grid(
    samples: Samples, start_milliseconds: int, *, step_milliseconds: int, rows: int
) -> None:
    """Raise DataError when the grid that the samples span would be too much to hold or to score."""
    slot = (samples.timestamp_milliseconds - start_milliseconds) // step_milliseconds
    n_times = int(slot.max()) + 1
    if n_times * rows > MAX_CELLS:
        raise DataError(
            f"series x slots must be at most {MAX_CELLS}, got {rows} x {n_times} slots of "
            f"{step_milliseconds / 1000:g} s: lengthen the step or send a shorter time"
        )
    # Samples are in the order of row and time; each repeat in a slot is scored on its own.
    n_repeats = int(np.count_nonzero((np.diff(slot) == 0) & (np.diff(samples.row) == 0)))
    if n_repeats > MAX_REPEATS:
        raise DataError(
            f"at most {MAX_REPEATS} samples may share a slot with an earlier one of their series, "
            f"got {n_repeats}: the step of {step_milliseconds / 1000:g} s is longer than the "
            "distance of the samples"
        )


def panel_of(samples: Samples, *, step_milliseconds: int) -> Panel:
    """Return the samples on the grid whose last slot is at the last timestamp.

    Samples stand in the middle of slots, so that jitter moves none into its neighbour's.
    """
    first = int(samples.timestamp_milliseconds.min())
    last = int(samples.timestamp_milliseconds.max())
    half = step_milliseconds // 2
    n_times = (last - first + half) // step_milliseconds + 1
    start = last - (n_times - 1) * step_milliseconds
    if n_times * len(samples.series) > MAX_CELLS:
        raise DataError(
            f"series x slots must be at most {MAX_CELLS}, got {len(samples.series)} x {n_times} "
            f"slots of {step_milliseconds / 1000:g} s: lengthen `step` or send a shorter time"
        )
    laid = grid(
        samples,
        step_milliseconds=step_milliseconds,
        start_milliseconds=start - half,
        n_times=n_times + 1,
    )
    return replace(laid.panel, start_milliseconds=start).columns(0, n_times)


def forecast_with(
    model: FittedForecaster, *, horizon_milliseconds: int, levels: Sequence[float], now: int
) -> Forecast:
    """Return what `model` says of the slots after now (milliseconds), up to the horizon."""
    step = model.step_milliseconds
    first = model.predict(1, levels).start_milliseconds
    n_past = max(0, -(-(now - first) // step))
    n_steps = steps_of(horizon_milliseconds, step_milliseconds=step)
    if n_past + n_steps > 2 * MAX_HORIZON_STEPS:
        raise DataError("the forecaster must have been trained recently: train it again")
    check_quantiles(len(model.series), n_past + n_steps, len(levels))
    whole = model.predict(n_past + n_steps, levels)
    return replace(
        whole,
        start_milliseconds=whole.start_milliseconds + n_past * step,
        quantiles=whole.quantiles[:, n_past:],
    )


def check_quantiles(n_series: int, n_steps: int, n_levels: int) -> None:
    """Raise DataError when a forecast would be too much to hold; the median is beside the levels.

    The steps since the training of a model count too: they are computed on the way.
    """
    n_values = n_series * n_steps * (2 * n_levels + 1)
    if n_values > MAX_FORECAST_VALUES:
        raise DataError(
            f"a forecast must have at most {MAX_FORECAST_VALUES} quantiles, got {n_series} series "
            f"x {n_steps} steps x {2 * n_levels + 1}: shorten `horizon` or ask for fewer series "
            "or levels"
        )


def steps_of(horizon_milliseconds: int, *, step_milliseconds: int) -> int:
    """Return how many steps a horizon is, at least one; DataError when they are too many."""
    n_steps = max(1, horizon_milliseconds // step_milliseconds)
    if n_steps > MAX_HORIZON_STEPS:
        raise DataError(
            f"a horizon must be at most {MAX_HORIZON_STEPS} steps, got {n_steps} of "
            f"{step_milliseconds / 1000:g} s: shorten `horizon` or lengthen `step`"
        )
    return n_steps


def verdict_columns(samples: Samples, verdicts: Verdicts) -> list[dict[str, object]]:
    """Return one mapping of columns for each series, in its order of time, then for each group.

    Samples without a verdict, those that were learned from, are there with nulls.
    """
    place = {labels: row for row, labels in enumerate(verdicts.series)}
    order = np.lexsort((verdicts.timestamp_milliseconds, verdicts.row))
    starts = np.searchsorted(verdicts.row[order], np.arange(len(verdicts.series) + 1))
    content = []
    for row, labels in enumerate(samples.series):
        found = place[labels]
        judged = order[starts[found] : starts[found + 1]]
        own = np.flatnonzero(samples.row == row)
        content.append(_judged_series(samples, own, verdicts, judged))
    known = set(samples.series)
    for row, labels in enumerate(verdicts.series):
        judged = order[starts[row] : starts[row + 1]]
        if labels not in known and len(judged):
            times = verdicts.timestamp_milliseconds[judged]
            values, views = _values(verdicts, judged), _views(verdicts, judged)
            content.append(_columns(labels, times, values, views))
    return content


def _judged_series(
    samples: Samples, own: IntegerArray, verdicts: Verdicts, judged: IntegerArray
) -> dict[str, object]:
    times = samples.timestamp_milliseconds[own]
    n_learned = len(own) - len(judged)
    values = _values(verdicts, judged)
    padding = np.full(n_learned, np.nan)
    padded = {name: np.concatenate((padding, column)) for name, column in values.items()}
    padded["value"] = samples.value[own]
    views = [*([None] * n_learned), *_views(verdicts, judged)]
    return _columns(samples.series[int(samples.row[own[0]])], times, padded, views)


def _values(verdicts: Verdicts, chosen: IntegerArray) -> dict[str, FloatArray]:
    return {name: np.ascontiguousarray(getattr(verdicts, name)[chosen]) for name in _COLUMNS}


def _views(verdicts: Verdicts, chosen: IntegerArray) -> list[str | None]:
    return [view_name(view) for view in verdicts.view[chosen].tolist()]


def _columns(
    labels: Labels,
    times_milliseconds: IntegerArray,
    values: dict[str, FloatArray],
    views: Sequence[str | None],
) -> dict[str, object]:
    score = values["score"]
    anomalous = np.where(np.isnan(score), None, score >= 1)  # type: ignore[call-overload]  # objects on purpose
    return {
        "labels": dict(labels),
        "timestamps": times_milliseconds / 1000,
        **values,
        "anomalous": anomalous.tolist(),
        "view": views,
    }


def _starting_at(state: FoldState, milliseconds: int) -> FoldState:
    def moved(carry: Carry) -> Carry:
        return replace(carry, next_milliseconds=milliseconds)

    return replace(state, carry=moved(state.carry), episodes=moved(state.episodes))
