"""The tables that a training run keeps: one row a series."""

import numpy as np

from forewarn_adapters.registry import Table
from forewarn_models.arrays import FloatArray
from forewarn_models.budget import Budget
from forewarn_models.demand import demand_curve
from forewarn_models.forecasters.blocks import blocks_of
from forewarn_models.forecasters.mixture import FittedMixture
from forewarn_models.forecasters.regressor import driven, regressors_of
from forewarn_models.labels import label_text
from forewarn_models.panel import Panel
from forewarn_training.forecast_judging import ForecastQuality
from forewarn_training.judging import Quality

_MOST_ROWS = 100_000
_MOST_STEPS_SHOWN = 48


def detector_table(quality: Quality, budget: Budget) -> Table:
    """Return how each output row did."""
    columns = (
        "series",
        "judged_days",
        "alarms",
        "allowed_alarms",
        "peak_score",
        "band_coverage_ratio",
        "one_step_error_ratio",
    )
    seconds = quality.judged_seconds
    cells = np.column_stack(
        [
            seconds / 86_400.0,
            quality.alarms,
            seconds / budget.return_period_seconds,
            quality.peak_score,
            _over(quality.inside, quality.banded),
            _over(quality.error, quality.naive_error),
        ]
    )
    return _table(columns, [label_text(labels) for labels in quality.series], cells)


def forecast_tables(quality: ForecastQuality) -> dict[str, Table]:
    """Return how each series was forecast, and how errors grow with the distance."""
    columns = ("series", "mase", "pinball", "coverage_80_ratio", "coverage_95_ratio")
    error = _row_means(quality.error)
    cells = np.column_stack([_over(error, quality.scale), quality.pinball, quality.coverage])
    names = [label_text(labels) for labels in quality.series]
    return {"series": _table(columns, names, cells), "horizons": _horizons(quality)}


def candidates_table(fitted: FittedMixture) -> Table:
    """Return what each candidate weighs for each series, and its mean error in the back-test.

    Errors are absolute, in the units of the signal; the same stretches and distances for all.
    """
    names = fitted.candidates
    columns = [f"{name}_{what}" for name in names for what in ("weight", "error")]
    pairs = np.stack([fitted.learned.weights, fitted.learned.error], axis=2)
    series = [label_text(labels) for labels in fitted.series]
    return _table(("series", *columns), series, pairs.reshape(len(series), -1))


def relations_table(history: Panel, regressor: Panel) -> Table:
    """Return the line from regressor to each series, and how much of the series it explains.

    In the units of the signal and, for one more, of the regressor.
    """
    columns = ("series", "base", "per_unit_of_regressor", "explained_ratio")
    names = [label_text(labels) for labels in history.series]
    cells = np.full((history.n_series, 3), np.nan)
    regressors = regressors_of(history, regressor)
    if regressors is None:
        return _table(columns, names, cells)
    # Sorting all of a large history at once would take several times its memory.
    for block in blocks_of(history.values.shape, 0, n_origins=1):
        demand = driven(regressors.panel.values, regressors.place[block])
        curve = demand_curve(history.values[block], demand)
        cells[block] = np.column_stack([curve.base, curve.per_demand, curve.explained_ratio])
    return _table(columns, names, cells)


def _horizons(quality: ForecastQuality) -> Table:
    n_steps = quality.error.shape[1]
    chosen = np.unique(np.linspace(0, n_steps - 1, min(n_steps, _MOST_STEPS_SHOWN)).astype(int))
    columns = ("ahead_seconds", "mase", "mase_of_seasonal_naive")
    cells = np.column_stack(
        [_typical(each[:, chosen], quality.scale) for each in (quality.error, quality.naive_error)]
    )
    ahead = (chosen + 1) * quality.step_seconds
    rows = zip(ahead.tolist(), *cells.T.tolist(), strict=True)
    return Table(columns, tuple(tuple(_known(cell) for cell in row) for row in rows))


def _typical(error: FloatArray, scale: FloatArray) -> FloatArray:
    relative = np.stack([_over(column, scale) for column in error.T])
    out = np.full(len(relative), np.nan)
    is_known = np.isfinite(relative).any(axis=1)
    out[is_known] = np.nanmedian(relative[is_known], axis=1)
    return out


def _row_means(values: FloatArray) -> FloatArray:
    known = np.isfinite(values)
    return _over(np.sum(values, axis=1, where=known), known.sum(axis=1).astype(np.float64))


def _table(columns: tuple[str, ...], names: list[str], cells: FloatArray) -> Table:
    rows = zip(names[:_MOST_ROWS], cells[:_MOST_ROWS].tolist(), strict=True)
    return Table(columns, tuple((name, *(_known(cell) for cell in row)) for name, row in rows))


def _known(cell: float) -> float | None:
    return cell if np.isfinite(cell) else None


def _over(part: FloatArray, whole: FloatArray) -> FloatArray:
    is_known = np.isfinite(whole) & (whole > 0)
    out: FloatArray = np.divide(part, whole, out=np.full(len(part), np.nan), where=is_known)
    return out
