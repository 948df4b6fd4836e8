"""A back-test of forecasts for people and machines: figures, tables, pictures, an MLflow run."""

from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np

from forewarn_adapters.registry import BacktestRecord, Table
from forewarn_models.arrays import AnyArray
from forewarn_models.durations import format_duration
from forewarn_models.forecast_score import ForecastFigures
from forewarn_reports.plots import ForecastPicture, forecast_plot
from forewarn_reports.wording import time_text
from forewarn_training.forecast_backtest import ForecastBacktest, Stretch

MOST_PICTURES = 50
_MOST_ROWS_LOGGED = 100_000
_HORIZONS_SHOWN = 2  # of the past, before what was forecast


def figures_of(figures: ForecastFigures) -> dict[str, float]:
    """Return figures by name, as the metrics of the service are called."""
    return {
        "error_ratio": figures.error_ratio,
        **{f"coverage_{100 * band:.0f}_ratio": at for band, at in figures.coverage.items()},
        "bias_ratio": figures.bias_ratio,
    }


def series_columns(backtest: ForecastBacktest) -> dict[str, list[str] | AnyArray]:
    """Return how each series was forecast at each distance, as the columns of a table."""
    quality, parts = backtest.quality, []
    for stretch in backtest.stretches:
        each = backtest.by_series(stretch)
        columns = (each.error, each.naive_error, each.error_ratio, *each.coverage.T)
        parts.append(np.column_stack((*columns, each.bias_ratio)))
    names = [backtest.case.name_of(labels) for labels in quality.series]
    ahead = [ahead_text(backtest, stretch) for stretch in backtest.stretches]
    cells = np.stack(parts, axis=1).reshape(-1, parts[0].shape[1])
    titles = ("error", "naive_error", "error_ratio", "coverage_80_ratio", "coverage_95_ratio")
    return {
        "name": [backtest.case.name] * len(cells),
        "series": [name for name in names for _ in ahead],
        "ahead": ahead * len(names),
        **dict(zip((*titles, "bias_ratio"), cells.T, strict=True)),
    }


def ahead_text(backtest: ForecastBacktest, stretch: Stretch) -> str:
    """Return how far ahead a stretch ends, as configuration writes it."""
    return format_duration(backtest.ahead(stretch))


def worst_of(backtest: ForecastBacktest, *, most: int) -> list[dict[str, object]]:
    """Return the series that were forecast worst beside the seasonal naive forecast."""
    each = backtest.by_series(backtest.whole)
    order = np.argsort(-np.nan_to_num(each.error_ratio, nan=-1.0), kind="stable")[:most]
    return [
        {
            "series": backtest.case.name_of(backtest.quality.series[row]),
            "error": _known(float(each.error[row])),
            "error_ratio": _known(float(each.error_ratio[row])),
            "coverage_80_ratio": _known(float(each.coverage[row, 0])),
            "coverage_95_ratio": _known(float(each.coverage[row, 1])),
            "bias_ratio": _known(float(each.bias_ratio[row])),
        }
        for row in order.tolist()
    ]


def as_mapping(backtest: ForecastBacktest, *, most_series: int) -> dict[str, object]:
    """Return what `--json` prints."""
    quality = backtest.quality
    return {
        "model": backtest.case.model,
        "series": len(quality.series),
        "instants": [time_text(at) for at in backtest.origins_milliseconds()],
        "horizons": [
            {
                "ahead": ahead_text(backtest, stretch),
                "ahead_seconds": backtest.ahead(stretch).total_seconds(),
                **_knowns(figures_of(backtest.together(stretch))),
            }
            for stretch in backtest.stretches
        ],
        "overall": _knowns(_overall(backtest)),
        "worst_series": worst_of(backtest, most=most_series),
    }


def pictures_of(backtest: ForecastBacktest) -> dict[str, bytes]:
    """Return PNGs by the names of series: what was forecast last, and what came."""
    if not backtest.quality.forecasts:
        return {}
    history, origin = backtest.case.history, backtest.quality.origins[-1]
    first = max(0, origin - _HORIZONS_SHOWN * backtest.n_steps)
    shown = history.columns(first, origin + backtest.n_steps)
    forecast = backtest.quality.forecasts[-1]
    seen = shown.rows(forecast.series)
    return {
        (name := backtest.case.name_of(labels)): forecast_plot(
            ForecastPicture(
                title=f"{backtest.case.name} {name}: forecast before it came, back-test",
                times_milliseconds=seen.times_milliseconds,
                value=seen.values[row],
                forecast=forecast,
                row=row,
            )
        )
        for row, labels in enumerate(forecast.series)
    }


def record_of(
    backtest: ForecastBacktest,
    *,
    at_milliseconds: int,
    params: Mapping[str, str],
    plots: Sequence[bytes],
) -> BacktestRecord:
    """Return what MLflow keeps of a back-test of a signal's forecasts."""
    columns = series_columns(backtest)
    rows = zip(*(list(column)[:_MOST_ROWS_LOGGED] for column in columns.values()), strict=True)
    metrics = {f"forecast_{name}": value for name, value in _overall(backtest).items()}
    for stretch in backtest.stretches:
        for name, value in figures_of(backtest.together(stretch)).items():
            metrics[f"forecast_{name}_{ahead_text(backtest, stretch)}"] = value
    return BacktestRecord(
        signal=backtest.case.name,
        at_milliseconds=at_milliseconds,
        params={"what": "forecast", "model": backtest.case.model, **params},
        metrics=metrics,
        tables={"forecasts": Table(tuple(columns), tuple(_cells(row) for row in rows))},
        plots={f"series_{number}": plot for number, plot in enumerate(plots, start=1)},
    )


def _overall(backtest: ForecastBacktest) -> dict[str, float]:
    return {
        **figures_of(backtest.together(backtest.whole)),
        "mase": backtest.quality.metrics()["mase"],
        "series": float(len(backtest.quality.series)),
        "origins": float(backtest.quality.n_origins),
    }


def _cells(row: tuple[str | float, ...]) -> tuple[str | float | None, ...]:
    return tuple(each if isinstance(each, str) else _known(float(each)) for each in row)


def _knowns(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _known(value) for name, value in figures.items()}


def _known(cell: float) -> float | None:
    return cell if isfinite(cell) else None
