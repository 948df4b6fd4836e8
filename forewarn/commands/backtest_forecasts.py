"""What `forewarn backtest` does and shows where forecasts are judged."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from forewarn.commands.outcomes import show_complaints, show_json

if TYPE_CHECKING:
    from rich.table import Table

    from forewarn.backtest_outcomes import Tested
    from forewarn.forecast_backtests import ForecastOrder
    from forewarn_training.forecast_backtest import ForecastBacktest

_MOST_SERIES = 20
_MOST_NAMED = 5


def forecast_order(
    *, days: float | None, horizon: str | None, model: str | None, out: Path | None
) -> "ForecastOrder":
    """Return what was asked for; ConfigError when it cannot be meant."""
    from forewarn.backtests import check_days
    from forewarn.file_forecasts import Horizon
    from forewarn.forecast_backtests import ForecastOrder
    from forewarn_models.forecasters.choice import forecaster_for

    if days is not None:
        check_days(days)
    if model is not None:
        forecaster_for(model, horizon=None)
    order = ForecastOrder(days, model=model, out=out)
    if horizon is not None:
        order = ForecastOrder(days, Horizon(horizon), model, out)
    order.horizon.check()
    return order


def backtest_forecasts(
    config: Path, files: list[Path], names: list[str], order: "ForecastOrder", *, as_json: bool
) -> bool:
    """Do it, show it, and return whether all went well."""
    from forewarn.forecast_backtests import write_out

    tests = _of_files(files, order) if files else _of_signals(config, names or None, order)
    if order.out is not None:
        write_out(order.out, tests)
    _show(tests, as_json=as_json)
    return not any(test.errors for test in tests)


def _of_files(files: list[Path], order: "ForecastOrder") -> "list[Tested[ForecastBacktest]]":
    from forewarn.forecast_backtests import backtest_file_forecasts
    from forewarn_adapters.files import check_stems

    check_stems(files)
    return backtest_file_forecasts(files, order)


def _of_signals(
    config: Path, names: list[str] | None, order: "ForecastOrder"
) -> "list[Tested[ForecastBacktest]]":
    import os

    from forewarn.commands.train import signals_named
    from forewarn.forecast_backtests import backtest_signal_forecasts, forecast_signals_named
    from forewarn_adapters.config.reading import read_config

    settings = read_config(config, environment=os.environ)
    chosen = signals_named(settings, names)
    if names is None:
        chosen = list(forecast_signals_named(settings, chosen))
    return backtest_signal_forecasts(settings, chosen, order, folder=config.absolute().parent)


def _show(tests: "Sequence[Tested[ForecastBacktest]]", *, as_json: bool) -> None:
    done = [test.backtest for test in tests if test.backtest is not None]
    if as_json:
        _show_json(tests)
    elif done:
        from rich.console import Console

        # A column may be called like markup or an emoji, such as `latency [ms]`.
        Console(markup=False, emoji=False).print(_summary(done))
        for each in done:
            _show_worst(each)
    show_complaints(tests)


def _show_json(tests: "Sequence[Tested[ForecastBacktest]]") -> None:
    from forewarn_training.forecast_backtest_report import as_mapping

    show_json(
        (test, as_mapping(test.backtest, most_series=_MOST_SERIES) if test.backtest else {})
        for test in tests
    )


def _summary(backtests: "Sequence[ForecastBacktest]") -> "Table":
    from rich.table import Table

    from forewarn_training.forecast_backtest_report import ahead_text

    table = Table(box=None, pad_edge=False)
    table.add_column("name")
    for heading in ("series", "instants", "ahead", "error", "in 80 %", "in 95 %", "bias"):
        table.add_column(heading, justify="right")
    for each in backtests:
        lines = [*((ahead_text(each, part), part) for part in each.stretches), ("all", each.whole)]
        for number, (ahead, stretch) in enumerate(lines):
            figures = each.together(stretch)
            facts = (each.case.name, str(len(each.quality.series)), str(each.quality.n_origins))
            table.add_row(
                *(facts if number == 0 else ("", "", "")),
                ahead,
                _number(figures.error_ratio, ".2f"),
                *(_number(share, ".0%") for share in figures.coverage.values()),
                _number(figures.bias_ratio, "+.2f"),
            )
    return table


def _show_worst(backtest: "ForecastBacktest") -> None:
    """Name the series that their own past forecasts as well."""
    from forewarn_training.forecast_backtest_report import worst_of

    worst = worst_of(backtest, most=_MOST_NAMED)
    named = [f"{each['series']} ({ratio:.2f})" for each in worst if (ratio := _ratio(each)) >= 1]
    if named:
        typer.echo(f"\n{backtest.case.name}: no better than seasonal naive: {', '.join(named)}")


def _ratio(series: "dict[str, object]") -> float:
    ratio = series["error_ratio"]
    return ratio if isinstance(ratio, float) else 0.0


def _number(value: float, form: str) -> str:
    return format(value, form) if isfinite(value) else "-"
