"""A back-test for people and for machines: figures, the list of alarms, pictures, an MLflow run."""

from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np

from forewarn_adapters.registry import BacktestRecord, Table
from forewarn_models.alarms import EVERY_ROW, Spans
from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.events import is_false
from forewarn_models.verdicts import DIRECTIONS
from forewarn_models.views import VIEWS
from forewarn_reports.plots import SeriesPicture, series_plot
from forewarn_reports.wording import rarity_text, time_text
from forewarn_training.backtest import Backtest, Shown

MOST_PICTURES = 50
_DAYS_OF_A_WEEK = 7.0
_GROUP_VIEW = "group"
_MOST_NOISY = 5
_MOST_ROWS_LOGGED = 100_000


def figures_of(backtest: Backtest) -> dict[str, float]:
    """Return the figures of a back-test by name; NaN where one cannot be said."""
    weeks = backtest.judged_days / _DAYS_OF_A_WEEK
    n_alarms, allowed = float(len(backtest.alarms)), backtest.allowed_alarms
    return {
        "series": float(backtest.n_series),
        "judged_days": backtest.judged_days,
        "alarms": n_alarms,
        "alarms_per_week": n_alarms / weeks,
        "allowed_alarms_per_week": allowed / weeks,
        "alarm_budget_ratio": n_alarms / allowed,
        **_figures_of_events(backtest),
    }


def _figures_of_events(backtest: Backtest) -> dict[str, float]:
    found, curve = backtest.detection, backtest.curve
    if found is None:
        return {}
    figures = {
        "events": float(found.n_events),
        "events_found": float(found.n_found),
        "false_alarms": float(found.n_false),
        "event_recall_ratio": found.recall_ratio,
        "alarm_precision_ratio": found.precision_ratio,
        "f1_ratio": found.f1_ratio,
        "median_delay_seconds": found.median_delay_seconds,
    }
    if curve is not None:
        figures["average_precision_ratio"] = curve.average_precision_ratio
        for point in curve.points:
            figures[f"event_recall_ratio_at_{point.times_budget}_budgets"] = (
                point.event_recall_ratio
            )
    return figures


def noisiest_of(backtest: Backtest) -> list[tuple[str, int]]:
    """Return up to five series or groups with the most alarms, and how many each gave."""
    counts = backtest.alarms_of_rows
    order = np.argsort(-counts, kind="stable")[:_MOST_NOISY]
    return [(backtest.names[row], int(counts[row])) for row in order if counts[row]]


def rarest_first(backtest: Backtest) -> IntegerArray:
    """Return the order of the alarms in which people read them: those that cannot say are last."""
    alarms = backtest.alarms
    order: IntegerArray = np.lexsort(
        (alarms.spans.start_milliseconds, -np.nan_to_num(alarms.return_period_seconds, nan=-1.0))
    )
    return order


def alarm_columns(backtest: Backtest) -> dict[str, list[str] | AnyArray]:
    """Return the alarms as the columns of a table, the rarest first."""
    order, alarms = rarest_first(backtest), backtest.alarms
    spans = alarms.spans
    columns: dict[str, list[str] | AnyArray] = {
        "name": [backtest.name] * len(order),
        "series": [backtest.names[row] for row in spans.row[order]],
        "start": [time_text(int(at)) for at in spans.start_milliseconds[order]],
        "end": [time_text(int(at)) for at in spans.end_milliseconds[order]],
        "direction": [DIRECTIONS[int(sign)] for sign in alarms.direction[order]],
        "rarity": [rarity_text(float(each)) for each in alarms.return_period_seconds[order]],
        "return_period_seconds": alarms.return_period_seconds[order],
        "score": alarms.score[order],
        "view": [VIEWS[view] if view >= 0 else _GROUP_VIEW for view in alarms.view[order]],
    }
    if backtest.events is not None:
        false = is_false(backtest.alarm_spans, backtest.events)[order]
        columns["verdict"] = ["false" if each else "true" for each in false]
    return columns


def alarm_rows(backtest: Backtest, *, most: int) -> list[dict[str, object]]:
    """Return the rarest alarms, each with the columns of the table; what is unknown is None."""
    columns = {
        name: (column if isinstance(column, list) else column.tolist())[:most]
        for name, column in alarm_columns(backtest).items()
    }
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, map(_known, row), strict=True)) for row in rows]


def as_mapping(backtest: Backtest, *, most_alarms: int) -> dict[str, object]:
    """Return what `--json` prints."""
    curve = backtest.curve
    points = () if curve is None else curve.points
    return {
        "start": time_text(backtest.start_milliseconds),
        "end": time_text(backtest.end_milliseconds),
        "budget": str(backtest.budget),
        **{name: _known(value) for name, value in figures_of(backtest).items()},
        "noisiest": [{"series": name, "alarms": n} for name, n in noisiest_of(backtest)],
        "thresholds": [
            {field: _known(getattr(point, field)) for field in point.__dataclass_fields__}
            for point in points
        ],
        "rarest_alarms": alarm_rows(backtest, most=most_alarms),
    }


def pictures_of(backtest: Backtest) -> dict[str, bytes]:
    """Return PNGs by the names of the series whose courses are shown, the strangest first."""
    return {backtest.names[each.row]: _picture(backtest, each) for each in backtest.shown}


def record_of(
    backtest: Backtest, *, at_milliseconds: int, params: Mapping[str, str], plots: Sequence[bytes]
) -> BacktestRecord:
    """Return what MLflow keeps of a back-test of a signal."""
    columns = alarm_columns(backtest)
    rows = alarm_rows(backtest, most=_MOST_ROWS_LOGGED)
    return BacktestRecord(
        signal=backtest.name,
        at_milliseconds=at_milliseconds,
        params={"budget": str(backtest.budget), **params},
        metrics=figures_of(backtest),
        tables={"alarms": Table(tuple(columns), tuple(_cells(row) for row in rows))},
        plots={f"series_{number}": plot for number, plot in enumerate(plots, start=1)},
    )


def _cells(row: Mapping[str, object]) -> tuple[str | float | bool | None, ...]:
    return tuple(cell if isinstance(cell, str | float | bool) else None for cell in row.values())


def _picture(backtest: Backtest, shown: Shown) -> bytes:
    columns = {name: column.astype(np.float64) for name, column in shown.columns.items()}
    times = np.arange(len(columns["value"]), dtype=np.int64) * backtest.step_milliseconds
    picture = SeriesPicture(
        title=f"{backtest.name} {backtest.names[shown.row]}: back-test, budget {backtest.budget}",
        times_milliseconds=shown.start_milliseconds + times,
        **columns,
    )
    spans = (backtest.alarms.spans, backtest.events)
    alarms, events = (_on_row(each, shown.row) for each in spans)
    return series_plot(picture, alarms=alarms, events=events)


def _on_row(spans: Spans | None, row: int) -> IntegerArray:
    """Return the starts and ends of what is on a row or on all of them, (n, 2)."""
    if spans is None:
        return np.empty((0, 2), np.int64)
    is_on = (spans.row == row) | (spans.row == EVERY_ROW)
    ends: IntegerArray = np.column_stack(
        [spans.start_milliseconds[is_on], spans.end_milliseconds[is_on]]
    )
    return ends


def _known(cell: object) -> object:
    return None if isinstance(cell, float) and not isfinite(cell) else cell
